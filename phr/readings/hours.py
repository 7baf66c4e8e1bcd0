"""Readings by local hour, from the raw ones: an hour that the clocks repeat is two rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from phr.readings.columns import ABSENT, IntArray
from phr.readings.raw import Between, Stretch, read
from phr.readings.spans import DAY_MS, HOUR_MS
from phr.readings.stats import Column, Stats, combined
from phr.readings.track import Part, Row, Track
from phr.readings.zoom import of_days
from phr.vocabulary.reading import DURATION

_LONGEST_STRIDE_MS = 1_000 * DAY_MS
_BATCH = 20_000  # readings summed up in one go
_OFFSETS = 4096  # more than there are minutes from UTC, east and west


def begins(between: Between) -> Between:
    """From when to when an hour begins that overlaps a span."""
    return between[0] - HOUR_MS + 1, between[1]


def page(track: Track, part: Part) -> list[Row]:
    """A part of the hours that overlap the span, each of them whole; more than the limit where there are more."""
    low_ms, high_ms = begins(part.span.between)
    if part.after is not None:
        low_ms = max(low_ms, part.after[0])
    width_ms = (part.limit // 24 + 2) * DAY_MS
    found: list[Row] = []
    while low_ms < high_ms and len(found) <= part.limit:
        until_ms = min(low_ms + width_ms, high_ms)
        found += [row for row in rows(track, (low_ms, until_ms)) if part.after is None or row.place > part.after]
        low_ms, width_ms = until_ms, min(2 * width_ms, _LONGEST_STRIDE_MS)
    return found


def rows(track: Track, begin_within: Between) -> list[Row]:
    """The hours with readings that begin between two instants, in order of (beginning, offset).

    Where one source a day counts, it is the one that ``phr.readings.zoom.of_days`` counts.
    """
    low_ms, high_ms = begin_within
    winners = None if track.is_merged else _winners(track, begin_within)
    parts: dict[int, dict[str, list[Stats]]] = defaultdict(lambda: defaultdict(list))
    for device, keys, stretch_t, values in _keyed(track, begin_within):
        chosen = _is_within(keys, low_ms, high_ms)
        if winners is not None:
            chosen &= np.isin(_day(keys), winners.get(device, ()))
        if chosen.any():
            columns = {name: column[chosen] for name, column in values.items()}
            for key, stats in _summed(keys[chosen], stretch_t[chosen], columns):
                parts[key][device].append(stats)
    return [_row(key, by_device) for key, by_device in sorted(parts.items())]


def _winners(track: Track, begin_within: Between) -> dict[str, list[int]]:
    """The days that each source is counted on."""
    low_ms, high_ms = begin_within
    found: dict[str, list[int]] = defaultdict(list)
    for row in of_days(track, low_ms // DAY_MS - 1, high_ms // DAY_MS + 1):
        found[row.devices[0]].append(row.at)
    return found


def _keyed(track: Track, begin_within: Between) -> Iterator[tuple[str, IntArray, IntArray, dict[str, IntArray]]]:
    """(device, key of each reading's hour, t, values), in batches; the key is the hour's beginning and its offset."""
    between = begin_within[0] - track.longest_ms, begin_within[1] + HOUR_MS
    waiting: dict[tuple[str, frozenset[str]], list[Stretch]] = defaultdict(list)
    sizes: dict[tuple[str, frozenset[str]], int] = defaultdict(int)
    for stretch in read(track.lane, between, track.source):
        kind = stretch.device, frozenset(stretch.values)
        waiting[kind].append(stretch)
        sizes[kind] += stretch.t.size
        if sizes[kind] >= _BATCH:
            yield _batch(track, kind[0], waiting.pop(kind))
            sizes[kind] = 0
    for kind, stretches in waiting.items():
        yield _batch(track, kind[0], stretches)


def _batch(track: Track, device: str, stretches: list[Stretch]) -> tuple[str, IntArray, IntArray, dict[str, IntArray]]:
    lane = track.lane
    instants = np.concatenate([stretch.day_instants(lane.metric) for stretch in stretches])
    offsets = np.concatenate([stretch.offsets(lane.offset_at) for stretch in stretches])
    shift = offsets * 60_000
    begin = (instants + shift) // HOUR_MS * HOUR_MS - shift
    names = stretches[0].values.keys() - {DURATION}
    values = {name: np.concatenate([stretch.values[name] for stretch in stretches]) for name in names}
    t = np.concatenate([stretch.t for stretch in stretches])
    return device, begin * _OFFSETS + offsets + _OFFSETS // 2, t, values


def _is_within(keys: IntArray, low_ms: int, high_ms: int) -> npt.NDArray[np.bool_]:
    begin = keys // _OFFSETS
    return (begin >= low_ms) & (begin < high_ms)


def _day(keys: IntArray) -> IntArray:
    offsets = keys % _OFFSETS - _OFFSETS // 2
    day: IntArray = (keys // _OFFSETS + offsets * 60_000) // DAY_MS
    return day


def _summed(keys: IntArray, t: IntArray, columns: dict[str, IntArray]) -> Iterator[tuple[int, Stats]]:
    """Stats by key; readings come in order of time and stay so within a key."""
    order = np.argsort(keys, kind="stable")
    keys, t = keys[order], t[order]
    starts = _starts(keys)
    counts = np.diff(starts, append=keys.size).tolist()
    last_ms = np.maximum.reduceat(t, starts).tolist()
    found: dict[int, list[tuple[str, Column]]] = defaultdict(list)
    for name in sorted(columns):
        values = columns[name][order]
        for key, column in _columns(keys, values):
            found[key].append((name, column))
    for key, n, last in zip(keys[starts].tolist(), counts, last_ms, strict=True):
        yield key, Stats(n, last, tuple(found.get(key, ())))


def _columns(keys: IntArray, values: IntArray) -> Iterator[tuple[int, Column]]:
    present = values != ABSENT
    keys, values = keys[present], values[present]
    if not keys.size:
        return
    starts = _starts(keys)
    ends = np.append(starts[1:], keys.size)
    numbers = (
        ends - starts,
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
        np.add.reduceat(values, starts),
        values[ends - 1],
    )
    for key, *row in zip(keys[starts].tolist(), *(column.tolist() for column in numbers), strict=True):
        yield key, Column(*row)


def _starts(keys: IntArray) -> IntArray:
    """The index at which each run of equal keys begins; at least one key."""
    return np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))


def _row(key: int, by_device: dict[str, list[Stats]]) -> Row:
    devices = tuple(sorted(by_device))
    whole = combined(stats for device in devices for stats in by_device[device])
    assert whole is not None
    return Row(key // _OFFSETS, key % _OFFSETS - _OFFSETS // 2, whole.to_doc(), devices)
