"""Readings summed up in slices: the stretches into which hours of UTC and hours of local time cut each other.

A slice lies in one hour of UTC, one local hour and one local day, so that segments, hours and days are all made of
whole slices. With offsets of whole hours it is an hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from phr.clock import DAY_MS, HOUR_MS, MINUTE_MS
from phr.readings import sums
from phr.readings.columns import ABSENT, IntArray
from phr.readings.raw import Lane, Stretch
from phr.readings.sums import Index, Sums
from phr.vocabulary.metric import Density, Metric, Summary, ValueType
from phr.vocabulary.reading import DURATION

HOUR_MIN, DAY_MIN = 60, 1_440
LONGEST_SAMPLE_MS = 12 * HOUR_MS  # what counts up for longer is no sample, wherever it begins
_BATCH = 20_000  # readings summed up in one go
_OFFSETS = 4096  # more than there are minutes from UTC, east and west
_DENSE = (Density.SECOND, Density.MINUTE, Density.WAVEFORM)


@dataclass(frozen=True, slots=True)
class Slices:
    """In order of (device, begin, offset). ``who``: index of the device; ``begin``: minutes since 1970."""

    devices: tuple[str, ...]
    who: IntArray
    begin: IntArray
    offset: IntArray  # minutes from UTC
    is_total: IntArray  # 1: a device's own total of a day or of a part of it, which is no sample
    sums: Sums

    @property
    def day(self) -> IntArray:
        """The local day."""
        day: IntArray = (self.begin + self.offset) // DAY_MIN
        return day

    def part(self, index: Index) -> Slices:
        places = sums.places_of(index)
        who, begin, offset, is_total = (one[places] for one in (self.who, self.begin, self.offset, self.is_total))
        return Slices(self.devices, who, begin, offset, is_total, self.sums.part(places))


def is_dense(metric: Metric) -> bool:
    """True where hours have many readings: slices are kept, and one source counts for each hour, not for each day."""
    return metric.density in _DENSE


def has_totals(metric: Metric) -> bool:
    """True where a vendor may send sums of whole days beside the samples that they are sums of."""
    return metric.value_type is ValueType.INTERVAL and metric.summary is Summary.SUM and is_dense(metric)


def totals_among(metric: Metric, t: IntArray, offsets: IntArray, lengths: IntArray | None) -> IntArray:
    """1 for each reading that sums up a day, or a day so far: from midnight for over an hour, or over twelve."""
    if lengths is None or not has_totals(metric):
        return np.zeros(t.size, np.int64)
    is_from_midnight = (t + offsets * MINUTE_MS) % DAY_MS == 0
    is_total: IntArray = ((lengths > LONGEST_SAMPLE_MS) | (is_from_midnight & (lengths > HOUR_MS))).astype(np.int64)
    return is_total


def keys(instants: IntArray, offset: IntArray, is_total: IntArray) -> IntArray:
    """The slice of each reading, by the instant that names its day, in one number."""
    minute = instants // MINUTE_MS
    return key_of(
        np.maximum(minute // HOUR_MIN * HOUR_MIN, (minute + offset) // HOUR_MIN * HOUR_MIN - offset), offset, is_total
    )


def key_of(begin: IntArray, offset: IntArray, is_total: IntArray) -> IntArray:
    key: IntArray = (begin * _OFFSETS + offset + _OFFSETS // 2) * 2 + is_total
    return key


def of_stretches(stretches: Iterable[Stretch], lane: Lane) -> Slices:
    """Of any devices."""
    by_device: dict[str, list[_Keyed]] = defaultdict(list)
    for device, keyed in _batches(stretches, lane):
        by_device[device].append(keyed)
    return joined([_of_device(device, parts) for device, parts in sorted(by_device.items())])


def joined(parts: Sequence[Slices]) -> Slices:
    """Those of several devices; of one device's parts each slice must be whole."""
    kept = [part for part in parts if part.who.size]
    if not kept:
        empty = np.empty(0, np.int64)
        return Slices((), empty, empty, empty, empty, Sums(empty, {}))
    if len(kept) == 1:
        return kept[0]
    devices = tuple(sorted({device for part in kept for device in part.devices}))
    places = [np.array([devices.index(device) for device in part.devices], np.int64) for part in kept]
    whole = Slices(
        devices,
        np.concatenate([place[part.who] for place, part in zip(places, kept, strict=True)]),
        np.concatenate([part.begin for part in kept]),
        np.concatenate([part.offset for part in kept]),
        np.concatenate([part.is_total for part in kept]),
        sums.joined([part.sums for part in kept]),
    )
    return whole.part(np.lexsort((whole.offset, whole.begin, whole.who)))


@dataclass(frozen=True, slots=True)
class _Keyed:
    keys: IntArray  # begin, offset and whether it is a total, in one number
    sums: Sums


def _of_device(device: str, parts: list[_Keyed]) -> Slices:
    keys, found = sums.grouped(np.concatenate([one.keys for one in parts]), sums.joined([one.sums for one in parts]))
    rest = keys // 2
    offset = rest % _OFFSETS - _OFFSETS // 2
    return Slices((device,), np.zeros(keys.size, np.int64), rest // _OFFSETS, offset, keys % 2, found)


def _batches(stretches: Iterable[Stretch], lane: Lane) -> Iterator[tuple[str, _Keyed]]:
    waiting: dict[tuple[str, frozenset[str]], list[Stretch]] = defaultdict(list)
    sizes: dict[tuple[str, frozenset[str]], int] = defaultdict(int)
    for stretch in stretches:
        kind = stretch.device, frozenset(stretch.values)
        waiting[kind].append(stretch)
        sizes[kind] += stretch.t.size
        if sizes[kind] >= _BATCH:
            yield kind[0], _keyed(waiting.pop(kind), lane)
            sizes[kind] = 0
    for kind, found in waiting.items():
        yield kind[0], _keyed(found, lane)


def _keyed(stretches: list[Stretch], lane: Lane) -> _Keyed:
    """A row a reading, summed up at once."""
    offsets = [stretch.offsets(lane.offset_at) for stretch in stretches]
    is_total = np.concatenate(
        [
            totals_among(lane.metric, one.t, offset, one.values.get(DURATION))
            for one, offset in zip(stretches, offsets, strict=True)
        ]
    )
    offset, t = np.concatenate(offsets), np.concatenate([stretch.t for stretch in stretches])
    instants = np.concatenate([stretch.day_instants(lane.metric) for stretch in stretches])
    names = sorted(stretches[0].values.keys() - {DURATION})
    values = {name: np.concatenate([stretch.values[name] for stretch in stretches]) for name in names}
    has_last = lane.metric.summary is Summary.LAST
    single = Sums(np.ones(t.size, np.int64), {name: _rows(column, t, has_last) for name, column in values.items()})
    return _Keyed(*sums.grouped(keys(instants, offset, is_total), single))


def _rows(values: IntArray, t: IntArray, has_last: bool) -> IntArray:
    is_there = values != ABSENT
    count, value = is_there.astype(np.int64), np.where(is_there, values, 0)
    return np.stack((count, value, value, value, *((value, t) if has_last else ())))
