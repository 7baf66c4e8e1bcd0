"""What is due is told once, whoever dies in between; after an outage without a flood."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect

from phr.people import people
from phr.people.people import ZonePeriod
from phr.people.whereabouts import Whereabouts
from phr.reminders import claiming, ledger, parts, schedules
from phr.reminders.claiming import round_of
from phr.reminders.moments import between
from phr.reminders.parts import LEASE_MS
from phr.reminders.reminder import part_of, pattern_of_row
from tests.recording.test_crashes import fail_at
from tests.reminders.builders import DAY_MS, HOUR_MS, MINUTE_MS, lived_in, ms, notices, states
from tests.reminders.conftest import House


def test_it_is_told_at_its_time_with_the_planned_time_and_no_name_of_a_medicine(house: House) -> None:
    house.put()
    house.tick("2026-11-23T07:59:59.999+08:00")
    assert states(house.database) == {}
    house.tick("2026-11-23T08:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "sent"}
    assert notices(house.database) == ["该服药了（计划时间 08:00）"]
    (row,) = house.database["notices"].find()
    assert set(row["categories"]) == {"care", "medications"}


def test_a_dose_past_its_window_is_missed_and_never_told(house: House) -> None:
    house.put()
    house.tick("2026-11-23T09:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "missed"}
    assert house.database["notices"].count_documents({}) == 0


def test_one_that_was_told_and_not_done_is_missed_when_its_window_is_over(house: House) -> None:
    house.put()
    house.tick("2026-11-23T08:30:00+08:00")
    house.tick("2026-11-23T09:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "missed"}
    assert notices(house.database) == []
    assert len(notices(house.database, "withdrawn")) == 1


def test_after_two_days_without_a_scheduler_the_latest_alone_is_told(house: House) -> None:
    house.put(times=("08:00", "12:00", "20:00"), window_min=60)
    house.put(key="plan-1:scale", kind="measurement", about="weight", window_min=1_440, times=("08:00", "12:00"))
    house.tick("2026-11-25T12:30:00+08:00")
    assert notices(house.database) == ["该服药了（计划时间 12:00）", "该测量了：体重（计划时间 12:00）"]
    counts = list(states(house.database, kind="medication").values())
    assert (counts.count("missed"), counts.count("sent")) == (7, 1)
    scale = states(house.database, kind="measurement")
    assert [scale[f"2026-11-{day}"] for day in ("24T08:00", "24T12:00", "25T08:00", "25T12:00")] == [
        *("missed", "missed", "planned", "sent")
    ]


def test_a_year_without_a_scheduler_is_put_down_in_rounds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "MOST_BEHIND", 7)
    house.put()
    house.tick("2026-12-13T08:10:00+08:00")
    found = states(house.database)
    assert len(found) == 21
    assert [day for day, state in found.items() if state != "missed"] == ["2026-12-13T08:00"]


def test_what_another_has_claimed_is_left_until_its_lease_is_over(house: House) -> None:
    part = part_of(house.put().id)
    now = ms("2026-11-23T08:00:00+08:00")
    lease = parts.take(house.database, part, now)
    assert lease
    assert parts.take(house.database, part, now) is None
    assert claiming.claim_some(house.database, now + LEASE_MS - 1) == 0
    assert claiming.claim_some(house.database, now + LEASE_MS) == 1
    parts.give_back(house.database, lease)  # it is another's by now, and given back
    assert parts.take(house.database, part, now + LEASE_MS)


def test_who_was_slow_changes_nothing_that_another_has_claimed_since(house: House) -> None:
    made = house.put()
    now = ms("2026-11-23T08:00:00+08:00")
    (slow,) = claiming.due_in(house.database, part_of(made.id), now)
    claiming.claim_some(house.database, now + LEASE_MS)
    row = schedules.row_of(house.database, made.id)
    claiming.go_on(house.database, [round_of(slow, Whereabouts((ZonePeriod(None, "UTC"),), True), now)])
    assert schedules.row_of(house.database, made.id) == row


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("step", range(1, 6))
def test_a_crash_at_any_write_tells_once(
    house: House, monkeypatch: pytest.MonkeyPatch, step: int, is_written: bool
) -> None:
    house.put(times=("07:30", "08:00"))
    now = ms("2026-11-23T08:00:00+08:00")
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        with pytest.raises(AutoReconnect):
            claiming.claim_some(house.database, now)
    house.tick("2026-11-23T08:02:00+08:00")
    assert len(notices(house.database)) == 1
    assert states(house.database)["2026-11-23T08:00"] == "sent"


def test_what_is_done_while_it_is_being_told_is_taken_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put()
    tell = claiming.telling.tell

    def and_done_before(database: object, found: list[ledger.Seen], now_ms: int) -> None:
        for one in found:
            ledger.settle(house.database, [ledger.Settlement(one.id, "done", "x", now_ms)], now_ms)
        tell(house.database, found, now_ms)

    monkeypatch.setattr(claiming.telling, "tell", and_done_before)
    house.tick("2026-11-23T08:00:00+08:00")
    assert notices(house.database) == []
    assert states(house.database) == {"2026-11-23T08:00": "done"}


def test_quiet_hours_put_off_and_their_end_tells(house: House) -> None:
    house.put(at="2026-11-23T00:00:00+08:00", times=("06:30",), quiet=("22:00", "07:00"))
    house.tick("2026-11-23T06:59:00+08:00")
    assert notices(house.database) == []
    house.tick("2026-11-23T07:00:00+08:00")
    assert notices(house.database) == ["该服药了（计划时间 06:30）"]


def test_the_dead_and_those_who_took_back_their_consent_are_told_nothing(house: House) -> None:
    house.put()
    people.set_died(house.database, house.ana, date(2026, 11, 20))
    house.tick("2026-11-23T08:00:00+08:00")
    people.set_died(house.database, house.ana, None)
    people.set_consent(house.database, house.ana, is_withdrawn=True)
    house.tick("2026-11-24T08:00:00+08:00")
    assert (states(house.database), notices(house.database)) == ({}, [])


def test_who_was_taken_for_dead_is_reminded_again_from_then_on(house: House) -> None:
    house.put()
    house.tick("2026-11-23T08:30:00+08:00")
    people.set_died(house.database, house.ana, date(2026, 11, 20))
    house.tick("2026-11-23T08:40:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "withdrawn"}
    house.tick("2026-11-25T08:00:00+08:00")
    people.set_died(house.database, house.ana, None)
    house.tick("2026-11-25T10:00:00+08:00")
    house.tick("2026-11-26T08:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "withdrawn", "2026-11-26T08:00": "sent"}


def test_a_zone_that_changes_while_a_reminder_waits_moves_it(house: House) -> None:
    house.put(at="2026-11-23T09:00:00+08:00")
    people.change_zone(house.database, house.ana, "Asia/Tokyo", ms("2026-11-23T12:00:00+08:00"))
    house.tick("2026-11-23T13:00:00+08:00")
    house.tick("2026-11-24T07:00:00+08:00")  # eight in Tokyo
    assert states(house.database) == {"2026-11-24T08:00": "sent"}


def test_a_dose_is_not_asked_for_again_after_flying_west(house: House) -> None:
    house.put()
    house.tick("2026-11-23T08:00:00+08:00")
    people.change_zone(house.database, house.ana, "Europe/Berlin", ms("2026-11-22T00:00:00+08:00"))
    for at in ("2026-11-23T08:30:00+08:00", "2026-11-23T08:00:00+01:00", "2026-11-23T08:30:00+01:00"):
        house.tick(at)
    assert list(states(house.database)) == ["2026-11-23T08:00"]
    house.tick("2026-11-24T08:00:00+01:00")
    assert states(house.database)["2026-11-24T08:00"] == "sent"


def test_who_claims_while_a_zone_changes_looks_again(house: House) -> None:
    house.put()
    now = ms("2026-11-23T08:00:00+08:00")
    (row,) = claiming.due_in(house.database, part_of(schedules.id_of("plan-1:pills")), now)
    places = Whereabouts(tuple(lived_in("Asia/Shanghai")), True)
    people.change_zone(house.database, house.ana, "Asia/Tokyo", ms("2026-11-23T12:00:00+08:00"))
    house.tick("2026-11-23T08:00:01+08:00")
    claiming.go_on(house.database, [round_of(row, places, now)])
    assert schedules.row_of(house.database, row["_id"])["next_ms"] == ms("2026-11-24T07:00:00+08:00")


MOVES = st.lists(
    st.tuples(st.integers(0, 72), st.sampled_from(["Europe/Berlin", "Pacific/Apia", "America/New_York", "UTC"])),
    max_size=3,
    unique_by=lambda one: one[0],
)
LOOKS = st.lists(st.integers(1, 30 * 60), min_size=1, max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(halves=st.sets(st.integers(0, 47), min_size=1, max_size=4), moves=MOVES, looks=LOOKS)
def test_every_planned_occurrence_comes_into_one_state_once(
    halves: set[int], moves: list[tuple[int, str]], looks: list[int]
) -> None:
    """Whenever schedulers look: by rounds alone, without a database."""
    begin = ms("2026-03-07T00:00:00")
    zones = (*lived_in("Asia/Shanghai"), *(ZonePeriod(begin + at * HOUR_MS, zone) for at, zone in sorted(moves)))
    row = {
        "_id": "r-1", "person": "p", "kind": "medication", "about": None, "categories": [], "state": "active",
        "days": {"rule": "FREQ=DAILY", "ends_on": None}, "starts_on": "2026-01-01", "zone": None, "window_min": 60,
        "times": sorted(half * 30 for half in halves), "quiet": None,
    }  # fmt: skip
    pattern, where, now = pattern_of_row(row), Whereabouts(zones, True), begin
    row |= schedules.waiting(row, zones, begin)
    first_slot, became = row["last"] + 1, {}
    for wait_min in looks:
        now += wait_min * MINUTE_MS
        found = round_of(row, where, now)
        assert len(found.told) <= 1
        for state, some in (("missed", found.missed), ("planned", found.planned), ("told", found.told)):
            for one in some:
                assert one.slot not in became
                assert (one.closes_ms <= now) == (state == "missed")
                became[one.slot] = state
        row["last"] = row["last"] if found.last_slot is None else found.last_slot
    planned = between(pattern, zones, begin - 3 * DAY_MS, now + 1)
    expected = {one.slot for one in planned if one.slot >= first_slot}
    assert became.keys() == expected
