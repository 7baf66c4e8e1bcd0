"""Readings seen from further away: a row for each local day, ISO week, month or year that has any."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import numpy as np

from phr.readings import kept_slices, merging, periods, summaries, views
from phr.readings.columns import IntArray
from phr.readings.kept_slices import Wanted
from phr.readings.periods import Periods
from phr.readings.slices import Slices, is_dense
from phr.readings.summaries import ranges, to_date, to_day
from phr.readings.track import FIRST_DAY, LAST_DAY, Part, Resolution, Track

LONGEST_DAYS = {Resolution.DAY: 1, Resolution.WEEK: 7, Resolution.MONTH: 31, Resolution.YEAR: 366}
THURSDAY = 3  # 1970-01-01, where weeks begin on Monday


def page(track: Track, resolution: Resolution, part: Part) -> Periods:
    """A part of the periods that overlap the span, each of them whole; more than the limit where there are more."""
    day, last = part.span.first, part.span.last
    if part.after is not None:
        day = max(day, end(resolution, part.after[0]) + 1)
    width = (part.limit + 1) * LONGEST_DAYS[resolution]
    found: list[Periods] = []
    while day <= last and sum(map(len, found)) <= part.limit:
        until = end(resolution, min(day + width, last))
        found.append(rows(track, resolution, day, until))
        day, width = until + 1, 2 * width
    return periods.joined(found)


def rows(track: Track, resolution: Resolution, first: int, last: int) -> Periods:
    """The periods that overlap the local days first to last, each of them whole and in order."""
    first, last = begin(resolution, first), end(resolution, last)
    if resolution is Resolution.DAY:
        return of_days(track, first, last)
    parts = of_days(track, first, last) if resolution is Resolution.WEEK else _of_months(track, first, last)
    return parts if resolution is Resolution.MONTH else periods.together(begins(resolution, parts.at), parts)


def of_days(track: Track, first: int, last: int) -> Periods:
    """A row a day, made of the readings that count (phr.readings.merging)."""
    dirty = track.dirty(first, last)
    stale = _stale(track, dirty, first, last)
    kept = views.read(track, first, last, "days")
    kept = kept.part((kept.at >= first) & (kept.at <= last) & ~np.isin(kept.at, stale))
    return periods.in_order(periods.joined([kept, *_computed(track, stale, dirty)]))


def counted(track: Track, first: int, last: int, dirty: kept_slices.Dirty) -> Slices:
    """The slices of a dense metric that count on the days from first to last; some of the days around may be there."""
    wanted = Wanted(max(first - track.pad, FIRST_DAY), min(last + track.pad, LAST_DAY), track.source)
    found = kept_slices.load(track.lane, wanted, dirty)
    return found.part(merging.chosen(track.lane.metric, found, track.ranking))


def begins(resolution: Resolution, days: IntArray) -> IntArray:
    """The first day of the period that each day belongs to."""
    if resolution is Resolution.DAY:
        return days
    if resolution is Resolution.WEEK:
        return days - (days + THURSDAY) % 7
    return periods.month_starts(days) if resolution is Resolution.MONTH else periods.year_starts(days)


def begin(resolution: Resolution, day: int) -> int:
    """The first day of the period that a day belongs to."""
    if resolution is Resolution.DAY:
        return day
    if resolution is Resolution.WEEK:
        return day - (day + THURSDAY) % 7
    on = to_date(day)
    return to_day(date(on.year, on.month if resolution is Resolution.MONTH else 1, 1))


def end(resolution: Resolution, day: int) -> int:
    """The last day of the period that a day belongs to."""
    first = begin(resolution, day)
    return begin(resolution, first + LONGEST_DAYS[resolution]) - 1 if resolution is not Resolution.DAY else day


def _of_months(track: Track, first: int, last: int) -> Periods:
    dirty = track.dirty(first, last)
    stale = np.unique(periods.month_starts(_stale(track, dirty, first, last)))
    kept = views.read(track, first, last, "months")
    kept = kept.part((kept.at >= first) & (kept.at <= last) & ~np.isin(kept.at, stale))
    fresh = []
    for low, high in _runs(stale.tolist()):
        days = of_days(track, low, high)
        fresh.append(periods.together(periods.month_starts(days.at), days))
    return periods.in_order(periods.joined([kept, *fresh]))


def _stale(track: Track, dirty: kept_slices.Dirty, first: int, last: int) -> IntArray:
    """The days from first to last that something dirty can have a part in."""
    shifts = range(-track.pad, track.pad + 1)
    stale = {day + shift for days in dirty.values() for day in days for shift in shifts}
    return np.array(sorted(day for day in stale if first <= day <= last), np.int64)


def _computed(track: Track, stale: IntArray, dirty: kept_slices.Dirty) -> Iterable[Periods]:
    """The stale days, of what is kept and of the raw readings of what is not."""
    metric = track.lane.metric
    for low, high in ranges(stale.tolist()) if stale.size else ():
        if is_dense(metric):
            found = merging.days(metric, counted(track, low, high, dirty))
        else:
            lines = track.own(summaries.days(track.lane, low, high))
            found = merging.of_lines(metric, lines, track.ranking)
        yield found.part(np.isin(found.at, stale) & (found.at >= low) & (found.at <= high))


def _runs(months: list[int]) -> Iterable[tuple[int, int]]:
    """First and last day of each run of months that follow each other."""
    low = None
    for month in months:
        low = month if low is None else low
        following = end(Resolution.MONTH, month) + 1
        if following not in months:
            yield low, following - 1
            low = None
