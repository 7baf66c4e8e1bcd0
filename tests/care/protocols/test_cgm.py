"""The CGM report: definitions, limits as sensors state them, and when there is enough to judge."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from phr.care.protocols.cgm import METRIC, Report, report
from tests.care.protocols.builders import days, readings

MG = 0.05551  # how mg/dL are kept: in mmol/L to two decimals


def of_mg(*values: int, step_min: float = 5) -> Report:
    rows = [(0, i * step_min / 60, round(value * MG, 2)) for i, value in enumerate(values)]
    return report({METRIC: readings(rows, unit="mg/dL")}, days(1))


def of_days(count: int, per_day: int = 288, value: float = 6.0) -> Report:
    rows = [(day, i * 24 / per_day, value) for day in range(count) for i in range(per_day)]
    return report({METRIC: readings(rows, unit="mmol/L")}, days(max(count, 1)))


def test_mean_deviation_and_gmi_are_those_of_the_values_as_sent() -> None:
    values = (154, 60, 201, 333, 99)
    found = of_mg(*values)
    assert found.mean
    assert found.sd
    assert found.mean.mg_dl == pytest.approx(statistics.mean(values), abs=1e-4)
    assert found.sd.mg_dl == pytest.approx(statistics.stdev(values), abs=1e-4)
    assert found.cv_percent == pytest.approx(statistics.stdev(values) / statistics.mean(values) * 100, abs=1e-4)


def test_gmi_is_of_the_published_check_value() -> None:
    assert round(of_mg(154).gmi_percent or 0, 2) == 6.99


@pytest.mark.parametrize(
    ("mg_dl", "name"),
    [
        *((53, "very-low"), (54, "low"), (69, "low"), (70, "in-range")),
        *((180, "in-range"), (181, "high"), (250, "high"), (251, "very-high")),
    ],
)
def test_range_of_a_value_in_mg(mg_dl: int, name: str) -> None:
    assert of_mg(mg_dl).ranges[name] == 100


@pytest.mark.parametrize(
    ("mmol_l", "name"),
    [
        *((2.99, "very-low"), (3.0, "low"), (3.89, "low"), (3.9, "in-range")),
        *((10.0, "in-range"), (10.1, "high"), (13.9, "high"), (14.0, "very-high")),
    ],
)
def test_range_of_a_value_in_mmol(mmol_l: float, name: str) -> None:
    assert of_days(1, 1, mmol_l).ranges[name] == 100


def test_both_units_of_one_person_count_by_their_own_limits() -> None:
    one = readings([(0, 0, 3.89), (0, 1, 3.89)], unit="mmol/L")
    one.units[1] = "mg/dL"
    ranges = report({METRIC: one}, days(1)).ranges
    assert (ranges["low"], ranges["in-range"]) == (50, 50)


def test_both_sides_of_range_hold_their_outermost() -> None:
    ranges = of_mg(40, 60, 100, 200, 300).ranges
    assert (ranges["below-range"], ranges["above-range"], ranges["very-high"]) == (40, 40, 20)


@pytest.mark.parametrize(("count", "is_enough"), [(13, False), (14, True)])
def test_fourteen_days_are_enough(count: int, is_enough: bool) -> None:
    found = of_days(count)
    assert (found.basis.is_enough, found.basis.days, found.active_percent) == (is_enough, count, 100)
    assert {one.is_met for one in found.targets["adult"]} == ({True} if is_enough else {None})
    assert found.is_stable is (True if is_enough else None)


@pytest.mark.parametrize(("kept", "is_enough"), [(16, False), (17, True)])
def test_seventy_percent_of_the_day_are_enough(kept: int, is_enough: bool) -> None:
    """17 of 24 hours are 70.8 %."""
    rows = [(day, hour + quarter / 4, 6.0) for day in range(14) for hour in range(kept) for quarter in range(4)]
    assert report({METRIC: readings(rows)}, days(14)).basis.is_enough is is_enough


def test_one_reading_a_day_is_regular_and_not_enough() -> None:
    found = of_days(14, 1)
    assert (found.active_percent, found.basis.is_enough) == (100, False)


def test_targets_are_missed_at_their_limit() -> None:
    rows = [(day, i / 4, 12.0 if i % 4 == 0 else 6.0) for day in range(14) for i in range(96)]
    found = report({METRIC: readings(rows)}, days(14))
    assert found.ranges["above-range"] == 25
    assert [one.is_met for one in found.targets["adult"]] == [True, True, True, False, True]


def test_profile_is_by_the_hour_of_the_persons_clock() -> None:
    rows = [(day, 7.5, value) for day, value in enumerate(np.arange(5.0, 10.1, 0.5))] + [(0, 23, 4.0)]
    night, morning = sorted(report({METRIC: readings(rows)}, days(11)).profile, key=lambda one: -one.hour)
    assert (night.hour, night.n, night.p5, night.p95) == (23, 1, 4.0, 4.0)
    assert (morning.hour, morning.n, morning.p25, morning.p50, morning.p75) == (7, 11, 6.25, 7.5, 8.75)


def test_readings_of_another_source_are_named() -> None:
    one = readings([(0, 0, 5.0)], of_other_sources=3)
    assert report({METRIC: one}, days(1)).basis.left_out == {"other-source": 3}
