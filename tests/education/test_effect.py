"""Before and after reading: which days count, how small a group may be, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phr.education import effect
from phr.education.effect import Counted, Day, Span

BEFORE, AFTER = Span(4, 8, {"systolic": 150.0, "diastolic": 90.0}), Span(8, 16, {"systolic": 140.04, "diastolic": 85.0})
NOTHING = Span(0, 0, {})
ONE = Counted("blood-pressure", "blood-pressure", "65-and-more", BEFORE, AFTER)


@pytest.mark.parametrize(
    ("day", "before", "after"),
    [(71, 0, 0), (72, 1, 0), (99, 1, 0), (100, 0, 0), (101, 0, 1), (128, 0, 1), (129, 0, 0)],
)
def test_four_weeks_on_both_sides_of_the_day_of_reading(day: int, before: int, after: int) -> None:
    found = effect.spans([Day(day, 2, {"": 5.0})], 100)
    assert [one.days for one in found] == [before, after]
    assert [one.readings for one in found] == [2 * before, 2 * after]


def test_each_day_weighs_the_same_however_often_one_measured() -> None:
    before, _ = effect.spans([Day(98, 9, {"": 4.0}), Day(99, 1, {"": 8.0})], 100)
    assert before == Span(2, 10, {"": 6.0})


@pytest.mark.parametrize(
    ("age", "group"),
    [(0, "under-45"), (44, "under-45"), (45, "45-64"), (64, "45-64"), (65, "65-and-more"), (None, "unknown")],
)
def test_groups_of_ages(age: int | None, group: str) -> None:
    assert effect.age_group(age) == group


@pytest.mark.parametrize(
    ("people", "shown"), [(0, []), (19, []), (20, [20]), (22, [20]), (23, [25]), (27, [25]), (28, [30])]
)
def test_nothing_is_said_of_fewer_than_twenty_and_counts_are_rounded_to_five(people: int, shown: list[int]) -> None:
    assert [one.people for one in effect.cells([ONE] * people)] == shown


def test_groups_are_apart_and_never_put_together() -> None:
    others = [replace(ONE, age="under-45")] * 19
    (cell,) = effect.cells([ONE] * 20 + others)
    assert (cell.age, cell.people) == ("65-and-more", 20)


def test_means_are_as_exact_as_the_metric_is_shown() -> None:
    (cell,) = effect.cells([ONE] * 20)
    assert cell.days == (4.0, 8.0)
    assert cell.measured_in_both == 20
    assert cell.values == {"diastolic": (90, 85), "systolic": (150, 140)}


@pytest.mark.parametrize(("both", "is_said"), [(19, False), (20, True)])
def test_values_are_of_those_with_readings_on_both_sides(both: int, is_said: bool) -> None:
    stopped = replace(ONE, after=NOTHING)
    (cell,) = effect.cells([ONE] * both + [stopped] * 10)
    assert cell.days[1] == round(8 * both / (both + 10), 1)
    assert (cell.measured_in_both, bool(cell.values)) == ((20, True) if is_said else (None, False))


@pytest.mark.parametrize(("having", "is_said"), [(19, False), (20, True)])
def test_component_that_few_have_is_not_told(having: int, is_said: bool) -> None:
    with_pulse = replace(
        ONE,
        before=replace(BEFORE, values={**BEFORE.values, "pulse": 70.0}),
        after=replace(AFTER, values={**AFTER.values, "pulse": 71.0}),
    )
    (cell,) = effect.cells([with_pulse] * having + [ONE] * 5)
    assert ("pulse" in cell.values) is is_said


def test_what_it_is_not_is_always_said() -> None:
    assert "does not say that the article did it" in effect.NOTE["en"]
    assert "说明不了文章起了作用" in effect.NOTE["zh"]
