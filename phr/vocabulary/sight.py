"""What a reader may see: categories, of some of them only what is of a period; what is hidden bears one more.

An owner hides what a professional wrote: it gets the category "hidden:ORGANISATION", which that organisation's
professionals have in their sight. An owner, and who stands in for one, has ``HIDDEN``, which stands for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from phr.clock import DAY_MS

HIDDEN = "hidden"


def hidden_but_from(organisation: str) -> str:
    return f"{HIDDEN}:{organisation}"


def is_hiding(category: str) -> bool:
    return category.startswith(HIDDEN)


def plain(categories: Iterable[str]) -> tuple[str, ...]:
    """The categories that grants name."""
    return tuple(one for one in categories if not is_hiding(one))


def is_within(categories: Iterable[str], sight: Collection[str]) -> bool:
    """True for one who may see all of the categories."""
    return all(one in sight or (is_hiding(one) and HIDDEN in sight) for one in categories)


@dataclass(frozen=True, slots=True)
class Period:
    """Data of [from, until), by when it was measured or took effect; None: without end. Midnights of the person."""

    from_ms: int | None = None
    until_ms: int | None = None

    @property
    def is_all(self) -> bool:
        return self.from_ms is None and self.until_ms is None

    @property
    def length_ms(self) -> float:
        if self.from_ms is None or self.until_ms is None:
            return float("inf")
        return self.until_ms - self.from_ms

    def holds(self, t_ms: int) -> bool:
        return (self.from_ms is None or self.from_ms <= t_ms) and (self.until_ms is None or t_ms < self.until_ms)

    def days(self, offset_at: Callable[[int], int]) -> tuple[int | None, int | None]:
        """The first and the last local day (since 1970-01-01) of which all is in it; minutes from UTC by instant."""
        first = last = None
        if self.from_ms is not None:
            first = -(-(self.from_ms + offset_at(self.from_ms) * 60_000) // DAY_MS)
        if self.until_ms is not None:
            last = (self.until_ms + offset_at(self.until_ms) * 60_000) // DAY_MS - 1
        return first, last

    def is_within(self, other: Period) -> bool:
        return self.cut(other) == self

    def cut(self, other: Period) -> Period:
        """What lies in both."""
        begins = [one for one in (self.from_ms, other.from_ms) if one is not None]
        ends = [one for one in (self.until_ms, other.until_ms) if one is not None]
        return Period(max(begins, default=None), min(ends, default=None))


ALL = Period()


@dataclass(frozen=True, slots=True)
class Sight:
    """The categories that may be seen, each with its period."""

    periods: Mapping[str, Period] = field(default_factory=dict)

    @classmethod
    def of(cls, categories: Iterable[str]) -> Sight:
        """All there is of these. Whoever may see the same shares one: a thousand open streams hold theirs for hours."""
        return _all_of(tuple(categories))

    def also(self, categories: Iterable[str]) -> Sight:
        """With all there is of these."""
        if all(period is ALL for period in self.periods.values()):
            return Sight.of((*self.periods, *categories))
        return Sight({**self.periods, **dict.fromkeys(categories, ALL)})

    @property
    def limited(self) -> dict[str, Period]:
        """The categories of which not all may be seen."""
        return {category: period for category, period in self.periods.items() if not period.is_all}

    @property
    def name(self) -> str:
        """Changes whenever what may be seen does."""
        told = sorted(f"{one} {self.limited.get(one, '')}".strip() for one in self.periods if one != HIDDEN)
        return hashlib.sha256(",".join(told).encode()).hexdigest()[:12]

    def sees(self, categories: Iterable[str], t_ms: int) -> bool:
        """True for what is of these categories and took effect then, where all of them may be seen of that time."""
        return is_within(categories, self.periods) and all(
            self.periods[one].holds(t_ms) for one in categories if one in self.periods
        )

    def is_within(self, other: Sight) -> bool:
        """True where the other sees all that this one sees, what is hidden aside."""
        return all(one in other and self.periods[one].is_within(other.periods[one]) for one in plain(self.periods))

    def __contains__(self, category: object) -> bool:
        return category in self.periods

    def __iter__(self) -> Iterator[str]:
        return iter(self.periods)


@lru_cache(maxsize=1024)
def _all_of(categories: tuple[str, ...]) -> Sight:
    return Sight(MappingProxyType(dict.fromkeys(categories, ALL)))
