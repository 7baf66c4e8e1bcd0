"""Slices of dense metrics as they are kept. Collection ``hours``, a document a local month and source:

    _id  person:metric:year-month:device      p, m, d  the same, apart      v  version; every write is guarded by it
    of   component keys                       s  columns (phr.readings.matrix): steps of begin, offset, is_total, n, and
                                                 the rows of each component

Like the summaries they may be behind; the days of which they are say so in their buckets (``dirty``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from pymongo import UpdateOne

from phr.database import Document
from phr.readings import matrix, slices
from phr.readings.columns import IntArray
from phr.readings.raw import Lane, read
from phr.readings.slices import Slices
from phr.readings.summaries import ranges, to_date, window
from phr.readings.sums import Sums

Dirty = Mapping[str, set[int]]  # by device, the days that are behind
_FIELDS = {"d": 1, "of": 1, "s": 1}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The slices of local days, first and last included, of one source (None: all)."""

    first: int
    last: int
    source: str | None = None


def load(lane: Lane, wanted: Wanted, dirty: Dirty) -> Slices:
    """Exactly what the raw readings give; ``dirty`` was read before."""
    kept = (_without(one, dirty.get(one.devices[0], ())) for one in stored(lane, wanted))
    behind = {device: {day for day in days if wanted.first <= day <= wanted.last} for device, days in dirty.items()}
    fresh = (computed(lane, device, days) for device, days in behind.items() if wanted.source in (None, device))
    return slices.joined([*kept, *fresh])


def stored(lane: Lane, wanted: Wanted) -> Iterable[Slices]:
    """As they are kept, a part a source and month."""
    first, last = to_date(wanted.first), to_date(wanted.last)
    low, high = f"{lane.prefix}:{first:%Y-%m}:", f"{lane.prefix}:{last:%Y-%m};"  # ';' follows ':'
    query: Document = {"_id": {"$gte": low, "$lt": high}}
    if wanted.source is not None:
        query["d"] = wanted.source
    for document in lane.database.hours.find(query, _FIELDS, batch_size=1_000):
        yield _within(_unpacked(document), wanted)


def computed(lane: Lane, device: str, days: set[int]) -> Slices:
    """Of one source from the raw readings."""
    parts = []
    for low, high in ranges(sorted(days)) if days else ():
        found = slices.of_stretches(read(lane, window(lane.metric, low, high), device), lane)
        parts.append(_within(_only(found, days), Wanted(low, high)))
    return slices.joined(parts)


def folding(lane: Lane, device: str, days: set[int]) -> list[UpdateOne]:
    """The writes that bring the slices of these days up to date; a guard that misses is a duplicate key."""
    months = {f"{to_date(day):%Y-%m}" for day in days}
    keys = {month: f"{lane.prefix}:{month}:{device}" for month in sorted(months)}
    found = {row["_id"]: row for row in lane.database.hours.find({"_id": {"$in": list(keys.values())}})}
    fresh = computed(lane, device, days)
    names = np.array([f"{to_date(int(day)):%Y-%m}" for day in fresh.day]) if fresh.who.size else np.empty(0, str)
    writes = []
    for month, key in keys.items():
        old = found.get(key)
        kept = [_without(_unpacked(old), days)] if old else []
        whole = slices.joined([*kept, fresh.part(names == month)])
        update = {"$set": _packed(whole) | {"v": (old["v"] if old else 0) + 1}}
        update["$setOnInsert"] = {"p": lane.person, "m": lane.metric.key, "d": device}
        writes.append(UpdateOne({"_id": key, "v": old["v"] if old else 0}, update, upsert=True))
    return writes


def _packed(whole: Slices) -> Document:
    begin = np.diff(whole.begin, prepend=0)
    keys = sorted(whole.sums.columns)
    rows = [row for key in keys for row in whole.sums.columns[key]]
    return {"of": keys, "s": matrix.pack([begin, whole.offset, whole.is_total, whole.sums.n, *rows])}


def _unpacked(document: Document) -> Slices:
    begin, offset, is_total, n, *rows = matrix.unpack(document["s"])
    keys = document["of"]
    height = len(rows) // len(keys) if keys else 0
    columns = {key: np.stack(rows[at * height : (at + 1) * height]) for at, key in enumerate(keys)}
    who = np.zeros(n.size, np.int64)
    return Slices((document["d"],), who, np.cumsum(begin), offset, is_total, Sums(n, columns))


def _within(found: Slices, wanted: Wanted) -> Slices:
    day = found.day
    inside = (day >= wanted.first) & (day <= wanted.last)
    return found if inside.all() else found.part(inside)


def _only(found: Slices, days: Iterable[int]) -> Slices:
    return found.part(np.isin(found.day, _array(days)))


def _without(found: Slices, days: Iterable[int]) -> Slices:
    chosen = _array(days)
    return found.part(~np.isin(found.day, chosen)) if chosen.size else found


def _array(days: Iterable[int]) -> IntArray:
    return np.array(sorted(days), np.int64)
