"""Visits are classed and the next one is due by the national rules, tried around each limit and over leap days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from phr.care.followup import Class, Mode, Reason, Visit, due, months_after, propose
from phr.care.form import forms
from phr.care.goals import goals, is_met
from phr.care.rules import rules
from phr.errors import InputInvalid

ON = date(2026, 11, 23)
ENROLLED = date(2026, 1, 10)


def a_visit(on: date = ON, outcome: Class = Class.CONTROLLED, **changes: Any) -> Visit:
    return Visit(**({"on": on, "mode": Mode.CLINIC, "outcome": outcome} | changes))


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-11-30", 3, "2027-02-28"),
        ("2027-11-30", 3, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-09-23", 3, "2026-12-23"),
        ("2026-10-31", 1, "2026-11-30"),
        ("1999-12-01", 3, "2000-03-01"),
    ],
)
def test_months_end_where_the_calendar_does(day: str, months: int, later: str) -> None:
    assert months_after(date.fromisoformat(day), months) == date.fromisoformat(later)


@pytest.mark.parametrize(
    ("visits", "on", "why"),
    [
        ([], date(2026, 4, 10), "quarterly"),
        ([a_visit()], date(2027, 2, 23), "quarterly"),
        ([a_visit(outcome=Class.UNCONTROLLED)], date(2026, 12, 7), "two-weeks"),
        ([a_visit(outcome=Class.ADVERSE_REACTION)], date(2026, 12, 7), "two-weeks"),
        ([a_visit(outcome=Class.COMPLICATION, is_referral=True)], date(2026, 12, 7), "two-weeks-after-referral"),
        ([a_visit(is_referral=True)], date(2026, 12, 7), "two-weeks-after-referral"),
        # the telephone answers for the two weeks, and the quarter goes on from the last time face to face
        (
            [a_visit(date(2026, 11, 9), Class.UNCONTROLLED), a_visit(mode=Mode.PHONE)],
            date(2027, 2, 9),
            "quarterly",
        ),
        ([a_visit(date(2026, 8, 24)), a_visit(mode=Mode.PHONE)], date(2026, 11, 24), "quarterly"),
        ([a_visit(mode=Mode.PHONE)], date(2026, 4, 10), "quarterly"),
        ([a_visit(date(2026, 8, 1), Class.UNCONTROLLED), a_visit()], date(2027, 2, 23), "quarterly"),
        ([a_visit(), a_visit(date(2026, 8, 1), Class.UNCONTROLLED)], date(2027, 2, 23), "quarterly"),
    ],
)
def test_next_visit_is_due(visits: list[Visit], on: date, why: str) -> None:
    found = due(ENROLLED, visits, ON)
    assert (found.on, found.why) == (on, why)
    assert found.must_be_face_to_face is (why == "quarterly")


@pytest.mark.parametrize(
    ("agreed", "on", "why"),
    [
        (date(2026, 12, 23), date(2026, 12, 23), "agreed"),
        (date(2027, 3, 1), date(2027, 2, 23), "quarterly"),
        (ON, date(2027, 2, 23), "quarterly"),
    ],
)
def test_day_that_was_agreed_counts_where_it_is_sooner(agreed: date, on: date, why: str) -> None:
    found = due(ENROLLED, [a_visit()], ON, agreed)
    assert (found.on, found.why) == (on, why)


def test_only_visits_face_to_face_count_towards_the_four_of_a_year() -> None:
    visits = [a_visit(date(2026, month, 1), mode=Mode("123"[month % 3])) for month in range(1, 7)]
    visits += [a_visit(date(2025, 12, 31)), a_visit(date(2027, 1, 1))]
    assert due(ENROLLED, visits, ON).face_to_face_this_year == 4


@pytest.mark.parametrize(
    ("checked", "on"), [(None, date(2027, 1, 10)), (date(2024, 2, 29), date(2025, 2, 28)), (ON, date(2027, 11, 23))]
)
def test_check_up_is_due_once_a_year(checked: date | None, on: date) -> None:
    visits = [a_visit(checked, is_check_up=True)] if checked else [a_visit()]
    assert due(ENROLLED, visits, ON).check_up_on == on


def proposed(items: dict[str, Any], judged_by: str = "pressure", age: int | None = 60, **more: Any) -> Any:
    return propose(judged_by, items, more.get("signs", ()), more.get("earlier", ()), (ON, age))


@pytest.mark.parametrize(
    ("systolic", "diastolic", "age", "outcome"),
    [
        (139, 89, 60, "1"),
        (140, 89, 60, "2"),
        (139, 90, 60, "2"),
        (141, 91, 60, "2"),
        (149, 89, 65, "1"),
        (149, 89, 64, "2"),
        (150, 89, 65, "2"),
        (149, 90, 65, "2"),
        (145, 80, None, "2"),
    ],
)
def test_pressure_is_classed_by_the_line_of_the_specification(
    systolic: int, diastolic: int, age: int | None, outcome: str
) -> None:
    assert proposed({"systolic": systolic, "diastolic": diastolic}, age=age).outcome == outcome


@pytest.mark.parametrize(("fasting", "outcome"), [(6.9, "1"), (7.0, "2"), (7.1, "2")])
def test_glucose_is_classed_by_the_fasting_value(fasting: float, outcome: str) -> None:
    assert proposed({"fasting-glucose": fasting}, "glucose").outcome == outcome


@pytest.mark.parametrize(
    ("items", "outcome"),
    [
        ({"systolic": 120, "diastolic": 70, "adverse-reaction": "2"}, "3"),
        ({"systolic": 150, "diastolic": 95, "adverse-reaction": "2", "complication": "2"}, "4"),
        ({"systolic": 120, "diastolic": 70, "complication": "1", "adverse-reaction": "1"}, "1"),
        ({"systolic": 120}, None),
        ({}, None),
    ],
)
def test_what_is_worse_stands_for_what_is_less_so(items: dict[str, Any], outcome: str | None) -> None:
    assert proposed(items).outcome == outcome


HIGH = {"systolic": 150, "diastolic": 95}


@pytest.mark.parametrize(
    ("items", "earlier", "reasons", "days"),
    [
        (HIGH, [], [], 14),
        (HIGH, [a_visit(date(2026, 8, 1))], [], 14),
        (HIGH, [a_visit(date(2026, 8, 1), Class.UNCONTROLLED)], ["1"], 14),
        (HIGH, [a_visit(date(2026, 8, 1), Class.UNCONTROLLED), a_visit(date(2026, 9, 1))], [], 14),
        (HIGH, [a_visit(date(2026, 12, 1), Class.UNCONTROLLED)], [], 14),
        ({"adverse-reaction": "2"}, [], [], 14),
        ({"adverse-reaction": "2"}, [a_visit(date(2026, 8, 1), Class.ADVERSE_REACTION)], ["2"], 14),
        ({"complication": "2"}, [], ["3"], 14),
        ({"complication": "3"}, [], ["4"], 14),
        ({"systolic": 180, "diastolic": 80}, [], ["9"], 14),
        ({"systolic": 179, "diastolic": 110}, [], ["9"], 14),
        ({"systolic": 179, "diastolic": 109}, [], [], 14),
        ({"systolic": 120, "diastolic": 70}, [], [], 92),
    ],
)
def test_referral_and_next_date_are_proposed(
    items: dict[str, Any], earlier: list[Visit], reasons: list[str], days: int
) -> None:
    found = proposed(items, earlier=earlier)
    assert ([*found.reasons], found.next_on) == (reasons, ON + timedelta(days=days))


@pytest.mark.parametrize(
    ("items", "dangers"),
    [
        ({"fasting-glucose": 16.6}, ()),
        ({"fasting-glucose": 16.7}, ("glucose-16.7",)),
        ({"random-glucose": 16.8}, ("glucose-16.7",)),
        ({"random-glucose": 4.0}, ()),
        ({"random-glucose": 3.9}, ("glucose-3.9",)),
        ({"systolic": 180, "diastolic": 70}, ("pressure-180-110",)),
    ],
)
def test_dangerous_values_of_diabetes_are_urgent(items: dict[str, Any], dangers: tuple[str, ...]) -> None:
    found = proposed(items, "glucose")
    assert (found.dangers, found.is_urgent) == (dangers, bool(dangers))


def test_red_flag_alone_is_urgent() -> None:
    found = proposed({"systolic": 120, "diastolic": 70}, signs=("blurred-vision",))
    assert (found.is_urgent, found.reasons, found.next_on) == (True, (Reason.DANGER,), ON + timedelta(days=14))


@pytest.mark.parametrize(("age", "systolic"), [(79, 130), (80, 150), (None, 130)])
def test_goal_of_the_guideline_goes_by_age(age: int | None, systolic: int) -> None:
    assert goals("pressure", age)[0].below == systolic


@pytest.mark.parametrize(
    ("item", "value", "met"),
    [
        ("fasting-glucose", 4.3, False),
        ("fasting-glucose", 4.4, True),
        ("fasting-glucose", 7.0, True),
        ("fasting-glucose", 7.1, False),
        ("hba1c", 6.9, True),
        ("hba1c", 7.0, False),
        ("systolic", 129, True),
        ("systolic", 130, False),
        ("systolic", None, None),
    ],
)
def test_goal_is_met_inside_its_range(item: str, value: float | None, met: bool | None) -> None:
    goal = next(one for one in goals("glucose", 60) if one.item == item)
    assert is_met(goal, {item: value}) is met


def test_there_is_a_form_for_each_programme_with_visits_that_the_rules_tell_how_to_judge() -> None:
    assert set(forms()) == {"hypertension", "diabetes"} <= {one.id for one in rules().programmes}
    assert {key for key, item in forms()["hypertension"].items.items() if item.key == "class"} == {"class"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mode", "4"),
        ("mode", 1),
        ("symptoms", []),
        ("symptoms", ["1", "11"]),
        ("systolic", 301),
        ("systolic", "120"),
        ("systolic", True),
        ("next-on", "2026-02-29"),
        ("referral-to", ""),
    ],
)
def test_what_does_not_belong_on_the_form_is_refused(key: str, value: Any) -> None:
    with pytest.raises(InputInvalid) as refused:
        forms()["hypertension"].items[key].checked(value)
    assert refused.value.pointer == f"/items/{key}"


def test_codes_are_printed_with_their_words() -> None:
    item = forms()["hypertension"].items["symptoms"]
    assert item.said(item.checked(["10", "2", "2"])) == "2 头痛头晕；10 其他"
