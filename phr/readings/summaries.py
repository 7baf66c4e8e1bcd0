"""Day summaries per source: exactly what the raw readings give, at every moment somebody asks.

One document a year and source (person, metric, local year, device), collection ``summaries``:
    _id    person:metric:year:device         p, m, y, d  the same, apart
    v      version; every write is guarded by it
    days   {month: {day: stats}}, see phr.readings.stats

A summary may be behind its buckets; a bucket whose days are behind says so itself (``dirty``). A reader takes the
dirty days first and the summaries second, and computes the dirty days from the buckets: a day that was clean when it
looked is right in whatever summary it reads after that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from phr.clock import DAY_MS
from phr.database import Document
from phr.formats.building import MAX_PERIOD_MS
from phr.readings.raw import Between, Lane, Stretch, read
from phr.readings.slices import totals_among
from phr.readings.stats import Stats, combined, of_arrays
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import DURATION

EPOCH_DAY = date(1970, 1, 1)
_GAP_DAYS = 3  # dirty days closer than this are read in one go
_STRIDE_DAYS = 120  # and never more than this at once, which bounds memory
LONGEST_PERIOD_MS = MAX_PERIOD_MS  # a reading is looked for by its start at most this long before the day of its end


class Line(NamedTuple):
    """The summary of one source over one day."""

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
    kept = kept_days(lane, first, last)
    found = {(line.day, line.device): line.stats for line in kept if line.day not in dirty.get(line.device, ())}
    found |= computed(lane, dirty)
    return [Line(day, device, stats) for (day, device), stats in sorted(found.items())]


def kept_days(lane: Lane, first: int, last: int) -> list[Line]:
    """The same as they are kept, whatever is behind."""
    found = []
    for document in _year_documents(lane, first, last, {"days": 1}):
        found += [Line(day, document["d"], stats) for day, stats in _day_rows(document) if first <= day <= last]
    return sorted(found)


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
        for low, high in ranges(sorted(day_set)):
            of_days = stats_by_day(read(lane, window(lane.metric, low, high), device), lane)
            found |= {(day, device): stats for day, stats in of_days.items() if day in day_set and low <= day <= high}
    return found


def window(metric: Metric, first: int, last: int) -> Between:
    """The instants that can belong to local days first to last, at any offset that can be stated: up to 23:59.

    What names its day by its end is looked for by its start, as far back as a period may be long.
    """
    earlier = LONGEST_PERIOD_MS if metric.day_of == "end" else 0
    return (first - 1) * DAY_MS - earlier, (last + 2) * DAY_MS


def ranges(day_list: list[int]) -> Iterable[tuple[int, int]]:
    """The days in order, cut into stretches (first, last) that are worth reading in one go."""
    low = high = day_list[0]
    for day in day_list[1:]:
        if day - high > _GAP_DAYS or day - low >= _STRIDE_DAYS:
            yield low, high
            low = day
        high = day
    yield low, high


def stats_by_day(stretches: Iterable[Stretch], lane: Lane) -> dict[int, Stats]:
    """Of one source, by local day; the first and the last day may be cut off by the stretches' ends.

    What sums up a day counts only on a day without samples (phr.readings.merging).
    """
    samples: dict[int, list[Stats]] = defaultdict(list)
    totals: dict[int, list[Stats]] = defaultdict(list)
    for stretch in stretches:
        offsets = stretch.offsets(lane.offset_at)
        is_total = totals_among(lane.metric, stretch.t, offsets, stretch.values.get(DURATION)) == 1
        local = (stretch.day_instants(lane.metric) + offsets * 60_000) // DAY_MS
        if local[0] == local[-1] and (local == local[0]).all() and not is_total.any():
            samples[int(local[0])].append(of_arrays(stretch.t, stretch.values))
            continue
        for parts, counts in ((samples, ~is_total), (totals, is_total)):
            for day in np.unique(local[counts]):
                chosen = counts & (local == day)
                values = {name: column[chosen] for name, column in stretch.values.items()}
                parts[int(day)].append(of_arrays(stretch.t[chosen], values))
    return {day: whole for day, found in (totals | samples).items() if (whole := combined(found))}


def _year_documents(lane: Lane, first: int, last: int, fields: Document) -> Iterable[Document]:
    low, high = to_date(first).year, to_date(last).year
    query = {"_id": {"$gte": f"{lane.prefix}:{low:04}:", "$lt": f"{lane.prefix}:{high:04};"}}
    return lane.database.summaries.find(query, {"d": 1, "y": 1} | fields, batch_size=1_000)


def _day_rows(document: Document) -> Iterable[tuple[int, Stats]]:
    for month, rows in document.get("days", {}).items():
        start = _month_start(document["y"], int(month)) - 1
        for day, doc in rows.items():
            yield start + int(day), Stats.from_doc(doc)


@lru_cache(maxsize=4096)
def _month_start(year: int, month: int) -> int:
    return to_day(date(year, month, 1))
