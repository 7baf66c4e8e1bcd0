"""Readings that are kept but stand in nobody's timeline, for their owner's eyes: to put right or to discard."""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar, TypedDict

import msgspec
from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, caller, returns, takes
from phr.api.installation import database, installation
from phr.api.shapes import PageQuery
from phr.clock import At, now_ms, rfc3339
from phr.errors import InputInvalid, NotFound, PhrError
from phr.formats import phr_v1
from phr.intake import held
from phr.intake.clock_words import is_clocks_fault
from phr.intake.held import HeldRow, Reason
from phr.people.grants import OWNERS_ALONE
from phr.recording import Delivery, Verdict
from phr.recording.delivery import VerdictTold
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Rejection

blueprint = Blueprint("held", __name__)

OUT_OF_BOUNDS = "out-of-bounds"


class HeldTold(TypedDict):
    """``item``: as it was sent; ``t``: the time that its device stated."""

    id: str
    reason: Reason
    detail: str
    device: str
    metric: str
    t: At
    item: dict[str, Any]
    arrived_at: At
    is_correctable: bool
    is_restampable: bool


class HeldPageTold(TypedDict):
    held: list[HeldTold]
    next_cursor: str | None


class StillOutOfBounds(InputInvalid):
    """In the new unit the value is no measurement either."""

    code: ClassVar[str] = "value-out-of-bounds"


class UnitUnknown(InputInvalid):
    """The metric is not measured in this unit."""

    code: ClassVar[str] = "unit-unknown"


class NotCorrectable(PhrError):
    """Another unit does not put this right."""

    code: ClassVar[str] = "not-correctable"
    status: ClassVar[int] = 409


class Correction(Schema):
    unit = fields.String(required=True, validate=validate.Length(1, 64))


@blueprint.get("/v1/people/<person>/held")
@access("readings.read", categories=(OWNERS_ALONE,))
@takes(PageQuery, location="query")
@returns()
def list_held(person: str, query: dict[str, Any]) -> HeldPageTold:
    page = held.page(database(), person, query["limit"], query["cursor"])
    return {"held": [_held(row) for row in page.rows], "next_cursor": page.next_cursor}


@blueprint.delete("/v1/people/<person>/held/<held_id>")
@access("readings.write", categories=(OWNERS_ALONE,))
@returns(status=204)
def discard_held(person: str, held_id: str) -> None:
    held.settle(database(), held.find(database(), person, held_key(held_id)), now_ms())


@blueprint.post("/v1/people/<person>/held/<held_id>/correct")
@access("readings.write", categories=(OWNERS_ALONE,))
@takes(Correction)
@returns()
def correct_held(person: str, held_id: str, body: dict[str, Any]) -> VerdictTold:
    """Recorded first, taken out of the held ones second: a crash in between leaves a row that can be sent again."""
    row = held.find(database(), person, held_key(held_id))
    now = now_ms()
    verdict = _record(person, row, _decoded(row, body["unit"]), now)
    held.settle(database(), row, now)
    return verdict.as_json(now)


def _decoded(row: HeldRow, unit: str) -> Decoded:
    """The item as it was sent, its value read in another unit."""
    if row.reason != OUT_OF_BOUNDS:
        raise NotCorrectable(f"it is held because it is {row.reason}; its unit is not what is wrong with it")
    decoded = phr_v1.decode(msgspec.json.encode({"readings": [row.item | {"unit": unit}]}), vocabulary())
    for one in (*decoded.rejections, *(quarantined.rejection for quarantined in decoded.quarantined)):
        raise _refused(one)
    return decoded


def _record(person: str, row: HeldRow, decoded: Decoded, now: int) -> Verdict:
    """Under the device it came from and at its arrival; the owner's word is the later one, so it is said now."""
    decoded.sent_at_ms = now
    origin = f"http:{caller().client_id}"
    delivery = Delivery(decoded, row.device, origin, row.arrived_at_ms, person=person)
    (verdict,) = installation().recorder().record([delivery], now)
    for one in verdict.rejected:
        raise NotCorrectable(f"{one.code}: {one.detail}")
    return verdict


def _refused(rejection: Rejection) -> InputInvalid:
    kind = {one.code: one for one in (StillOutOfBounds, UnitUnknown)}.get(rejection.code, InputInvalid)
    return kind(rejection.detail, "/unit")


def _held(row: HeldRow) -> HeldTold:
    return {
        "id": base64.urlsafe_b64encode(held.key(row).encode()).decode().rstrip("="),
        "reason": row.reason,
        "detail": row.detail,
        "device": row.device,
        "metric": row.metric,
        "t": rfc3339(row.t_ms),
        "item": row.item,
        "arrived_at": rfc3339(row.arrived_at_ms),
        "is_correctable": row.reason == OUT_OF_BOUNDS,
        "is_restampable": is_clocks_fault(row.reason),
    }


def held_key(held_id: str) -> str:
    """The row's key, which has slashes in it, out of an id that has none."""
    try:
        return base64.urlsafe_b64decode(held_id + "=" * (-len(held_id) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise NotFound("no such held reading") from error
