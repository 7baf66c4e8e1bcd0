"""Readings make one alert; who does not see it has others called, once and only those who may see what it is of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest

from phr.alerts import carers, escalating, raising, store, telling
from phr.alerts.carers import Contacts
from phr.alerts.episode import acknowledged
from phr.care.rules import rules
from phr.clock import DAY_MS, HOUR_MS, MINUTE_MS
from phr.database import Database, Document
from phr.notices import outbox
from phr.people import deaths, grants, organisations, people, processing
from phr.vocabulary.alert import Alert
from phr.watching import recovering
from tests.alerts.test_episode import LOW, OXYGEN, PRESSURE, VERY_LOW, an_alert
from tests.cast import T0, a_clinic, a_grant, a_person
from tests.recording.builders import House, pressure, sent

YESTERDAY = date(2026, 11, 22)
HIGH, NORMAL = {"systolic": 182, "diastolic": 96}, {"systolic": 120, "diastolic": 80}


class Home:
    """An elder, a daughter with a right to all, a neighbour to nothing of the readings."""

    def __init__(self, database: Database) -> None:
        self.database = database
        made = people.create_many(database, [a_person(name=name) for name in ("old", "daughter", "neighbour")])
        self.old, self.daughter, self.neighbour = (one.id for one in made)
        self.grant = grants.create(database, a_grant(self.old, self.daughter)).id
        grants.create(database, a_grant(self.old, self.neighbour, categories=("notes",)))

    def raised(self, *alerts: Alert, now_ms: int = T0) -> None:
        whose = [_of(alert, self.old) for alert in alerts]
        raising.take(self.database, whose, now_ms)

    def told(self, who: str) -> list[str]:
        """The kinds of what they were told, oldest first."""
        rows = self.database["notices"].find({"person": who, "state": "pending"}, sort=[("raised_at", 1)])
        return [row["rule"] for row in rows]

    def go_on(self, now_ms: int) -> None:
        while escalating.escalate_one(self.database, now_ms):
            pass

    def rows(self) -> list[Document]:
        return list(self.database["alerts"].find(sort=[("opened_ms", 1)]))


def _of(alert: Alert, person: str) -> Alert:
    return Alert(**{name: getattr(alert, name) for name in Alert.__slots__} | {"person": person})


@pytest.fixture
def home(database: Database) -> Home:
    return Home(database)


def choose(home: Home, **chosen: Iterable[str]) -> None:
    people_ = {name: tuple(who) for name, who in chosen.items()}
    carers.choose(home.database, home.old, Contacts(**people_), 0)  # type: ignore[arg-type]


def test_readings_of_one_episode_are_one_alert_and_are_told_once(home: Home) -> None:
    for _ in range(2):
        home.raised(*(an_alert(number, OXYGEN) for number in range(5)))
    home.raised(an_alert(9, OXYGEN), now_ms=T0 + MINUTE_MS)
    assert len(home.rows()) == 1
    assert home.told(home.old) == [OXYGEN]


def test_after_it_has_ended_the_next_one_is_another(home: Home) -> None:
    home.raised(an_alert(0, OXYGEN))
    raising.over(home.database, home.old, [OXYGEN], T0)
    home.raised(an_alert(0, OXYGEN), an_alert(1, OXYGEN))
    assert [row["is_open"] for row in home.rows()] == [False, True]
    assert home.told(home.old) == [OXYGEN, OXYGEN]


def test_an_emergency_calls_the_chosen_at_the_same_moment(home: Home) -> None:
    choose(home, emergency=[home.daughter, home.neighbour])
    home.raised(an_alert(0, OXYGEN))
    assert (home.told(home.daughter), home.told(home.neighbour)) == (["alert-of-family"], [])
    assert home.rows()[0]["taken"] == {"contacts": T0, "team": T0}


def test_nobody_is_named_and_no_value_told_to_who_is_called(home: Home) -> None:
    choose(home, emergency=[home.daughter])
    home.raised(an_alert(0, OXYGEN, message_zh="血氧 85 %"))
    row = home.database["notices"].find_one({"person": home.daughter})
    assert row is not None
    assert "120" in outbox.words(home.database, row)[0]
    assert "85" not in "".join(outbox.words(home.database, row))


def test_very_low_sugar_calls_at_once_and_low_sugar_when_no_recovery_is_seen(home: Home) -> None:
    choose(home, low_glucose=[home.daughter])
    home.raised(an_alert(0, LOW))
    home.go_on(T0 + 19 * MINUTE_MS)
    assert home.told(home.daughter) == []
    home.go_on(T0 + 20 * MINUTE_MS)
    assert home.told(home.daughter) == ["alert-of-family"]
    home.raised(an_alert(1, VERY_LOW))
    assert home.told(home.daughter) == ["alert-of-family"] * 2


def test_who_acknowledges_in_time_spares_the_others(home: Home) -> None:
    home.raised(an_alert(), an_alert(1))
    (row,) = home.rows()
    store.change(home.database, home.old, row["_id"], lambda one: acknowledged(one, home.old, T0))
    home.go_on(T0 + 10**9)
    assert home.told(home.daughter) == []


def test_relatives_are_called_when_nobody_has_seen_it_and_only_with_a_live_right(home: Home) -> None:
    home.raised(an_alert(), an_alert(1))
    home.go_on(T0 + 30 * MINUTE_MS - 1)
    assert home.told(home.daughter) == []
    grants.revoke(home.database, home.grant, T0)
    home.go_on(T0 + 30 * MINUTE_MS)
    assert home.told(home.daughter) == home.told(home.neighbour) == []


def test_steps_are_taken_once_by_however_many_and_after_one_that_died(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.raised(an_alert(), an_alert(1))
    at_ms = T0 + 30 * MINUTE_MS

    def dying(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(store, "change", dying)
        with pytest.raises(ConnectionError):
            escalating.escalate_one(home.database, at_ms)
    assert home.told(home.daughter) == ["alert-of-family"]
    assert not escalating.escalate_one(home.database, at_ms)  # leased by who died
    home.go_on(at_ms + store.LEASE_MS)
    assert home.told(home.daughter) == ["alert-of-family"]
    assert home.rows()[0]["taken"] == {"relatives": at_ms + store.LEASE_MS}


def test_who_withdrew_evaluation_has_nobody_called(home: Home) -> None:
    home.raised(an_alert(), an_alert(1))
    processing.refuse(home.database, home.old, processing.EVALUATION, home.old, T0)
    home.go_on(T0 + 10**9)
    assert home.told(home.daughter) == []


def test_a_snoozed_rule_is_silent_for_its_owner_and_another_is_not(home: Home) -> None:
    carers.snooze(home.database, home.old, LOW, home.old, T0 + MINUTE_MS)
    home.raised(an_alert(0, LOW), an_alert(1, PRESSURE))
    assert home.told(home.old) == [PRESSURE]
    raising.over(home.database, home.old, [LOW], T0)
    home.raised(an_alert(2, LOW), now_ms=T0 + MINUTE_MS)
    assert sorted(home.told(home.old)) == [PRESSURE, LOW]


def test_a_relative_who_put_off_one_kind_is_called_to_another_and_to_an_emergency(home: Home) -> None:
    choose(home, emergency=[home.daughter], low_glucose=[home.daughter])
    carers.snooze(home.database, home.old, VERY_LOW, home.daughter, T0 + MINUTE_MS)
    home.raised(an_alert(0, VERY_LOW))
    assert home.told(home.daughter) == []
    carers.snooze(home.database, home.old, OXYGEN, home.daughter, T0 + MINUTE_MS)
    home.raised(an_alert(1, OXYGEN))
    assert home.told(home.daughter) == ["alert-of-family"]


def test_an_emergency_is_told_however_snoozed(home: Home) -> None:
    carers.snooze(home.database, home.old, OXYGEN, home.old, T0 + MINUTE_MS)
    home.raised(an_alert(0, OXYGEN))
    assert home.told(home.old) == [OXYGEN]


def test_late_ones_are_open_and_tell_nobody(home: Home) -> None:
    choose(home, emergency=[home.daughter])
    home.raised(an_alert(0, OXYGEN, is_late=True))
    home.go_on(T0 + 10**9)
    assert (home.told(home.old), home.told(home.daughter)) == ([], [])
    assert [(row["is_open"], row["is_late"]) for row in home.rows()] == [(True, True)]


def test_what_was_told_of_a_reading_that_is_taken_out_is_taken_back(home: Home) -> None:
    choose(home, emergency=[home.daughter])
    home.raised(an_alert(0, OXYGEN))
    raising.withdraw(home.database, home.old, ["k0"], T0)
    assert home.told(home.daughter) == []
    assert home.rows()[0]["ended"]["how"] == "withdrawn"
    raising.reinstate(home.database, home.old, ["k0"])
    assert home.rows()[0]["is_open"]


def test_two_writers_at_once_make_one_alert(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reads before the first has written."""
    before = store.of_rules

    def quicker(*arguments: Any) -> Any:
        known = before(*arguments)
        monkeypatch.setattr(store, "of_rules", before)
        home.raised(an_alert(0, OXYGEN))
        return known

    monkeypatch.setattr(store, "of_rules", quicker)
    home.raised(an_alert(1, OXYGEN))
    (row,) = home.rows()
    assert [met["key"] for met in row["readings"]] == ["k0", "k1"]
    assert home.told(home.old) == [OXYGEN]


