"""Home blood pressure: pairs, the dropped day, what is left out, and when there is enough to judge."""

from __future__ import annotations

from typing import Any

import pytest

from phr.care.protocols.home_blood_pressure import METRIC, Report, report
from tests.care.protocols.builders import days, readings

Row = tuple[int, float, tuple[float, float]]


def reported(*rows: Row, length: int = 3) -> Report:
    return report({METRIC: readings(rows, ("systolic", "diastolic"))}, days(length))


def campaign(length: int, systolic: float = 130, diastolic: float = 80) -> list[Row]:
    """A pair each morning and evening."""
    value = (systolic, diastolic)
    return [(day, hour, value) for day in range(length) for hour in (7, 7.02, 21, 21.02)]


def test_first_day_that_has_readings_is_left_out() -> None:
    rows = [(1, 7.0, (180.0, 100.0)), (1, 7.02, (180.0, 100.0)), *[(d + 2, h, v) for d, h, v in campaign(2)]]
    found = reported(*rows, length=7)
    assert (found.average.systolic, found.basis.n, found.basis.days) == (130, 8, 2)
    assert found.basis.left_out == {"first-day": 2}


def test_three_readings_weigh_no_more_than_a_pair() -> None:
    rows: list[Row] = [(0, 7, (120, 80)), *[(1, 7, (150.0, 80.0))] * 3, *[(1, 21, (130.0, 80.0))] * 2]
    assert reported(*rows).average.systolic == 140


def test_mornings_and_evenings_stand_beside_the_whole() -> None:
    rows: list[Row] = [(0, 7, (120, 80)), (1, 11.99, (140, 90)), (1, 12, (120, 70))]
    found = reported(*rows)
    assert (found.morning.systolic, found.evening.systolic) == (140, 120)
    assert (found.morning.n, found.evening.slots, found.single_readings) == (1, 1, 3)


@pytest.mark.parametrize(
    ("value", "is_high"),
    [((134.9, 84.9), False), ((135, 80), True), ((120, 85), True), ((135.1, 85.1), True)],
)
def test_limit_is_high_by_either_value(value: tuple[float, float], is_high: bool) -> None:
    assert reported(*campaign(3, *value)).is_high is is_high


@pytest.mark.parametrize(("missing", "is_enough"), [(0, True), (1, False)])
def test_three_days_need_every_pair(missing: int, is_enough: bool) -> None:
    found = reported(*campaign(3)[missing:])
    assert (found.basis.is_enough, found.is_high is not None) == (is_enough, is_enough)


def test_seven_days_do_with_three_whole_ones_and_the_meter_says_how_far() -> None:
    found = reported(*campaign(3), length=7)
    assert (found.basis.is_enough, found.is_ideal, found.pairs_complete, found.pairs_wanted) == (True, False, 6, 14)
    assert found.basis.coverage == pytest.approx(6 / 14, abs=1e-4)
    assert [(day.morning, day.evening) for day in found.meter] == [(2, 2)] * 3 + [(0, 0)] * 4
    assert reported(*campaign(4), length=7).is_ideal


@pytest.mark.parametrize(("value", "left_out"), [((90, 81), 1), ((90, 80), 0), ((80, 90), 1)])
def test_impossible_pressure_is_left_out(value: tuple[float, float], left_out: int) -> None:
    found = reported(*campaign(3), (2, 22, value))
    assert found.basis.left_out.get("impossible", 0) == left_out
    assert found.basis.n == 8 + 1 - left_out


def test_reading_far_from_the_median_counts_and_is_noted() -> None:
    found = reported(*campaign(3), (2, 22, (160, 90)), (2, 23, (161, 90)))
    assert (found.far_from_median, found.basis.n) == (1, 10)


def test_nothing_measured_is_nothing_judged() -> None:
    found: Any = reported()
    assert (found.average.systolic, found.is_high, found.basis.n, found.basis.is_enough) == (None, None, 0, False)
