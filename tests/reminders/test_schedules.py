"""Schedules are put once, change from now on, end for good, and say which field can't be."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.people import people, whereabouts
from phr.reminders import schedules
from phr.reminders.reminder import schedule_of
from phr.reminders.schedule import bounds_min
from tests.cast import a_person
from tests.reminders.builders import a_pattern, a_schedule, ms, notices, states
from tests.reminders.conftest import House

NOW = ms("2026-11-23T07:00:00+08:00")


def test_put_again_it_is_the_same_and_put_otherwise_it_changes(house: House) -> None:
    first, again = house.put(), house.put(at="2026-11-23T07:30:00+08:00")
    assert again == first
    changed = house.put(times=("09:00",))
    assert (changed.id, changed.version) == (first.id, 2)
    assert changed.next_ms == ms("2026-11-23T09:00:00+08:00")


def test_words_are_sealed_and_come_back(house: House) -> None:
    made = house.put(text="舍曲林", quiet=("22:00", "07:00"), ends_on=date(2027, 1, 1))
    row = schedules.row_of(house.database, made.id)
    assert "舍曲林" not in str(row)
    expected = a_schedule(house.ana, text="舍曲林", quiet=("22:00", "07:00"), ends_on=date(2027, 1, 1))
    found = schedule_of(house.database, expected.key, row)
    assert (found.text, found.quiet, found.ends_on, found.times) == (
        expected.text,
        expected.quiet,
        expected.ends_on,
        expected.times,
    )


def test_what_has_ended_asks_nothing_and_may_be_put_again(house: House) -> None:
    house.put()
    house.tick("2026-11-23T08:00:00+08:00")
    for _ in range(2):
        schedules.end(house.database, "plan-1:pills", ms("2026-11-23T08:10:00+08:00"))
    house.tick("2026-11-24T08:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "withdrawn"}
    assert notices(house.database) == []
    house.put(at="2026-11-24T09:00:00+08:00")
    house.tick("2026-11-25T08:00:00+08:00")
    assert states(house.database)["2026-11-25T08:00"] == "sent"


def test_a_slot_that_was_asked_is_not_asked_again_by_a_changed_schedule(house: House) -> None:
    house.put()
    house.tick("2026-11-23T08:00:00+08:00")
    house.put(at="2026-11-23T08:00:00+08:00", window_min=30)
    house.tick("2026-11-23T08:00:01+08:00")
    assert len(notices(house.database)) == 1


def test_the_key_of_somebody_else_is_theirs(house: House) -> None:
    house.put()
    ben = people.create(house.database, a_person(name="ben")).id
    with pytest.raises(AlreadyThere):
        schedules.put(house.database, a_schedule(ben), NOW)
    with pytest.raises(NotFound):
        schedules.put(house.database, a_schedule("z" * 20, key="other"), NOW)


def test_a_zone_that_changes_while_a_schedule_is_put_counts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    of_people = whereabouts.of_people

    def and_then_flown(*arguments: Any) -> Any:
        found = of_people(*arguments)
        monkeypatch.undo()
        people.change_zone(house.database, house.ana, "Asia/Tokyo", None)
        return found

    monkeypatch.setattr(whereabouts, "of_people", and_then_flown)
    assert house.put(at="2026-11-23T00:00:00+08:00").next_ms == ms("2026-11-23T07:00:00+08:00")


def test_who_has_died_is_put_a_schedule_that_waits(house: House) -> None:
    people.set_died(house.database, house.ana, date(2026, 11, 20))
    assert house.put().next_ms is None


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "dance"}, "/kind"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"zone": "../etc/passwd"}, "/zone"),
        ({"times": ()}, "/times"),
        ({"times": ("08:00", "08:00")}, "/times"),
        ({"times": ("08:00", "24:00")}, "/times/1"),
        ({"times": ("8:00",)}, "/times/0"),
        ({"times": (*(f"{n:02}:00" for n in range(24)), "00:30")}, "/times"),
        ({"rrule": "FREQ=SECONDLY"}, "/rrule"),
        ({"starts_on": date(1899, 12, 31)}, "/starts_on"),
        ({"ends_on": date(2026, 11, 22)}, "/ends_on"),
        ({"ends_on": date(2201, 1, 1)}, "/ends_on"),
        ({"window_min": 4}, "/window_min"),
        ({"window_min": 241}, "/window_min"),
        ({"quiet": ("22:00", "22:00")}, "/quiet/until"),
        ({"quiet": ("22", "07:00")}, "/quiet/from"),
        ({"times": ("12:00", "23:00"), "quiet": ("22:00", "07:00")}, "/times/1"),
        ({"kind": "measurement", "about": "mood-ring"}, "/about"),
        ({"kind": "measurement", "about": None}, "/about"),
        ({"about": "x y"}, "/about"),
        ({"text": "x" * 501}, "/text"),
    ],
)
def test_what_can_not_be_names_its_field(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        a_pattern(**changes)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("times", "expected"),
    [(("08:00",), (60, 60)), (("08:00", "09:00"), (30, 30)), (("23:50", "00:10"), (10, 10))],
)
def test_what_was_done_counts_for_the_nearest_alone(times: tuple[str, ...], expected: tuple[int, int]) -> None:
    assert bounds_min("medication", a_pattern(times=times)) == expected
