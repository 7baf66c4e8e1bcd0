"""Which readings a rule could have something to say about, found by whole columns: nearly all have nothing.

A sieve lets through too much rather than too little; what it lets through is asked one by one (phr.care.evaluate).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from phr.care.observation import PersonFacts
from phr.care.rule import Comparison, Condition, Rule, Rules
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.reading import Run

_HIGH = (Comparison.AT_LEAST, Comparison.ABOVE)
Column = Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Line:
    """Of one component, in stored integers: readings at or above ``high``, or at or below ``low``, go through."""

    low: int | None
    high: int | None


Lines = Mapping[str, Line]


class Sieve:
    """The lines of all rules that look at single readings; remembers them by metric and unit."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._lines: dict[tuple[str, str | None], Lines] = {}

    def sift(self, run: Run, person: PersonFacts) -> list[int]:
        """The indices of a run's readings that a rule could hold for, given what is known of their person."""
        lines = self._of(run.metric, run.unit)
        if person.targets:
            lines = _joined(lines, _own_lines(self._rules.by_metric.get(run.metric.key, ()), run.unit, person))
        found: set[int] = set()
        for component, line in lines.items():
            found.update(_through(line, run.values.get(component, ())))
        return sorted(found)

    def _of(self, metric: Metric, unit: Unit | None) -> Lines:
        key = (metric.key, unit.code if unit else None)
        if key not in self._lines:
            rules = self._rules.by_metric.get(metric.key, ())
            self._lines[key] = _joined({}, (_line(rule, unit, one) for rule in rules for one in rule.any_of))
        return self._lines[key]


def _through(line: Line, column: Column) -> Iterable[int]:
    """Most columns are wholly between the lines, which two passes in C tell."""
    there = [one for one in column if one is not None] if None in column else cast(Sequence[int], column)
    if not there:
        return ()
    low, high = line.low, line.high
    is_high = high is not None and max(there) >= high
    is_low = low is not None and min(there) <= low
    if not is_high and not is_low:
        return ()
    return [
        index
        for index, one in enumerate(column)
        if one is not None and ((high is not None and one >= high) or (low is not None and one <= low))
    ]


def _own_lines(rules: Iterable[Rule], unit: Unit | None, person: PersonFacts) -> Iterable[tuple[str, Line]]:
    for rule in rules:
        for one in rule.any_of:
            own = person.targets.get((rule.id, one.component))
            if own is not None:
                yield _line(rule, unit, Condition(one.component, one.op, own))


def _line(rule: Rule, unit: Unit | None, condition: Condition) -> tuple[str, Line]:
    """A step of the unit wider than the limit, since values and limits are compared rounded to that unit's steps."""
    metric = rule.metric
    steps = [one.factor * 10.0**-one.decimals for one in (unit, metric.unit) if one is not None]
    slack = max(steps, default=0.0) + 1 / metric.scale
    if condition.op in _HIGH:
        return condition.component, Line(None, math.floor((condition.limit - slack) * metric.scale))
    return condition.component, Line(math.ceil((condition.limit + slack) * metric.scale), None)


def _joined(known: Lines, more: Iterable[tuple[str, Line]]) -> Lines:
    found = dict(known)
    for component, line in more:
        other = found.get(component, Line(None, None))
        lows = [one for one in (other.low, line.low) if one is not None]
        highs = [one for one in (other.high, line.high) if one is not None]
        found[component] = Line(max(lows, default=None), min(highs, default=None))
    return found
