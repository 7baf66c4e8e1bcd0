"""One episode: what opens it, what makes it worse, who is to be called when, how it ends. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phr import answers
from phr.alerts import episode
from phr.alerts.courses import Courses, Step, courses, parsed
from phr.alerts.episode import CALL_120, Episode, steps_left
from phr.care.rules import rules
from phr.clock import MINUTE_MS
from phr.errors import DataFileInvalid
from phr.vocabulary.alert import Alert
from tests.cast import T0

PRESSURE, LOW, VERY_LOW, OXYGEN = ("blood-pressure-very-high", "glucose-low", "glucose-very-low", "oxygen-very-low")


def an_alert(number: int = 0, rule: str = PRESSURE, **changes: Any) -> Alert:
    severity = {PRESSURE: 3, LOW: 2, VERY_LOW: 3, OXYGEN: 4}[rule]
    made = Alert(
        key=f"k{number}", rule=rule, rule_version=1, person="p", severity=severity, metric="m", device="acme/1",
        t_ms=T0 + number * MINUTE_MS, seq=0, values={"": 1}, unit=None, message_zh="zh", message_en="en", source="s",
        reviewed=False, raised_at_ms=T0,
    )  # fmt: skip
    return replace(made, **changes)


def begun(*alerts: Alert, now_ms: int = T0) -> Episode:
    course = courses().of(alerts[0].rule)
    one = episode.opened(alerts[0], course, now_ms)
    for alert in alerts[1:]:
        one = episode.with_reading(one, alert, course, now_ms)
    return one


def minutes(one: Episode) -> list[tuple[int, Step]]:
    return [((at_ms - one.level_ms) // MINUTE_MS, step) for at_ms, step in steps_left(one, courses())]


def test_high_pressure_waits_for_a_second_reading_and_is_then_as_severe_as_its_rule() -> None:
    first, second = begun(an_alert()), begun(an_alert(), an_alert(1))
    assert (first.level, second.level) == (2, 3)
    assert [met.role for met in second.readings] == ["opened", "again"]


def test_a_second_reading_within_a_minute_is_the_same_measurement() -> None:
    assert begun(an_alert(), an_alert(1, t_ms=T0 + MINUTE_MS - 1)).level == 2


def test_the_same_reading_again_changes_nothing() -> None:
    one = begun(an_alert(), an_alert(1))
    assert begun(an_alert(), an_alert(1), an_alert(1), an_alert()) == one


def test_what_goes_on_being_found_is_noted_once_a_day() -> None:
    one = begun(an_alert())
    again = episode.with_reading(one, an_alert(), courses().of(PRESSURE), T0 + 86_400_001)
    assert (again.received_ms, again.readings) == (T0 + 86_400_001, one.readings)


def test_a_third_reading_belongs_to_it_and_says_nothing_new() -> None:
    one = begun(an_alert(), an_alert(1), an_alert(2))
    assert (one.level, one.readings[-1].role, one.measured_ms) == (3, "more", T0 + 2 * MINUTE_MS)


def test_late_ones_call_nobody_until_one_of_now_comes() -> None:
    late = begun(an_alert(is_late=True), an_alert(1, is_late=True))
    assert (late.is_late, late.level, minutes(late)) == (True, 2, [])
    now = episode.with_reading(late, an_alert(2), courses().of(PRESSURE), T0 + 5)
    assert (now.is_late, now.readings[-1].role, now.level_ms) == (False, "opened", T0 + 5)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (PRESSURE, [(1_440, "team")]),
        (LOW, [(20, "contacts"), (1_440, "team")]),
        (VERY_LOW, [(0, "contacts"), (30, "relatives"), (60, "team")]),
        (OXYGEN, [(0, "contacts"), (0, "team"), (5, "relatives")]),
    ],
)
def test_who_is_called_and_after_how_many_minutes(rule: str, expected: list[tuple[int, Step]]) -> None:
    assert minutes(begun(an_alert(rule=rule))) == expected


def test_who_has_seen_it_stops_the_calling_but_not_of_an_emergency() -> None:
    seen = episode.acknowledged(begun(an_alert(), an_alert(1)), "d", T0)
    assert minutes(seen) == []
    emergency = episode.acknowledged(begun(an_alert(rule=OXYGEN)), "d", T0)
    assert len(minutes(emergency)) == 3


def test_symptoms_make_an_emergency_whoever_has_seen_it_before() -> None:
    seen = episode.acknowledged(begun(an_alert()), "d", T0)
    worse = episode.with_symptoms(seen, T0 + 9, has_any=True)
    assert (worse.level, worse.acknowledged, worse.level_ms) == (CALL_120, (), T0 + 9)
    assert episode.with_symptoms(seen, T0 + 9, has_any=False).level == 2


def test_a_step_that_was_taken_is_not_taken_again() -> None:
    one = episode.with_step(begun(an_alert(rule=OXYGEN)), "contacts", T0)
    assert [step for _, step in minutes(one)] == ["team", "relatives"]


def test_with_its_last_reading_it_is_withdrawn_and_with_one_of_them_it_is_back() -> None:
    one = begun(an_alert(), an_alert(2), an_alert(3))
    left = episode.without(one, ["k0"], T0)
    assert left.is_open
    gone = episode.without(left, ["k2", "k3"], T0)
    assert gone.ended
    assert gone.ended.how == "withdrawn"
    assert episode.given_back(gone, ["k2"]).is_open


def test_where_all_that_was_told_is_gone_the_next_one_opens_it() -> None:
    one = begun(an_alert(rule=OXYGEN), an_alert(1, rule=OXYGEN))
    assert [met.role for met in episode.without(one, ["k0"], T0).readings] == ["opened", "opened"]


def test_every_rule_that_has_a_course_is_there() -> None:
    assert [name for name in courses().by_rule if rules().get(name) is None] == [answers.RULE]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("levels = 7", "levels"),
        ("[levels.1]\n[courses]", "levels"),
        ("[levels.1]\n[levels.2]\n[levels.3]\n[levels.4]\nteam_min = -1\n[courses]", "team_min"),
        ('[levels.1]\n[levels.2]\n[levels.3]\n[levels.4]\n[courses.x]\nkind = "hope"', "kind"),
        ('[levels.1]\n[levels.2]\n[levels.3]\n[levels.4]\n[courses.x]\nkind = "confirm"', "Chinese and in English"),
        ("[levels", "courses.toml"),
    ],
)
def test_a_fault_in_the_file_is_named(text: str, fault: str) -> None:
    with pytest.raises(DataFileInvalid, match=fault):
        parsed(text)


def test_courses_of_a_rule_without_any_are_the_levels_alone() -> None:
    assert Courses({}, {}).of("x").kind is None