@pytest.fixture
def ana(house: House) -> House:
    house.bind(house.ana)
    return house


@pytest.mark.parametrize(
    ("after", "is_open"),
    [([NORMAL], True), ([NORMAL, NORMAL], False), ([NORMAL, HIGH], True), ([NORMAL, HIGH, NORMAL, NORMAL], False)],
)
def test_two_readings_back_within_end_it(ana: House, after: list[Any], is_open: bool) -> None:
    values = [HIGH, *after]
    at_ms = T0
    for number, value in enumerate(values):
        at_ms = T0 + number * 10 * MINUTE_MS
        ana.record(sent(pressure(at_ms, value), arrived_at_ms=at_ms), now_ms=at_ms)
    while recovering.look_one(ana.database, rules(), at_ms + 2 * MINUTE_MS):
        pass
    (row,) = ana.database["alerts"].find()
    assert row["is_open"] == is_open


def test_an_alert_that_nobody_looks_at_is_over_after_a_week_if_it_can_wait(ana: House) -> None:
    ana.record(sent(pressure(T0, HIGH)))
    for days, is_open in ((6, True), (8, False)):
        while recovering.look_one(ana.database, rules(), T0 + days * 86_400_000):
            pass
        (row,) = ana.database["alerts"].find()
        assert row["is_open"] == is_open


