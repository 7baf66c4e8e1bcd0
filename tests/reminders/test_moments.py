"""Each slot comes once, at the time that the person's clocks showed or would have shown."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phr.people.people import ZonePeriod
from phr.reminders.moments import at_slot, between, first_from, following, slot_of, told_at
from tests.reminders.builders import DAY_MS, HOUR_MS, MINUTE_MS, a_pattern, lived_in, ms, shown

EVER = {"starts_on": date(2000, 1, 1)}


def of_days(zones: list[ZonePeriod], low: str, high: str, *times: str) -> list[tuple[str, str]]:
    return shown(between(a_pattern(times=times, **EVER), zones, ms(low), ms(high)))


def test_a_time_that_is_skipped_in_spring_comes_shifted_once() -> None:
    berlin = of_days(lived_in("Europe/Berlin"), "2026-03-28T12:00", "2026-03-30T00:00", "02:30")
    assert berlin == [("2026-03-29T02:30", "2026-03-29T01:30")]  # 03:30 on the wall
    york = of_days(lived_in("America/New_York"), "2026-03-08T00:00", "2026-03-09T00:00", "02:30")
    assert york == [("2026-03-08T02:30", "2026-03-08T07:30")]


def test_a_time_that_is_repeated_in_autumn_comes_the_first_time_alone() -> None:
    berlin = of_days(lived_in("Europe/Berlin"), "2026-10-24T12:00", "2026-10-25T12:00", "02:30")
    assert berlin == [("2026-10-25T02:30", "2026-10-25T00:30")]
    york = of_days(lived_in("America/New_York"), "2026-11-01T00:00", "2026-11-02T00:00", "01:30")
    assert york == [("2026-11-01T01:30", "2026-11-01T05:30")]


def test_a_shifted_dose_gives_way_to_one_within_the_hour() -> None:
    berlin = of_days(lived_in("Europe/Berlin"), "2026-03-28T12:00", "2026-03-29T12:00", "02:30", "04:00")
    assert berlin == [("2026-03-29T04:00", "2026-03-29T02:00")]


def test_shanghai_has_eight_in_the_morning_every_day() -> None:
    year = of_days(lived_in("Asia/Shanghai"), "2025-12-31T12:00", "2026-12-31T12:00", "08:00")
    assert len(year) == 365
    assert {one[11:] for _, one in year} == {"00:00"}


def test_the_day_that_samoa_left_out_has_no_dose_of_its_own() -> None:
    apia = of_days(lived_in("Pacific/Apia"), "2011-12-29T00:00", "2012-01-01T00:00", "08:00")
    assert apia == [
        ("2011-12-29T08:00", "2011-12-29T18:00"),
        ("2011-12-31T08:00", "2011-12-30T18:00"),
        ("2012-01-01T08:00", "2011-12-31T18:00"),
    ]


def test_who_loses_a_day_at_the_date_line_takes_no_two_doses_within_hours() -> None:
    flown = lived_in("Pacific/Honolulu", ("2026-06-10T12:00", "Pacific/Auckland"))  # 02:00 on the 10th becomes the 11th
    assert of_days(flown, "2026-06-09T12:00", "2026-06-11T12:00", "08:00") == [
        ("2026-06-09T08:00", "2026-06-09T18:00"),
        ("2026-06-11T08:00", "2026-06-10T20:00"),
    ]


def test_who_has_a_day_again_at_the_date_line_takes_its_dose_once() -> None:
    flown = lived_in("Pacific/Auckland", ("2026-06-10T00:00", "Pacific/Honolulu"))  # noon on the 10th becomes the 9th
    assert of_days(flown, "2026-06-08T12:00", "2026-06-12T12:00", "08:00") == [
        ("2026-06-09T08:00", "2026-06-08T20:00"),
        ("2026-06-10T08:00", "2026-06-09T20:00"),
        ("2026-06-11T08:00", "2026-06-11T18:00"),
    ]


def test_a_time_jumped_over_on_the_way_east_comes_when_it_would_have() -> None:
    flown = lived_in("Europe/Berlin", ("2026-06-10T05:00", "Asia/Shanghai"))  # 07:00 becomes 13:00
    found = of_days(flown, "2026-06-09T12:00", "2026-06-11T02:00", "08:00")
    assert found == [("2026-06-10T08:00", "2026-06-10T06:00"), ("2026-06-11T08:00", "2026-06-11T00:00")]


def test_a_time_that_comes_again_on_the_way_west_comes_once() -> None:
    flown = lived_in("Asia/Shanghai", ("2026-06-10T01:00", "Europe/Berlin"))  # 09:00 becomes 03:00
    found = of_days(flown, "2026-06-09T12:00", "2026-06-11T07:00", "08:00")
    assert found == [("2026-06-10T08:00", "2026-06-10T00:00"), ("2026-06-11T08:00", "2026-06-11T06:00")]


def test_a_birthday_on_a_leap_day_is_on_the_last_of_february() -> None:
    pattern = a_pattern(rrule="FREQ=YEARLY", starts_on=date(2024, 2, 29), kind="visit", about=None)
    found = islice(following(pattern, lived_in("Asia/Shanghai"), slot_of(date(2024, 1, 1), 0)), 5)
    assert [text[:10] for text, _ in shown(list(found))] == [
        *("2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29")
    ]


def test_the_first_of_now_and_one_of_a_slot() -> None:
    pattern, zones = a_pattern(times=("08:00", "20:00")), lived_in("Asia/Shanghai")
    first = first_from(pattern, zones, ms("2026-11-26T00:00:00"))
    assert first == at_slot(pattern, zones, slot_of(date(2026, 11, 26), 480))
    assert first_from(pattern, zones, ms("2026-11-26T00:00:00.001")) == at_slot(
        pattern, zones, slot_of(date(2026, 11, 26), 1_200)
    )
    assert at_slot(pattern, zones, slot_of(date(2026, 11, 26), 481)) is None
    assert at_slot(pattern, zones, slot_of(date(2026, 11, 22), 480)) is None


@pytest.mark.parametrize(
    ("time", "wait_min"), [("21:59", 0), ("22:00", None), ("06:30", 30), ("06:59", 1), ("07:00", 0), ("12:00", 0)]
)
def test_quiet_hours_put_off_what_they_can_and_nothing_past_its_window(time: str, wait_min: int | None) -> None:
    pattern = a_pattern(times=("12:00", "22:00"), quiet=None)
    quiet = type(pattern)(pattern.days, pattern.times, 60, (22 * 60, 7 * 60))
    one = at_slot(
        a_pattern(times=(time,)), lived_in("UTC"), slot_of(date(2026, 11, 26), int(time[:2]) * 60 + int(time[3:]))
    )
    assert one
    told_ms = told_at(quiet, one)
    assert told_ms == (None if wait_min is None else one.planned_ms + wait_min * MINUTE_MS)


ZONES = st.sampled_from(
    ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Pacific/Honolulu", "Asia/Kathmandu", "UTC"]
)
MOVES = st.lists(st.tuples(st.integers(0, 60 * 24), ZONES), max_size=4, unique_by=lambda one: one[0])
TIMES = st.lists(st.integers(0, 47), min_size=1, max_size=4, unique=True)
BEGIN_MS = ms("2026-02-15T00:00:00")  # American and European clocks change within the time looked at


@settings(deadline=None, max_examples=60)
@given(first=ZONES, moves=MOVES, halves=TIMES)
def test_no_slot_comes_twice_and_none_is_lost_but_to_one_near_it(
    first: str, moves: list[tuple[int, str]], halves: list[int]
) -> None:
    zones = [ZonePeriod(None, first)] + [ZonePeriod(BEGIN_MS + at * HOUR_MS, zone) for at, zone in sorted(moves)]
    pattern = a_pattern(times=tuple(f"{half // 2:02}:{half % 2 * 30:02}" for half in halves), **EVER)
    found = between(pattern, zones, BEGIN_MS, BEGIN_MS + 62 * DAY_MS)
    slots = [one.slot for one in found]
    assert len(set(slots)) == len(slots)
    assert all(abs(one.planned_ms - one.slot * MINUTE_MS) <= 40 * HOUR_MS for one in found)
    low = date(2026, 2, 18)
    expected = {slot_of(low + timedelta(days=n), half * 30) for n in range(55) for half in halves}
    for slot in expected - set(slots):
        near = [one for one in found if abs(one.slot - slot) <= 3 * 1_440]
        assert near, "a slot is lost, and none is near it"
    assert slots == sorted(slots)
    instants = [one.planned_ms for one in found]
    assert instants == sorted(instants)
