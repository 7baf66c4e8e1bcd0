"""The panel over HTTP: whom a doctor looks after, first who needs it, and nothing that they may not see."""

from __future__ import annotations

import random
from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.alerts import raising
from phr.clock import now_ms
from phr.panel import rows
from phr.people import access, grants, organisations, people
from phr.people.access import Ask, Caller
from phr.people.grants import FAMILY_DOCTOR, RELATIVE
from tests.alerts.test_calling import _of as whose
from tests.alerts.test_episode import LOW, OXYGEN, PRESSURE, an_alert
from tests.cast import Cast, a_clinic, a_grant, a_person


class Clinic:
    """A doctor and a nurse of one team, and six residents: the last ones need something."""

    def __init__(self, cast: Cast) -> None:
        self.cast, database = cast, cast.database
        self.doctor, self.nurse = a_clinic(database, organisations.DOCTOR, organisations.NURSE)
        made = people.create_many(database, [a_person(name=f"居民{number}") for number in range(6)])
        self.residents = [one.id for one in made]
        for person in self.residents:
            self.grant(person)
        for person, rule in zip(self.residents[3:], (LOW, PRESSURE, OXYGEN), strict=True):
            raising.take(database, [whose(an_alert(0, rule, key=f"{person}{rule}"), person)], now_ms())
        self.refresh()

    def grant(self, person: str, **changes: Any) -> str:
        some = {"kind": FAMILY_DOCTOR, "categories": ("readings", "profile", "care")} | changes
        return grants.create(self.cast.database, a_grant(person, "team:clinic/blue", **some)).id

    def refresh(self) -> None:
        while rows.gather_some(self.cast.database, now_ms()) or rows.refresh_one(self.cast.database, now_ms()):
            pass

    def get(self, who: str, query: str = "") -> TestResponse:
        token = self.cast.token(who, "organisation.read")
        return self.cast.send(who, "GET", f"/v1/panel{query}", headers={"Authorization": f"Bearer {token}"})

    def page(self, query: str = "", who: str | None = None) -> dict[str, Any]:
        answer = self.get(who or self.doctor, query)
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[no-any-return]

    def shown(self, query: str = "", who: str | None = None) -> list[str]:
        return [one["person"] for one in self.page(query, who)["residents"]]


@pytest.fixture
def clinic(cast: Cast) -> Clinic:
    return Clinic(cast)


def test_who_needs_it_most_stands_first_with_the_reason_in_words(clinic: Clinic) -> None:
    first, *_ = clinic.page()["residents"]
    assert (first["person"], first["name"]) == (clinic.residents[5], "居民5")
    assert [one["code"] for one in first["needs"]] == ["emergency"]
    assert first["needs"][0]["words"]["zh"].startswith("紧急预警：")
    calm = sorted(clinic.residents[:3])
    assert clinic.shown() == [clinic.residents[5], *sorted(clinic.residents[3:5]), *calm]


def test_nurse_of_the_team_sees_the_same_and_who_is_in_no_team_nobody(clinic: Clinic) -> None:
    assert clinic.shown(who=clinic.nurse) == clinic.shown()
    organisations.leave_team(clinic.cast.database, "clinic/blue", clinic.nurse)
    assert clinic.page(who=clinic.nurse)["total"] == 0


@pytest.mark.parametrize("who", ["owner", "relative", "stranger"])
def test_who_works_nowhere_has_no_panel(clinic: Clinic, who: str) -> None:
    assert clinic.get(getattr(clinic.cast, who)).status_code == 403


def test_a_grant_that_ends_takes_its_resident_out_at_once(clinic: Clinic) -> None:
    person = clinic.residents[5]
    clinic.cast.database["grants"].update_many({"person": person}, {"$set": {"until_ms": now_ms() - 1}})
    assert person not in clinic.shown()
    assert clinic.page()["counts"]["alert"] == 2


def test_what_may_not_be_seen_moves_nobody_and_counts_nowhere(clinic: Clinic) -> None:
    person = clinic.residents[5]
    clinic.cast.database["grants"].update_many({"person": person}, {"$set": {"categories": ["care"]}})
    page = clinic.page()
    (one,) = [one for one in page["residents"] if one["person"] == person]
    assert (one["needs"], one["name"], page["counts"]["alert"]) == ([], None, 2)
    assert page["residents"][0]["person"] != person


