"""Day and month summaries per source: exactly what the raw readings give, at every moment somebody asks.

One document a year and source (person, metric, local year, device), collection ``summaries``:
    _id    person:metric:year:device         p, m, y, d  the same, apart
    v      version; every write is guarded by it
    days   {month: {day: stats}}             months  {month: stats}       see phr.readings.stats

A summary may be behind its buckets; a bucket whose days are behind says so itself (``dirty``). A reader takes the
dirty days first and the summaries second, and computes the dirty days from the buckets: a day that was clean when it
looked is right in whatever summary it reads after that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from phr.database import Document
from phr.readings.raw import Between, Lane, Stretch, read
from phr.readings.spans import DAY_MS, EAST_MS, WEST_MS
from phr.readings.stats import Stats, combined, of_arrays
from phr.vocabulary.metric import Metric

EPOCH_DAY = date(1970, 1, 1)
_GAP_DAYS = 3  # dirty days closer than this are read in one go
_STRIDE_DAYS = 120  # and never more than this at once, which bounds memory
_LONGEST_PERIOD_MS = DAY_MS  # a reading is looked for by its start at most this long before the day of its end


@dataclass(frozen=True, slots=True)
class Line:
    """The summary of one source over one day or one calendar month (named by its first day)."""

    day: int  # local day number since 1970-01-01
    device: str
    stats: Stats


def to_date(day: int) -> date:
    return EPOCH_DAY + timedelta(days=day)


def to_day(on: date) -> int:
    return (on - EPOCH_DAY).days


def days(lane: Lane, first: int, last: int) -> list[Line]:
    """A line per source for each local day with readings, first and last included; ordered by day, then device."""
    dirty = dirty_days(lane, first, last)
    found = {}
    for document in _year_documents(lane, first, last, {"days": 1}):
        for day, stats in _day_rows(document):
            if first <= day <= last and day not in dirty.get(document["d"], ()):
                found[day, document["d"]] = stats
    found |= computed(lane, dirty)
    return [Line(day, device, stats) for (day, device), stats in sorted(found.items())]


def months(lane: Lane, first: int, last: int) -> list[Line]:
    """A line per source for each calendar month with readings that overlaps the days from first to last."""
    first = to_day(to_date(first).replace(day=1))
    last = to_day(_next_month(to_date(last))) - 1
    dirty = dirty_days(lane, first, last)
    stale = {(device, to_date(day).replace(day=1)) for device, days_ in dirty.items() for day in days_}
    fields = {"months": 1} | {f"days.{start.month:02}": 1 for _, start in stale}
    found: dict[tuple[int, str], list[Stats]] = defaultdict(list)
    for document in _year_documents(lane, first, last, fields):
        device, year = document["d"], document["y"]
        for month, doc in document.get("months", {}).items():
            start = date(year, int(month), 1)
            if first <= to_day(start) <= last and (device, start) not in stale:
                found[to_day(start), device].append(Stats.from_doc(doc))
        for day, stats in _day_rows(document):
            start = to_date(day).replace(day=1)
            if (device, start) in stale and day not in dirty[device]:
                found[to_day(start), device].append(stats)
    for (day, device), stats in computed(lane, dirty).items():
        found[to_day(to_date(day).replace(day=1)), device].append(stats)
    return [Line(day, device, whole) for (day, device), parts in sorted(found.items()) if (whole := combined(parts))]


def dirty_days(lane: Lane, first: int, last: int) -> dict[str, set[int]]:
    """By device, the days from first to last whose summaries are behind."""
    dirty: dict[str, set[int]] = {}
    query = {"p": lane.person, "m": lane.metric.key, "dirty_since": {"$exists": True}}
    for row in lane.database.readings.find(query, {"d": 1, "dirty": 1}):
        wanted = {day for day in row["dirty"] if first <= day <= last}
        if wanted:
            dirty.setdefault(row["d"], set()).update(wanted)
    return dirty


def computed(lane: Lane, wanted: dict[str, set[int]]) -> dict[tuple[int, str], Stats]:
    """Stats of (day, device) from the raw readings, for the wanted days of each device that have any."""
    found: dict[tuple[int, str], Stats] = {}
    for device, day_set in wanted.items():
        for low, high in _ranges(sorted(day_set)):
            of_days = _stats_by_day(read(lane, _window(lane.metric, low, high), device), lane)
            found |= {(day, device): stats for day, stats in of_days.items() if day in day_set and low <= day <= high}
    return found


def _window(metric: Metric, first: int, last: int) -> Between:
    """The instants that can belong to local days first to last, wherever the person was."""
    earlier = _LONGEST_PERIOD_MS if metric.day_of == "end" else 0
    return first * DAY_MS - EAST_MS - earlier, (last + 1) * DAY_MS + WEST_MS


def _ranges(day_list: list[int]) -> Iterable[tuple[int, int]]:
    low = high = day_list[0]
    for day in day_list[1:]:
        if day - high > _GAP_DAYS or day - low >= _STRIDE_DAYS:
            yield low, high
            low = day
        high = day
    yield low, high


def _stats_by_day(stretches: Iterable[Stretch], lane: Lane) -> dict[int, Stats]:
    parts: dict[int, list[Stats]] = defaultdict(list)
    for stretch in stretches:
        local = (stretch.day_instants(lane.metric) + stretch.offsets(lane.offset_at) * 60_000) // DAY_MS
        if local[0] == local[-1] and (local == local[0]).all():
            parts[int(local[0])].append(of_arrays(stretch.t, stretch.values))
            continue
        for day in np.unique(local):
            chosen = local == day
            parts[int(day)].append(of_arrays(stretch.t[chosen], {k: v[chosen] for k, v in stretch.values.items()}))
    return {day: whole for day, found in parts.items() if (whole := combined(found))}


def _year_documents(lane: Lane, first: int, last: int, fields: Document) -> Iterable[Document]:
    low, high = to_date(first).year, to_date(last).year
    query = {"_id": {"$gte": f"{lane.prefix}:{low:04}:", "$lt": f"{lane.prefix}:{high:04};"}}
    return lane.database.summaries.find(query, {"d": 1, "y": 1} | fields, batch_size=1_000)


def _day_rows(document: Document) -> Iterable[tuple[int, Stats]]:
    for month, rows in document.get("days", {}).items():
        start = to_day(date(document["y"], int(month), 1)) - 1
        for day, doc in rows.items():
            yield start + int(day), Stats.from_doc(doc)


def _next_month(on: date) -> date:
    return on.replace(year=on.year + on.month // 12, month=on.month % 12 + 1, day=1)
