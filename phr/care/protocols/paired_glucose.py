"""Glucose of a meter in pairs: fasting or before a meal, and two hours after it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from phr.care.files import cited
from phr.care.protocol import (
    Basis,
    Bools,
    Days,
    Floats,
    Measured,
    Protocol,
    by_unit,
    date_of,
    mean,
    rounded,
    told,
)
from phr.care.source import Evidence
from phr.clock import HOUR_MS
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import limit_in

METER, AFTER_TWO_HOURS = "glucose-capillary", "glucose-2h-postmeal"
FASTING_LOW, FASTING_HIGH = 4.4, 7.0  # mmol/L, both in the target
AFTER_MEAL_BELOW = 10.0
LOW = 3.9
# No source says how far apart two readings of a meal may be: the meal, two hours, and room for both.
FARTHEST_MS = 4 * HOUR_MS
_BEFORE = ("fasting", "before meal", "before breakfast", "before lunch", "before dinner")
_AFTER = ("after meal", "after breakfast", "after lunch", "after dinner", "2 hours postprandial")


@dataclass(frozen=True, slots=True)
class Group:
    """Glucose in mmol/L at one time of the meal; None of nothing."""

    n: int
    days: int
    mean: float | None
    least: float | None
    greatest: float | None
    in_target_percent: float | None
    low: int  # readings below 3.9 mmol/L


@dataclass(frozen=True, slots=True)
class Pair:
    on: date
    before: float
    after: float
    rise: float


@dataclass(frozen=True, slots=True)
class Report:
    """``before``: fasting and before meals, target 4.4 to 7.0; ``after`` meals, target below 10.0. mmol/L."""

    basis: Basis
    before: Group
    after: Group
    pairs: tuple[Pair, ...]
    mean_rise: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    found: Measured
    is_on_target: Bools
    is_low: Bools


def report(measured: Mapping[str, Measured], days: Days) -> Report:
    """A reading whose time of the meal nobody told can't be judged, and is left out. ``coverage``: days with a pair."""
    meter, after_two_hours = measured[METER], measured[AFTER_TWO_HOURS]
    meals = [(context or {}).get("meal") for context in meter.contexts.tolist()]
    is_before, is_after = (np.array([meal in some for meal in meals], bool) for some in (_BEFORE, _AFTER))
    is_told = np.array([meal is not None for meal in meals], bool)
    before = _judged(METER, meter.where(is_before), FASTING_LOW, FASTING_HIGH)
    afters = [_judged(METER, meter.where(is_after), None, AFTER_MEAL_BELOW)]
    afters.append(_judged(AFTER_TWO_HOURS, after_two_hours, None, AFTER_MEAL_BELOW))
    pairs = _pairs(before.found, [one.found for one in afters])
    left_out = told(meal_not_told=int((~is_told).sum()), other_time=int((is_told & ~is_before & ~is_after).sum()))
    paired_days = len({pair.on for pair in pairs})
    all_days = np.concatenate([before.found.day, *(one.found.day for one in afters)])
    rises = np.array([pair.rise for pair in pairs], float)
    return Report(
        Basis(
            all_days.size,
            len(np.unique(all_days)),
            round(paired_days / len(days), 4),
            left_out,
            None,
        ),
        _group([before]),
        _group(afters),
        pairs,
        rounded(mean(rises), 2),
    )


def _judged(key: str, found: Measured, low: float | None, high: float) -> _Judged:
    """Without a lower limit the upper one is not on target itself."""
    metric, size = vocabulary().metrics[key], found.t.size
    is_on_target, is_low = np.zeros(size, bool), np.zeros(size, bool)
    for mine, stated, unit in by_unit(found, metric):
        most = limit_in(metric, unit, high)
        on_target = stated < most if low is None else (stated >= limit_in(metric, unit, low)) & (stated <= most)
        is_on_target[mine] = on_target[mine]
        is_low[mine] = (stated < limit_in(metric, unit, LOW))[mine]
    return _Judged(found, is_on_target, is_low)


def _group(parts: list[_Judged]) -> Group:
    values: Floats = np.concatenate([part.found.values[""] for part in parts])
    on_target = np.concatenate([part.is_on_target for part in parts]).astype(float)
    share = mean(on_target)
    return Group(
        values.size,
        len(np.unique(np.concatenate([part.found.day for part in parts]))),
        rounded(mean(values), 2),
        rounded(float(values.min()), 2) if values.size else None,
        rounded(float(values.max()), 2) if values.size else None,
        None if share is None else round(share * 100, 1),
        int(sum(part.is_low.sum() for part in parts)),
    )


def _pairs(before: Measured, afters: list[Measured]) -> tuple[Pair, ...]:
    """Each reading after a meal with the one before it that is nearest; no reading is in two pairs."""
    late = sorted(
        (int(t), float(value), int(day))
        for one in afters
        for t, value, day in zip(one.t, one.values[""], one.day, strict=True)
    )
    early, free, found = before.t.tolist(), 0, []
    for t, value, day in late:
        passed = bisect_left(early, t)
        if passed > free and early[passed - 1] >= t - FARTHEST_MS:
            first = float(before.values[""][passed - 1])
            found.append(Pair(date_of(day), round(first, 2), round(value, 2), round(value - first, 2)))
        free = passed
    return tuple(found)


PROTOCOL = Protocol(
    "paired-glucose",
    "配对血糖",
    "Paired glucose",
    (METER, AFTER_TWO_HOURS),
    report,
    "adults with diabetes who are not pregnant",
    (
        cited("CDS", "fasting and before meals 4.4 to 7.0 mmol/L, otherwise below 10.0", "by a copy"),
        cited("ADA", "low is below 3.9 mmol/L: table 6.2", "by a copy"),
        cited("OWN-DESIGN", "a pair is at most four hours apart", "no source says how far", Evidence.UNVERIFIED),
    ),
    range(1, 91),
    14,
)
