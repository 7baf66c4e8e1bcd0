"""Programmes give plans their measurements; what can't be is refused by its field."""

from __future__ import annotations

from datetime import date

import pytest

from phr.care.rules import rules
from phr.errors import InputInvalid
from phr.plans import rhythm
from phr.plans.rhythm import Rhythm
from phr.reminders import recurrence


@pytest.mark.parametrize("programme", rules().programmes, ids=lambda one: one.id)
def test_every_programme_gives_a_rhythm_that_reminders_can_keep(programme) -> None:
    for one in rhythm.of_programme(programme):
        assert rhythm.checked(one.rhythm, "") == one.rhythm
        assert recurrence.days_of(one.rhythm.rrule, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("programme", "told"),
    [
        ("hypertension", [("blood-pressure", None, (1, 4), ("07:30",))]),
        ("pregnancy-diabetes", [("glucose-capillary", 1, (), ("07:30", "10:00", "13:00", "20:30"))]),
        ("heart-failure", [("weight", 1, (), ("07:30",))]),
        ("depression", [("phq9-total", 28, (), ("07:30",))]),
    ],
)
def test_times_in_a_period_become_days_and_times(programme: str, told: list[object]) -> None:
    found = rhythm.of_programme(next(one for one in rules().programmes if one.id == programme))
    assert [(one.metric, one.rhythm.every_days, one.rhythm.weekdays, one.rhythm.times) for one in found] == told


@pytest.mark.parametrize(
    ("one", "pointer"),
    [
        (Rhythm(None, (), ("07:30",)), "/x/every_days"),
        (Rhythm(1, (1,), ("07:30",)), "/x/every_days"),
        (Rhythm(0, (), ("07:30",)), "/x/every_days"),
        (Rhythm(367, (), ("07:30",)), "/x/every_days"),
        (Rhythm(None, (8,), ("07:30",)), "/x/weekdays"),
        (Rhythm(1, (), ()), "/x/times"),
        (Rhythm(1, (), ("24:00",)), "/x/times"),
        (Rhythm(1, (), ("7:30",)), "/x/times"),
    ],
)
def test_rhythm_that_can_not_be_is_refused(one: Rhythm, pointer: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        rhythm.checked(one, "/x")
    assert refused.value.pointer == pointer
