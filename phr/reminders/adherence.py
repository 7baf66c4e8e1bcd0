"""How much of what was asked was done, by day and week; pure.

A share is of what is settled: what is open yet, and what was withdrawn, is no failure of anybody's. It says what it
rests on, and is None where nothing is settled. A day is the local day of the plan; a week begins on Monday.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from phr.reminders.ledger import DONE, MISSED, SKIPPED, WITHDRAWN, Seen
from phr.reminders.moments import day_of


@dataclass(frozen=True, slots=True)
class Share:
    """``asked``: all but what was withdrawn; ``open``: those of them of which nobody knows yet."""

    asked: int
    done: int
    skipped: int
    missed: int

    @property
    def open(self) -> int:
        return self.asked - self.settled

    @property
    def settled(self) -> int:
        return self.done + self.skipped + self.missed

    @property
    def done_percent(self) -> float | None:
        return round(100 * self.done / self.settled, 1) if self.settled else None


@dataclass(frozen=True, slots=True)
class Adherence:
    """``days``, ``weeks`` (by their Monday) that something was asked on, in order of time."""

    total: Share
    by_kind: Mapping[str, Share]
    by_reminder: Mapping[str, Share]
    days: Mapping[date, Share]
    weeks: Mapping[date, Share]


def of(occurrences: Iterable[Seen]) -> Adherence:
    """Of these occurrences, each one person's."""
    some = [one for one in occurrences if one.state != WITHDRAWN]
    return Adherence(
        total=_share(some),
        by_kind=_grouped(some, lambda one: one.kind),
        by_reminder=_grouped(some, lambda one: one.reminder),
        days=_grouped(some, lambda one: day_of(one.slot)),
        weeks=_grouped(some, lambda one: _monday(day_of(one.slot))),
    )


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _grouped(some: Iterable[Seen], key: Callable[[Seen], Any]) -> dict[Any, Share]:
    groups: dict[Any, list[Seen]] = defaultdict(list)
    for one in some:
        groups[key(one)].append(one)
    return {name: _share(groups[name]) for name in sorted(groups)}


def _share(some: Iterable[Seen]) -> Share:
    counts = Counter(one.state for one in some)
    return Share(counts.total(), counts[DONE], counts[SKIPPED], counts[MISSED])
