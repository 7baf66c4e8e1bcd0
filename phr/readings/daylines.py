"""A life in day lines, latest day first: each metric's summary of each local day, read no further than asked for.

Dirty days come first and summaries second, as in phr.readings.summaries: so a line is exact whenever it is read.
"""

from __future__ import annotations

import heapq
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import chain, groupby
from operator import itemgetter

from phr.database import Database, Document
from phr.readings.ranking import ALIKE, Ranking
from phr.readings.raw import Lane, OffsetAt, stretches
from phr.readings.slices import is_dense
from phr.readings.spans import bucket_id, span_of
from phr.readings.stats import Stats, combined
from phr.readings.summaries import stats_by_day, to_date, to_day, window
from phr.readings.track import Track
from phr.readings.zoom import of_days
from phr.vocabulary.metric import Metric

FIRST_DAY, LAST_DAY = to_day(date.min), to_day(date.max)
_AT_ONCE = 7  # days of a month whose dirty ones are computed together: the first page seldom wants more
_MONTHS_IN_IT = {"$map": {"input": {"$objectToArray": {"$ifNull": ["$days", {}]}}, "in": "$$this.k"}}

Source = tuple[str, str]  # metric key, device
Counted = tuple[Stats, tuple[str, ...]]  # and the devices that had a part in it, by name
OfDays = dict[int, dict[str, dict[str, Stats]]]  # by day, metric and device


@dataclass(frozen=True, slots=True)
class Life:
    """All metrics of one person, and how their clocks stood."""

    database: Database
    person: str
    metrics: Mapping[str, Metric]
    offset_at: OffsetAt
    ranking_of: Callable[[str], Ranking] = lambda _metric: ALIKE
    today: int = LAST_DAY  # about now: in its month a page without an end most likely begins, and is read sooner


@dataclass(frozen=True, slots=True)
class _Near:
    """What the summaries hold of the years from one before ``year`` on, read in one go with a month's days.

    ``months``: (year, month), latest first. ``rows``: of each source the days of ``month``, where most pages end.
    """

    year: int
    month: tuple[int, int]
    months: list[tuple[int, int]]
    rows: list[Document]


@dataclass(frozen=True, slots=True)
class DayLine:
    """One metric on one local day.

    ``sources``: (device, readings), the one that is believed first at the head. ``stats``: of all of them where the
    metric's sources merge, else of what counts (phr.readings.merging): no hour is counted twice. ``counting``: the
    devices that had a part in it, by name.
    """

    day: int  # since 1970-01-01
    metric: Metric
    sources: tuple[tuple[str, int], ...]
    stats: Stats
    counting: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.metric.key


def latest_first(life: Life, first: int | None = None, last: int | None = None) -> Iterator[DayLine]:
    """The lines of the days from last down to first, within a day by metric key. Reads as it is read."""
    first, last = FIRST_DAY if first is None else first, LAST_DAY if last is None else last
    dirty = _dirty_days(life, first, last)
    near = _near(life, first, last)
    for year, month in _months(life, dirty, near, first):
        low = max(first, to_day(date(year, month, 1)))
        high = min(last, to_day(date(year, month, monthrange(year, month)[1])))
        if low <= high:
            rows = near.rows if (year, month) == near.month else _rows(life, year, month)
            yield from _of_month(life, dirty, _folded_days(life, rows, dirty, low, high), low, high)


def _dirty_days(life: Life, first: int, last: int) -> dict[Source, set[int]]:
    dirty: dict[Source, set[int]] = defaultdict(set)
    query = {"p": life.person, "dirty_since": {"$exists": True}}
    for row in life.database.readings.find(query, {"m": 1, "d": 1, "dirty": 1}, batch_size=1_000):
        dirty[row["m"], row["d"]].update(day for day in row["dirty"] if first <= day <= last)
    return dirty


def _near(life: Life, first: int, last: int) -> _Near:
    on = to_date(min(max(life.today, first), last))
    query = {"p": life.person, "y": {"$gte": max(on.year - 1, to_date(first).year), "$lte": to_date(last).year}}
    fields = {"m": 1, "d": 1, "y": 1, "months": _MONTHS_IN_IT, f"days.{on.month:02}": 1}
    rows = list(life.database.summaries.find(query, fields, batch_size=1_000))
    months = sorted({(row["y"], int(month)) for row in rows for month in row["months"]}, reverse=True)
    return _Near(on.year, (on.year, on.month), months, [row for row in rows if row["y"] == on.year])


def _months(life: Life, dirty: Mapping[Source, set[int]], near: _Near, first: int) -> Iterator[tuple[int, int]]:
    """(year, month) of every month that may have lines, latest first."""
    on = (to_date(day) for days in dirty.values() for day in days)
    unfolded = sorted({(one.year, one.month) for one in on}, reverse=True)
    merged = heapq.merge(chain(near.months, _months_before(life, first, near.year - 1)), unfolded, reverse=True)
    return (month for month, _ in groupby(merged))


def _months_before(life: Life, first: int, end: int) -> Iterator[tuple[int, int]]:
    """From the year documents by person and year; of each only the names of its months leave the server."""
    query = {"p": life.person, "y": {"$gte": to_date(first).year, "$lt": end}}
    rows = life.database.summaries.find(query, {"y": 1, "months": _MONTHS_IN_IT}, sort=[("y", -1)], batch_size=101)
    with rows:
        for year, documents in groupby(rows, key=itemgetter("y")):
            months = {int(month) for document in documents for month in document["months"]}
            yield from ((year, month) for month in sorted(months, reverse=True))


