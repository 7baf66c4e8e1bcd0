"""A clock period that was learned wrongly: what it moved goes back to the device's own times, once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr import amending
from phr.care.rules import rules
from phr.clock import rfc3339
from phr.errors import NotFound
from phr.intake import clocks, devices
from phr.intake.device_clock import Period, Removal
from phr.readings import past, void
from phr.readings.void import Act, Source, Wanted
from phr.recording import Recorder
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS
from tests.recording.builders import CUFF, HIGH, NORMAL, House, counts, pressure, sent
from tests.recording.test_clocks import SLOW_MS, at, clock_of, know, learn, told
from tests.recording.test_crashes import fail_at

OFFSET_MS = SLOW_MS + 1
PRESSURE = vocabulary().metrics["blood-pressure"]
ALL = Wanted(None, (0, 2**42))
SOON = T0 + 20 * MINUTE_MS
LATER = T0 + HOUR_MS
WHY = Removal(LATER, "ops", "it waits before it sends")
HIGHER = {"systolic": 190, "diastolic": 99}
COLLECTIONS = ("readings", "sources", "notices", "devices")


@pytest.fixture
def home(house: House) -> House:
    """Ana's cuff is right, but is held to be slow: what it measured since stands seventeen minutes too late."""
    house.bind(house.ana)
    house.record(sent(pressure(T0 - 2 * DAY_MS)))
    know(house, OFFSET_MS)
    send(house, pressure(T0), pressure(T0 + 1000, HIGH))
    send(house, pressure(T0, HIGHER), sent_ms=T0 + 1)
    return house


def send(home: House, *readings: dict[str, Any], sent_ms: int = T0, at_ms: int = SOON) -> tuple[int, ...]:
    """stored, duplicate, corrected, held, rejected of what the cuff sends, first or again."""
    return counts(home.record(sent(*readings, arrived_at_ms=at_ms, sent_at=rfc3339(sent_ms, 480)), now_ms=at_ms))


def remove(home: House, number: int = 1) -> amending.Unclocked:
    device = clocks.remove_period(home.database, CUFF, number, WHY)
    period = device.clock.periods[number - 1]
    return amending.unclock(Recorder(home.database, rules()), home.database, device, period, LATER)


def take_out(home: House, t_ms: int) -> None:
    source = Source(home.ana, PRESSURE, CUFF)
    amending.take_out(home.database, source, Wanted(frozenset({(t_ms, 0)})), Act(home.ana, "not me", LATER))


def what_stands(home: House) -> Any:
    """All that people see; versions and the numbers of runs are not in it."""
    source = Source(home.ana, PRESSURE, CUFF)
    rows = [
        (key, row.values, runs[row.run][0], runs[row.run][6:7])
        for runs, found in void.standing(home.database, source, ALL)
        for key, row in found.items()
    ]
    told_of = [past.of_reading(home.database, source, (t, 0)) for t in (T0, T0 + 1000, T0 + OFFSET_MS)]
    happened = [[(one.action, one.before, one.after, one.by) for one in each] for each in told_of]
    notices = sorted((row["rule"], row["measured_at"], row["state"]) for row in home.notices())
    clock = (home.database["devices"].find_one({"_id": CUFF}) or {})["clock_periods"]
    return rows, happened, notices, clock


def test_readings_go_back_to_the_times_that_the_device_stated(home: House) -> None:
    assert home.instants(home.ana) == [T0 - 2 * DAY_MS, T0 + OFFSET_MS, T0 + 1000 + OFFSET_MS]
    assert remove(home) == amending.Unclocked(restamped=2)
    assert home.instants(home.ana) == [T0 - 2 * DAY_MS, T0, T0 + 1000]


def test_second_time_finds_nothing_more(home: House) -> None:
    remove(home)
    before = what_stands(home)
    assert remove(home) == amending.Unclocked()
    assert what_stands(home) == before


def test_resend_is_a_duplicate_before_and_after(home: House) -> None:
    payload = pressure(T0), pressure(T0 + 1000, HIGH)
    assert send(home, *payload) == (0, 2, 0, 0, 0)
    remove(home)
    assert send(home, *payload) == (0, 2, 0, 0, 0)
    assert home.instants(home.ana) == [T0 - 2 * DAY_MS, T0, T0 + 1000]


def test_resend_between_the_two_steps_leaves_one_copy(home: House) -> None:
    device = clocks.remove_period(home.database, CUFF, 1, WHY)
    assert send(home, pressure(T0 + 1000, HIGH)) == (1, 0, 0, 0, 0)
    amending.unclock(Recorder(home.database, rules()), home.database, device, device.clock.periods[0], LATER)
    assert home.instants(home.ana) == [T0 - 2 * DAY_MS, T0, T0 + 1000]


def test_value_that_was_corrected_before_stays_corrected(home: House) -> None:
    remove(home)
    assert send(home, pressure(T0, NORMAL)) == (0, 1, 0, 0, 0)
    said = past.of_reading(home.database, Source(home.ana, PRESSURE, CUFF), (T0, 0))
    assert [one.action for one in said] == ["corrected", "recorded"]


def test_what_its_owner_took_out_stays_out(home: House) -> None:
    take_out(home, T0 + OFFSET_MS)
    remove(home)
    assert send(home, pressure(T0)) == (0, 1, 0, 0, 0)
    assert home.instants(home.ana) == [T0 - 2 * DAY_MS, T0 + 1000]


