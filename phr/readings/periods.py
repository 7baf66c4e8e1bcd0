"""Rows of a series in columns: local days, weeks, months, years, or hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phr.readings import sums
from phr.readings.columns import IntArray
from phr.readings.sums import Index, Sums

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Periods:
    """In order of (at, offset). ``offset`` None: ``at`` numbers a period's first local day; else it is the instant at
    which an hour begins on a clock with that offset. ``covered``: hours of it with readings where a metric is dense,
    else days. ``groups[who[i]]``: the devices that were counted, in order of their names.
    """

    at: IntArray
    offset: IntArray | None
    sums: Sums
    covered: IntArray
    who: IntArray
    groups: tuple[Group, ...]

    def __len__(self) -> int:
        return int(self.at.size)

    def part(self, index: Index) -> Periods:
        if isinstance(index, np.ndarray) and index.dtype == bool and index.all():
            return self
        places = sums.places_of(index)
        offset = None if self.offset is None else self.offset[places]
        at, covered, who = self.at[places], self.covered[places], self.who[places]
        return Periods(at, offset, self.sums.part(places), covered, who, self.groups)

    def place(self, index: int) -> tuple[int, int]:
        return int(self.at[index]), 0 if self.offset is None else int(self.offset[index])


def nothing() -> Periods:
    empty = np.empty(0, np.int64)
    return Periods(empty, None, Sums(empty, {}), empty, empty, ())


def joined(parts: Sequence[Periods]) -> Periods:
    """One after the other; in order where they are."""
    kept = [part for part in parts if len(part)]
    if len(kept) <= 1:
        return kept[0] if kept else nothing()
    groups = tuple(dict.fromkeys(group for part in kept for group in part.groups))
    place = {group: number for number, group in enumerate(groups)}
    whos = [np.array([place[group] for group in part.groups], np.int64)[part.who] for part in kept]
    offsets = [part.offset for part in kept if part.offset is not None]
    return Periods(
        np.concatenate([part.at for part in kept]),
        np.concatenate(offsets) if offsets else None,
        sums.joined([part.sums for part in kept]),
        np.concatenate([part.covered for part in kept]),
        np.concatenate(whos),
        groups,
    )


def in_order(periods: Periods) -> Periods:
    if (periods.at[1:] >= periods.at[:-1]).all():
        return periods
    return periods.part(np.argsort(periods.at, kind="stable"))


def together(at: IntArray, parts: Periods) -> Periods:
    """Days put together into the longer periods that begin ``at``, a number for each, not decreasing."""
    if not len(parts):
        return parts
    begins, whole = sums.grouped(at, parts.sums)
    starts = sums.starts_of(at)
    who, groups = joined_groups(parts.who, parts.groups, starts)
    return Periods(begins, None, whole, np.add.reduceat(parts.covered, starts), who, groups)


def month_starts(days: IntArray) -> IntArray:
    """The first day of the calendar month of each day."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def year_starts(days: IntArray) -> IntArray:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)


def joined_groups(who: IntArray, groups: Sequence[Group], starts: IntArray) -> tuple[IntArray, tuple[Group, ...]]:
    """The groups of stretches of rows, each with all the devices that its rows have."""
    low, high = np.minimum.reduceat(who, starts), np.maximum.reduceat(who, starts)
    place = {group: number for number, group in enumerate(groups)}
    ends = np.append(starts[1:], who.size)
    for index in np.flatnonzero(low != high).tolist():
        found = {device for one in np.unique(who[starts[index] : ends[index]]).tolist() for device in groups[one]}
        low[index] = place.setdefault(tuple(sorted(found)), len(place))
    return low, tuple(place)
