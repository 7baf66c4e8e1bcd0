"""What was done shows in the record and takes its reminder back; people's own words come once; timelines tell it."""

from __future__ import annotations

from typing import Any

import pytest

from phr.people import seals
from phr.reminders import answering, entering, ledger, schedules, settling
from phr.reminders.answering import Word, parsed_slot
from phr.reminders.ledger import Seen
from phr.reminders.settling import Event
from phr.timeline import entries, listing
from phr.timeline.effective import Effective, instant
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft, Entry
from phr.timeline.happened import Happening, put
from phr.timeline.listing import Filter
from tests.reminders.builders import ms, notices, states
from tests.reminders.conftest import House

ANA = Author("ana", "app", None)
EIGHT = "2026-11-23T08:00:00+08:00"


def write(house: House, kind: str, at: str, **content: Any) -> Entry:
    draft = Draft(kind=kind, content=content, effective=Effective(instant(ms(at), 480)))
    return entries.create(house.database, NewEntry(person=house.ana, draft=draft, author=ANA), ms(at))


def taken(house: House, at: str, medication: str = "med-1", status: str = "taken") -> None:
    write(house, "intake", at, text="氨氯地平", medication=medication, status=status)


def told(house: House) -> list[tuple[str, str]]:
    found = listing.page(house.database, house.ana, Filter(kinds=frozenset({"reminder"}))).entries
    return [(one.content["text"], one.content["outcome"]) for one in found]


@pytest.mark.parametrize(
    ("at", "status", "expected"),
    [
        ("2026-11-23T06:59:00+08:00", "taken", "sent"),
        ("2026-11-23T07:00:00+08:00", "taken", "done"),
        ("2026-11-23T07:50:00+08:00", "skipped", "skipped"),
    ],
)
def test_what_was_taken_before_is_not_asked_for(house: House, at: str, status: str, expected: str) -> None:
    house.put(at="2026-11-23T05:00:00+08:00")
    taken(house, at, status=status)
    house.tick(EIGHT)
    assert states(house.database) == {"2026-11-23T08:00": expected}
    assert len(notices(house.database)) == (expected == "sent")


def test_an_intake_after_the_reminder_takes_it_back(house: House) -> None:
    house.put()
    house.tick(EIGHT)
    taken(house, "2026-11-23T08:10:00+08:00", medication="another")
    house.tick("2026-11-23T08:11:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "sent"}
    taken(house, "2026-11-23T08:12:00+08:00")
    house.tick("2026-11-23T08:13:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "done"}
    assert notices(house.database) == []


def test_an_intake_that_was_entered_while_no_scheduler_ran_counts(house: House) -> None:
    house.put()
    taken(house, "2026-11-23T08:59:00+08:00")
    house.tick("2026-11-23T12:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "done"}


def test_visits_and_lessons_are_done_by_what_happened(house: House) -> None:
    house.put(key="visit", kind="visit", about="plan-1")
    house.put(key="lesson", kind="lesson", about="salt")
    house.tick(EIGHT)
    write(house, "encounter", "2026-11-23T15:00:00+08:00", text="随访")
    lesson = {"text": "少盐", "lesson": "salt", "outcome": "finished"}
    put(house.database, [Happening("l", house.ana, "lesson", ms("2026-11-23T16:00:00+08:00"), lesson)], ms(EIGHT))
    house.tick("2026-11-23T17:00:00+08:00")
    assert {row["kind"]: row["state"] for row in house.database["reminder_occurrences"].find()} == {
        "visit": "done",
        "lesson": "done",
    }


def test_an_event_that_is_told_settles_what_is_open_of_it_alone(house: House) -> None:
    house.put(key="a", kind="lesson", about="salt")
    house.put(key="b", kind="lesson", about="sugar")
    house.tick(EIGHT)
    event = Event(house.ana, "lesson", "salt", ms("2026-11-23T08:05:00+08:00"))
    assert [settling.came(house.database, [event], ms(EIGHT)) for _ in range(2)] == [1, 0]
    assert {row["about"]: row["state"] for row in house.database["reminder_occurrences"].find()} == {
        "salt": "done",
        "sugar": "sent",
    }


def test_channels_say_that_it_was_delivered_and_opened_and_never_less(house: House) -> None:
    made = house.put()
    house.tick(EIGHT)
    key = f"reminder:{made.id}:{parsed_slot('2026-11-23T08:00')}"
    for state in ("opened", "delivered"):
        ledger.heard(house.database, key, state, ms(EIGHT))
    ledger.heard(house.database, "alert:x", "opened", ms(EIGHT))
    assert states(house.database) == {"2026-11-23T08:00": "opened"}
    house.tick("2026-11-23T09:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "missed"}


def word(outcome: str, at: str) -> Word:
    return Word(outcome, ms(at), ANA)


def said(house: House, outcome: str, at: str, slot: str = "2026-11-23T08:00") -> tuple[Seen, bool]:
    row = schedules.row_of(house.database, schedules.id_of("plan-1:pills"))
    seen = answering.occurrence(house.database, row, parsed_slot(slot))
    return answering.say(house.database, seen, word(outcome, at), ms(at))


def test_said_twice_it_was_done_the_first_time(house: House) -> None:
    house.put()
    house.tick(EIGHT)
    first, again = (said(house, "done", f"2026-11-23T08:0{n}:00+08:00") for n in (3, 7))
    assert (first[1], again[1]) == (False, True)
    assert again[0] == first[0]
    assert notices(house.database) == []


def test_said_before_it_was_due_it_is_not_asked(house: House) -> None:
    house.put()
    said(house, "done", "2026-11-23T07:30:00+08:00")
    house.tick(EIGHT)
    assert (states(house.database), notices(house.database)) == ({"2026-11-23T08:00": "done"}, [])


def test_the_timeline_tells_each_outcome_and_the_later_word_in_its_place(house: House) -> None:
    house.put()
    house.tick("2026-11-23T09:30:00+08:00")
    assert told(house) == [("氨氯地平 5 mg", "missed")]
    said(house, "done", "2026-11-23T10:00:00+08:00")
    house.tick("2026-11-23T10:01:00+08:00")
    assert told(house) == [("氨氯地平 5 mg", "done")]
    assert entering.enter_some(house.database, ms(EIGHT)) == 0


def test_an_entry_is_seen_with_all_that_it_was_made_of(house: House) -> None:
    house.put(categories=("mental",))
    house.tick("2026-11-23T09:30:00+08:00")
    (entry,) = listing.page(house.database, house.ana, Filter(kinds=frozenset({"reminder"}))).entries
    assert set(entry.categories) == {"care", "medications", "mental"}


def test_nothing_is_entered_for_one_whose_record_is_ending(house: House) -> None:
    house.put()
    house.tick(EIGHT)
    seals.destroy(house.database, house.ana, ms(EIGHT))
    house.tick("2026-11-23T09:30:00+08:00")
    assert house.database["entries"].count_documents({}) == 0
