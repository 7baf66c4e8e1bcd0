"""The finest resolution at which a series stays within a number of rows, counted as far as that is cheap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phr.clock import DAY_MS, HOUR_MS
from phr.readings import hours, raw_page, zoom
from phr.readings.columns import IntArray
from phr.readings.periods import Periods
from phr.readings.track import Resolution, Span, Track

# Up to so many days are counted one by one. Beyond, each month counts as many as its readings can lie on.
COUNTED_DAYS = 4_000
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Fitted:
    resolution: Resolution
    rows: Periods | None = None  # all of the span, where counting them has made them


def fitting(track: Track, span: Span, most: int) -> Fitted:
    """The finest resolution with at most so many rows; years where none has so few."""
    counted = max(COUNTED_DAYS, most)
    if span.last - span.first >= counted:
        months = zoom.rows(track, Resolution.MONTH, span.first, span.last)
        if _possible_days(months, span) > counted:
            return _of_months(months, span, most)
    days = zoom.rows(track, Resolution.DAY, span.first, span.last)
    if _has_few_readings(track, span, days, most):
        return Fitted(Resolution.RAW)
    if len(days) <= most:
        by_hour = _few_hours(track, span, days, most)
        return Fitted(Resolution.DAY, days) if by_hour is None else Fitted(Resolution.HOUR, by_hour)
    for resolution in (Resolution.WEEK, Resolution.MONTH):
        if np.unique(zoom.begins(resolution, days.at)).size <= most:
            rows = zoom.rows(track, resolution, span.first, span.last)  # at either end one can reach out of the span
            if len(rows) <= most:
                return Fitted(resolution, rows)
    return Fitted(Resolution.YEAR)


def _possible_days(months: Periods, span: Span) -> int:
    """How many days the readings of the months can lie on, at most."""
    first, last = _ends(months, span)
    return int(np.minimum(months.sums.n, last - first + 1).sum())


def _ends(months: Periods, span: Span) -> tuple[IntArray, IntArray]:
    """First and last day of each month within the span."""
    following = zoom.begins(Resolution.MONTH, months.at + zoom.LONGEST_DAYS[Resolution.MONTH])
    return np.maximum(months.at, span.first), np.minimum(following - 1, span.last)


def _of_months(months: Periods, span: Span, most: int) -> Fitted:
    """As ``fitting`` where there are too many days to count them."""
    edges = np.array([span.first, span.last], np.int64)  # a week can reach out of the months at either end
    begins, ends = (np.append(days, edges) for days in _ends(months, span))
    first, last = zoom.begins(Resolution.WEEK, begins) // 7, zoom.begins(Resolution.WEEK, ends) // 7
    low = int(first.min())
    steps = np.zeros(int(last.max()) - low + 2, np.int64)
    np.add.at(steps, first - low, 1)
    np.add.at(steps, last - low + 1, -1)
    if np.count_nonzero(np.cumsum(steps)) <= most:
        return Fitted(Resolution.WEEK)
    return Fitted(Resolution.MONTH, months) if len(months) <= most else Fitted(Resolution.YEAR)


def _has_few_readings(track: Track, span: Span, days: Periods, most: int) -> bool:
    """Asks the summaries first: days that lie within the span, whatever offset was sent, count whole."""
    low_ms, high_ms = span.between
    first, last = -((low_ms + track.longest_ms) // -DAY_MS) + 1, high_ms // DAY_MS - 2
    if int(days.sums.n[(days.at >= first) & (days.at <= last)].sum()) > most:
        return False
    return raw_page.is_within(track, span.between, most)


def _few_hours(track: Track, span: Span, days: Periods, most: int) -> Periods | None:
    """The hours, where the summaries let hope for so few and there are so few."""
    low_ms, high_ms = hours.begins(span.between)
    if min(int(np.minimum(days.sums.n, _HOURS_A_DAY).sum()), (high_ms - low_ms) // HOUR_MS) > most:
        return None
    found = hours.rows(track, (low_ms, high_ms))
    return found if len(found) <= most else None
