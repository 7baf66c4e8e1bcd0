"""What a stretch of readings is boiled down to: integers only, so that any order of adding gives the same numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from phr.readings.columns import ABSENT, IntArray
from phr.vocabulary.reading import DURATION


# Both are tuples because a lifetime is thousands of them, and a frozen dataclass takes four times as long to make.
class Column(NamedTuple):
    """One component's numbers: count, extremes, sum and the latest, all as stored integers."""

    n: int
    low: int
    high: int
    total: int
    last: int


class Stats(NamedTuple):
    """Of one source over one stretch of time. ``columns`` by component key, "" for plain numbers."""

    n: int
    last_ms: int
    columns: tuple[tuple[str, Column], ...]

    def to_doc(self) -> list[Any]:
        return [self.n, self.last_ms, [[k, c.n, c.low, c.high, c.total, c.last] for k, c in self.columns]]

    @classmethod
    def from_doc(cls, doc: list[Any]) -> Stats:
        return cls(doc[0], doc[1], tuple([(row[0], Column._make(row[1:])) for row in doc[2]]))


def of_arrays(t: IntArray, columns: dict[str, IntArray]) -> Stats:
    """Stats of readings in order of time; at least one."""
    found = []
    for name in sorted(columns.keys() - {DURATION}):
        values = columns[name]
        present = values[values != ABSENT]
        if present.size:
            numbers = int(present.size), int(present.min()), int(present.max()), int(present.sum()), int(present[-1])
            found.append((name, Column(*numbers)))
    return Stats(int(t.size), int(t[-1]), tuple(found))


def combined(parts: Iterable[Stats]) -> Stats | None:
    """Stats of several stretches together, None of none.

    The one that ends last has the last word; of two that end at the same instant (it was read twice, under two
    offsets), the one given later.
    """
    stretches = list(parts)
    if len(stretches) <= 1:
        return stretches[0] if stretches else None
    stretches.sort(key=lambda part: part.last_ms)
    by_name: dict[str, list[Column]] = {}
    for part in stretches:
        for name, column in part.columns:
            by_name.setdefault(name, []).append(column)
    columns = tuple((name, _joined(by_name[name])) for name in sorted(by_name))
    return Stats(sum(part.n for part in stretches), stretches[-1].last_ms, columns)


def _joined(columns: list[Column]) -> Column:
    return Column(
        sum(c.n for c in columns),
        min(c.low for c in columns),
        max(c.high for c in columns),
        sum(c.total for c in columns),
        columns[-1].last,
    )
