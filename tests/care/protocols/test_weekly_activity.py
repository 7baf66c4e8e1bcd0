"""A week's activity: what reaches the goal, what counts for which, and when nothing is said."""

from __future__ import annotations

import pytest

from phr.care.protocols.weekly_activity import MINUTES, STEPS, Report, report
from tests.care.protocols.builders import days, readings

Row = tuple[int, float, str | None]


def reported(*rows: Row, steps: tuple[tuple[int, float, float], ...] = ()) -> Report:
    """``rows``: day, minutes, intensity."""
    contexts = [{"intensity": intensity} if intensity else None for _, _, intensity in rows]
    minutes = readings([(day, 18, count) for day, count, _ in rows], contexts=contexts)
    return report({MINUTES: minutes, STEPS: readings(steps)}, days(7))


@pytest.mark.parametrize(("minutes", "is_reached"), [(149, None), (150, True)])
def test_moderate_minutes(minutes: float, is_reached: bool | None) -> None:
    assert reported((0, minutes, "moderate")).is_reached is is_reached


@pytest.mark.parametrize(("minutes", "is_reached"), [(74, None), (75, True)])
def test_vigorous_minutes(minutes: float, is_reached: bool | None) -> None:
    assert reported((0, minutes, "vigorous")).is_reached is is_reached


def test_minutes_of_both_are_added_by_their_goals_and_untold_ones_are_moderate() -> None:
    found = reported((0, 30, "moderate"), (1, 30, None), (2, 45, "vigorous"), (3, 500, "light"))
    assert (found.moderate_min, found.vigorous_min, found.percent_of_goal) == (60, 45, 100)
    assert (found.is_reached, found.basis.left_out) == (True, {"light": 1})


def test_a_week_is_missed_only_when_each_day_was_seen() -> None:
    seen = tuple((day, 9, 4000) for day in range(7))
    assert [reported(steps=seen[:count]).is_reached for count in (6, 7)] == [None, False]
    assert reported(steps=seen[:6]).basis.is_enough is False


def test_steps_are_of_days_that_have_some() -> None:
    found = reported(steps=((0, 9, 3000), (0, 10, 1000), (2, 9, 2000)))
    assert (found.steps_per_day, found.days_with_steps, found.basis.days) == (3000, 2, 2)
