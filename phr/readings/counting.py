"""Which raw readings count in what is looked at (phr.readings.merging says by which rule)."""

from __future__ import annotations

import numpy as np

from phr.clock import DAY_MS, MINUTE_MS
from phr.readings import slices
from phr.readings.columns import ABSENT, IntArray
from phr.readings.merging import Bools
from phr.readings.raw_rows import Rows
from phr.readings.slices import has_totals, is_dense
from phr.readings.track import Track
from phr.readings.zoom import counted, of_days
from phr.vocabulary.reading import DURATION


def rows(track: Track, page: Rows) -> Bools | None:
    """Which readings of a page count; None where all of them do, whatever else there is."""
    metric = track.lane.metric
    if metric.merge_sources or not page.t.size or (_has_one_source(track, page) and not has_totals(metric)):
        return None
    lengths = page.values.get(DURATION)
    named = page.t if lengths is None or metric.day_of != "end" else page.t + np.where(lengths == ABSENT, 0, lengths)
    day = (named + page.offsets * MINUTE_MS) // DAY_MS
    first, last = int(day.min()), int(day.max())
    if not is_dense(metric):
        found = of_days(track, first, last)
        numbers = {device: number for number, device in enumerate({group[0] for group in found.groups})}
        winner = np.array([numbers[group[0]] for group in found.groups], np.int64)[found.who]
        who = np.array([numbers.get(one.device, -1) for one in page.origins], np.int64)[page.origin]
        is_first: Bools = who == winner[np.searchsorted(found.at, day)]
        return is_first
    kept = counted(track, first, last, track.dirty(first, last))
    is_total = slices.totals_among(metric, page.t, page.offsets, lengths)
    mine = slices.keys(named, page.offsets, is_total)
    is_counted = np.zeros(page.t.size, bool)
    keys = slices.key_of(kept.begin, kept.offset, kept.is_total)
    for number, device in enumerate(kept.devices):
        own = np.array([one.device == device for one in page.origins], bool)[page.origin]
        is_counted[own] = _among(np.sort(keys[kept.who == number]), mine[own])
    return is_counted


def _among(ordered: IntArray, wanted: IntArray) -> Bools:
    """Which of the wanted are there; a third of the time of ``np.isin``, which sorts both."""
    if not ordered.size:
        return np.zeros(wanted.size, bool)
    place = np.minimum(np.searchsorted(ordered, wanted), ordered.size - 1)
    found: Bools = ordered[place] == wanted
    return found


def _has_one_source(track: Track, page: Rows) -> bool:
    """The one that was asked for, or the only one; a second one may have come since they were counted.

    An hour of a dense metric lies in one bucket of each source, and the page comes from all that there are: where those
    are of one device, nobody else has anything in its hours. What counts where it ends may come from a bucket before.
    """
    if track.source is not None:
        return True
    if len({one.device for one in page.origins}) > 1:
        return False
    metric = track.lane.metric
    return (is_dense(metric) and metric.day_of != "end") or track.ranking.is_alone
