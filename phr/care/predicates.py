"""Numbers that no statistic gives: each a named function that rules refer to by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from phr.care import baseline
from phr.care.observation import PersonFacts
from phr.vocabulary.metric import Metric


class Given(NamedTuple):
    """Readings of a window in the order of time, one or more; values in the metric's canonical unit."""

    metric: Metric
    t_ms: Sequence[int]
    values: Sequence[float]
    person: PersonFacts


class Predicate(NamedTuple):
    """``of`` gives None where it can't be said."""

    of: Callable[[Given], float | None]
    unit: str | None  # None: the metric's own


def rise(given: Given) -> float:
    """The last value less the lowest of the window."""
    return given.values[-1] - min(given.values)


def percent_lost(given: Given) -> float | None:
    """What the last value lacks of the highest of the window, as a percentage of the highest."""
    highest = max(given.values)
    return (highest - given.values[-1]) / highest * 100 if highest > 0 else None


def percent_of_best(given: Given) -> float | None:
    """The last value as a percentage of the person's own best; None where nobody has entered that."""
    best = given.person.best.get(given.metric.key)
    return given.values[-1] / best * 100 if best else None


def bmi(given: Given) -> float | None:
    """Of a weight in kg and the person's height. Source: standards sheet, section 1.9."""
    height_cm = given.person.height_cm
    return given.values[-1] / (height_cm / 100) ** 2 if height_cm else None


def above_usual(given: Given) -> float | None:
    """How far the last days are above the person's own baseline; zero while they are as usual, or below.

    None where too few days tell what is usual.
    """
    size = _from_usual(given)
    return None if size is None else max(size, 0.0)


def below_usual(given: Given) -> float | None:
    """The same below it."""
    size = _from_usual(given)
    return None if size is None else max(-size, 0.0)


def _from_usual(given: Given) -> float | None:
    series, precision = baseline.daily(given.t_ms, given.values), 10.0**-given.metric.decimals
    today = int(series.day[-1])
    if not baseline.is_known(series, today, precision):
        return None
    found = baseline.deviation(series, today, precision)
    return found.size if found else 0.0


PREDICATES: Mapping[str, Predicate] = {
    "rise": Predicate(rise, None),
    "percent-lost": Predicate(percent_lost, "%"),
    "percent-of-best": Predicate(percent_of_best, "%"),
    "bmi": Predicate(bmi, "kg/m²"),
    "above-usual": Predicate(above_usual, None),
    "below-usual": Predicate(below_usual, None),
}
