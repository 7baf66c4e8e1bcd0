"""What went with reading: how often somebody measured and what came of it, four weeks before and after. Pure.

It is an association and no effect: who reads is not who does not, a season passes, a doctor changes a medicine, and who
was far out of their usual comes back to it without any reading. Every answer says so (``NOTE``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from phr.vocabulary.metrics import vocabulary

DAYS = 28
# Our own choice: the smallest group that anything is said of, and what counts are rounded to.
LEAST, ROUND = 20, 5
AGES: tuple[tuple[str, int, int], ...] = (("under-45", 0, 44), ("45-64", 45, 64), ("65-and-more", 65, 200))
UNKNOWN_AGE = "unknown"
NOTE = {
    "zh": "这里只是把阅读前后四周放在一起比较，说明不了文章起了作用："
    "季节、换药、原本偏离较多的数值自己回落，都会让前后不同。",
    "en": "This sets four weeks before and after reading side by side. It does not say that the article did it: a "
    "season, another medicine, or values that were far out and come back by themselves make a difference, too.",
}


@dataclass(frozen=True, slots=True)
class Day:
    """A local day (since 1970-01-01) with readings: how many, and what sums it up by component, canonical."""

    number: int
    readings: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Span:
    """Days with readings of four weeks, and the mean of their days, each day weighing the same."""

    days: int
    readings: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Counted:
    """One person who read about a topic, and one metric of what they read."""

    topic: str
    metric: str
    age: str
    before: Span
    after: Span


@dataclass(frozen=True, slots=True)
class Cell:
    """``people``: rounded; ``measured_in_both``: those with readings in both spans, None (and no values) where too few.

    ``days``, ``values``: means before and after.
    """

    topic: str
    metric: str
    age: str
    people: int
    days: tuple[float, float]
    measured_in_both: int | None
    values: Mapping[str, tuple[float, float]]


def spans(days: Iterable[Day], read_day: int) -> tuple[Span, Span]:
    """The 28 days before the day of reading and the 28 after it; that day itself is in neither."""
    known = list(days)
    before = [one for one in known if read_day - DAYS <= one.number < read_day]
    after = [one for one in known if read_day < one.number <= read_day + DAYS]
    return _span(before), _span(after)


def age_group(age: int | None) -> str:
    return next((name for name, low, high in AGES if age is not None and low <= age <= high), UNKNOWN_AGE)


def cells(found: Iterable[Counted]) -> list[Cell]:
    """One for each topic, metric and group of ages with 20 people or more, in order.

    The groups do not overlap and nothing is said of all of them together, so that no cell is another one less somebody.
    """
    by_group: dict[tuple[str, str, str], list[Counted]] = defaultdict(list)
    for one in found:
        by_group[one.topic, one.metric, one.age].append(one)
    return [_cell(key, some) for key, some in sorted(by_group.items()) if len(some) >= LEAST]


def _cell(key: tuple[str, str, str], some: Sequence[Counted]) -> Cell:
    both = [one for one in some if one.before.days and one.after.days]
    is_enough = len(both) >= LEAST
    return Cell(
        *key,
        people=_rounded(len(some)),
        days=(round(fmean(one.before.days for one in some), 1), round(fmean(one.after.days for one in some), 1)),
        measured_in_both=_rounded(len(both)) if is_enough else None,
        values=_values(key[1], both) if is_enough else {},
    )


def _values(metric: str, both: Sequence[Counted]) -> dict[str, tuple[float, float]]:
    """By component, where enough have it in both; as exact as the metric is shown."""
    decimals = vocabulary().metrics[metric].decimals
    found = {}
    for name in sorted({name for one in both for name in one.before.values}):
        there = [(one.before.values[name], one.after.values[name]) for one in both if _has(one, name)]
        if len(there) >= LEAST:
            before, after = zip(*there, strict=True)
            found[name] = (round(fmean(before), decimals), round(fmean(after), decimals))
    return found


def _has(one: Counted, name: str) -> bool:
    return name in one.before.values and name in one.after.values


def _rounded(count: int) -> int:
    return (2 * count + ROUND) // (2 * ROUND) * ROUND


def _span(days: Sequence[Day]) -> Span:
    names = sorted({name for one in days for name in one.values})
    values = {name: fmean(one.values[name] for one in days if name in one.values) for name in names}
    return Span(len(days), sum(one.readings for one in days), values)
