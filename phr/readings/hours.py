"""Readings by local hour: an hour that the clocks repeat is two rows."""

from __future__ import annotations

import numpy as np

from phr.clock import DAY_MS, HOUR_MS
from phr.readings import merging, periods, raw, slices
from phr.readings.periods import Periods
from phr.readings.raw import Between
from phr.readings.slices import Slices, is_dense
from phr.readings.summaries import window
from phr.readings.track import Part, Track
from phr.readings.zoom import counted

_LONGEST_STRIDE_MS = 1_000 * DAY_MS


def begins(between: Between) -> Between:
    """From when to when an hour begins that overlaps a span."""
    return between[0] - HOUR_MS + 1, between[1]


def page(track: Track, part: Part) -> Periods:
    """A part of the hours that overlap the span, each of them whole; more than the limit where there are more."""
    low_ms, high_ms = begins(part.span.between)
    if part.after is not None:
        low_ms = max(low_ms, part.after[0])
    width_ms = (part.limit // 24 + 2) * DAY_MS
    found: list[Periods] = []
    while low_ms < high_ms and sum(map(len, found)) <= part.limit:
        until_ms = min(low_ms + width_ms, high_ms)
        found.append(_after(rows(track, (low_ms, until_ms)), part))
        low_ms, width_ms = until_ms, min(2 * width_ms, _LONGEST_STRIDE_MS)
    return periods.joined(found)


def rows(track: Track, begin_within: Between) -> Periods:
    """The hours with readings that begin between two instants, in order of (beginning, offset)."""
    low_ms, high_ms = begin_within
    if low_ms >= high_ms:
        return periods.nothing()
    first, last = low_ms // DAY_MS - 1, (high_ms + HOUR_MS) // DAY_MS + 1  # no offset is a day long
    found = merging.hours(track.lane.metric, _counted(track, first, last))
    return found.part((found.at >= low_ms) & (found.at < high_ms))


def _counted(track: Track, first: int, last: int) -> Slices:
    metric = track.lane.metric
    if is_dense(metric):
        return counted(track, first, last, track.dirty(first, last))
    whole = slices.of_stretches(raw.read(track.lane, window(metric, first, last), track.source), track.lane)
    days = whole.part((whole.day >= first) & (whole.day <= last))  # those at the ends may be cut
    return days.part(merging.chosen(metric, days, track.ranking))


def _after(found: Periods, part: Part) -> Periods:
    if part.after is None or not len(found):
        return found
    assert found.offset is not None
    at, offset = part.after[0], part.after[1]
    assert isinstance(offset, int)
    return found.part((found.at > at) | ((found.at == at) & (found.offset > np.int64(offset))))
