"""Numbers that no statistic gives: each a named function that rules refer to by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from phr.care.observation import PersonFacts


class Predicate(NamedTuple):
    """``of`` gets the values in the metric's canonical unit, in the order of time, one or more; None: can't be said."""

    of: Callable[[str, Sequence[float], PersonFacts], float | None]
    unit: str | None  # None: the metric's own


def rise(_metric: str, values: Sequence[float], _person: PersonFacts) -> float:
    """The last value less the lowest of the window."""
    return values[-1] - min(values)


def percent_lost(_metric: str, values: Sequence[float], _person: PersonFacts) -> float | None:
    """What the last value lacks of the highest of the window, as a percentage of the highest."""
    highest = max(values)
    return (highest - values[-1]) / highest * 100 if highest > 0 else None


def percent_of_best(metric: str, values: Sequence[float], person: PersonFacts) -> float | None:
    """The last value as a percentage of the person's own best; None where nobody has entered that."""
    best = person.best.get(metric)
    return values[-1] / best * 100 if best else None


def bmi(_metric: str, values: Sequence[float], person: PersonFacts) -> float | None:
    """Of a weight in kg and the person's height. Source: standards sheet, section 1.9."""
    return values[-1] / (person.height_cm / 100) ** 2 if person.height_cm else None


PREDICATES: Mapping[str, Predicate] = {
    "rise": Predicate(rise, None),
    "percent-lost": Predicate(percent_lost, "%"),
    "percent-of-best": Predicate(percent_of_best, "%"),
    "bmi": Predicate(bmi, "kg/m²"),
}
