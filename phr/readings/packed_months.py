"""Months of stats as columns of integers: a lifetime of them is read and shown without an object for each.

A year document keeps them as {"of": component keys in order, "c": rows of little-endian int64}. A row is a month with
readings: its name, n, last_ms, and of each component n, low, high, total and last, n = 0 where it has none of it. The
name is its number in a year document and its first day everywhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from phr.database import Document
from phr.readings.columns import IntArray
from phr.readings.stats import Column, Stats

HEAD, WIDTH = 3, len(Column._fields)
_NOTHING = Column(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Months:
    """Of any number of sources. ``numbers``: (months, 3 + 5 x keys), as above; ``device``: the index in ``names``."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    device: IntArray
    numbers: IntArray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, part: slice | npt.NDArray[np.bool_]) -> Months:
        return Months(self.keys, self.names, self.device[part], self.numbers[part])

    @property
    def devices(self) -> list[str]:
        return [self.names[index] for index in self.device.tolist()]

    def docs(self) -> list[tuple[int, str, list[Any]]]:
        """(month, device, Stats.to_doc) of each row."""
        pairs = zip(self.devices, self.numbers.tolist(), strict=True)
        return [(row[0], device, _doc(self.keys, row)) for device, row in pairs]

    def of_component(self, key: str) -> IntArray | None:
        """(months, 5): the numbers of a component; None where no month has any."""
        if key not in self.keys:
            return None
        at = HEAD + WIDTH * self.keys.index(key)
        return self.numbers[:, at : at + WIDTH]


def pack(months: Mapping[int, Stats]) -> Document:
    """By number of the month, 1 to 12."""
    keys = _keys(months.values())
    return {"of": list(keys), "c": _rows(keys, sorted(months.items())).astype("<i8").tobytes()}


def unpack(packed: Document) -> dict[int, Stats]:
    """What was packed."""
    keys = tuple(packed["of"])
    rows = np.frombuffer(packed["c"], "<i8").reshape(-1, HEAD + WIDTH * len(keys)).tolist()
    return {row[0]: Stats.from_doc(_doc(keys, row)) for row in rows}


NO_MONTHS = Months((), (), np.zeros(0, np.int64), np.zeros((0, HEAD), np.int64))


class Year(NamedTuple):
    """A packed year. ``starts``: the first day of each month from January on."""

    device: str
    starts: Sequence[int]
    packed: Document


def joined(years: Sequence[Year], others: Mapping[tuple[int, str], Stats | None]) -> Months:
    """Packed years and, in place of what they say of them, further months by (first day, device); None: has nothing.

    In order of day, then device.
    """
    extra = [(day, device, stats) for (day, device), stats in others.items() if stats]
    keys = tuple(sorted({key for year in years for key in year.packed["of"]}.union(_keys(one[2] for one in extra))))
    names = tuple(sorted({year.device for year in years} | {one[1] for one in extra}))
    by_keys: dict[tuple[str, ...], list[Year]] = defaultdict(list)
    for year in years:
        by_keys[tuple(year.packed["of"])].append(year)
    blocks = [_block(alike, has, keys, names) for has, alike in by_keys.items()]
    blocks.append((NO_MONTHS.device, _rows(keys, [])))
    device, numbers = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    if others:
        rows = zip(numbers[:, 0].tolist(), device.tolist(), strict=True)
        kept = [(day, names[index]) not in others for day, index in rows]
        device = np.concatenate([device[kept], np.array([names.index(one[1]) for one in extra], np.int64)])
        numbers = np.concatenate([numbers[kept], _rows(keys, [(one[0], one[2]) for one in extra])])
    order = np.lexsort((device, numbers[:, 0]))
    return Months(keys, names, device[order], numbers[order])


def _block(
    years: list[Year], has: tuple[str, ...], keys: tuple[str, ...], names: tuple[str, ...]
) -> tuple[IntArray, IntArray]:
    """Device and numbers of the rows of years that have the same components."""
    width = HEAD + WIDTH * len(has)
    found = np.frombuffer(b"".join([year.packed["c"] for year in years]), "<i8").reshape(-1, width)
    counts = [len(year.packed["c"]) // (8 * width) for year in years]
    numbers = np.zeros((len(found), HEAD + WIDTH * len(keys)), np.int64)
    starts = np.array([year.starts for year in years], np.int64)
    numbers[:, 0] = starts[np.repeat(np.arange(len(years)), counts), found[:, 0] - 1]
    numbers[:, 1:HEAD] = found[:, 1:HEAD]
    for index, key in enumerate(has):
        source, target = HEAD + WIDTH * index, HEAD + WIDTH * keys.index(key)
        numbers[:, target : target + WIDTH] = found[:, source : source + WIDTH]
    return np.repeat(np.array([names.index(year.device) for year in years], np.int64), counts), numbers


def _rows(keys: tuple[str, ...], months: Iterable[tuple[int, Stats]]) -> IntArray:
    rows = []
    for month, stats in months:
        columns = dict(stats.columns)
        numbers = [number for key in keys for number in columns.get(key, _NOTHING)]
        rows.append([month, stats.n, stats.last_ms, *numbers])
    return np.array(rows, np.int64).reshape(-1, HEAD + WIDTH * len(keys))


def _keys(of: Iterable[Stats]) -> tuple[str, ...]:
    return tuple(sorted({key for stats in of for key, _ in stats.columns}))


def _doc(keys: Sequence[str], row: list[int]) -> list[Any]:
    places = enumerate(range(HEAD, len(row), WIDTH))
    return [row[1], row[2], [[keys[index], *row[at : at + WIDTH]] for index, at in places if row[at]]]
