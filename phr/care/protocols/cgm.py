"""A report on continuous glucose: times in ranges, GMI, variability and the profile of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from phr.care.files import cited
from phr.care.protocol import Basis, Days, Floats, Ints, Measured, Protocol, by_unit, told
from phr.care.source import Evidence
from phr.clock import HOUR_MS, MINUTE_MS
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import limit_in

METRIC = "glucose-interstitial"
MG_PER_MMOL = 18.0182
GMI_BASE, GMI_PER_MG = 3.31, 0.02392
LIMITS = (3.0, 3.9, 10.0, 13.9)  # mmol/L; the second and third and what lies between are in range
ENOUGH_DAYS, ENOUGH_PERCENT = 14, 70
GREATEST_CV = 36
PERCENTILES = (5, 25, 50, 75, 95)
LONGEST = 90

# Range, and the percentage of readings that is to be met: "below" or "above" it.
ADULTS = {
    "in-range": ("above", 70),
    "below-range": ("below", 4),
    "very-low": ("below", 1),
    "above-range": ("below", 25),
    "very-high": ("below", 5),
}
OLDER = {
    "in-range": ("above", 50),
    "below-range": ("below", 1),
    "above-range": ("below", 50),
    "very-high": ("below", 10),
}


@dataclass(frozen=True, slots=True)
class Glucose:
    mmol_l: float
    mg_dl: float


@dataclass(frozen=True, slots=True)
class Target:
    """``is_met``: None where there is not enough to judge."""

    range: str
    side: str
    percent: float
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Hour:
    """Glucose in mmol/L at an hour of the day: so many percent of its readings are at or below it."""

    hour: int
    n: int
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


@dataclass(frozen=True, slots=True)
class Report:
    """Percentages are of readings. ``coverage``: of the hours from the first to the last reading, those with one."""

    basis: Basis
    active_percent: float | None  # of the readings that the sensor could have given from the first to the last
    interval_min: int | None  # between two readings, the median
    mean: Glucose | None
    sd: Glucose | None  # with n-1
    cv_percent: float | None
    is_stable: bool | None  # cv at most 36 %
    gmi_percent: float | None
    ranges: Mapping[str, float]  # very-low, low, in-range, high, very-high; below-range and above-range hold two each
    targets: Mapping[str, tuple[Target, ...]]  # for whom: they are not the same for all
    profile: tuple[Hour, ...]  # hours without a reading are left out


def report(measured: Mapping[str, Measured], _days: Days) -> Report:
    """Limits count as the sensor states them: 70 mg/dL is 3.9 mmol/L and in range, as it is at 180 mg/dL."""
    found = measured[METRIC]
    mg_dl, place = _placed(found)
    interval, active = _activity(found.t)
    basis = _basis(found, active)
    ranges = _ranges(place)
    mean_mg = float(mg_dl.mean()) if mg_dl.size else None
    sd_mg = float(mg_dl.std(ddof=1)) if mg_dl.size > 1 else None
    cv = sd_mg / mean_mg * 100 if sd_mg is not None and mean_mg else None
    return Report(
        basis,
        active,
        interval,
        _glucose(mean_mg),
        _glucose(sd_mg),
        None if cv is None else round(cv, 4),
        cv <= GREATEST_CV if cv is not None and basis.is_enough else None,
        None if mean_mg is None else round(GMI_BASE + GMI_PER_MG * mean_mg, 4),
        ranges,
        {"adult": _targets(ranges, ADULTS, basis), "older-or-high-risk": _targets(ranges, OLDER, basis)},
        _profile(found, mg_dl),
    )


def _placed(found: Measured) -> tuple[Floats, Ints]:
    """Each reading in mg/dL, and in which range it is, from 0 (very low) to 4."""
    metric, values = vocabulary().metrics[METRIC], found.values[""]
    mg_dl, place = values * MG_PER_MMOL, np.zeros(values.size, np.int64)
    for mine, stated, unit in by_unit(found, metric):
        if unit.factor != 1:
            mg_dl[mine] = stated[mine]
        very_low, low, high, very_high = (limit_in(metric, unit, limit) for limit in LIMITS)
        at_least = (stated >= very_low).astype(np.int64) + (stated >= low)
        place[mine] = (at_least + (stated > high) + (stated > very_high))[mine]
    return mg_dl, place


def _activity(t: Ints) -> tuple[int | None, float | None]:
    """The interval in minutes and how many percent of the readings are there that could be at it."""
    if t.size < 2:
        return None, None
    interval = max(1, round(float(np.median(np.diff(t))) / MINUTE_MS))
    possible = round(int(t[-1] - t[0]) / (interval * MINUTE_MS)) + 1
    return interval, min(100.0, round(t.size / possible * 100, 4))


def _basis(found: Measured, active: float | None) -> Basis:
    """A reading a day is regular too: so the hours must be there beside the readings that the interval makes expect."""
    days, hours = len(np.unique(found.day)), np.unique(found.local_ms // HOUR_MS)
    coverage = hours.size / int(hours[-1] - hours[0] + 1) if hours.size else 0.0
    is_active = active is not None and min(active, coverage * 100) >= ENOUGH_PERCENT
    left_out = told(other_source=found.of_other_sources)
    return Basis(int(found.t.size), days, round(coverage, 4), left_out, is_active and days >= ENOUGH_DAYS)


def _glucose(mg_dl: float | None) -> Glucose | None:
    return None if mg_dl is None else Glucose(round(mg_dl / MG_PER_MMOL, 4), round(mg_dl, 4))


def _ranges(place: Ints) -> dict[str, float]:
    if not place.size:
        return {}
    percent = np.bincount(place, minlength=len(LIMITS) + 1) / place.size * 100
    of_name = dict(zip(("very-low", "low", "in-range", "high", "very-high"), percent.tolist(), strict=True))
    of_name |= {"below-range": percent[0] + percent[1], "above-range": percent[3] + percent[4]}
    return {name: round(float(value), 4) for name, value in of_name.items()}


def _targets(ranges: Mapping[str, float], wanted: Mapping[str, tuple[str, int]], basis: Basis) -> tuple[Target, ...]:
    return tuple(
        Target(name, side, limit, _is_met(ranges[name], side, limit) if basis.is_enough else None)
        for name, (side, limit) in wanted.items()
    )


def _is_met(percent: float, side: str, limit: float) -> bool:
    return percent > limit if side == "above" else percent < limit


def _profile(found: Measured, mg_dl: Floats) -> tuple[Hour, ...]:
    of_day = found.local_ms // HOUR_MS % 24
    by_hour = ((hour, mg_dl[of_day == hour] / MG_PER_MMOL) for hour in range(24))
    return tuple(
        Hour(hour, values.size, *np.round(np.percentile(values, PERCENTILES), 2).tolist())
        for hour, values in by_hour
        if values.size
    )


PROTOCOL = Protocol(
    "cgm",
    "动态血糖报告",
    "Continuous glucose report",
    (METRIC,),
    report,
    "adults with diabetes who are not pregnant",
    (
        cited(
            "CGM-2019",
            "ranges, targets, 14 days with 70 % active, variation at most 36 %",
            "Battelino et al., Diabetes Care 2019;42:1593",
        ),
        cited("GMI-2018", "GMI % = 3.31 + 0.02392 x mean in mg/dL", "by ten programs that compute it"),
        cited("SHEET", "percentiles 5, 25, 50, 75 and 95 by hour", "no document was read", Evidence.UNVERIFIED),
    ),
    range(1, LONGEST + 1),
    14,
)
