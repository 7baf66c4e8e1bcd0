"""Held readings whose time is wrong, put right by their owner: one of them, or all of one device and clock period."""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

import msgspec
from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from phr.api.deciding import access, caller, returns, takes
from phr.api.held import NotCorrectable, held_key
from phr.api.installation import database, installation
from phr.api.shapes import Moment, MomentField
from phr.clock import At, now_ms, rfc3339
from phr.errors import AlreadyThere
from phr.formats import phr_v1
from phr.intake import held, restamps
from phr.intake.clock_words import is_clocks_fault
from phr.intake.held import HeldRow
from phr.intake.restamps import Restamp
from phr.people.grants import OWNERS_ALONE
from phr.recording import Delivery, Verdict
from phr.recording.delivery import VerdictTold
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Run

blueprint = Blueprint("restamp", __name__)

MOST_AT_ONCE = 500
LONGEST_SHIFT_S = 100 * 366 * 86_400
WHY = fields.String(load_default="", validate=validate.Length(max=200))
IS_SHIFT = validate.Range(-LONGEST_SHIFT_S, LONGEST_SHIFT_S)


class StillImpossible(NotCorrectable):
    """At the new time the reading can't have been taken either."""

    code: ClassVar[str] = "time-impossible"


class NewTime(Schema):
    t = MomentField()
    shift_s = fields.Integer(strict=True, validate=IS_SHIFT)
    why = WHY

    @validates_schema
    def _is_one_of_both(self, given: dict[str, Any], **_: Any) -> None:
        if ("t" in given) == ("shift_s" in given):
            raise ValidationError("give the right time as t, or how much later it is as shift_s", "t")


class Shift(Schema):
    """``from`` and ``to``: only device times in between, which is one period of a clock that was reset twice."""

    device = fields.String(required=True, validate=validate.Length(1, 256))
    shift_s = fields.Integer(required=True, strict=True, validate=IS_SHIFT)
    start = MomentField(data_key="from", load_default=None)
    end = MomentField(data_key="to", load_default=None)
    why = WHY


class RestampedTold(TypedDict):
    """``left``: how many can't be so and stay held; ``has_more``: the same call finds more."""

    restamped: int
    left: int
    has_more: bool


_Times = TypedDict("_Times", {"from": At, "to": At})  # words of the language


class RestampTold(_Times):
    """``from``: what the device stated; ``to``: what its owner says."""

    device: str
    by: str
    client: str
    at: At
    why: str


class RestampsTold(TypedDict):
    restamps: list[RestampTold]


@blueprint.post("/v1/people/<person>/held/<held_id>/restamp")
@access("readings.write", categories=(OWNERS_ALONE,))
@takes(NewTime)
@returns()
def restamp_held(person: str, held_id: str, body: dict[str, Any]) -> VerdictTold:
    row = held.find(database(), person, held_key(held_id))
    if not is_clocks_fault(row.reason):
        raise NotCorrectable(f"it is held because it is {row.reason}; its time is not what is wrong with it")
    moment: Moment | None = body.get("t")
    shift_ms = moment.t_ms - _told(row).t[0] if moment else body["shift_s"] * 1000
    now = now_ms()
    one = _restamp(row, shift_ms, body["why"], now)
    if restamps.claim(database(), [one])[one.key] != one.to_ms:
        raise AlreadyThere("this reading is being given another time; read it again")
    verdict = _record([row], shift_ms, moment.offset_min if moment else None, now)[0]
    if fault := _fault(verdict):
        restamps.withdraw(database(), one)
        raise StillImpossible(fault)
    held.settle(database(), row, now)
    return verdict.as_json(now)


@blueprint.post("/v1/people/<person>/held/restamp")
@access("readings.write", categories=(OWNERS_ALONE,))
@takes(Shift)
@returns()
def restamp_all(person: str, body: dict[str, Any]) -> RestampedTold:
    """At most 500 a call; ``has_more`` says that the same call finds more. What can't be so stays held, ``left``."""
    found = held.of_clock(database(), person, body["device"], _between(body), MOST_AT_ONCE + 1)
    rows, shift_ms, now = found[:MOST_AT_ONCE], body["shift_s"] * 1000, now_ms()
    ones = {held.key(row): _restamp(row, shift_ms, body["why"], now) for row in rows}
    given = restamps.claim(database(), list(ones.values())) if ones else {}
    mine = [row for row in rows if given[held.key(row)] == ones[held.key(row)].to_ms]
    verdicts = _record(mine, shift_ms, None, now)
    done = [row for row, verdict in zip(mine, verdicts, strict=True) if not _fault(verdict)]
    for row in mine:
        if row not in done:
            restamps.withdraw(database(), ones[held.key(row)])
    held.settle_keys(database(), [held.key(row) for row in done], now)
    return {"restamped": len(done), "left": len(rows) - len(done), "has_more": len(found) > MOST_AT_ONCE}


@blueprint.get("/v1/people/<person>/held/restamps")
@access("readings.read", categories=(OWNERS_ALONE,))
@returns()
def list_restamps(person: str) -> RestampsTold:
    """The latest 500: who put which time right."""
    return {"restamps": [_shown(one) for one in restamps.of_person(database(), person, MOST_AT_ONCE)]}


def _between(body: dict[str, Any]) -> tuple[int | None, int | None]:
    start, end = body["start"], body["end"]
    return (start.t_ms if start else None), (end.t_ms if end else None)


def _told(row: HeldRow) -> Run:
    """The reading with the time that its device stated."""
    return phr_v1.decode(msgspec.json.encode({"readings": [row.item]}), vocabulary()).runs[0]


def _restamp(row: HeldRow, shift_ms: int, why: str, now: int) -> Restamp:
    who, from_ms = caller(), _told(row).t[0]
    assert row.person
    return Restamp(
        held.key(row), row.person, row.device, who.subject, who.client_id, now, from_ms, from_ms + shift_ms, why
    )


def _record(rows: list[HeldRow], shift_ms: int, offset_min: int | None, now: int) -> list[Verdict]:
    """Under the devices they came from and at their arrival, in one batch."""
    deliveries = []
    for row in rows:
        decoded = phr_v1.decode(msgspec.json.encode({"readings": [row.item]}), vocabulary())
        for run in decoded.runs:
            run.offset_min = run.offset_min if offset_min is None else offset_min
        origin = f"http:{caller().client_id}"
        deliveries.append(
            Delivery(decoded, row.device, origin, row.arrived_at_ms, person=row.person, shift_ms=shift_ms)
        )
    return installation().recorder().record(deliveries, now) if deliveries else []


def _fault(verdict: Verdict) -> str | None:
    for one in verdict.rejected:
        return f"{one.code}: {one.detail}"
    return "at that time it can't have been measured either" if verdict.held else None


def _shown(one: Restamp) -> RestampTold:
    return {
        "device": one.device,
        "by": one.by,
        "client": one.client,
        "at": rfc3339(one.at_ms),
        "from": rfc3339(one.from_ms),
        "to": rfc3339(one.to_ms),
        "why": one.why,
    }
