"""Readings seen from further away: a row for each local day, ISO week, month or year that has any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import numpy as np

from phr.readings.packed_months import NO_MONTHS, Months
from phr.readings.ranking import Ranking
from phr.readings.stats import Stats, combined
from phr.readings.summaries import Line, to_date, to_day
from phr.readings.track import Part, Resolution, Row, Track

LONGEST_DAYS = {Resolution.DAY: 1, Resolution.WEEK: 7, Resolution.MONTH: 31, Resolution.YEAR: 366}


def page(track: Track, resolution: Resolution, part: Part) -> list[Row]:
    """A part of the periods that overlap the span, each of them whole; more than the limit where there are more."""
    day, last = part.span.first, part.span.last
    if part.after is not None:
        day = max(day, end(resolution, part.after[0]) + 1)
    width = (part.limit + 1) * LONGEST_DAYS[resolution]
    found: list[Row] = []
    while day <= last and len(found) <= part.limit:
        until = end(resolution, min(day + width, last))
        found += rows(track, resolution, day, until)
        day, width = until + 1, 2 * width
    return found


def rows(track: Track, resolution: Resolution, first: int, last: int) -> list[Row]:
    """The periods that overlap the local days first to last, each of them whole and in order."""
    first, last = begin(resolution, first), end(resolution, last)
    if resolution is Resolution.DAY:
        return of_days(track, first, last)
    parts = of_days(track, first, last) if resolution is Resolution.WEEK else _of_months(track, first, last)
    return parts if resolution is Resolution.MONTH else coarser(parts, resolution)


def of_days(track: Track, first: int, last: int) -> list[Row]:
    """A row a day: of all sources, or of the one that is believed first, which says ``winner``."""
    by_day: dict[int, list[Line]] = defaultdict(list)
    for line in track.days(first, last):
        by_day[line.day].append(line)
    return [_row(day, lines if track.is_merged else [winner(lines, track.ranking)]) for day, lines in by_day.items()]


def winner(lines: list[Line], ranking: Ranking) -> Line:
    """Of several sources the one of the best rank; of equals that with the most readings, then the first by name."""
    return min(lines, key=lambda line: (ranking.rank(line.device), -line.stats.n, line.device))


def coarser(parts: Iterable[Row], resolution: Resolution) -> list[Row]:
    """Days or months put together."""
    by_start: dict[int, list[Row]] = defaultdict(list)
    for part in parts:
        by_start[begin(resolution, part.at)].append(part)
    return [_together(start, found) for start, found in by_start.items()]


def begin(resolution: Resolution, day: int) -> int:
    """The first day of the period that a day belongs to."""
    if resolution is Resolution.DAY:
        return day
    if resolution is Resolution.WEEK:
        return day - (day + 3) % 7  # 1970-01-01 was a Thursday
    on = to_date(day)
    return to_day(date(on.year, on.month if resolution is Resolution.MONTH else 1, 1))


def end(resolution: Resolution, day: int) -> int:
    """The last day of the period that a day belongs to."""
    first = begin(resolution, day)
    return begin(resolution, first + LONGEST_DAYS[resolution]) - 1 if resolution is not Resolution.DAY else day


def months(track: Track, part: Part) -> Months | None:
    """As ``page`` does by months, in columns; None where a month has several sources, or one look is not enough."""
    first = part.span.first if part.after is None else max(part.span.first, end(Resolution.MONTH, part.after[0]) + 1)
    last = part.span.last
    if last - first > part.limit * LONGEST_DAYS[Resolution.MONTH]:
        return None
    found = track.months(begin(Resolution.MONTH, first), end(Resolution.MONTH, last)) if first <= last else NO_MONTHS
    return found if len(found) <= part.limit and _has_one_source_each(found) else None


def _has_one_source_each(found: Months) -> bool:
    return not (np.diff(found.numbers[:, 0]) == 0).any()


def _of_months(track: Track, first: int, last: int) -> list[Row]:
    found = track.months(first, last)
    docs = found.docs()
    if _has_one_source_each(found):
        sources = {device: (device,) for device in found.names}
        return [Row(month, None, doc, sources[device]) for month, device, doc in docs]
    by_month: dict[int, list[Line]] = defaultdict(list)
    for month, device, doc in docs:
        by_month[month].append(Line(month, device, Stats.from_doc(doc)))
    rows_ = {month: _row(month, lines) for month, lines in by_month.items()}
    crowded = [] if track.is_merged else [month for month, lines in by_month.items() if len(lines) > 1]
    if crowded:  # which source counts is a question of each day
        of_all = of_days(track, crowded[0], end(Resolution.MONTH, crowded[-1]))
        rows_ |= {row.at: row for row in coarser(of_all, Resolution.MONTH) if row.at in crowded}
    return list(rows_.values())


def _row(day: int, lines: list[Line]) -> Row:
    if len(lines) == 1:
        return Row(day, None, lines[0].stats.to_doc(), (lines[0].device,))
    whole = combined(line.stats for line in lines)
    assert whole is not None
    return Row(day, None, whole.to_doc(), tuple(sorted(line.device for line in lines)))


def _together(start: int, parts: list[Row]) -> Row:
    whole = combined(part.stats for part in parts)
    assert whole is not None
    return Row(start, None, whole.to_doc(), tuple(sorted({device for part in parts for device in part.devices})))
