"""Consents to processing: each given, refused and withdrawn on its own, in one request either way."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from phr import withdrawing
from phr.api import recency
from phr.api.deciding import access, caller, returns, takes, whose
from phr.api.grant_shapes import TextSeen, TextTold, consent_of
from phr.api.installation import database, installation
from phr.clock import At, now_ms, rfc3339
from phr.erasure import asking
from phr.erasure.certificate import By
from phr.erasure.erasures import AskedTold
from phr.errors import AccessDenied
from phr.intake import devices
from phr.people import access as deciding
from phr.people import processing
from phr.people.access import REFUSED, Ask
from phr.people.grants import ERASURE
from phr.people.people import STORE
from phr.people.processing import Decision, State

blueprint = Blueprint("consents", __name__)

Stored = Literal["keep", "lock", "erase"]
KEEP: Stored = "keep"
LOCK: Stored = "lock"
ERASE: Stored = "erase"


class DecisionBody(Schema):
    """``stored``: what becomes of what is stored when "store" or a vendor is withdrawn; locked, if nothing is said."""

    consent = fields.Boolean(required=True, truthy={True}, falsy={False})
    text = fields.Nested(TextSeen)
    stored = fields.String(validate=validate.OneOf((KEEP, LOCK, ERASE)))

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("consent") and "text" not in data:
            raise ValidationError({"text": ["consent is given to a text that was shown"]})
        if data.get("consent") and "stored" in data:
            raise ValidationError({"stored": ["only a withdrawal says what becomes of what is stored"]})


class DecisionTold(TypedDict):
    """``text``: what was shown to who gave it."""

    topic: str
    state: State
    by: str | None
    at: At | None
    text: TextTold | None


class PresentTold(DecisionTold):
    """``asked_anew``: a guardian decided, and who is 14 now is asked for their own word."""

    asked_anew: bool


class ConsentsTold(TypedDict):
    consents: list[PresentTold]


class HistoryTold(TypedDict):
    """Latest first."""

    topic: str
    decisions: list[DecisionTold]


class WithdrawnTold(DecisionTold):
    """``stored``: what becomes of what is stored."""

    stored: Stored


class RecordEndedTold(DecisionTold):
    """What is stored goes with the record."""

    erasure: AskedTold


@blueprint.get("/v1/people/<person>/consents")
@access("consents.read")
@returns()
def list_consents(person: str) -> ConsentsTold:
    """The present decision on each topic, on each vendor whose device the person has or had."""
    now, owner = now_ms(), whose(person)
    vendors = sorted({one.ref.partition("/")[0] for one in devices.of_person(database(), person)})
    found = processing.decided(database(), person, vendors)
    return {"consents": [{**_json(one), "asked_anew": processing.is_anothers(owner, one, now)} for one in found]}


@blueprint.get("/v1/people/<person>/consents/<topic>")
@access("consents.read")
@returns()
def show_consent(person: str, topic: str) -> HistoryTold:
    return {"topic": topic, "decisions": [_json(one) for one in processing.history(database(), person, topic)]}


@blueprint.put("/v1/people/<person>/consents/<topic>")
@access("consents.write")
@takes(DecisionBody)
@returns()
def decide_consent(person: str, topic: str, body: dict[str, Any]) -> DecisionTold | WithdrawnTold | RecordEndedTold:
    now, who = now_ms(), caller()
    vendor = topic.partition(":")[2] if topic.startswith(f"{processing.VENDOR}:") else None
    if body["consent"]:
        given = _json(processing.give(database(), person, topic, consent_of(who, body["text"]), now))
        if vendor is not None:
            withdrawing.ask(database(), person, vendor, "open", who.subject, now)
        return given
    stored: Stored = body.get("stored", LOCK) if topic == STORE or vendor is not None else KEEP
    if stored == ERASE:
        _hold_to_erasure(person, topic, now)
    refused = _json(processing.refuse(database(), person, topic, who.subject, now))
    if vendor is not None:
        if stored != KEEP:
            withdrawing.ask(database(), person, vendor, "erased" if stored == ERASE else "locked", who.subject, now)
        return {**refused, "stored": stored}
    if stored == LOCK:
        processing.lock(database(), person)
    if stored == ERASE:
        by: By = "owner" if who.subject == person else "guardian"
        days = installation().settings.erasure_days
        asked, receipt = asking.ask(database(), person, by, days, now)
        return {**refused, "erasure": {**asked.as_json(), "receipt": receipt}}
    return {**refused, "stored": stored}


def _hold_to_erasure(person: str, topic: str, now: int) -> None:
    """Raises LoginTooOld; AccessDenied, logged, for one who may not end the record."""
    who = caller()
    if "erasure.write" not in who.scopes:
        raise AccessDenied(REFUSED)
    recency.hold_to(database(), who, now)
    deciding.may(database(), who, Ask(person, "write", (ERASURE,), f"PUT consents/{topic} erase"), now)


def _json(one: Decision) -> DecisionTold:
    return {
        "topic": one.topic,
        "state": one.state,
        "by": one.by,
        "at": None if one.at_ms is None else rfc3339(one.at_ms),
        "text": {"version": one.text.version, "language": one.text.language} if one.text else None,
    }