def _of_month(life: Life, dirty: Mapping[Source, set[int]], folded: OfDays, low: int, high: int) -> Iterator[DayLine]:
    behind = {day for days in dirty.values() for day in days if low <= day <= high}
    present = sorted(folded.keys() | behind, reverse=True)
    for number in range(0, len(present), _AT_ONCE):
        days = present[number : number + _AT_ONCE]
        fresh = _computed_days(life, dirty, behind.intersection(days))
        by_day: dict[int, dict[str, dict[str, Stats]]] = {}
        for day in days:
            by_metric = by_day[day] = {**folded.get(day, {})}
            for key, by_device in fresh.get(day, {}).items():
                by_metric[key] = by_metric.get(key, {}) | by_device
        counted = _counted(life, by_day)
        for day in days:
            of_day = by_day[day]
            yield from (_line(life, day, key, of_day[key], counted.get((day, key))) for key in sorted(of_day))


def _counted(life: Life, by_day: Mapping[int, Mapping[str, Mapping[str, Stats]]]) -> dict[tuple[int, str], Counted]:
    """What counts of the metrics of which several sources may take turns in a day."""
    contested: dict[str, set[int]] = defaultdict(set)
    for day, by_metric in by_day.items():
        for key, by_device in by_metric.items():
            if len(by_device) > 1 and is_dense(life.metrics[key]) and not life.metrics[key].merge_sources:
                contested[key].add(day)
    found: dict[tuple[int, str], Counted] = {}
    for key, days in contested.items():
        lane = Lane(life.database, life.person, life.metrics[key], life.offset_at)
        rows = of_days(Track(lane, None, partial(life.ranking_of, key)), min(days), max(days))
        for index, day in enumerate(rows.at.tolist()):
            found[day, key] = rows.sums.stats(index), rows.groups[int(rows.who[index])]
    return found


def _rows(life: Life, year: int, month: int) -> Iterable[Document]:
    """Of each source the days of one month."""
    fields = {"m": 1, "d": 1, f"days.{month:02}": 1}
    return life.database.summaries.find({"p": life.person, "y": year}, fields, batch_size=1_000)


def _folded_days(life: Life, rows: Iterable[Document], dirty: Mapping[Source, set[int]], low: int, high: int) -> OfDays:
    """By day, metric and device what the summaries hold of a month's clean days."""
    on = to_date(low)
    start, month = to_day(on.replace(day=1)) - 1, f"{on.month:02}"
    found: OfDays = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        behind = dirty.get((row["m"], row["d"]), ())
        for name, doc in _days_of(row, month):
            day = start + int(name)
            if low <= day <= high and day not in behind and row["m"] in life.metrics:
                found[day][row["m"]][row["d"]] = Stats.from_doc(doc)
    return found


def _days_of(row: Document, month: str) -> Iterable[tuple[str, list[object]]]:
    days: dict[str, list[object]] = row.get("days", {}).get(month, {})
    return days.items()


def _computed_days(life: Life, dirty: Mapping[Source, set[int]], days: set[int]) -> OfDays:
    """By day, metric and device what the raw readings of the dirty days come to."""
    found: OfDays = defaultdict(lambda: defaultdict(dict))
    asked = {
        source: wanted for source, behind in dirty.items() if source[0] in life.metrics and (wanted := behind & days)
    }
    for (key, device), documents in _buckets(life, asked).items():
        lane, wanted = Lane(life.database, life.person, life.metrics[key], life.offset_at), asked[key, device]
        between = window(lane.metric, min(wanted), max(wanted))
        whole = (stretch for document in documents for stretch in stretches(document, lane.metric))
        for day, stats in stats_by_day((part for one in whole if (part := one.cut(*between))), lane).items():
            if day in wanted:
                found[day][key][device] = stats
    return found


def _buckets(life: Life, asked: Mapping[Source, set[int]]) -> dict[Source, list[Document]]:
    """The buckets that can hold readings of the days asked for, in order of time; of all sources in one query."""
    keys = [key for source, days in asked.items() for key in _bucket_keys(life, source, days)]
    found: dict[Source, list[Document]] = defaultdict(list)
    if keys:
        fields = {"m": 1, "d": 1, "c": 1, "runs": 1}
        rows = life.database.readings.find({"_id": {"$in": keys}}, fields, sort=[("_id", 1)], batch_size=1_000)
        for row in rows:
            found[row["m"], row["d"]].append(row)
    return found


def _bucket_keys(life: Life, source: Source, days: set[int]) -> Iterator[str]:
    key, device = source
    metric = life.metrics[key]
    low_ms, high_ms = window(metric, min(days), max(days))
    length = span_of(metric).bucket_ms
    for start_ms in range(low_ms // length * length, high_ms, length):
        yield bucket_id(life.person, key, start_ms, device)


def _line(life: Life, day: int, key: str, by_device: Mapping[str, Stats], counted: Counted | None) -> DayLine:
    metric, ranking = life.metrics[key], ALIKE if len(by_device) == 1 else life.ranking_of(key)
    devices = sorted(by_device, key=lambda device: (ranking.rank(device), -by_device[device].n, device))
    if counted is None:
        counting = devices if metric.merge_sources else devices[:1]
        whole = combined(by_device[device] for device in counting)
        assert whole is not None  # of at least one source
        counted = whole, tuple(sorted(counting))
    return DayLine(day, metric, tuple((device, by_device[device].n) for device in devices), *counted)
