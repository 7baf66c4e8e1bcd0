"""What many stretches of readings are boiled down to, in columns: integers, so that any order of adding is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phr.readings.columns import ABSENT, IntArray
from phr.readings.stats import Column, Stats

# The rows of a component; LAST and LAST_MS are there only where a metric is summed up by its latest value.
COUNT, LOW, HIGH, TOTAL, LAST, LAST_MS = range(6)
_FARTHEST = np.iinfo(np.int64)

Index = IntArray | npt.NDArray[np.bool_] | slice


@dataclass(frozen=True, slots=True)
class Sums:
    """``n``: readings of each stretch. ``columns``: by component key ("" for plain numbers) an array with the rows
    above; where COUNT is zero the others mean nothing.
    """

    n: IntArray
    columns: dict[str, IntArray]

    def part(self, index: Index) -> Sums:
        places = places_of(index)
        if isinstance(places, slice):
            return Sums(self.n[places], {key: rows[:, places] for key, rows in self.columns.items()})
        return Sums(self.n.take(places), {key: rows.take(places, axis=1) for key, rows in self.columns.items()})

    def stats(self, index: int) -> Stats:
        """Of one stretch, as Stats; when the latest was is known only where a metric is summed up by it."""
        found = []
        for key, rows in self.columns.items():
            count, low, high, total, *latest = rows[:, index].tolist()
            if count:
                found.append((key, Column(count, low, high, total, latest[0] if latest else ABSENT)))
        return Stats(int(self.n[index]), ABSENT, tuple(found))


def places_of(index: Index) -> IntArray | slice:
    """A mask as the places that it marks: they are taken at a quarter of its price."""
    if isinstance(index, slice):
        return index
    return np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64, copy=False)


def joined(parts: Sequence[Sums]) -> Sums:
    """One after the other; at least one."""
    if len(parts) == 1:
        return parts[0]
    keys = {key: rows.shape[0] for part in parts for key, rows in part.columns.items()}
    return Sums(
        np.concatenate([part.n for part in parts]),
        {key: np.concatenate([_rows(part, key, keys[key]) for part in parts], axis=1) for key in sorted(keys)},
    )


def grouped(keys: IntArray, sums: Sums) -> tuple[IntArray, Sums]:
    """The distinct keys in order, and the sums of all stretches with each."""
    if not keys.size:
        return keys, sums
    order = None if (keys[1:] >= keys[:-1]).all() else np.argsort(keys, kind="stable")
    if order is not None:
        keys, sums = keys[order], sums.part(order)
    starts = starts_of(keys)
    if starts.size == keys.size:
        return keys, sums
    columns = {key: _together(rows, starts) for key, rows in sums.columns.items()}
    return keys[starts], Sums(np.add.reduceat(sums.n, starts), columns)


def starts_of(keys: IntArray) -> IntArray:
    """The index at which each run of equal keys begins."""
    return np.flatnonzero(np.concatenate((np.ones(min(1, keys.size), bool), keys[1:] != keys[:-1])))


def _rows(part: Sums, key: str, height: int) -> IntArray:
    return part.columns[key] if key in part.columns else np.zeros((height, part.n.size), np.int64)


def _together(rows: IntArray, starts: IntArray) -> IntArray:
    absent = rows[COUNT] == 0
    found = np.zeros((rows.shape[0], starts.size), np.int64)
    found[COUNT] = np.add.reduceat(rows[COUNT], starts)
    found[LOW] = np.minimum.reduceat(np.where(absent, _FARTHEST.max, rows[LOW]), starts)
    found[HIGH] = np.maximum.reduceat(np.where(absent, _FARTHEST.min, rows[HIGH]), starts)
    found[TOTAL] = np.add.reduceat(np.where(absent, 0, rows[TOTAL]), starts)
    if rows.shape[0] > LAST:
        at = np.where(absent, _FARTHEST.min, rows[LAST_MS])
        group = np.repeat(np.arange(starts.size), np.diff(starts, append=absent.size))
        latest = np.lexsort((at, group))[np.append(starts[1:], absent.size) - 1]  # of equals the one given later
        found[LAST], found[LAST_MS] = rows[LAST][latest], rows[LAST_MS][latest]
    found[1:, found[COUNT] == 0] = 0
    return found
