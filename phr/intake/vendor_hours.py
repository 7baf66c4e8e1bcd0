"""How much a vendor sent in each UTC hour and what became of it: one document a vendor and hour.

The counts are added to once a batch, after all that a verdict promises is on disk, and with less care: a batch that is
repeated after a crash is counted again (its readings then as duplicates), and the last moments before a crash of
MongoDB may be missing. They are for looking at, not for settling accounts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from pymongo import UpdateOne, WriteConcern

from phr.clock import HOUR_MS, to_datetime
from phr.database import Database, Document
from phr.vocabulary.reading import Rejection

KEPT = timedelta(days=400)
COUNTED = ("messages", "stored", "duplicate", "corrected", "held")

_QUICK = WriteConcern(w=1, j=False)


class Answered(NamedTuple):
    """What became of messages of one hour."""

    vendor: str
    arrived_at_ms: int
    counts: tuple[int, int, int, int, int]  # in the order of COUNTED
    rejections: Sequence[Rejection] = ()


@dataclass(frozen=True, slots=True)
class VendorHour:
    """``rejected``: items by code."""

    start_ms: int
    messages: int = 0
    stored: int = 0
    duplicate: int = 0
    corrected: int = 0
    held: int = 0
    rejected: Mapping[str, int] | None = None


def count(database: Database, answered: Iterable[Answered]) -> None:
    """Adds messages to the hours in which they arrived; one write for all of them."""
    rows: defaultdict[tuple[str, int], list[tuple[int, ...]]] = defaultdict(list)
    rejected: dict[tuple[str, int], Counter[str]] = {}
    for one in answered:
        key = (one.vendor, one.arrived_at_ms // HOUR_MS)
        rows[key].append(one.counts)
        for rejection in one.rejections:
            rejected.setdefault(key, Counter())[rejection.code] += rejection.count
    if rows:
        hours = database["vendor_hours"].with_options(write_concern=_QUICK)
        sums = {key: [sum(column) for column in zip(*counts, strict=True)] for key, counts in rows.items()}
        writes = [_addition(key, counts, rejected.get(key, {})) for key, counts in sums.items()]
        hours.bulk_write(writes, ordered=False)


def between(database: Database, vendor: str, from_ms: int, to_ms: int) -> list[VendorHour]:
    """The hours in which the vendor sent something and that begin in [from, to), earliest first."""
    wanted = {"_id": {"$gte": _id(vendor, -(-from_ms // HOUR_MS)), "$lt": _id(vendor, -(-to_ms // HOUR_MS))}}
    return [_hour(row) for row in database["vendor_hours"].find(wanted).sort("_id", 1)]


def ensure_indexes(database: Database) -> None:
    database["vendor_hours"].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _addition(key: tuple[str, int], counts: Sequence[int], rejected: Mapping[str, int]) -> UpdateOne:
    vendor, hour = key
    start_ms = hour * HOUR_MS
    amounts = {name: number for name, number in zip(COUNTED, counts, strict=True) if number}
    by_code = {f"rejected.{code}": number for code, number in rejected.items()}
    first = {"start_ms": start_ms, "expires_at": to_datetime(start_ms) + KEPT}
    return UpdateOne({"_id": _id(vendor, hour)}, {"$inc": amounts | by_code, "$setOnInsert": first}, upsert=True)


def _id(vendor: str, hour: int) -> str:
    """In order of time for each vendor, whose slug has no colon."""
    return f"{vendor}:{max(hour, 0):09d}"


def _hour(row: Document) -> VendorHour:
    counts = {name: int(row.get(name, 0)) for name in COUNTED}
    return VendorHour(row["start_ms"], **counts, rejected=dict(row.get("rejected", {})))
