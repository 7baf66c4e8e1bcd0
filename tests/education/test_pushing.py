"""What is pushed: at most two a week, nothing again within 30 days, nothing of a topic one has enough of, each once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from phr.alerts import raising
from phr.care.rules import rules
from phr.database import Database
from phr.education import learners, progress, pushing
from phr.education.learners import Learner, Push
from phr.education.matching import Suggestion
from phr.notices import outbox
from phr.people import deaths, people, processing, seals
from phr.people.people import ZonePeriod
from tests.alerts.test_calling import _of as whose
from tests.alerts.test_episode import PRESSURE, an_alert
from tests.cast import T0, a_person

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
WEEK_MS = 7 * DAY_MS
EVENING = T0 + 11 * HOUR_MS + 30 * 60_000  # 19:00 in Shanghai


def a_suggestion(slug: str, *, is_prompt: bool = False, is_for_everybody: bool = False) -> Suggestion:
    return Suggestion(slug, "t", 1, {"zh": "x", "en": "x"}, frozenset(), is_prompt, is_for_everybody)


def pushed(slug: str, days_ago: float) -> Push:
    return Push(1, slug, T0 - int(days_ago * DAY_MS), "", "", ())


def chosen(found: list[Suggestion], *pushes: Push) -> str | None:
    one = pushing.next_push(found, pushes, T0)
    return one.slug if one else None


PROMPT, PLAIN = a_suggestion("prompt", is_prompt=True), a_suggestion("plain")


def test_the_weightiest_goes_first_and_nothing_that_is_for_everybody() -> None:
    assert chosen([PROMPT, PLAIN]) == "prompt"
    assert chosen([a_suggestion("x", is_for_everybody=True)]) is None
    assert chosen([]) is None


@pytest.mark.parametrize(("days", "expected"), [(6.999, None), (7, "prompt")])
def test_at_most_two_in_seven_days(days: float, expected: str | None) -> None:
    assert chosen([PROMPT], pushed("a", days), pushed("b", 1)) == expected


@pytest.mark.parametrize(("days", "expected"), [(6.999, None), (7, "plain")])
def test_second_of_a_week_is_for_what_readings_say_alone(days: float, expected: str | None) -> None:
    assert chosen([PLAIN], pushed("a", days)) == expected
    assert chosen([PLAIN, PROMPT], pushed("a", 1)) == "prompt"


@pytest.mark.parametrize(("days", "expected"), [(29.999, None), (30, "plain")])
def test_nothing_comes_again_within_thirty_days(days: float, expected: str | None) -> None:
    assert chosen([PLAIN], pushed("plain", days)) == expected


@pytest.mark.parametrize(("read", "answered", "is_lately"), [(30, None, False), (29.999, None, True), (90, 1, True)])
def test_what_was_read_or_answered_in_thirty_days_was_read_lately(
    read: float, answered: float | None, is_lately: bool
) -> None:
    at = None if answered is None else T0 - int(answered * DAY_MS)
    one = progress.Progress("x", read_ms=T0 - int(read * DAY_MS), answered_ms=at)
    assert pushing.read_lately([one], T0) == ({"x"} if is_lately else set())


@pytest.mark.parametrize(("after", "expected"), [(T0, EVENING), (EVENING - 1, EVENING), (EVENING, EVENING + DAY_MS)])
def test_it_is_looked_at_in_the_evening(after: int, expected: int) -> None:
    assert pushing.evening_ms((ZonePeriod(None, "Asia/Shanghai"),), after) == expected


def test_evening_follows_the_zone_and_its_clock_changes() -> None:
    zones = (ZonePeriod(None, "Asia/Shanghai"), ZonePeriod(T0 - 1, "Europe/Berlin"))
    assert pushing.evening_ms(zones, T0) == EVENING + 7 * HOUR_MS
    spring = 1_774_720_800_000  # 2026-03-28T19:00+01:00, the evening before clocks go forward
    assert pushing.evening_ms((ZonePeriod(None, "Europe/Berlin"),), spring) == spring + 23 * HOUR_MS


@pytest.fixture
def wang(database: Database) -> str:
    """Whose blood pressure was very high."""
    person = people.create(database, a_person()).id
    raising.take(database, [whose(an_alert(0, PRESSURE), person)], T0)
    return person


def tick(database: Database, now_ms: int) -> None:
    while pushing.push_one(database, rules(), now_ms):
        pass


def told(database: Database, person: str) -> list[str]:
    rows = database["notices"].find({"person": person, "rule": pushing.KIND}).sort("_id", 1)
    return [outbox.notice(database, row).message_en for row in rows]


def slugs(database: Database, person: str) -> list[str]:
    return [one.slug for one in learners.find(database, person).pushes]


def test_who_comes_is_looked_at_that_evening_and_told_why(database: Database, wang: str) -> None:
    tick(database, T0)
    tick(database, EVENING - 1)
    assert told(database, wang) == []
    tick(database, EVENING)
    (words,) = told(database, wang)
    assert words.startswith("Your blood pressure was beyond its line lately. You may like to read “")
    row = database["notices"].find_one({"person": wang, "rule": pushing.KIND})
    assert row
    assert row["categories"] == ["care", "readings"]
    assert row["expires_at_ms"] == EVENING + WEEK_MS
    assert "blood" not in str({name: row[name] for name in row if name != "sealed"})  # its words are sealed


def test_evenings_of_four_weeks_bring_two_a_week_and_nothing_twice(database: Database, wang: str) -> None:
    tick(database, T0)
    for day in range(28):
        tick(database, EVENING + day * DAY_MS)
    found = learners.find(database, wang).pushes
    assert len({one.slug for one in found}) == len(found) > 2
    for one in found:
        assert sum(0 <= other.at_ms - one.at_ms < WEEK_MS for other in found) <= 2
    assert len(told(database, wang)) == len(found)


def test_topic_that_one_has_enough_of_is_pushed_no_more(database: Database, wang: str) -> None:
    learners.choose(database, wang, ["blood-pressure", "heart"], 0)
    tick(database, T0)
    tick(database, EVENING)
    assert slugs(database, wang) == ["falls-of-elders"]  # born in 1958
    assert learners.find(database, wang).off == ("blood-pressure", "heart")


def test_who_refuses_to_be_evaluated_is_pushed_nothing(database: Database, wang: str) -> None:
    tick(database, T0)
    processing.refuse(database, wang, processing.EVALUATION, wang, T0)
    for day in range(3):
        tick(database, EVENING + day * DAY_MS)
    assert told(database, wang) == []
    people.set_refused(database, wang, processing.EVALUATION, is_refused=False)
    tick(database, EVENING + 3 * DAY_MS)
    tick(database, EVENING + 4 * DAY_MS)
    assert len(told(database, wang)) == 1


def test_erased_person_leaves_no_row_behind_and_stops_nobody(database: Database, wang: str) -> None:
    other = people.create(database, a_person()).id
    tick(database, T0)
    seals.destroy(database, wang, T0)
    tick(database, EVENING)
    assert database["learners"].find_one({"_id": wang}) is None
    assert len(told(database, other)) == 1


@pytest.mark.parametrize("step", ["push", "tell", "told", "set_due"])
@pytest.mark.parametrize("is_done", [False, True])
def test_who_dies_at_any_step_neither_loses_nor_doubles_a_push(
    database: Database, wang: str, monkeypatch: pytest.MonkeyPatch, step: str, is_done: bool
) -> None:
    owner = outbox if step == "tell" else learners
    real = getattr(owner, step)

    def dying(*arguments: Any) -> Any:
        if is_done:
            real(*arguments)
        raise ConnectionError

    tick(database, T0)
    with monkeypatch.context() as broken:
        broken.setattr(owner, step, dying)
        with pytest.raises(ConnectionError):
            tick(database, EVENING)
    tick(database, EVENING + 1)
    tick(database, EVENING + learners.LEASE_MS)
    assert len(told(database, wang)) == len(slugs(database, wang)) == 1
    assert learners.find(database, wang).to_tell is None


def test_two_schedulers_at_once_push_one(database: Database, wang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = learners.push

    def slowly(*arguments: Any) -> Learner:
        with monkeypatch.context() as other:
            other.setattr(learners, "push", real)
            pushing._look(database, people.require(database, wang), rules(), EVENING)
        return real(*arguments)

    tick(database, T0)
    monkeypatch.setattr(learners, "push", slowly)
    tick(database, EVENING)
    week = [one.at_ms for one in learners.find(database, wang).pushes]
    assert len(week) == len(told(database, wang)) <= 2


def test_read_is_told_no_more(database: Database, wang: str) -> None:
    tick(database, T0)
    tick(database, EVENING)
    (slug,) = slugs(database, wang)
    pushing.settle_read(database, wang, "low-mood", EVENING)
    assert outbox.still(database, [f"lesson:{wang}:1"], EVENING)
    pushing.settle_read(database, wang, slug, EVENING)
    assert outbox.still(database, [f"lesson:{wang}:1"], EVENING) == []


def test_nothing_of_it_stands_in_the_clear(database: Database, wang: str) -> None:
    learners.choose(database, wang, ["mood"], 0)
    tick(database, T0)
    tick(database, EVENING)
    row = database["learners"].find_one({"_id": wang})
    assert row
    assert set(row) == {"_id", "v", "due_ms", "sealed"}
    assert b"mood" not in row["sealed"]


def test_after_a_death_nothing_is_pushed_until_it_was_none(database: Database, wang: str) -> None:
    tick(database, T0)
    deaths.report(database, wang, date(2026, 11, 22), T0)
    tick(database, EVENING)
    assert told(database, wang) == []
    deaths.take_back(database, wang)
    tick(database, EVENING + HOUR_MS)
    tick(database, EVENING + DAY_MS)
    assert len(told(database, wang)) == 1
