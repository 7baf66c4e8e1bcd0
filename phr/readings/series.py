"""One metric of one person as a series: at the resolution that fits, page by page, each row exactly once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from phr.clock import DAY_MS, HOUR_MS
from phr.errors import InputInvalid
from phr.readings import counting, hours, periods, raw_page, zoom
from phr.readings.cursor import Cursor, parsed, written
from phr.readings.fitting import Fitted, fitting
from phr.readings.merging import Bools
from phr.readings.periods import Periods
from phr.readings.ranking import RankBy, alike
from phr.readings.raw import Lane, reach
from phr.readings.raw_rows import Rows
from phr.readings.spans import local_day
from phr.readings.summaries import to_day
from phr.readings.track import Part, Place, Resolution, Span, Track
from phr.vocabulary.sight import ALL, Period

AUTO: Literal["auto"] = "auto"
MOST_ROWS = 20_000
# Where readings are looked for, so that no sum of a date and a few years leaves the calendar.
FIRST_MS, LAST_MS = to_day(date(10, 1, 1)) * DAY_MS, to_day(date(9990, 1, 1)) * DAY_MS
_LONG_MS = 4_000 * DAY_MS
_LIFE_MS = 55_000 * DAY_MS  # whole years are found by their numbers, of a life in no time
_OF_YEARS = (Resolution.MONTH, Resolution.YEAR)


@dataclass(frozen=True, slots=True)
class End:
    """Where a series begins or stops, and the offset it was written with; None: the person's clock says the day."""

    t_ms: int
    offset_min: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked: from ``start`` to before ``end``; a period that overlaps this span is given whole."""

    start: End | None = None
    end: End | None = None
    resolution: Resolution | Literal["auto"] = AUTO
    max_points: int = 1_000  # what ``auto`` stays within
    source: str | None = None
    limit: int = MOST_ROWS
    cursor: str | None = None
    within: Period = ALL  # what may be seen: nothing else is given, nor a day or longer period that reaches out of it


@dataclass(frozen=True, slots=True)
class Series:
    """A page. ``found``: Rows at the resolution raw, else Periods."""

    resolution: Resolution
    found: Rows | Periods
    next_cursor: str | None
    counted: Bools | None = None  # which readings of a raw page count in what is summed up; None: all of them


def read(lane: Lane, wish: Wish, rank_by: RankBy = alike) -> Series:
    """A page of the series. Raises InputInvalid for a span that ends before it begins and for a cursor of another."""
    if wish.start and wish.end and wish.start.t_ms > wish.end.t_ms:
        raise InputInvalid("to lies before from", "/to")
    wish = _held(wish)
    asked = (lane.person, lane.metric.key, wish.start, wish.end, wish.resolution, wish.source)
    cursor = parsed(wish.cursor, asked) if wish.cursor is not None else None
    track = Track(lane, wish.source, rank_by)
    part = Part(_span(track, wish), cursor.after if cursor else None, wish.limit)
    fitted = Fitted(cursor.resolution) if cursor else _fitted(track, part.span, wish)
    found, last = _page(track, fitted, part)
    found = found if isinstance(found, Rows) else _whole(found, fitted.resolution, wish.within, lane)
    next_cursor = written(Cursor(fitted.resolution, last), asked) if last else None
    counted = counting.rows(track, found) if isinstance(found, Rows) else None
    return Series(fitted.resolution, found, next_cursor, counted)


def _held(wish: Wish) -> Wish:
    """No further than what may be seen."""
    start, end, within = wish.start, wish.end, wish.within
    if within.from_ms is not None and (start is None or start.t_ms < within.from_ms):
        start = End(within.from_ms)
    if within.until_ms is not None and (end is None or end.t_ms > within.until_ms):
        end = End(within.until_ms)
    if start and end and start.t_ms > end.t_ms:
        end = start
    return replace(wish, start=start, end=end)


def _whole(found: Periods, resolution: Resolution, within: Period, lane: Lane) -> Periods:
    """Without the periods that reach out of what may be seen: the first and the last can."""
    if within.is_all or not len(found):
        return found
    if found.offset is not None:
        ends_ms = found.at + HOUR_MS
        is_in = (found.at >= _or(within.from_ms, FIRST_MS)) & (ends_ms <= _or(within.until_ms, LAST_MS))
        return found.part(is_in)
    first, last = within.days(lane.offset_at)
    is_in = found.at >= _or(first, int(found.at[0]))
    is_in[-1] &= zoom.end(resolution, int(found.at[-1])) <= _or(last, zoom.end(resolution, int(found.at[-1])))
    return found.part(is_in)


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _fitted(track: Track, span: Span, wish: Wish) -> Fitted:
    if wish.resolution != AUTO:
        return Fitted(Resolution(wish.resolution))
    return Fitted(Resolution.RAW) if span.is_empty else fitting(track, span, wish.max_points)


def _page(track: Track, fitted: Fitted, part: Part) -> tuple[Rows | Periods, Place | tuple[int, int] | None]:
    """The rows, and the place of the last one where there are more."""
    if fitted.resolution is Resolution.RAW:
        readings, has_more = raw_page.page(track, part)
        return readings, readings.place(part.limit - 1) if has_more else None
    if fitted.rows is not None:
        rows = fitted.rows
    elif part.span.is_empty:
        rows = periods.nothing()
    else:
        is_hours = fitted.resolution is Resolution.HOUR
        rows = hours.page(track, part) if is_hours else zoom.page(track, fitted.resolution, part)
    if len(rows) <= part.limit:
        return rows, None
    return rows.part(slice(part.limit)), rows.place(part.limit - 1)


def _span(track: Track, wish: Wish) -> Span:
    """From when to when to look: where an end is open or the span is long, no further than the buckets reach."""
    low_ms, high_ms = _clamped(wish.start, FIRST_MS), _clamped(wish.end, LAST_MS)
    first, last = _first_day(track, wish.start, low_ms), _last_day(track, wish.end, high_ms)
    if high_ms - low_ms > (_LIFE_MS if wish.resolution in _OF_YEARS else _LONG_MS):
        begin_ms, end_ms = reach(track.lane)
        end_ms += track.longest_ms
        low_ms, high_ms = max(low_ms, begin_ms), min(high_ms, end_ms)
        first, last = max(first, begin_ms // DAY_MS - 1), min(last, end_ms // DAY_MS + 1)  # no offset is a day long
    return Span((low_ms, high_ms), first, last)


def _first_day(track: Track, start: End | None, low_ms: int) -> int:
    known = start.offset_min if start else None
    return local_day(low_ms, track.lane.offset_at(low_ms) if known is None else known)


def _last_day(track: Track, end: End | None, high_ms: int) -> int:
    known = end.offset_min if end else None
    return local_day(high_ms - 1, track.lane.offset_at(high_ms - 1) if known is None else known)


def _clamped(end: End | None, otherwise_ms: int) -> int:
    return otherwise_ms if end is None else min(max(end.t_ms, FIRST_MS), LAST_MS)
