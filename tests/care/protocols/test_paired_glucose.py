"""Paired glucose: which readings make a pair, limits as meters state them, what can't be judged."""

from __future__ import annotations

import pytest

from phr.care.protocols.paired_glucose import AFTER_TWO_HOURS, METER, Report, report
from tests.care.protocols.builders import days, readings

Row = tuple[float, float, str | None]


def reported(*rows: Row, two_hours: tuple[tuple[int, float, float], ...] = (), unit: str = "mmol/L") -> Report:
    """``rows``: hour of the first day, value, meal."""
    contexts = [{"meal": meal} if meal else None for _, _, meal in rows]
    meter = readings([(0, hour, value) for hour, value, _ in rows], unit=unit, contexts=contexts)
    return report({METER: meter, AFTER_TWO_HOURS: readings(two_hours, unit="mmol/L")}, days(2))


def test_fasting_and_two_hours_later_are_a_pair() -> None:
    found = reported((7, 6.0, "fasting"), (9.5, 8.4, "after breakfast"))
    assert [(one.before, one.after, one.rise) for one in found.pairs] == [(6.0, 8.4, 2.4)]
    assert (found.mean_rise, found.basis.coverage, found.basis.is_enough) == (2.4, 0.5, None)


def test_value_of_two_hours_pairs_with_the_meter() -> None:
    assert len(reported((7, 6.0, "before meal"), two_hours=((0, 9, 9.0),)).pairs) == 1


@pytest.mark.parametrize(("hour", "pairs"), [(11, 1), (11.01, 0), (7, 0)])
def test_readings_of_a_pair_are_not_far_apart(hour: float, pairs: int) -> None:
    assert len(reported((7, 6.0, "fasting"), (hour, 8.0, "after meal")).pairs) == pairs


def test_nearest_before_counts_and_none_is_in_two_pairs() -> None:
    rows: tuple[Row, ...] = ((7, 5.0, "fasting"), (8, 6.0, "before meal"), (10, 8.0, "after meal"))
    found = reported(*rows, (10.5, 9.0, "after meal"))
    assert [one.rise for one in found.pairs] == [2.0]


@pytest.mark.parametrize(("value", "share"), [(4.3, 0), (4.4, 100), (7.0, 100), (7.1, 0)])
def test_target_before_meals(value: float, share: float) -> None:
    assert reported((7, value, "fasting")).before.in_target_percent == share


@pytest.mark.parametrize(("value", "share"), [(9.9, 100), (10.0, 0)])
def test_target_after_meals(value: float, share: float) -> None:
    assert reported((7, value, "after meal")).after.in_target_percent == share


@pytest.mark.parametrize(("mg_dl", "low"), [(69, 1), (70, 0)])
def test_low_is_by_what_the_meter_stated(mg_dl: int, low: int) -> None:
    assert reported((7, round(mg_dl * 0.05551, 2), "fasting"), unit="mg/dL").before.low == low


def test_what_has_no_time_of_the_meal_is_left_out_and_named() -> None:
    found = reported((7, 6.0, None), (8, 6.0, "with meal"), (9, 6.0, "fasting"))
    assert found.basis.left_out == {"meal-not-told": 1, "other-time": 1}
    assert (found.basis.n, found.before.n, found.after.mean) == (1, 1, None)


def test_reading_before_is_used_up_by_the_first_after_it_though_it_was_too_far() -> None:
    rows: tuple[Row, ...] = ((6, 5.0, "fasting"), (11, 8.0, "after meal"), (11.5, 8.0, "after meal"))
    assert reported(*rows).pairs == ()
