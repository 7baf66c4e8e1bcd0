"""Several sources at once: which readings count where two sources measure the same thing at the same time.

The merged view is a choice among the readings, and every number at every resolution is made of the chosen ones:

- Of spot measurements all count.
- Of a dense metric one source counts in each hour of UTC, of any other in each local day: the one that its owner ranks
  first; of equals the one with most readings in it, then the first by name.
- What sums up a day (a total) stands for that local day in place of all samples where its source ranks before every
  source that has samples on the day; else it doesn't count. So a total is never added to samples, nor to another's.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from phr.clock import MINUTE_MS
from phr.readings import periods, sums
from phr.readings.columns import IntArray
from phr.readings.periods import Periods
from phr.readings.ranking import Ranking
from phr.readings.slices import HOUR_MIN, Slices, is_dense
from phr.readings.stats import Stats
from phr.readings.summaries import Line
from phr.readings.sums import Sums
from phr.vocabulary.metric import Metric, Summary

Bools = npt.NDArray[np.bool_]
_OFFSETS = 4096  # more than there are minutes from UTC, east and west


def segments(metric: Metric, slices: Slices) -> IntArray:
    """The number of the segment in which one source counts: hour of UTC, or local day."""
    return slices.begin // HOUR_MIN if is_dense(metric) else slices.day


def chosen(metric: Metric, slices: Slices, ranking: Ranking) -> Bools:
    """Which slices count. Right for a segment, and for a day with totals, of which all slices are there."""
    is_sample: Bools = slices.is_total == 0
    if metric.merge_sources or (len(slices.devices) == 1 and is_sample.all()):
        return np.ones(slices.who.size, bool)
    rank = np.array([ranking.rank(device) for device in slices.devices], np.int64)[slices.who]
    counts: Bools = is_sample & _first_in(segments(metric, slices), slices, rank, is_sample)
    if is_sample.all():
        return counts
    day = slices.day
    wins: Bools = ~is_sample & _first_in(day, slices, rank, ~is_sample)
    days, place = np.unique(day, return_inverse=True)
    best_sample = np.full(days.size, np.iinfo(np.int64).max)
    np.minimum.at(best_sample, place[is_sample], rank[is_sample])
    wins &= rank < best_sample[place]
    counts &= ~np.isin(day, day[wins])
    counts |= wins
    return counts


def pad(metric: Metric) -> int:
    """How many days before and after a day can have slices that share a segment with its own: no offset is a day."""
    return 2 if is_dense(metric) and not metric.merge_sources else 0


def days(metric: Metric, slices: Slices) -> Periods:
    """A row for each local day of the slices that count."""
    return _rows(slices.day, segments(metric, slices), slices)


def hours(metric: Metric, slices: Slices) -> Periods:
    """A row for each hour of local time: an hour that the clocks repeat is two."""
    begin = (slices.begin + slices.offset) // HOUR_MIN * HOUR_MIN - slices.offset
    key = begin * _OFFSETS + slices.offset + _OFFSETS // 2
    found = _rows(key, segments(metric, slices), slices)
    offset = found.at % _OFFSETS - _OFFSETS // 2
    one_each = np.minimum(found.covered, 1)
    return Periods(found.at // _OFFSETS * MINUTE_MS, offset, found.sums, one_each, found.who, found.groups)


def of_lines(metric: Metric, lines: list[Line], ranking: Ranking) -> Periods:
    """A row for each day of day lines, which must be all of a day's."""
    if not lines:
        return periods.nothing()
    devices = tuple(sorted({line.device for line in lines}))
    place = {device: number for number, device in enumerate(devices)}
    day = np.array([line.day for line in lines], np.int64)
    who = np.array([place[line.device] for line in lines], np.int64)
    found = _of_stats(metric, [line.stats for line in lines])
    if not metric.merge_sources and len(devices) > 1:
        ranks = np.array([ranking.rank(device) for device in devices], np.int64)[who]
        order = np.lexsort((who, -found.n, ranks, day))
        kept = np.sort(order[sums.starts_of(day[order])])
        day, who, found = day[kept], who[kept], found.part(kept)
    at, whole = sums.grouped(day, found)
    groups, names = periods.joined_groups(who, [(device,) for device in devices], sums.starts_of(day))
    return Periods(at, None, whole, np.ones(at.size, np.int64), groups, names)


def _of_stats(metric: Metric, found: list[Stats]) -> Sums:
    has_last = metric.summary is Summary.LAST
    keys = sorted({key for stats in found for key, _ in stats.columns})
    columns = {key: np.zeros((6 if has_last else 4, len(found)), np.int64) for key in keys}
    for number, stats in enumerate(found):
        for key, one in stats.columns:
            numbers = (one.n, one.low, one.high, one.total, *((one.last, stats.last_ms) if has_last else ()))
            columns[key][:, number] = numbers
    return Sums(np.array([stats.n for stats in found], np.int64), columns)


def _first_in(segment: IntArray, slices: Slices, rank: IntArray, among: Bools) -> Bools:
    """Which slices are of the source that comes first in their segment, by those ``among`` which it is sought."""
    width = max(1, len(slices.devices))
    keys, place = np.unique(segment * width + slices.who, return_inverse=True)
    n = np.zeros(keys.size, np.int64)
    np.add.at(n, place[among], slices.sums.n[among])
    ranks = np.zeros(keys.size, np.int64)
    ranks[place] = rank
    is_there = n > 0
    of_segment = keys // width
    order = np.lexsort((keys % width, -n, ranks, ~is_there, of_segment))
    first = order[sums.starts_of(of_segment[order])]
    is_first = np.zeros(keys.size, bool)
    is_first[first] = is_there[first]
    return is_first[place]


def _rows(key: IntArray, segment: IntArray, slices: Slices) -> Periods:
    if not key.size:
        return periods.nothing()
    order = np.lexsort((segment, key))
    key, segment, ordered = key[order], segment[order], slices.part(order)
    at, whole = sums.grouped(key, ordered.sums)
    starts = sums.starts_of(key)
    is_new = np.concatenate(([True], (key[1:] != key[:-1]) | (segment[1:] != segment[:-1])))
    covered = np.add.reduceat(is_new.astype(np.int64), starts)
    who, groups = periods.joined_groups(ordered.who, [(device,) for device in slices.devices], starts)
    return Periods(at, None, whole, covered, who, groups)
