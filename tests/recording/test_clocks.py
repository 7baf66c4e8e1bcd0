"""Readings of clocks that are wrong, through the one door: corrected, held, told, and never doubled."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from phr.clock import rfc3339, to_ms
from phr.formats import phr_v1
from phr.intake import devices, held
from phr.intake.clocks import MARGIN_MS
from phr.intake.device_clock import Period
from phr.intake.owner import WEST_OF_UTC_MS
from phr.recording import Delivery, Verdict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import AT_ARRIVAL
from tests.cast import T0
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS
from tests.recording.builders import CUFF, HIGH, House, counts, pressure, sent

SLOW_MS = 17 * MINUTE_MS
OFFSET_MS = SLOW_MS + 1  # with the period's number


@pytest.fixture
def home(house: House) -> House:
    house.bind(house.ana)
    return house


def told(true_ms: int, behind_ms: int, value: Any = None, arrived_at_ms: int | None = None) -> Delivery:
    """What a cuff sends at once, measured at a true instant, on a clock that is behind."""
    device_ms = true_ms - behind_ms
    delivery = sent(pressure(device_ms, value), arrived_at_ms=arrived_at_ms or true_ms, sent_at=rfc3339(device_ms, 480))
    return delivery._replace(is_live=True)


def learn(home: House, behind_ms: int, *, count: int = 12, until_ms: int = T0) -> None:
    """Payloads every ten minutes, the last of them ten minutes before."""
    for n in range(count, 0, -1):
        true_ms = until_ms - n * 10 * MINUTE_MS
        home.record(told(true_ms, behind_ms), now_ms=true_ms)


def know(home: House, offset_ms: int, from_device_ms: int = T0 - DAY_MS) -> None:
    period = Period(from_device_ms, offset_ms, T0 - DAY_MS)
    devices.set_clock(home.database, CUFF, lambda clock: clock.opened(period))


def clock_of(home: House) -> list[int]:
    device = devices.find(home.database, CUFF)
    assert device
    return [one.offset_ms for one in device.clock.periods]


def at(home: House, delivery: Delivery, now_ms: int | None = None) -> Verdict:
    return home.record(delivery, now_ms=now_ms or delivery.arrived_at_ms)[0]


def test_seventeen_minutes_are_learned_and_put_right(home: House) -> None:
    learn(home, SLOW_MS)
    at(home, told(T0, SLOW_MS))
    assert clock_of(home) == [OFFSET_MS]
    assert home.instants(home.ana)[-1] == T0 + 1


def test_resend_of_any_time_is_a_duplicate_before_and_after_it_is_learned(home: House) -> None:
    learn(home, SLOW_MS, count=20)
    stored = home.instants(home.ana)
    for n in range(20, 0, -1):
        again = told(T0 - n * 10 * MINUTE_MS, SLOW_MS, arrived_at_ms=T0 + 3 * DAY_MS)
        assert counts([at(home, again)]) == (0, 1, 0, 0, 0)
    assert home.instants(home.ana) == stored


def test_resend_after_the_clock_was_set_lands_where_it_lay(home: House) -> None:
    know(home, OFFSET_MS)
    at(home, told(T0, SLOW_MS))
    at(home, told(T0 + HOUR_MS, 0))
    assert clock_of(home) == [OFFSET_MS, 0]
    assert counts([at(home, told(T0, SLOW_MS, arrived_at_ms=T0 + DAY_MS))]) == (0, 1, 0, 0, 0)
    assert home.instants(home.ana) == [T0 + 1, T0 + HOUR_MS]


def test_backlog_of_a_week_is_stored_as_it_says(home: House) -> None:
    backlog = [told(T0 - n * HOUR_MS, 0, arrived_at_ms=T0 + n) for n in range(7 * 24, 0, -1)]
    home.record(*backlog, now_ms=T0)
    assert (clock_of(home), len(home.instants(home.ana)), home.notices()) == ([], 7 * 24, [])


def test_worker_that_was_dead_for_an_hour_moves_no_reading(home: House) -> None:
    learn(home, 0, until_ms=T0 - HOUR_MS)
    home.record(*(told(T0 - n * MINUTE_MS, 0, arrived_at_ms=T0) for n in range(60, 1, -1)))
    assert clock_of(home) == []


def test_owner_is_told_once_in_one_sentence(home: House) -> None:
    learn(home, SLOW_MS, count=30)
    (notice,) = home.notices()
    assert (notice["person"], notice["rule"]) == (home.ana, "device-clock")
    assert "about 17 minutes slow" in notice["en"]
    assert "慢了约 17 分钟" in notice["zh"]


def test_item_without_a_time_of_its_own_is_not_corrected(home: House) -> None:
    know(home, OFFSET_MS)
    delivery = sent(pressure(T0))
    delivery.decoded.runs[0].t = [AT_ARRIVAL]
    at(home, delivery)
    assert home.instants(home.ana) == [T0]


def test_binding_is_looked_up_at_the_corrected_time(house: House) -> None:
    house.bind(house.ana, None, T0)
    house.bind(house.ben, T0)
    know(house, OFFSET_MS)
    at(house, told(T0 + MINUTE_MS, SLOW_MS))
    assert (house.instants(house.ana), house.instants(house.ben)) == ([], [T0 + MINUTE_MS + 1])


def test_fast_clock_of_half_an_hour_is_held_until_it_is_learned_and_then_stored(home: House) -> None:
    learn(home, -30 * MINUTE_MS, count=20)
    assert {reason for reason, _, _ in home.held()} == {"ahead-of-clock"}
    assert counts([at(home, told(T0, -30 * MINUTE_MS))]) == (1, 0, 0, 0, 0)
    assert [notice["rule"] for notice in home.notices()] == ["device-clock"] * 2  # held ones wait; now it is corrected


@pytest.mark.parametrize("off_s", [-120, 120])
def test_two_minutes_off_are_taken_as_they_are(home: House, off_s: int) -> None:
    learn(home, off_s * 1000, count=20)
    assert (clock_of(home), home.held()) == ([], [])


def test_clock_reset_to_1970_is_held_and_told_once_whatever_is_sent(home: House) -> None:
    for n in range(30):
        at(home, told(T0 + n * 10 * MINUTE_MS, T0 - HOUR_MS))
    assert {(reason, person) for reason, person, _ in home.held()} == {("before-device-made", home.ana)}
    assert len(home.held()) == 30
    assert sorted(notice["_id"].split(":")[0] for notice in home.notices()) == ["clock", "clock-held"]


@pytest.mark.parametrize(("more_ms", "is_held"), [(-1, True), (0, False), (1, False)])
def test_device_that_nobody_dated_measured_nothing_in_the_last_century(
    home: House, more_ms: int, is_held: bool
) -> None:
    t_ms = to_ms(datetime(2001, 1, 1, tzinfo=UTC)) - WEST_OF_UTC_MS + more_ms
    at(home, sent(pressure(t_ms)))
    assert home.held() == [("before-device-made", home.ana, t_ms)] * is_held


def test_clock_reset_to_a_factory_date_is_held_once_it_is_known(home: House) -> None:
    learn(home, 900 * DAY_MS, count=12)
    assert counts([at(home, told(T0, 900 * DAY_MS))]) == (0, 0, 0, 1, 0)
    assert home.held()[-1][0] == "clock-wrong"
    assert counts([at(home, told(T0 + HOUR_MS, 0))]) == (1, 0, 0, 0, 0)


def test_clock_a_day_ahead_is_held_with_its_reason(home: House) -> None:
    at(home, told(T0, -DAY_MS))
    assert home.held() == [("ahead-of-clock", home.ana, T0 + DAY_MS)]


def test_reading_ahead_that_comes_again_when_it_is_possible_leaves_no_row_behind(home: House) -> None:
    ahead = T0 + HOUR_MS
    at(home, sent(pressure(ahead)))
    assert counts([at(home, sent(pressure(ahead), arrived_at_ms=ahead))]) == (1, 0, 0, 0, 0)
    assert held.for_person(home.database, home.ana, 10) == []
    assert home.instants(home.ana) == [ahead]


def test_reading_ahead_that_its_owner_discarded_does_not_come_back_as_possible(home: House) -> None:
    ahead = T0 + HOUR_MS
    at(home, sent(pressure(ahead)))
    held.settle(home.database, held.for_person(home.database, home.ana, 1)[0], T0)
    again = sent(pressure(ahead), pressure(ahead + 1), arrived_at_ms=ahead)
    assert counts([at(home, again)]) == (1, 0, 0, 1, 0)
    assert home.instants(home.ana) == [ahead + 1]


def test_device_that_stays_ahead_is_written_every_few_hours_only(home: House) -> None:
    seqs = set()
    for n in range(60):
        at(home, sent(pressure(T0 + DAY_MS + n * MINUTE_MS), arrived_at_ms=T0 + n * MINUTE_MS))
        seqs.add((home.database["devices"].find_one({"_id": CUFF}) or {})["seq"])
    assert len(seqs) == 1


def test_held_item_keeps_the_time_that_the_device_said(home: House) -> None:
    know(home, OFFSET_MS)
    at(home, sent(pressure(T0 + HOUR_MS)))
    (row,) = held.for_person(home.database, home.ana, 10)
    assert (row.item["t"], row.t_ms) == (rfc3339(T0 + HOUR_MS, 480), T0 + HOUR_MS + OFFSET_MS)


def test_unbound_reading_is_mapped_alike_when_it_is_recorded_later(house: House) -> None:
    know(house, OFFSET_MS)
    at(house, told(T0, SLOW_MS))
    house.bind(house.ana)
    (row,) = held.for_device(house.database, CUFF, 10)
    decoded = phr_v1.decode(_payload(row.item), vocabulary())
    at(house, Delivery(decoded, CUFF, "mqtt", row.arrived_at_ms))
    assert house.instants(house.ana) == [T0 + 1]


def test_high_pressure_that_was_measured_a_week_ago_wakes_nobody(home: House) -> None:
    late = told(T0 - 7 * DAY_MS, 0, HIGH, arrived_at_ms=T0)
    assert counts([at(home, late)]) == (1, 0, 0, 0, 0)
    assert [row["state"] for row in home.notices()] == ["quiet"]
    at(home, told(T0, 0, HIGH))
    assert [row["state"] for row in home.notices()] == ["quiet", "pending"]


def test_period_begins_only_when_every_worker_knows_it(home: House) -> None:
    learn(home, SLOW_MS, count=12)
    device = devices.find(home.database, CUFF)
    assert device
    (period,) = device.clock.periods
    assert period.from_device_ms == period.learned_at_ms - SLOW_MS + MARGIN_MS


def _payload(item: dict[str, Any]) -> bytes:
    return json.dumps({"readings": [item]}).encode()
