""" "Whose reading is this?": a household's questions, without the values, and its answers."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypedDict

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields

from phr import amending
from phr.api.deciding import access, returns, takes
from phr.api.installation import database, installation
from phr.api.shapes import PageQuery, one_of
from phr.clock import At, now_ms, rfc3339
from phr.intake import inbox
from phr.intake.inbox import Answered, Question
from phr.people.grants import OWNERS_ALONE
from phr.readings.void import Act

blueprint = Blueprint("inbox", __name__)


class WhoseTold(TypedDict):
    """``t``: to the minute. ``is_proposed``: somebody of the household thinks it is this person's."""

    id: str
    metric: str
    device: str
    slot: str
    t: At
    answer: Annotated[str, one_of("mine", "guest", "not-ours")] | None
    is_proposed: bool


class InboxTold(TypedDict):
    inbox: list[WhoseTold]


class AnswerField(fields.Field[Any]):
    """mine, guest, not-ours, or {"person": id}."""

    openapi: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"enum": ["mine", "guest", "not-ours"]},
            {"type": "object", "properties": {"person": {"type": "string"}}, "required": ["person"]},
        ]
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        is_person = isinstance(value, dict) and set(value) == {"person"} and isinstance(value["person"], str)
        if not is_person and value not in ("mine", "guest", "not-ours"):
            raise ValidationError('mine, guest, not-ours, or {"person": id}')
        return value


class AnswerBody(Schema):
    answer = AnswerField(required=True)


@blueprint.get("/v1/people/<person>/inbox")
@access("readings.read", categories=(OWNERS_ALONE,))
@takes(PageQuery, location="query")
@returns()
def list_questions(person: str, query: dict[str, Any]) -> InboxTold:
    return {"inbox": [_question(one) for one in inbox.questions(database(), person, query["limit"])]}


@blueprint.post("/v1/people/<person>/inbox/<question>")
@access("readings.write", categories=(OWNERS_ALONE,))
@takes(AnswerBody)
@returns(status=204)
def answer_question(person: str, question: str, body: dict[str, Any]) -> None:
    """Answered first, so that two can't both have it; recorded second, and again when the answer is sent again."""
    said, now = body["answer"], now_ms()
    if isinstance(said, dict):
        inbox.propose(database(), person, question, said["person"])
        return
    row = inbox.answer(database(), person, question, said, now)
    if said == inbox.MINE:
        (verdict,) = amending.give(installation().recorder(), database(), [row], Act(person, "mine", now))
        for one in verdict.rejected:
            inbox.reopen(database(), person, question)
            raise Answered(f"{one.code}: {one.detail}")


@blueprint.delete("/v1/people/<person>/inbox/<question>")
@access("readings.write", categories=(OWNERS_ALONE,))
@returns(status=204)
def undo_answer(person: str, question: str) -> None:
    """Taken out of the record first: what is asked about again must not stand in it."""
    row, kind = inbox.answered(database(), person, question)
    if kind == inbox.MINE:
        source, wanted = amending.source_of(row, person)
        amending.take_out(database(), source, wanted, Act(person, "not mine after all", now_ms()))
    inbox.reopen(database(), person, question)


def _question(one: Question) -> WhoseTold:
    return {
        "id": one.id,
        "metric": one.metric,
        "device": one.device,
        "slot": one.slot,
        "t": rfc3339(one.minute_ms),
        "answer": one.answer,
        "is_proposed": one.is_proposed,
    }