def test_withdrawn_tellings_are_of_this_alert_alone(home: Home) -> None:
    choose(home, emergency=[home.daughter])
    home.raised(an_alert(0, OXYGEN), an_alert(1, VERY_LOW))
    raising.withdraw(home.database, home.old, ["k0"], T0)
    assert home.told(home.daughter) == ["alert-of-family"]
    assert outbox.found(home.database, "k1") is not None


def a_team(home: Home, *, categories: tuple[str, ...] = ("*",)) -> str:
    """A doctor in a team that the elder lets look after them; T0 is half an hour before the usual hours begin."""
    (doctor,) = a_clinic(home.database, "doctor")
    grants.create(home.database, a_grant(home.old, "team:clinic/blue", kind="family-doctor", categories=categories))
    return doctor


def from_ms(home: Home, who: str) -> list[int]:
    return [row["from_ms"] for row in home.database["notices"].find({"person": who, "rule": "alert-of-resident"})]


def test_team_is_told_of_an_emergency_when_it_works_again_and_not_at_night(home: Home) -> None:
    doctor = a_team(home)
    home.raised(an_alert(0, OXYGEN))
    assert home.told(doctor) == ["alert-of-resident"]  # in the app it stands at once
    assert from_ms(home, doctor) == [T0 + 30 * MINUTE_MS]


