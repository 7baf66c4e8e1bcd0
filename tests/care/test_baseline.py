"""What is usual for one person, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.early_warning import NEVER, Sleeper, delays, false_alarms
from phr.care.baseline import DAY_MS, HOUR_MS, Daily, Kind, daily, deviation, is_known

EVEN = 62.0


def days(*parts: tuple[float, int]) -> Daily:
    """So many days with each value, one after the other; a beat or two off, since nobody is made of stone."""
    values = np.concatenate([np.full(count, value) for value, count in parts])
    day = np.arange(values.size)
    return Daily(day, values + np.resize([0, 1, 0, -1, -1, 2, 1, 0, -2, 0, 1, 1, -1], values.size))


def last(series: Daily) -> int:
    return int(series.day[-1])


def test_a_step_is_told_with_its_size_and_its_first_day() -> None:
    found = deviation(days((EVEN, 90), (70.0, 5)), 94, 1.0)
    assert found is not None
    assert (found.kind, found.since_day, round(found.size)) == (Kind.STEP, 90, 8)


def test_a_creeping_change_is_told_as_one() -> None:
    day = np.arange(300)
    value = EVEN + 0.05 * np.maximum(day - 150, 0) + np.where(day % 2, 1.0, -1.0)
    found = deviation(Daily(day, value), 299, 1.0)
    assert found is not None
    assert (found.kind, found.size > 4) == (Kind.CREEP, True)


@pytest.mark.parametrize("value", [63.0, 61.0, EVEN])
def test_what_is_within_the_spread_of_days_is_usual(value: float) -> None:
    assert deviation(days((EVEN, 90), (value, 30)), 119, 1.0) is None


def test_one_wild_day_is_no_news() -> None:
    series = days((EVEN, 90), (140.0, 1), (EVEN, 3))
    assert deviation(series, 90, 1.0) is None
    assert deviation(series, 93, 1.0) is None


@pytest.mark.parametrize(("count", "is_enough"), [(28, False), (29, False), (30, True)])
def test_three_weeks_before_the_last_days_make_what_is_usual(count: int, is_enough: bool) -> None:
    series = days((EVEN, count))
    assert is_known(series, last(series), 1.0) is is_enough


def test_who_measures_at_another_hour_for_once_has_not_changed() -> None:
    """Mornings are at 120, evenings at 130; the last week has evenings alone."""
    t, values = [], []
    for day in range(100):
        for hour, value in ((7, 120.0), (19, 130.0)):
            if day < 93 or hour == 19:
                t.append(day * DAY_MS + hour * HOUR_MS)
                values.append(value)
    series = daily(t, values)
    assert np.ptp(series.value) < 2
    assert deviation(series, last(series), 1.0) is None


def test_a_device_that_rounds_makes_nobody_immovable() -> None:
    assert deviation(Daily(np.arange(100), np.r_[np.full(96, EVEN), np.full(4, EVEN + 1)]), 99, 1.0) is None


def test_planted_changes_are_found_soon_and_little_else_is() -> None:
    sleeper = Sleeper(spread=2.0)
    step = delays(sleeper, 8, 30, lambda since: 8.0 * (since >= 0))
    assert np.median(step) <= 7
    assert (step < NEVER).all()
    assert false_alarms(sleeper, 4, 150) <= 2