def test_each_who_is_shown_finds_it_in_their_own_log_and_the_others_do_not(clinic: Clinic) -> None:
    clinic.page("?limit=2")
    lines = {one: access.log_of(clinic.cast.database, one, 5) for one in clinic.residents}
    assert [len(lines[one]) for one in clinic.residents].count(1) == 2
    (line,) = lines[clinic.residents[5]]
    assert (line.who, line.role, line.about, line.categories) == (
        *(clinic.doctor, "family-doctor", "GET panel"),
        ("profile", "readings"),
    )
    told = clinic.cast.send(clinic.residents[5], "GET", "/v1/people/me/access-log").json
    assert "居民列表" in str(told)


def test_pages_go_on_where_the_last_one_ended_whatever_comes_meanwhile(clinic: Clinic) -> None:
    first = clinic.page("?limit=3")
    newcomer = people.create(clinic.cast.database, a_person(name="新居民")).id
    clinic.grant(newcomer)
    second = clinic.page(f"?limit=9&cursor={first['next_cursor']}")
    told = [one["person"] for page in (first, second) for one in page["residents"]]
    assert set(clinic.residents) <= set(told)
    assert (len(told), len(set(told)), second["next_cursor"]) == (7, 7, None)


@pytest.mark.parametrize("query", ["?cursor=x", "?cursor=e30", "?limit=0", "?limit=201", "?need=love", "?need="])
def test_odd_queries_are_refused_by_their_field(clinic: Clinic, query: str) -> None:
    assert clinic.get(clinic.doctor, query).status_code == 400


def test_filters(clinic: Clinic) -> None:
    assert set(clinic.shown("?need=alert")) == set(clinic.residents[3:])
    assert clinic.shown("?need=overdue") == clinic.shown("?programme=hypertension") == []


@pytest.mark.parametrize("text", ["居民3", "min3", "JM3"])
def test_resident_is_found_by_name_where_the_profile_may_be_seen(clinic: Clinic, text: str) -> None:
    assert clinic.shown(f"?name={text}") == [clinic.residents[3]]
    assert clinic.shown(f"?name={text}&need=overdue") == []
    clinic.cast.database["grants"].update_many({"person": clinic.residents[3]}, {"$set": {"categories": ["readings"]}})
    assert clinic.shown(f"?name={text}") == []


def test_summary_of_the_week_names_nobody_and_counts_what_may_be_seen(clinic: Clinic) -> None:
    clinic.cast.database["grants"].update_many({"person": clinic.residents[4]}, {"$set": {"categories": ["care"]}})
    answer = clinic.get(clinic.doctor, "/summary").json
    week = answer["week"]  # type: ignore[index]
    assert (answer["residents"], answer["counts"]["alert"], week["alerts"]) == (6, 2, 2)  # type: ignore[index]
    assert week["by_level"] == {"1": 0, "2": 1, "3": 0, "4": 1}
    assert not any(person in str(answer) for person in clinic.residents)


def test_it_sees_of_each_just_what_one_look_at_the_record_would(clinic: Clinic) -> None:
    """Grants of all kinds, periods and states, drawn by chance."""
    chance, database, now = random.Random(7), clinic.cast.database, now_ms()
    categories = ("readings", "care", "profile", "mental", "medications")
    for person in clinic.residents:
        for _ in range(chance.randrange(3)):
            grants.create(
                database,
                a_grant(
                    person, chance.choice([clinic.doctor, clinic.nurse, "team:clinic/blue", "team:clinic/none"]),
                    kind=chance.choice([FAMILY_DOCTOR, RELATIVE]), categories=tuple(chance.sample(categories, 2)),
                    verbs=chance.choice([("read",), ("write",), ("read", "write")]),
                    until_ms=chance.choice([None, now - 1, now + 10**6]),
                    data_from_ms=chance.choice([None, now - 10**9]),
                ),
            )  # fmt: skip
    doctor = Caller(clinic.doctor, "app", frozenset(), None, "person")
    found = access.residents(database, doctor, categories, now)
    assert set(found) == set(clinic.residents)
    for person in clinic.residents:
        ask = Ask(person, "read", categories, "x", is_partial=True, by_period=True)
        assert found[person].sight == access.visible(database, doctor, ask, now)


def test_an_operator_in_the_doctors_name_sees_nobody(clinic: Clinic) -> None:
    acting = Caller(clinic.doctor, "app", frozenset(), "root", "person")
    assert access.residents(clinic.cast.database, acting, ("readings",), now_ms()) == {}