def test_team_at_work_is_told_at_once_after_its_hour(home: Home) -> None:
    doctor = a_team(home)
    home.raised(an_alert(), an_alert(1))
    home.go_on(T0 + 60 * MINUTE_MS - 1)
    assert home.told(doctor) == []
    home.go_on(T0 + 60 * MINUTE_MS)
    assert from_ms(home, doctor) == [T0 + 60 * MINUTE_MS]
    home.go_on(T0 + 10 * 60 * MINUTE_MS)
    assert home.told(doctor) == ["alert-of-resident"]


def test_what_can_wait_reaches_the_team_together_the_next_morning(home: Home) -> None:
    """Of a Monday: a day of them is the person's own, and then they come as Wednesday's work begins."""
    doctor = a_team(home)
    for number, rule in ((1, PRESSURE), (2, LOW)):
        home.raised(an_alert(number, rule), now_ms=T0 + number * HOUR_MS)
    home.go_on(T0 + DAY_MS + HOUR_MS - 1)
    assert home.told(doctor) == []
    home.go_on(T0 + DAY_MS + HOUR_MS)
    home.go_on(T0 + DAY_MS + 2 * HOUR_MS)
    assert from_ms(home, doctor) == [T0 + 2 * DAY_MS + 30 * MINUTE_MS] * 2


def test_teams_own_hours_count(home: Home) -> None:
    doctor = a_team(home)
    organisations.set_hours(home.database, "clinic/blue", ["2=13:00-15:00"], "Asia/Shanghai")
    home.raised(an_alert(0, OXYGEN))
    assert from_ms(home, doctor) == [T0 + (24 + 5) * 60 * MINUTE_MS + 30 * MINUTE_MS]


@pytest.mark.parametrize(
    ("rule", "by_team", "is_told"),
    [(PRESSURE, False, False), (PRESSURE, True, False), (OXYGEN, False, True), (OXYGEN, True, False)],
)
def test_who_sees_to_it_spares_the_team_and_of_an_emergency_one_of_the_team_alone(
    home: Home, rule: str, by_team: bool, is_told: bool
) -> None:
    doctor = a_team(home)
    home.raised(an_alert(0, rule), an_alert(1, rule))
    home.go_on(T0 + 60 * MINUTE_MS)
    assert home.told(doctor) == ["alert-of-resident"]
    one = store.find(home.database, home.old, home.rows()[0]["_id"])
    telling.stand_down(home.database, one, T0, by_team=by_team)
    assert home.told(doctor) == ["alert-of-resident"] * is_told


def test_what_is_over_is_told_to_no_team(home: Home) -> None:
    doctor = a_team(home)
    home.raised(an_alert(), an_alert(1))
    home.go_on(T0 + 60 * MINUTE_MS)
    raising.over(home.database, home.old, [PRESSURE], T0 + 61 * MINUTE_MS)
    assert home.told(doctor) == []


def test_professional_who_may_not_see_what_it_is_of_is_told_nothing(home: Home) -> None:
    doctor = a_team(home, categories=("notes",))
    home.raised(an_alert(0, OXYGEN))
    assert home.told(doctor) == []


def test_after_a_death_nobody_is_called_to_an_alert_that_was_open(home: Home) -> None:
    home.raised(an_alert(), an_alert(1))
    deaths.report(home.database, home.old, YESTERDAY, T0)
    home.go_on(T0 + DAY_MS)
    assert home.told(home.daughter) == []
    deaths.take_back(home.database, home.old)
    raising.over(home.database, home.old, [PRESSURE], T0 + DAY_MS)
    home.raised(an_alert(2), an_alert(3), now_ms=T0 + DAY_MS)
    home.go_on(T0 + 2 * DAY_MS)
    assert home.told(home.daughter) == ["alert-of-family"]  # the same, of somebody alive
