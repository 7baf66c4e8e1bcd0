"""Readings that are kept but stand in nobody's timeline: no owner, an impossible time, an impossible value."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

import msgspec
from pymongo import DESCENDING

from phr.clock import to_datetime
from phr.database import Database, Document, insert_new
from phr.errors import InputInvalid, NotFound

Reason = Literal["unbound", "ahead-of-clock", "before-birth", "before-device-made", "clock-wrong", "out-of-bounds"]
REASONS: frozenset[str] = frozenset(get_args(Reason))
KEPT_UNBOUND = timedelta(days=30)
KEPT_SETTLED = timedelta(days=30)  # what was settled is not held again when it is sent again
Between = tuple[int | None, int | None]  # milliseconds since 1970, the first included; None: open


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One reading as it was sent. ``item`` is plain JSON; with the device and the person it is the identity."""

    device: str
    person: str | None  # whose it would be; None: nobody was bound
    reason: Reason
    metric: str
    slot: str
    t_ms: int
    item: dict[str, Any]
    arrived_at_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[HeldRow]
    next_cursor: str | None


def hold(database: Database, rows: Sequence[HeldRow]) -> int:
    """Stores the rows, majority-journaled; the count of those that were not there yet.

    Rows of nobody are kept for 30 days, rows of a person until the person decides.
    """
    if not rows:
        return 0
    return insert_new(database, "held", [{"_id": key(row), **_document(row)} for row in rows])


def for_person(database: Database, person: str, limit: int) -> list[HeldRow]:
    """A person's held readings, latest arrival first."""
    return page(database, person, limit).rows


def page(database: Database, person: str, limit: int, cursor: str | None = None) -> Page:
    """A person's held readings, latest arrival first. Raises InputInvalid for a cursor that is none of ours."""
    wanted: Document = {"person": person, "settled_at_ms": None}
    if cursor is not None:
        at_ms, last_id = _position(cursor)
        wanted["$or"] = [{"arrived_at_ms": {"$lt": at_ms}}, {"arrived_at_ms": at_ms, "_id": {"$gt": last_id}}]
    order = [("arrived_at_ms", DESCENDING), ("_id", 1)]
    found = [row_of(document) for document in database["held"].find(wanted).sort(order).limit(limit + 1)]
    rows = found[:limit]
    return Page(rows, f"{rows[-1].arrived_at_ms}.{key(rows[-1])}" if len(found) > limit else None)


def find(database: Database, person: str, row_key: str) -> HeldRow:
    """One of a person's held readings by its ``key``. Raises NotFound, for a settled one too."""
    document = database["held"].find_one({"_id": row_key, "person": person, "settled_at_ms": None})
    if document is None:
        raise NotFound("no such held reading")
    return row_of(document)


def settle(database: Database, row: HeldRow, now_ms: int) -> None:
    """Takes a row out: its owner discarded it, or it stands in the timeline now. What it held goes; safe to repeat."""
    settle_keys(database, [key(row)], now_ms)


def settle_keys(database: Database, keys: Sequence[str], now_ms: int) -> None:
    """As ``settle``, of many."""
    settled = {"settled_at_ms": now_ms, "expires_at": to_datetime(now_ms) + KEPT_SETTLED}
    gone = {"item": "", "detail": "", "t_ms": ""}
    database["held"].update_many({"_id": {"$in": list(keys)}}, {"$set": settled, "$unset": gone})


def known(database: Database, keys: Sequence[str]) -> dict[str, bool]:
    """Those of the keys that are there, each with whether it is settled."""
    found = database["held"].find({"_id": {"$in": list(keys)}}, {"settled_at_ms": 1})
    return {row["_id"]: row.get("settled_at_ms") is not None for row in found}


def of_clock(database: Database, person: str, device: str, between: Between, limit: int) -> list[HeldRow]:
    """A person's readings of one device that are held because of their time, earliest arrival first."""
    wanted: Document = {"person": person, "device": device, "settled_at_ms": None}
    wanted["reason"] = {"$nin": ["unbound", "out-of-bounds"]}
    low_ms, high_ms = between
    if low_ms is not None or high_ms is not None:
        ends = {"$gte": low_ms, "$lt": high_ms}
        wanted["t_ms"] = {name: end for name, end in ends.items() if end is not None}
    found = database["held"].find(wanted).sort([("arrived_at_ms", 1), ("_id", 1)]).limit(limit)
    return [row_of(document) for document in found]


def for_device(database: Database, device: str, limit: int, *, is_open: bool = False) -> list[HeldRow]:
    """What a device sent while it was nobody's, latest arrival first; ``is_open``: what nobody has answered for yet."""
    wanted: Document = {"device": device, "person": None, "settled_at_ms": None}
    wanted |= {"answer": None} if is_open else {}
    found = database["held"].find(wanted).sort([("arrived_at_ms", DESCENDING), ("_id", 1)]).limit(limit)
    return [row_of(document) for document in found]


def key(row: HeldRow) -> str:
    """The identity of a held reading: its device, whose it is, and the digest of the item with its keys in order."""
    canonical = msgspec.json.encode(row.item, order="deterministic")
    return f"{row.device}:{row.person or ''}:{hashlib.sha256(canonical).hexdigest()}"


def ensure_indexes(database: Database) -> None:
    held = database["held"]
    held.create_index("expires_at", name="expires", expireAfterSeconds=0)
    held.create_index([("person", 1), ("arrived_at_ms", -1), ("_id", 1)], name="person")
    held.create_index([("device", 1), ("person", 1), ("arrived_at_ms", -1), ("_id", 1)], name="device")


def _position(cursor: str) -> tuple[int, str]:
    at_ms, _, last_id = cursor.partition(".")
    if not at_ms.isdecimal() or len(at_ms) > 16 or not last_id:
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    return int(at_ms), last_id


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


def row_of(document: Document) -> HeldRow:
    """A stored row that is not settled."""
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
