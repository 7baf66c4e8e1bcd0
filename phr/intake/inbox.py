""" "Whose reading is this?": what a household's devices measured for nobody, asked about without the values.

Rows are those of ``held``, with fields of their own:
    ask     the id that is shown: random, since the key of a held row is a digest from which its value could be guessed
    answer  {"kind": "mine" | "guest" | "not-ours", "by": person, "at_ms"}        proposed_to  person who is asked
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from phr.clock import MINUTE_MS, to_datetime
from phr.database import Database, Document
from phr.errors import NotFound, PhrError
from phr.intake import devices, held, households
from phr.intake.device import Device
from phr.intake.held import KEPT_SETTLED, HeldRow
from phr.intake.households import Span

Kind = Literal["mine", "guest", "not-ours"]
MINE: Kind = "mine"
MOST_OF_SLOT = 1_000


class Answered(PhrError):
    """Somebody has answered already, otherwise."""

    code: ClassVar[str] = "already-answered"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Question:
    """A reading that may be somebody's; its value is not in it."""

    id: str
    metric: str
    device: str
    slot: str
    minute_ms: int
    answer: str | None
    is_proposed: bool  # a member of the household thinks it is this person's


def questions(database: Database, person: str, limit: int) -> list[Question]:
    """What a person is asked about, latest first: open questions, and those that may still be undone."""
    wanted = _askable(database, person)
    if not wanted:
        return []
    rows = database["held"].find({"$or": wanted}).sort([("t_ms", -1), ("_id", 1)]).limit(limit)
    return [_question(database, row, person) for row in rows]


def answer(database: Database, person: str, ask: str, kind: Kind, now_ms: int) -> HeldRow:
    """The row, now answered; the same answer by the same person again is safe. Raises NotFound, Answered."""
    row = _find(database, person, ask)
    said = {"kind": kind, "by": person, "at_ms": now_ms}
    # Kept as long as a settled row, since an answer can be undone.
    fields = {"answer": said, "expires_at": to_datetime(now_ms) + KEPT_SETTLED}
    if not database["held"].update_one({"_id": row["_id"], "answer": None}, {"$set": fields}).matched_count:
        there = _find(database, person, ask).get("answer") or {}
        if (there.get("kind"), there.get("by")) != (kind, person):
            raise Answered("somebody has answered this already")
    return held.row_of(row)


def answer_slot(database: Database, person: str, slot: tuple[str, str], now_ms: int) -> list[tuple[str, HeldRow]]:
    """Answers "mine" to what a (device, slot) left open; all that is so answered, by its ask; safe to repeat.

    At most 1,000 readings, the latest; older ones stay questions.
    """
    wanted = [one | {"slot": slot[1]} for one in _askable(database, person) if one["device"] == slot[0]]
    if not wanted:
        return []
    given = {"$and": [{"$or": wanted}, {"answer.kind": {"$in": [None, MINE]}}]}
    rows = list(database["held"].find(given).sort([("t_ms", -1), ("_id", 1)]).limit(MOST_OF_SLOT))
    keys = [row["_id"] for row in rows]
    said = {"answer": {"kind": MINE, "by": person, "at_ms": now_ms}, "expires_at": to_datetime(now_ms) + KEPT_SETTLED}
    database["held"].update_many({"_id": {"$in": keys}, "answer": None}, {"$set": said})
    mine = database["held"].find({"_id": {"$in": keys}, "answer.kind": MINE, "answer.by": person})
    return [(row.get("ask") or _named(database, row), held.row_of(row)) for row in mine]


def propose(database: Database, person: str, ask: str, other: str) -> None:
    """Marks it for a member of the household, who answers alone. Raises NotFound."""
    row = _find(database, person, ask)
    device = devices.find(database, row["device"])
    if device is None or not households.covers(households.spans(device.bindings, other), row["t_ms"]):
        raise NotFound("nobody with this id has this device")
    database["held"].update_one({"_id": row["_id"]}, {"$set": {"proposed_to": other}})


def answered(database: Database, person: str, ask: str) -> tuple[HeldRow, str | None]:
    """A row and its answer's kind, for who may undo it: "mine" by who said so. Raises NotFound."""
    row = _find(database, person, ask)
    return held.row_of(row), (row.get("answer") or {}).get("kind")


def reopen(database: Database, person: str, ask: str) -> None:
    """The question is open again; safe to repeat."""
    row = _find(database, person, ask)
    database["held"].update_one({"_id": row["_id"], "answer": row.get("answer")}, {"$unset": {"answer": ""}})


def ensure_indexes(database: Database) -> None:
    has_one = {"ask": {"$exists": True}}
    database["held"].create_index("ask", name="ask", unique=True, partialFilterExpression=has_one)


def _askable(database: Database, person: str) -> list[Document]:
    found = devices.of_person(database, person)
    return [_within(one, span, person) for one in found for span in households.spans(one.bindings, person)]


def _within(device: Device, span: Span, person: str) -> Document:
    """What was measured while the device was in the person's household; who answered "mine" alone sees that."""
    wanted: Document = {"device": device.ref, "person": None, "reason": "unbound", "settled_at_ms": None}
    ends = {name: end for name, end in zip(("$gte", "$lt"), span, strict=True) if end is not None}
    if ends:
        wanted["t_ms"] = ends
    return wanted | {"$or": [{"answer.kind": {"$ne": MINE}}, {"answer.by": person}]}


def _find(database: Database, person: str, ask: str) -> Document:
    wanted = _askable(database, person)
    row = database["held"].find_one({"ask": ask, "$or": wanted}) if wanted else None
    if row is None:
        raise NotFound("no such question")
    return row


def _question(database: Database, row: Document, person: str) -> Question:
    ask = row.get("ask") or _named(database, row)
    said: dict[str, Any] = row.get("answer") or {}
    minute_ms = row["t_ms"] // MINUTE_MS * MINUTE_MS
    proposed = row.get("proposed_to") == person
    return Question(ask, row["metric"], row["device"], row["slot"], minute_ms, said.get("kind"), proposed)


def _named(database: Database, row: Document) -> str:
    database["held"].update_one({"_id": row["_id"], "ask": None}, {"$set": {"ask": secrets.token_urlsafe(12)}})
    named = database["held"].find_one({"_id": row["_id"]}, {"ask": 1})
    if named is None:
        raise NotFound("no such question")
    return str(named["ask"])
