"""Weight in heart failure: the gain of a day and of three, at the limit and over it."""

from __future__ import annotations

import pytest

from phr.care.protocols.heart_failure_weight import METRIC, Report, report
from tests.care.protocols.builders import days, readings


def reported(*rows: tuple[int, float], length: int = 7) -> Report:
    """``rows``: day, kg."""
    return report({METRIC: readings([(day, 7, kg) for day, kg in rows])}, days(length))


@pytest.mark.parametrize(("kg", "is_over"), [(72.0, False), (72.01, True), (70.0, False)])
def test_gain_in_three_days(kg: float, is_over: bool) -> None:
    _, three = reported((3, 70.0), (6, kg)).gains
    assert (three.days, three.is_over) == (3, is_over)


@pytest.mark.parametrize(("kg", "is_over"), [(70.5, False), (70.51, True)])
def test_gain_in_a_day(kg: float, is_over: bool) -> None:
    one, _ = reported((5, 70.0), (6, kg)).gains
    assert (one.days, one.is_over) == (1, is_over)


def test_gain_is_from_the_lowest_of_the_three_days() -> None:
    assert [one.kg for one in reported((3, 71.0), (4, 69.9), (5, 71.5), (6, 72.0)).gains] == [0.5, 2.1]


def test_day_is_the_mean_of_its_readings() -> None:
    found = reported((5, 70.0), (6, 70.0), (6, 71.0))
    assert (found.latest_kg, found.basis.n, found.basis.days) == (70.5, 3, 2)


@pytest.mark.parametrize(
    ("rows", "is_enough"),
    [([(0, 70.0), (3, 75.0), (4, 75.0)], True), ([(0, 70.0), (3, 75.0)], False), ([(2, 70.0), (6, 75.0)], False)],
)
def test_old_or_lonely_weight_is_not_judged(rows: list[tuple[int, float]], is_enough: bool) -> None:
    found = reported(*rows)
    assert found.basis.is_enough is is_enough
    assert (found.gains[-1].is_over is None) is not is_enough
