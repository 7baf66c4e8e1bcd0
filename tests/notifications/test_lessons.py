"""A push of something to read goes the way of every notice: quiet hours, channels by kind, neutral words, once."""

from __future__ import annotations

import pytest

from phr.alerts import raising
from phr.care.rules import rules
from phr.database import Database
from phr.education import learners, pushing
from phr.notices import preferences
from phr.notices.deliveries import DROPPED
from phr.notices.preferences import Preferences
from tests.alerts.test_calling import _of as whose
from tests.alerts.test_episode import PRESSURE, an_alert
from tests.cast import T0
from tests.education.test_pushing import EVENING, HOUR_MS, tick
from tests.notifications.builders import House, a_house


@pytest.fixture
def house(database: Database) -> House:
    made = a_house(database)
    made.add("email", "webhook")
    raising.take(made.database, [whose(an_alert(0, PRESSURE), made.ana)], T0)
    made.run("email")
    tick(made.database, T0)
    return made


def pushes(house: House, name: str, now_ms: int = EVENING) -> list[str]:
    """What a channel said since the alert."""
    tick(house.database, EVENING)
    before = len(house.channels[name].sent)
    house.run(name, now_ms)
    return [one.en for one in house.channels[name].sent[before:]]


def test_it_is_told_outside_in_neutral_words_once(house: House) -> None:
    assert pushes(house, "email") == ["You have a health reminder. See it in the app."]
    assert pushes(house, "email", EVENING + HOUR_MS) == []


def test_it_waits_for_the_end_of_quiet_hours(house: House) -> None:
    preferences.choose(house.database, house.ana, Preferences(quiet=(18 * 60, 7 * 60)), 0)
    assert pushes(house, "email", EVENING + 11 * HOUR_MS) == []
    assert len(pushes(house, "email", EVENING + 12 * HOUR_MS)) == 1


def test_who_wants_lessons_in_the_app_alone_has_them_there(house: House) -> None:
    preferences.choose(house.database, house.ana, Preferences(kinds={"lesson": ()}), 0)
    assert pushes(house, "email") == []
    assert len(learners.find(house.database, house.ana).pushes) == 1


def test_what_was_read_meanwhile_is_not_sent(house: House) -> None:
    preferences.choose(house.database, house.ana, Preferences(quiet=(18 * 60, 7 * 60)), 0)
    assert pushes(house, "email") == []
    (one,) = learners.find(house.database, house.ana).pushes
    pushing.settle_read(house.database, house.ana, one.slug, EVENING + HOUR_MS)
    assert pushes(house, "email", EVENING + 12 * HOUR_MS) == []
    assert house.states(f"lesson:{house.ana}:1")["email"][0] == DROPPED


def test_nothing_is_left_to_push_that_evening(house: House) -> None:
    tick(house.database, EVENING)
    assert not pushing.push_one(house.database, rules(), EVENING)
