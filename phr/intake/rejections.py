"""What could not be taken, kept for the vendor to look at: for 30 days, within a budget of bytes a day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.clock import to_datetime
from phr.database import Database, Document, insert_new
from phr.errors import InputInvalid
from phr.vocabulary.reading import Rejection

KEPT = timedelta(days=30)
KEPT_PAYLOAD_BYTES = 4 * 1024
KEPT_REJECTIONS = 100
KEPT_DETAIL_CHARS = 200
DAY_BUDGET_BYTES = 16 * 1024 * 1024
SAMPLED_ONE_IN = 100
EXCERPT_CHARS = 200


@dataclass(frozen=True, slots=True)
class RejectedPayload:
    """A payload with at least one item (or all of it) rejected."""

    vendor: str
    device: str  # "vendor/device"
    topic: str
    payload: bytes
    rejections: tuple[Rejection, ...]
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class KeptRejection:
    id: str
    vendor: str
    device: str
    topic: str
    payload: bytes  # whole up to 4 KiB, else its first 4 KiB
    payload_bytes: int  # its real length
    rejections: tuple[Rejection, ...]  # the first 100
    rejected_count: int
    received_at_ms: int

    @property
    def excerpt(self) -> str:
        """Its beginning as text for people; what can't be printed is a dot in the middle of the line."""
        beginning = self.payload[: 4 * EXCERPT_CHARS].decode(errors="replace")[:EXCERPT_CHARS]
        return "".join(char if char.isprintable() else "\u00b7" for char in beginning)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rejections; None: all of them. ``device``: "vendor/device". Received in [from, to)."""

    device: str | None = None
    code: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None


ANYTHING = Sought()


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[KeptRejection]
    next_cursor: str | None


def reject(database: Database, payloads: Sequence[RejectedPayload], day_budget_bytes: int = DAY_BUDGET_BYTES) -> int:
    """Keeps the payloads, majority-journaled; the count of rows that are new. The same payload again is one row.

    Beyond a vendor's budget of the UTC day payloads are counted, and one in a hundred (by digest, so that a
    redelivery decides alike) is kept.
    """
    fresh = _unknown(database, {_id(one): _document(one) for one in payloads})
    kept: list[Document] = []
    for vendor, day in sorted({(row["vendor"], row["day"]) for row in fresh}):
        of_day = [row for row in fresh if (row["vendor"], row["day"]) == (vendor, day)]
        kept += _within_budget(database, of_day, day_budget_bytes)
    if not kept:
        return 0
    return insert_new(database, "rejections", kept)


def recent(
    database: Database, vendor: str | None, limit: int, cursor: str | None = None, *, sought: Sought = ANYTHING
) -> Page:
    """Rejections of a vendor, or of all, latest first. Raises InputInvalid for a cursor that is none of ours."""
    wanted = _wanted(vendor, sought)
    if cursor is not None:
        at_ms, last_id = _position(cursor)
        wanted["$or"] = [{"received_at_ms": {"$lt": at_ms}}, {"received_at_ms": at_ms, "_id": {"$gt": last_id}}]
    order = [("received_at_ms", DESCENDING), ("_id", 1)]
    found = list(database["rejections"].find(wanted).sort(order).limit(limit + 1))
    rows = [_kept(document) for document in found[:limit]]
    has_more = len(found) > limit
    return Page(rows, f"{rows[-1].received_at_ms}.{rows[-1].id}" if has_more else None)


def counted(database: Database, vendor: str, day: str) -> int:
    """How many payloads of a vendor were rejected and not kept on a UTC day ("2026-11-23")."""
    row = database["rejection_days"].find_one({"_id": f"{vendor}:{day}"})
    return int(row.get("dropped", 0)) if row else 0


def count_unkept(database: Database, vendor: str, count: int, now_ms: int) -> None:
    """Counts payloads that were refused and never meant to be kept (see ``counted``)."""
    at = to_datetime(now_ms)
    row = {"vendor": vendor, "day": at.date().isoformat(), "expires_at": at + KEPT}
    _spend(database, row, {"dropped": count})


def ensure_indexes(database: Database) -> None:
    rejections = database["rejections"]
    rejections.create_index("expires_at", name="expires", expireAfterSeconds=0)
    rejections.create_index([("received_at_ms", -1), ("_id", 1)], name="recent")
    rejections.create_index([("vendor", 1), ("received_at_ms", -1), ("_id", 1)], name="vendor")
    rejections.create_index([("vendor", 1), ("device", 1), ("received_at_ms", -1), ("_id", 1)], name="device")
    database["rejection_days"].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _wanted(vendor: str | None, sought: Sought) -> Document:
    wanted: Document = {} if vendor is None else {"vendor": vendor}
    if sought.device is not None:
        wanted["device"] = sought.device
    if sought.code is not None:
        wanted["rejections.code"] = sought.code
    bounds = {"$gte": sought.from_ms, "$lt": sought.to_ms}
    if received := {name: bound for name, bound in bounds.items() if bound is not None}:
        wanted["received_at_ms"] = received
    return wanted


def _unknown(database: Database, rows: dict[str, Document]) -> list[Document]:
    there = {row["_id"] for row in database["rejections"].find({"_id": {"$in": list(rows)}}, {"_id": 1})}
    return [row for key, row in rows.items() if key not in there]


def _within_budget(database: Database, rows: list[Document], budget: int) -> list[Document]:
    """The rows of one vendor and day that are kept; the others are counted."""
    spent = _spend(database, rows[0], {"bytes": sum(_size(row) for row in rows)})
    used = spent - sum(_size(row) for row in rows)
    kept = []
    for row in rows:
        used += _size(row)
        if used <= budget or int(row["_id"][:8], 16) % SAMPLED_ONE_IN == 0:
            kept.append(row)
    if len(kept) < len(rows):
        _spend(database, rows[0], {"dropped": len(rows) - len(kept)})
    return kept


def _spend(database: Database, row: Document, amounts: dict[str, int]) -> int:
    day_id = f"{row['vendor']}:{row['day']}"
    update = {"$inc": amounts, "$setOnInsert": {"expires_at": row["expires_at"]}}
    after = ReturnDocument.AFTER
    days = database["rejection_days"]
    try:
        found = days.find_one_and_update({"_id": day_id}, update, upsert=True, return_document=after)
    except DuplicateKeyError:
        found = days.find_one_and_update({"_id": day_id}, update, upsert=True, return_document=after)
    return int((found or {}).get("bytes", 0))


def _id(one: RejectedPayload) -> str:
    return hashlib.sha256(one.topic.encode() + b"\0" + one.payload).hexdigest()


def _document(one: RejectedPayload) -> Document:
    received_at = to_datetime(one.received_at_ms)
    return {
        "_id": _id(one),
        "vendor": one.vendor,
        "day": received_at.date().isoformat(),
        "device": one.device,
        "topic": one.topic,
        "payload": one.payload[:KEPT_PAYLOAD_BYTES],
        "payload_bytes": len(one.payload),
        "rejections": _rejection_rows(one.rejections[:KEPT_REJECTIONS]),
        "rejected_count": sum(rejection.count for rejection in one.rejections),
        "received_at_ms": one.received_at_ms,
        "expires_at": received_at + KEPT,
    }


def _rejection_rows(rejections: Iterable[Rejection]) -> list[Document]:
    return [
        {
            "path": one.path[:KEPT_DETAIL_CHARS],
            "code": one.code,
            "detail": one.detail[:KEPT_DETAIL_CHARS],
            "count": one.count,
        }
        for one in rejections
    ]


def _size(row: Document) -> int:
    texts = sum(len(one["path"]) + len(one["code"]) + len(one["detail"]) for one in row["rejections"])
    return len(row["payload"]) + texts


def _position(cursor: str) -> tuple[int, str]:
    at_ms, _, last_id = cursor.partition(".")
    if not (at_ms.isdecimal() and len(at_ms) < 17 and len(last_id) == 64):
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    return int(at_ms), last_id


def _kept(document: Document) -> KeptRejection:
    return KeptRejection(
        id=document["_id"],
        vendor=document["vendor"],
        device=document["device"],
        topic=document["topic"],
        payload=bytes(document["payload"]),
        payload_bytes=document["payload_bytes"],
        rejections=tuple(Rejection(**one) for one in document["rejections"]),
        rejected_count=document["rejected_count"],
        received_at_ms=document["received_at_ms"],
    )
