"""Weight in heart failure: how much was gained in a day and in three days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from phr.care.files import cited
from phr.care.protocol import Basis, Days, Measured, Protocol, date_of, told

METRIC = "weight"
LIMITS_KG = {1: 0.5, 3: 2.0}  # by days; more is over
RECENT_DAYS = 3


@dataclass(frozen=True, slots=True)
class Gain:
    """From the lowest of the days before to the latest weight; None where none of them has a weight."""

    days: int
    kg: float | None
    limit_kg: float
    is_over: bool | None


@dataclass(frozen=True, slots=True)
class Report:
    """``gains`` up to the latest weight, kg. ``basis.is_enough``: it is recent, with one in the three days before."""

    basis: Basis
    latest_kg: float | None
    latest_on: date | None
    gains: tuple[Gain, ...]
    by_day: Mapping[str, float]


def report(measured: Mapping[str, Measured], days: Days) -> Report:
    """A day's weight is the mean of its readings."""
    found = measured[METRIC]
    on, which, counts = np.unique(found.day, return_inverse=True, return_counts=True)
    kg = (
        dict(zip(on.tolist(), (np.bincount(which, found.values[""]) / counts).tolist(), strict=True)) if on.size else {}
    )
    last = max(kg, default=None)
    gains = tuple(_gain(kg, last, length) for length in LIMITS_KG)
    is_enough = last is not None and days.last - last < RECENT_DAYS and gains[-1].kg is not None
    if not is_enough:
        gains = tuple(Gain(one.days, one.kg, one.limit_kg, None) for one in gains)
    return Report(
        Basis(int(found.t.size), len(kg), round(len(kg) / len(days), 4), told(), is_enough),
        None if last is None else round(kg[last], 2),
        None if last is None else date_of(last),
        gains,
        {date_of(day).isoformat(): round(value, 2) for day, value in kg.items()},
    )


def _gain(kg: Mapping[int, float], last: int | None, length: int) -> Gain:
    limit = LIMITS_KG[length]
    before = [] if last is None else [kg[day] for day in range(last - length, last) if day in kg]
    if last is None or not before:
        return Gain(length, None, limit, None)
    gained = round(kg[last] - min(before), 2)
    return Gain(length, gained, limit, gained > limit)


PROTOCOL = Protocol(
    "heart-failure-weight",
    "心衰体重监测",
    "Weight in heart failure",
    (METRIC,),
    report,
    "adults who are known to have heart failure",
    (
        cited(
            "HF-2019", "more than 2 kg in three days, or more than 0.5 kg in a day", "the numbers by a secondary source"
        ),
    ),
    range(4, 91),
    14,
)
