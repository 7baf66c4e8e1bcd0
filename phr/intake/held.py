"""Readings that are kept but stand in nobody's timeline: no owner, an impossible time, an impossible value."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

import msgspec
from pymongo import DESCENDING, UpdateOne
from pymongo.errors import BulkWriteError

from phr.clock import to_datetime
from phr.database import Database, Document

Reason = Literal["unbound", "ahead-of-clock", "before-birth", "before-device-made", "out-of-bounds"]
REASONS: frozenset[str] = frozenset(get_args(Reason))
KEPT_UNBOUND = timedelta(days=30)
DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One reading as it was sent. ``item`` is plain JSON; with the device it is the identity."""

    device: str
    person: str | None  # whose it would be; None: nobody was bound
    reason: Reason
    metric: str
    slot: str
    t_ms: int
    item: dict[str, Any]
    arrived_at_ms: int
    detail: str = ""


def hold(database: Database, rows: Sequence[HeldRow]) -> int:
    """Stores the rows, majority-journaled; the count of those that were not there yet.

    Rows of nobody are kept for 30 days, rows of a person until the person decides.
    """
    if not rows:
        return 0
    writes = [UpdateOne({"_id": key(row)}, {"$setOnInsert": _document(row)}, upsert=True) for row in rows]
    try:
        return database["held"].bulk_write(writes, ordered=False).upserted_count
    except BulkWriteError as error:
        # Two workers holding the same reading at once: the other one's row is as good.
        if (
            any(one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"])
            or error.details["writeConcernErrors"]
        ):
            raise
        return int(error.details["nUpserted"])


def for_person(database: Database, person: str, limit: int) -> list[HeldRow]:
    """A person's held readings, latest arrival first."""
    found = database["held"].find({"person": person}).sort([("arrived_at_ms", DESCENDING), ("_id", 1)]).limit(limit)
    return [_row(document) for document in found]


def for_device(database: Database, device: str, limit: int) -> list[HeldRow]:
    """What a device sent while it was nobody's, latest arrival first."""
    wanted = {"device": device, "person": None}
    found = database["held"].find(wanted).sort([("arrived_at_ms", DESCENDING), ("_id", 1)]).limit(limit)
    return [_row(document) for document in found]


def key(row: HeldRow) -> str:
    """The identity of a held reading: its device and the digest of the item with its keys in order."""
    canonical = msgspec.json.encode(row.item, order="deterministic")
    return f"{row.device}:{hashlib.sha256(canonical).hexdigest()}"


def ensure_indexes(database: Database) -> None:
    held = database["held"]
    held.create_index("expires_at", name="expires", expireAfterSeconds=0)
    held.create_index([("person", 1), ("arrived_at_ms", -1), ("_id", 1)], name="person")
    held.create_index([("device", 1), ("person", 1), ("arrived_at_ms", -1), ("_id", 1)], name="device")


def _document(row: HeldRow) -> Document:
    document: Document = {
        "device": row.device,
        "person": row.person,
        "reason": row.reason,
        "metric": row.metric,
        "slot": row.slot,
        "t_ms": row.t_ms,
        # As text: a sender's keys may hold dots and dollars, its integers more than 64 bits.
        "item": msgspec.json.encode(row.item).decode(),
        "arrived_at_ms": row.arrived_at_ms,
        "detail": row.detail,
    }
    if row.person is None:
        document["expires_at"] = to_datetime(row.arrived_at_ms) + KEPT_UNBOUND
    return document


def _row(document: Document) -> HeldRow:
    return HeldRow(
        device=document["device"],
        person=document["person"],
        reason=document["reason"],
        metric=document["metric"],
        slot=document["slot"],
        t_ms=document["t_ms"],
        item=msgspec.json.decode(document["item"]),
        arrived_at_ms=document["arrived_at_ms"],
        detail=document["detail"],
    )
