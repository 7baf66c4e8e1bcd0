"""What residents need is read from where it is kept, made anew when that changes, and by whoever comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from phr.alerts import raising
from phr.database import Database
from phr.panel import rows
from phr.people import grants, organisations, people
from phr.people.grants import FAMILY_DOCTOR
from phr.plans import plans, tasks
from phr.plans.plans import Plan, Stamp
from phr.plans.rhythm import Measuring, Rhythm
from phr.plans.tasks import Task
from tests.alerts.test_calling import _of as whose
from tests.alerts.test_episode import OXYGEN, PRESSURE, an_alert
from tests.cast import T0, a_clinic, a_grant, a_person

DAY_MS = 86_400_000
TODAY = date(2026, 11, 23)


@pytest.fixture
def wang(database: Database) -> str:
    """A resident of the clinic's blue team."""
    a_clinic(database, organisations.DOCTOR)
    person = people.create(database, a_person()).id
    grants.create(database, a_grant(person, "team:clinic/blue", kind=FAMILY_DOCTOR))
    return person


def enrol(database: Database, person: str, due_on: date | None = None, **said: Any) -> Plan:
    plan = Plan(
        person=person, id=plans.id_of(database, person, "hypertension"), programme="hypertension",
        organisation="clinic", state="active", starts_on=TODAY - timedelta(days=30), ends_on=None,
        measuring=(Measuring("blood-pressure", Rhythm(1, (), ("07:30",))),), taking=(), next_on=due_on,
        note="", by="", at_ms=0, version=0,
    )  # fmt: skip
    return plans.enrol(database, replace(plan, **said), Stamp("d", "clinic", T0), due_on)


def refreshed(database: Database, now_ms: int = T0) -> dict[str, list[str]]:
    """The needs of each resident of the clinic, by their codes."""
    while rows.gather_some(database, now_ms):
        pass
    while rows.refresh_one(database, now_ms):
        pass
    return {name: [need.code for need in row.needs] for name, row in rows.of_organisation(database, "clinic").items()}


def test_alerts_are_there_and_go(database: Database, wang: str) -> None:
    raising.take(database, [whose(an_alert(0, OXYGEN), wang), whose(an_alert(1, PRESSURE), wang)], T0)
    assert sorted(refreshed(database)[wang]) == ["alert-soon", "emergency"]
    raising.over(database, wang, [OXYGEN], T0)
    assert refreshed(database)[wang] == ["alert-soon"]
    raising.over(database, wang, [PRESSURE], T0)
    assert refreshed(database) == {}


@pytest.mark.parametrize(
    ("due_in", "expected"), [(-5, ["overdue"]), (-1, ["overdue"]), (0, ["due"]), (7, ["due"]), (8, [])]
)
def test_a_visit_is_due_a_week_ahead_and_overdue_from_the_next_day(
    database: Database, wang: str, due_in: int, expected: list[str]
) -> None:
    enrol(database, wang, TODAY + timedelta(days=due_in), starts_on=TODAY)
    assert refreshed(database) == {wang: expected}


@pytest.mark.parametrize(("days", "expected"), [(13, []), (14, ["silent"]), (30, ["silent"])])
def test_who_is_to_measure_and_does_not_is_silent(
    database: Database, wang: str, days: int, expected: list[str]
) -> None:
    enrol(database, wang, starts_on=TODAY - timedelta(days=days))
    assert refreshed(database)[wang] == expected


def test_open_referrals_of_the_organisation_stand_in_its_panel(database: Database, wang: str) -> None:
    for name, urgent, organisation in (("t1", True, "clinic"), ("t2", False, "clinic"), ("t3", False, "other")):
        task = Task(
            person=wang, id=name, organisation=organisation, plan=None, visit=None, reasons=("1",), is_urgent=urgent,
            is_ordered=True, to=None, due_on=TODAY, categories=("care",),
        )  # fmt: skip
        made = tasks.open_one(database, task, "d", T0)
    assert sorted(refreshed(database)[wang]) == ["task", "urgent-task"]
    tasks.close(database, tasks.find(database, wang, "t1"), "well", ("d", T0))
    assert refreshed(database)[wang] == ["task"]
    assert made.organisation == "other"


def test_the_end_of_a_plan_takes_its_needs_away(database: Database, wang: str) -> None:
    plan = enrol(database, wang, TODAY - timedelta(days=1))
    assert "overdue" in refreshed(database)[wang]
    plans.put(database, replace(plan, state="ended"), Stamp("d", "clinic", T0), None)
    assert refreshed(database) == {}


def test_days_go_by_without_anything_changing(database: Database, wang: str) -> None:
    enrol(database, wang, TODAY + timedelta(days=10), starts_on=TODAY)
    assert refreshed(database) == {wang: []}
    assert refreshed(database, T0 + 4 * DAY_MS) == {wang: ["due"]}
    assert refreshed(database, T0 + 12 * DAY_MS) == {wang: ["overdue"]}


def test_what_changes_while_it_is_made_anew_is_made_anew_again(
    database: Database, wang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising.take(database, [whose(an_alert(0, OXYGEN), wang)], T0)
    rows.gather_some(database, T0)
    whole = rows.refresh

    def slowly(*arguments: Any) -> bool:
        is_kept = whole(*arguments)
        raising.take(database, [whose(an_alert(1, PRESSURE), wang)], T0)
        rows.gather_some(database, T0)
        return is_kept

    with monkeypatch.context() as patched:
        patched.setattr(rows, "refresh", slowly)
        rows.refresh_one(database, T0)
    assert sorted(refreshed(database)[wang]) == ["alert-soon", "emergency"]


def test_one_who_died_over_it_leaves_it_to_the_next(
    database: Database, wang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*_: Any) -> bool:
        raise ConnectionError

    raising.take(database, [whose(an_alert(0, OXYGEN), wang)], T0)
    rows.gather_some(database, T0)
    with monkeypatch.context() as broken:
        broken.setattr(rows, "refresh", dying)
        with pytest.raises(ConnectionError):
            rows.refresh_one(database, T0)
    assert not rows.refresh_one(database, T0)
    assert refreshed(database, T0 + rows.LEASE_MS) == {wang: ["emergency"]}


def test_nothing_of_it_stands_in_the_clear(database: Database, wang: str) -> None:
    enrol(database, wang, TODAY - timedelta(days=1))
    refreshed(database)
    row = database["panel_rows"].find_one({"person": wang})
    assert row is not None
    assert set(row) == {"_id", "organisation", "person", "at_ms", "sealed"}
    assert b"overdue" not in row["sealed"]
