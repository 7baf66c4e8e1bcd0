"""A page of raw readings of all sources, in order of (t, device, seq)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from phr.readings.columns import ABSENT, IntArray
from phr.readings.raw import Between, Lane, Stretch, find_buckets, read, stretches
from phr.readings.track import Part, Place, Track


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings in columns of equal length; ``stretches[origin[i]]`` is where reading i comes from."""

    t: IntArray
    offsets: IntArray
    seq: IntArray
    values: dict[str, IntArray]
    origin: IntArray
    run: IntArray
    extras: dict[int, dict[str, Any]]  # by index; keys on disk (phr.readings.chunk.EXTRA_KEYS)
    stretches: list[Stretch]

    def device(self, index: int) -> str:
        return self.stretches[int(self.origin[index])].device

    def unit(self, index: int) -> str | None:
        """The code of the unit as sent."""
        code: str | None = self.stretches[int(self.origin[index])].runs[int(self.run[index])][1]
        return code

    def timing(self, index: int) -> tuple[int, bool]:
        """What was added to the time that the device stated, and whether the reading came late."""
        run = self.stretches[int(self.origin[index])].runs[int(self.run[index])]
        return (int(run[6]), bool(run[7])) if len(run) > 6 else (0, False)

    def place(self, index: int) -> Place:
        return Place(int(self.t[index]), self.device(index), int(self.seq[index]))


def page(track: Track, part: Part) -> tuple[Rows, bool]:
    """A part of the readings that begin within the span, and whether there are more."""
    assert part.after is None or isinstance(part.after, Place)
    taken: list[Stretch] = []
    size = 0
    for group in _in_order(track, part.span.between, part.after):
        taken += group
        size += sum(one.t.size for one in group)
        if size > part.limit:
            break
    return _joined(track.lane, taken, part.limit), size > part.limit


def groups(track: Track, between: Between) -> Iterator[Rows]:
    """All of the readings within, a span at a time, in order."""
    for taken in _in_order(track, between, None):
        yield _joined(track.lane, taken, sum(one.t.size for one in taken))


def is_within(track: Track, between: Between, most: int) -> bool:
    """True where there are at most so many readings; stops counting when there are more."""
    size = 0
    for part in read(track.lane, between, track.source):
        size += part.t.size
        if size > most:
            return False
    return True


def _in_order(track: Track, between: Between, after: Place | None) -> Iterator[list[Stretch]]:
    """What lies in the buckets of one start, start by start: nothing in a group is later than the next one begins."""
    low_ms, high_ms = between
    if after is not None:
        low_ms = max(low_ms, after.t_ms)
    if low_ms >= high_ms:
        return
    buckets = find_buckets(track.lane, (low_ms, high_ms), track.source)
    for _, documents in groupby(buckets, key=lambda document: document["_id"].split(":", 3)[2]):
        wholes = (whole for document in documents for whole in stretches(document, track.lane.metric))
        if found := [part for whole in wholes if (part := _cut(whole, (low_ms, high_ms), after))]:
            yield found


def _cut(whole: Stretch, between: Between, after: Place | None) -> Stretch | None:
    part = whole.cut(*between)
    if part is None or after is None or part.t[0] > after.t_ms or part.device > after.device:
        return part
    same = int(np.searchsorted(part.t, after.t_ms, "right"))  # readings at the very instant of the place
    if part.device == after.device:
        seq = np.zeros(same, np.int64) if part.seq is None else part.seq[:same]
        same = int((seq <= after.seq).sum())
    return part.part(same, part.t.size)


def _joined(lane: Lane, taken: list[Stretch], limit: int) -> Rows:
    sizes = [part.t.size for part in taken]
    starts = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    origin = np.repeat(np.arange(len(taken), dtype=np.int64), sizes)
    t = _whole([part.t for part in taken])
    seq = _whole([_or_zeros(part.seq, part) for part in taken])
    order = _order(taken, t, seq, origin)[:limit]
    names = sorted({name for part in taken for name in part.values})
    return Rows(
        t[order],
        _whole([part.offsets(lane.offset_at) for part in taken])[order],
        seq[order],
        {name: _whole([_or_absent(part, name) for part in taken])[order] for name in names},
        origin[order],
        _whole([_or_zeros(part.run, part) for part in taken])[order],
        _extras(taken, starts, order),
        taken,
    )


def _order(taken: list[Stretch], t: IntArray, seq: IntArray, origin: IntArray) -> IntArray:
    devices = sorted({part.device for part in taken})
    if len(devices) <= 1:
        return np.arange(t.size, dtype=np.int64)
    rank = np.array([devices.index(part.device) for part in taken], np.int64)
    return np.lexsort((seq, rank[origin], t))


def _extras(taken: list[Stretch], starts: IntArray, order: IntArray) -> dict[int, dict[str, Any]]:
    found = {int(starts[n]) + int(index): extra for n, part in enumerate(taken) for index, extra in part.extras.items()}
    if not found:
        return {}
    return {new: found[old] for new, old in enumerate(order.tolist()) if old in found}


def _whole(parts: list[IntArray]) -> IntArray:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _or_zeros(column: IntArray | None, part: Stretch) -> IntArray:
    return np.zeros(part.t.size, np.int64) if column is None else column


def _or_absent(part: Stretch, name: str) -> IntArray:
    return part.values[name] if name in part.values else np.full(part.t.size, ABSENT, np.int64)
