"""Home blood pressure over three or seven days: morning and evening in pairs, without the first day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from phr.care.files import cited
from phr.care.protocol import Basis, Bools, Days, Floats, Ints, Measured, Protocol, date_of, mean, rounded, told
from phr.care.source import Evidence
from phr.clock import HOUR_MS

METRIC = "blood-pressure"
HIGH_SYSTOLIC, HIGH_DIASTOLIC = 135, 85
A_PAIR = 2
LEAST_DAYS = 3  # with a pair in the morning and in the evening, the first one too
IDEAL_READINGS = 12
LEAST_PULSE_PRESSURE = 10
FAR_FROM_MEDIAN = 30
# No source gives hours of a clock for "after waking" and "before bed": the halves of the day stand for them.
NOON_HOUR = 12
PARTS = ("morning", "evening")


@dataclass(frozen=True, slots=True)
class Average:
    """Of ``n`` readings in ``slots`` mornings and evenings; mmHg, None of nothing."""

    systolic: float | None
    diastolic: float | None
    n: int
    slots: int


@dataclass(frozen=True, slots=True)
class DayMeter:
    """How many readings a day has, of two that are wanted each time."""

    on: date
    morning: int
    evening: int


@dataclass(frozen=True, slots=True)
class Report:
    """``is_high``: the average is at the limit or above it; None where there is not enough to judge."""

    basis: Basis
    average: Average
    morning: Average
    evening: Average
    is_high: bool | None
    limit: Mapping[str, int]
    meter: tuple[DayMeter, ...]
    pairs_wanted: int
    pairs_complete: int
    single_readings: int  # mornings and evenings with one reading instead of a pair; they count as one
    far_from_median: int  # more than 30 mmHg from the median of the mornings (evenings); they count
    is_ideal: bool  # 12 readings or more


def report(measured: Mapping[str, Measured], days: Days) -> Report:
    """Each morning's and evening's readings are averaged first, so that three readings weigh no more than two."""
    found = measured[METRIC]
    is_sound = _is_sound(found)
    sound = found.where(is_sound)
    first = int(sound.day.min()) if sound.t.size else days.first
    kept = sound.where(sound.day > first)
    meter = _meter(sound, days)
    counts = [count for day in meter for count in (day.morning, day.evening)]
    complete = sum(count >= A_PAIR for count in counts)
    whole_days = sum(min(day.morning, day.evening) >= A_PAIR for day in meter)
    average = _average(kept, np.ones(kept.t.size, bool))
    is_enough = whole_days >= LEAST_DAYS
    return Report(
        Basis(
            average.n,
            len(np.unique(kept.day)),
            round(complete / (len(days) * len(PARTS)), 4),
            told(first_day=int(sound.t.size - kept.t.size), impossible=int((~is_sound).sum())),
            is_enough,
        ),
        average,
        _average(kept, _part(kept) == 0),
        _average(kept, _part(kept) == 1),
        _is_high(average) if is_enough else None,
        {"systolic": HIGH_SYSTOLIC, "diastolic": HIGH_DIASTOLIC},
        meter,
        len(days) * len(PARTS),
        complete,
        counts.count(1),
        _far(kept),
        average.n >= IDEAL_READINGS,
    )


def _is_sound(found: Measured) -> Bools:
    """A pulse pressure that can be; a reading without one of the two is none."""
    sound: Bools = found.values["systolic"] - found.values["diastolic"] >= LEAST_PULSE_PRESSURE
    return sound


def _part(found: Measured) -> Ints:
    """0: before noon, 1: after."""
    part: Ints = (found.local_ms // HOUR_MS % 24 >= NOON_HOUR).astype(np.int64)
    return part


def _meter(found: Measured, days: Days) -> tuple[DayMeter, ...]:
    counts = np.bincount((found.day - days.first) * 2 + _part(found), minlength=2 * len(days)).tolist()
    return tuple(DayMeter(date_of(days.first + day), *counts[2 * day : 2 * day + 2]) for day in range(len(days)))


def _average(kept: Measured, chosen: Bools) -> Average:
    found = kept.where(chosen)
    _, slot, numbers = np.unique(found.day * 2 + _part(found), return_inverse=True, return_counts=True)
    systolic, diastolic = (
        rounded(mean(np.bincount(slot, found.values[name]) / numbers) if numbers.size else None, 1)
        for name in ("systolic", "diastolic")
    )
    return Average(systolic, diastolic, int(found.t.size), int(numbers.size))


def _is_high(average: Average) -> bool | None:
    if average.systolic is None or average.diastolic is None:
        return None
    return average.systolic >= HIGH_SYSTOLIC or average.diastolic >= HIGH_DIASTOLIC


def _far(kept: Measured) -> int:
    part = _part(kept)
    return sum(_far_among(kept.values["systolic"][part == number]) for number in range(len(PARTS)))


def _far_among(systolic: Floats) -> int:
    return int((np.abs(systolic - np.median(systolic)) > FAR_FROM_MEDIAN).sum()) if systolic.size else 0


PROTOCOL = Protocol(
    "home-blood-pressure",
    "家庭血压监测",
    "Home blood pressure",
    (METRIC,),
    report,
    "adults who are not pregnant, with a validated cuff of the upper arm",
    (
        cited("HTN-2024", "home mean at or above 135/85 mmHg", "HTN-PRIM-2025 says the same"),
        cited(
            "HTN-PRIM-2025", "morning and evening, two or three readings, seven days and at least three", "by a copy"
        ),
        cited(
            "ESH-2021",
            "the first day left out, twelve readings or more; pairs averaged",
            "the document was found, its numbers are general knowledge",
            Evidence.UNVERIFIED,
        ),
        cited(
            "SHEET",
            "pulse pressure below 10 mmHg left out, more than 30 mmHg from the median noted",
            "no document was read",
            Evidence.UNVERIFIED,
        ),
    ),
    (3, 7),
    7,
)
