"""Alerts and what devices did stand in the timeline, each once, whatever dies in between."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr import amending, happenings
from phr.clock import to_ms
from phr.database import Database
from phr.errors import PhrError
from phr.intake import bindings, clocks, devices, status
from phr.intake.device_clock import Period, Removal
from phr.intake.status import Heard, Status
from phr.people import people, seals
from phr.readings.void import Act, Source, Wanted
from phr.timeline import entries, history, listing
from phr.timeline.entries import Hand
from phr.timeline.entry import Author, Entry
from phr.timeline.listing import Filter
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import HOUR_MS
from tests.recording.builders import CUFF, HIGH, House, pressure, sent
from tests.recording.test_crashes import fail_at

OWNER = Hand(Author("ana", "app", None), T0)
CUFFS = Wanted(frozenset({(T0, 0)}))


@pytest.fixture
def home(house: House) -> House:
    house.bind(house.ana, since_ms=T0 - HOUR_MS)
    return house


def enter(home: House) -> None:
    while happenings.enter_one(home.database, T0 + 1):
        pass


def told(home: House, person: str | None = None, kind: str = "alert") -> list[Entry]:
    return listing.page(home.database, person or home.ana, Filter(kinds=frozenset({kind}))).entries


def events(home: House, person: str | None = None) -> list[tuple[Any, int]]:
    """What and when, latest first."""
    return [(one.content["event"], one.effective_ms) for one in told(home, person, "device-event")]


def source(home: House) -> Source:
    return Source(home.ana, vocabulary().metrics["blood-pressure"], CUFF)


def test_an_alert_stands_at_its_reading_with_its_words_and_what_it_is_seen_with(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    enter(home)
    (notice,), (alert,) = home.notices(), told(home)
    assert (alert.content["text"], alert.content["text_en"]) == (notice["zh"], notice["en"])
    assert (alert.content["rule"], alert.content["reviewed"]) == (notice["rule"], notice["reviewed"])
    assert (alert.effective_ms, alert.source, alert.categories) == (
        to_ms(notice["measured_at"]),
        "record",
        ("readings",),
    )


def test_told_again_and_sent_again_it_is_one(home: House) -> None:
    for _ in range(2):
        home.record(sent(pressure(value=HIGH)))
        enter(home)
        home.database["notices"].update_many({}, {"$set": {"to_enter": True}})
    enter(home)
    assert [alert.version for alert in told(home)] == [1]


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("step", range(1, 8))
def test_a_crash_at_a_write_leaves_nothing_out_and_nothing_twice(
    home: House, monkeypatch: pytest.MonkeyPatch, step: int, is_written: bool
) -> None:
    home.record(sent(pressure(value=HIGH)))
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        with pytest.raises(AutoReconnect):
            enter(home)
    enter(home)
    assert [alert.version for alert in told(home)] == [1]
    assert events(home) == [("claimed", T0 - HOUR_MS)]
    assert home.database["notices"].count_documents({"to_enter": True}) == 0


def test_an_alert_goes_with_its_reading_and_comes_back_with_it(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    for change, count in ((None, 1), (amending.take_out, 0), (amending.give_back, 1)):
        if change:
            change(home.database, source(home), CUFFS, Act(home.ana, "not mine", T0))
        enter(home)
        assert len(told(home)) == count


def test_a_notice_that_changes_while_it_is_entered_is_looked_at_again(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.record(sent(pressure(value=HIGH)))
    put = happenings.happened.put

    def and_then_voided(database: Database, found: Any, now_ms: int) -> int:
        count = put(database, found, now_ms)
        monkeypatch.undo()
        amending.take_out(home.database, source(home), CUFFS, Act(home.ana, "not mine", T0))
        return count

    monkeypatch.setattr(happenings.happened, "put", and_then_voided)
    enter(home)
    assert told(home) == []


def test_what_its_owner_deletes_stays_deleted(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    enter(home)
    entries.delete(home.database, told(home)[0], OWNER)
    home.database["notices"].update_many({}, {"$set": {"to_enter": True}})
    enter(home)
    assert told(home) == []


def test_a_device_tells_whom_it_came_to_and_left(home: House) -> None:
    bindings.unbind(home.database, CUFF, "", T0)
    home.bind(home.ben, since_ms=T0 + 5)
    devices.retire(home.database, CUFF, T0 + 9)
    enter(home)
    assert events(home) == [("given-up", T0), ("claimed", T0 - HOUR_MS)]
    assert events(home, home.ben) == [("retired", T0 + 9), ("claimed", T0 + 5)]


def test_a_clock_that_is_corrected_and_put_back_is_told_to_who_has_the_device_then(home: House) -> None:
    device = devices.find(home.database, CUFF)
    assert device
    clocks.open_period(home.database, device, Period(T0, 7_200_000, T0 + 1))
    enter(home)
    clocks.remove_period(home.database, CUFF, 1, Removal(T0 + 2, "op", "a mistake"))
    enter(home)
    assert events(home)[:2] == [("clock-right", T0 + 2), ("clock-corrected", T0 + 1)]
    assert [one.version for one in told(home, kind="device-event")] == [1, 1, 1]


def test_a_low_battery_is_told_once_until_it_was_charged(home: House) -> None:
    for number, battery in enumerate([80, 15, 16, 3, 29, 10, 30, 15]):
        status.put(home.database, {CUFF: Heard(Status("online", battery), is_replay=False)}, T0 + number)
        enter(home)
    assert events(home)[:-1] == [("battery-low", T0 + 7), ("battery-low", T0 + 1)]


def test_a_new_firmware_is_told_and_the_first_is_not(home: House) -> None:
    for number, firmware in enumerate(["$a", "$a", "$b"]):
        status.put(home.database, {CUFF: Heard(Status("online", 50, firmware), is_replay=False)}, T0 + number)
    enter(home)
    assert events(home)[:-1] == [("firmware", T0 + 2)]


def test_nothing_is_written_for_one_who_is_erased_or_nobody(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    people.close(home.database, home.ana)
    seals.destroy(home.database, home.ana, T0)
    enter(home)
    assert home.database["entries"].count_documents({}) == 0
    assert happenings.enter_one(home.database, T0) is False


def test_history_says_that_the_record_wrote_it(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    enter(home)
    amending.take_out(home.database, source(home), CUFFS, Act(home.ana, "not mine", T0))
    enter(home)
    (row,) = home.database["entries"].find({"kind": "alert"})
    changes = history.changes(home.database, history.latest(home.database, home.ana, row["id"]), 9)
    assert [(one.action, one.after.author.subject) for one in changes] == [("deleted", "record"), ("created", "record")]
    with pytest.raises(PhrError):
        entries.find(home.database, home.ana, row["id"])