def test_notice_names_the_time_that_is_right(home: House) -> None:
    remove(home)
    found = sorted((row["state"], row["measured_at"].timestamp() * 1000) for row in home.notices())
    right, wrong = [("pending", T0), ("quiet", T0 + 1000)], T0 + OFFSET_MS
    assert found == [*right, ("withdrawn", wrong), ("withdrawn", wrong + 1000)]


def test_history_of_a_reading_says_who_took_it_away_and_why(home: House) -> None:
    remove(home)
    last = past.of_reading(home.database, Source(home.ana, PRESSURE, CUFF), (T0 + OFFSET_MS, 0))[0]
    assert (last.action, last.by, last.reason) == ("voided", "ops", f"{amending.UNCLOCKED}: {WHY.why}")


def test_stages_of_a_night_move_with_it(house: House) -> None:
    house.bind(house.ana)
    know(house, OFFSET_MS)
    stage = {"stage": "deep", "t": rfc3339(T0, 480), "end": rfc3339(T0 + HOUR_MS, 480)}
    night = {"metric": "sleep-episode", "t": stage["t"], "end": stage["end"], "value": {"stages": [stage]}}
    house.record(sent(night, arrived_at_ms=T0 + 2 * HOUR_MS))
    remove(house)
    source = Source(house.ana, vocabulary().metrics["sleep-episode"], CUFF)
    ((_, rows),) = void.standing(house.database, source, ALL)
    ((key, row),) = rows.items()
    assert (key, row.extra) == ((T0, 0), {"v": {"stages": [{"stage": "deep", "t": T0, "end": T0 + HOUR_MS}]}})
    assert counts(house.record(sent(night, arrived_at_ms=T0 + 3 * HOUR_MS))) == (0, 1, 0, 0, 0)


def test_under_an_older_period_they_go_where_that_one_puts_them(home: House) -> None:
    device = clocks.remove_period(home.database, CUFF, 1, WHY)
    assert device.clock.latest is None
    know(home, 5 * MINUTE_MS + 2, T0)
    know(home, 9 * MINUTE_MS + 3, T0 + 5000)
    home.record(sent(pressure(T0 + 6000), arrived_at_ms=SOON))
    remove(home, 3)
    assert T0 + 6000 + 5 * MINUTE_MS + 2 in home.instants(home.ana)


def test_what_no_record_may_take_any_more_stays_where_it_was(home: House) -> None:
    home.database["people"].update_one({"_id": home.ana}, {"$set": {"consent_withdrawn": True}})
    before = home.instants(home.ana)
    assert remove(home) == amending.Unclocked(left=2)
    assert home.instants(home.ana) == before


def test_same_difference_is_not_learned_again(house: House) -> None:
    house.bind(house.ana)
    learn(house, SLOW_MS)
    at(house, told(T0, SLOW_MS))
    remove(house)
    learn(house, SLOW_MS, count=30, until_ms=T0 + DAY_MS)
    assert clock_of(house) == [OFFSET_MS]
    assert house.instants(house.ana)[-1] == T0 + DAY_MS - 10 * MINUTE_MS - SLOW_MS


def test_another_difference_is_learned_under_a_number_of_its_own(house: House) -> None:
    know(house, OFFSET_MS)
    remove(house)
    learn(house, 40 * MINUTE_MS, count=30)
    assert clock_of(house) == [OFFSET_MS, 40 * MINUTE_MS + 2]


@pytest.mark.parametrize("number", [0, 2, -1])
def test_period_that_is_not_there_is_refused(home: House, number: int) -> None:
    with pytest.raises(NotFound):
        remove(home, number)


def test_period_that_moved_nothing_is_refused(house: House) -> None:
    devices.set_clock(house.database, CUFF, lambda clock: clock.opened(Period(T0, 0, T0)))
    with pytest.raises(NotFound):
        remove(house)


@pytest.mark.parametrize("is_written", [False, True])
def test_operator_who_is_cut_off_at_any_write_ends_alike_after_the_repeat(
    home: House, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    send(home, pressure(T0 + 2000))
    take_out(home, T0 + 2000 + OFFSET_MS)
    start = {name: list(home.database[name].find()) for name in COLLECTIONS}
    remove(home)
    end, broken = what_stands(home), 0
    for step in itertools.count(1):
        for name, rows in start.items():
            home.database[name].delete_many({})
            home.database[name].insert_many(rows)
        if not _breaks(home, monkeypatch, step, is_written=is_written):
            break
        broken += 1
        assert sum(send(home, pressure(T0, HIGHER), pressure(T0 + 1000, HIGH), pressure(T0 + 2000))[:2]) == 3
        remove(home)
        assert (step, what_stands(home)) == (step, end)
        assert send(home, pressure(T0, NORMAL), pressure(T0 + 1000, HIGH), pressure(T0 + 2000)) == (0, 3, 0, 0, 0)
    assert broken >= 8


def _breaks(home: House, monkeypatch: pytest.MonkeyPatch, step: int, *, is_written: bool) -> bool:
    """True where it had so many writes, and ended at that one."""
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        try:
            remove(home)
        except AutoReconnect:
            return True
    return False
