"""A page of raw readings of all sources, in order of (t, device, seq)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from phr.database import Document
from phr.readings import kept_rows
from phr.readings.raw import Between, find_buckets, read
from phr.readings.raw_rows import Origin, Rows, joined, of_buckets
from phr.readings.track import Part, Place, Track

__all__ = ["Origin", "Rows", "groups", "is_within", "page"]


def page(track: Track, part: Part) -> tuple[Rows, bool]:
    """A part of the readings that begin within the span, and whether there are more."""
    assert part.after is None or isinstance(part.after, Place)
    found: list[Rows] = []
    size = 0
    for rows in _by_blocks(track, part.span.between, part.after, part.limit + 1):
        found.append(rows)
        size += rows.t.size
        if size > part.limit:
            break
    whole = joined(found)
    has_more = size > part.limit
    return whole.part(np.arange(part.limit, dtype=np.int64)) if has_more else whole, has_more


def groups(track: Track, between: Between) -> Iterator[Rows]:
    """All of the readings within, a span at a time, in order."""
    return _in_order(track, between, None, at_once=1)


def is_within(track: Track, between: Between, most: int) -> bool:
    """True where there are at most so many readings; stops counting when there are more."""
    size = 0
    for part in read(track.lane, between, track.source):
        size += part.t.size
        if size > most:
            return False
    return True


def _by_blocks(track: Track, between: Between, after: Place | None, at_once: int) -> Iterator[Rows]:
    """As ``_in_order``; of a long span what is kept as one piece is taken from there."""
    low_ms, high_ms = between
    if after is not None:
        low_ms = max(low_ms, after.t_ms)
    if low_ms >= high_ms or not kept_rows.is_worth_it(track.lane.metric, (low_ms, high_ms)):
        yield from _in_order(track, between, after, at_once)
        return
    for block in kept_rows.blocks(track, (low_ms, high_ms)):
        if isinstance(block, Rows):
            yield from _cut(block, (low_ms, high_ms), after)
        else:
            yield from _in_order(track, block, after, at_once)


def _in_order(track: Track, between: Between, after: Place | None, at_once: int) -> Iterator[Rows]:
    """The readings of buckets with about ``at_once`` of them, and so on.

    What lies in the buckets of one start stays together: nothing in them is later than the next ones begin.
    """
    low_ms, high_ms = between
    if after is not None:
        low_ms = max(low_ms, after.t_ms)
    if low_ms >= high_ms:
        return
    taken: list[Document] = []
    size = 0
    buckets = find_buckets(track.lane, (low_ms, high_ms), track.source)
    for _, documents in groupby(buckets, key=lambda document: document["_id"].split(":", 3)[2]):
        for document in documents:
            taken.append(document)
            size += sum(chunk["n"] for chunk in document["c"].values())
        if size >= at_once:
            yield from _cut(of_buckets(track.lane, taken), (low_ms, high_ms), after)
            taken, size = [], 0
    yield from _cut(of_buckets(track.lane, taken), (low_ms, high_ms), after)


def _cut(rows: Rows, between: Between, after: Place | None) -> Iterator[Rows]:
    """Those within, after the place, in order; nothing where there are none."""
    kept = (rows.t >= between[0]) & (rows.t < between[1])
    if after is not None:
        is_of = np.array([one.device == after.device for one in rows.origins], bool)[rows.origin]
        is_behind = np.array([one.device > after.device for one in rows.origins], bool)[rows.origin]
        kept &= (rows.t > after.t_ms) | is_behind | (is_of & (rows.seq > after.seq))
    has_one = len({one.device for one in rows.origins}) <= 1
    if has_one and kept.all():
        if rows.t.size:
            yield rows
        return
    index = np.flatnonzero(kept)
    if not has_one:  # buckets of one start are in order of their devices
        index = index[np.argsort(rows.t[index], kind="stable")]
    if index.size:
        yield rows.part(index)
