"""Whose a reading is: by the time it was measured, the slot it names, and what its owner allows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from phr.care.rules import rules
from phr.clock import to_datetime
from phr.database import Database
from phr.intake import devices, held
from phr.intake.devices import NewDevice
from phr.intake.owner import AHEAD_MS
from phr.people import people
from phr.recording import Recorder
from tests.cast import T0, a_person
from tests.readings.builders import DAY_MS, HOUR_MS, MINUTE_MS
from tests.recording.builders import CUFF, House, beats, codes, counts, pressure, sent
from tests.telling import tells

DAY_BEGINS = T0 // DAY_MS * DAY_MS


@pytest.mark.parametrize(
    ("t_ms", "is_hers"), [(T0 - 1, False), (T0, True), (T0 + 59_999, True), (T0 + 60_000, False), (T0 + 60_001, False)]
)
def test_binding_has_a_beginning_and_an_end(house: House, t_ms: int, is_hers: bool) -> None:
    house.bind(house.ana, T0, T0 + 60_000)
    assert counts(house.record(sent(pressure(t_ms)))) == ((1, 0, 0, 0, 0) if is_hers else (0, 0, 0, 1, 0))
    assert house.instants(house.ana) == [t_ms] * is_hers
    assert house.held() == [("unbound", None, t_ms)] * (not is_hers)


def test_slot_says_who_of_the_family_it_is(house: House) -> None:
    house.bind(house.ana, slot="A")
    house.bind(house.ben, slot="B")
    house.record(sent(pressure(T0, slot="A"), pressure(T0 + 1, slot="B"), pressure(T0 + 2), pressure(T0 + 3, slot="C")))
    assert (house.instants(house.ana), house.instants(house.ben)) == ([T0], [T0 + 1])
    assert house.held() == [("unbound", None, T0 + 2), ("unbound", None, T0 + 3)]


def test_memory_of_a_cuff_that_changed_hands_goes_to_each_owner_and_the_gap_to_nobody(house: House) -> None:
    house.bind(house.ana, None, T0 - 5 * HOUR_MS)
    house.bind(house.ben, T0 - 2 * HOUR_MS)
    hours = [T0 - n * HOUR_MS for n in range(8, 0, -1)]
    assert counts(house.record(sent(*map(pressure, hours)))) == (5, 0, 0, 3, 0)
    assert (house.instants(house.ana), house.instants(house.ben)) == (hours[:3], hours[6:])
    assert house.held() == [("unbound", None, t) for t in hours[3:6]]
    assert held.for_person(house.database, house.ana, 10) == held.for_person(house.database, house.ben, 10) == []


def test_series_over_a_change_of_hands_is_split_at_it(house: House) -> None:
    house.bind(house.ana, None, T0 + 2 * MINUTE_MS)
    house.bind(house.ben, T0 + 4 * MINUTE_MS)
    verdicts = house.record(sent(series=[beats(T0, [70, 71, 72, None, 74, 75])]))
    assert counts(verdicts) == (4, 0, 0, 1, 0)
    assert house.instants(house.ana) == [T0, T0 + MINUTE_MS]
    assert house.instants(house.ben) == [T0 + 4 * MINUTE_MS, T0 + 5 * MINUTE_MS]


def test_series_with_nobody_at_both_ends_still_gives_its_middle_to_the_owner(house: House) -> None:
    house.bind(house.ana, T0 + MINUTE_MS, T0 + 3 * MINUTE_MS)
    assert counts(house.record(sent(series=[beats(T0, [70, 71, 72, 73])]))) == (2, 0, 0, 2, 0)
    assert house.instants(house.ana) == [T0 + MINUTE_MS, T0 + 2 * MINUTE_MS]


def test_series_that_somebody_else_wore_in_between_is_not_the_owners(house: House) -> None:
    house.bind(house.ana, None, T0 + MINUTE_MS)
    house.bind(house.ben, T0 + MINUTE_MS, T0 + 2 * MINUTE_MS)
    house.bind(house.ana, T0 + 2 * MINUTE_MS)
    house.record(sent(series=[beats(T0, [70, 71, 72])]))
    assert (house.instants(house.ana), house.instants(house.ben)) == ([T0, T0 + 2 * MINUTE_MS], [T0 + MINUTE_MS])


def test_unbound_reading_is_kept_for_its_device_for_thirty_days(house: House) -> None:
    house.record(sent(pressure()))
    assert [row.item["value"] for row in held.for_device(house.database, CUFF, 10)] == [pressure()["value"]]
    expires_at = (house.database["held"].find_one() or {})["expires_at"]
    assert expires_at == to_datetime(T0) + timedelta(days=30)


def test_device_that_is_not_registered_is_refused(house: House) -> None:
    verdict = house.record(sent(pressure(), series=[beats(T0, [70, None, 71])], device="acme/other"))[0]
    assert codes(verdict) == [("/readings/0", "device-unknown"), ("/series/0", "device-unknown")]
    assert (verdict.rejected_count, house.held()) == (3, [])


def test_retired_device_is_refused(house: House) -> None:
    house.bind(house.ana)
    devices.retire(house.database, CUFF, T0)
    assert codes(house.record(sent(pressure()))[0]) == [("/readings/0", "device-retired")]


def test_suspended_device_is_refused_and_taken_again_when_it_may(house: House) -> None:
    house.bind(house.ana)
    devices.suspend(house.database, CUFF, is_suspended=True)
    assert codes(house.record(sent(pressure()))[0]) == [("/readings/0", "device-suspended")]
    devices.suspend(house.database, CUFF, is_suspended=False)
    assert counts(house.record(sent(pressure()))) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "is_own"), [(CUFF, True), ("cuff-1", True), ("cuff-2", False), ("other/cuff-1", False), ("", False)]
)
def test_payload_and_item_may_name_only_their_own_device(house: House, name: str, is_own: bool) -> None:
    house.bind(house.ana)
    refused = [] if is_own else [("/readings/0", "device-mismatch")]
    assert codes(house.record(_speaking_for(name))[0]) == refused
    assert codes(house.record(sent(pressure(T0 - 1, device=name)))[0]) == refused


def _speaking_for(name: str) -> Any:
    delivery = sent(pressure(T0 - 2))
    delivery.decoded.device = name
    return delivery


def test_person_may_not_speak_for_a_device_of_somebody_else(house: House) -> None:
    house.bind(house.ana)
    by_ben = sent(pressure())._replace(person=house.ben, origin="http:app")
    assert codes(house.record(by_ben)[0]) == [("/readings/0", "device-mismatch")]
    assert counts(house.record(by_ben._replace(person=house.ana))) == (1, 0, 0, 0, 0)


def test_readings_of_who_has_withdrawn_consent_are_refused_and_kept_nowhere(house: House) -> None:
    house.bind(house.ana)
    people.set_consent(house.database, house.ana, is_withdrawn=True)
    out_of_bounds = pressure(T0 + 1, {"systolic": 999, "diastolic": 80})
    verdict = house.record(sent(pressure(), out_of_bounds, pressure(T0 + DAY_MS)))[0]
    assert [code for _, code in codes(verdict)] == ["consent-withdrawn"] * 3
    state = house.state()
    assert [state[name] for name in ("readings", "held", "notices")] == [[], [], []]
    assert [(row["payload"], row["rejected_count"]) for row in state["rejections"]] == [(b"", 3)]
    assert not tells(str(state["rejections"]), "999")


def test_consent_of_one_slot_keeps_the_other_ones_readings(house: House) -> None:
    house.bind(house.ana, slot="A")
    house.bind(house.ben, slot="B")
    people.set_consent(house.database, house.ana, is_withdrawn=True)
    verdicts = house.record(sent(pressure(slot="A"), pressure(slot="B"), pressure(value={"systolic": "x"})))
    assert counts(verdicts) == (1, 0, 0, 0, 2)
    assert (house.instants(house.ana), house.instants(house.ben)) == ([], [T0])
    assert [row["payload"] for row in house.state()["rejections"]] == [b""]


@pytest.mark.parametrize(("ahead_ms", "is_held"), [(AHEAD_MS - 1, False), (AHEAD_MS, False), (AHEAD_MS + 1, True)])
def test_clock_may_run_ten_minutes_ahead(house: House, ahead_ms: int, is_held: bool) -> None:
    house.bind(house.ana)
    house.record(sent(pressure(T0 + ahead_ms)))
    assert house.held() == [("ahead-of-clock", house.ana, T0 + ahead_ms)] * is_held
    assert house.instants(house.ana) == [T0 + ahead_ms] * (not is_held)


@pytest.mark.parametrize(("t", "reason"), [("1899-07-01", "before-birth"), ("2999-07-01", "ahead-of-clock")])
def test_times_of_other_centuries_are_held_for_their_owner(house: House, t: str, reason: str) -> None:
    house.bind(house.ana)
    assert counts(house.record(sent(pressure(t=f"{t}T12:00:00+08:00")))) == (0, 0, 0, 1, 0)
    rows = held.for_person(house.database, house.ana, 10)
    assert [(row.reason, row.item["t"]) for row in rows] == [(reason, f"{t}T12:00:00+08:00")]


@pytest.mark.parametrize("t", ["0001-01-02T00:00:00+00:00", "9999-12-30T23:59:59.999Z", 253_402_214_400_000])
def test_first_and_last_instants_that_can_be_written_are_held(house: House, t: Any) -> None:
    house.bind(house.ana)
    assert counts(house.record(sent(pressure(t=t)))) == (0, 0, 0, 1, 0)


@pytest.mark.parametrize(("hours", "is_held"), [(-14.001, True), (-14, False), (-13.999, False)])
def test_life_begins_with_the_birthday_wherever_it_was(house: House, hours: float, is_held: bool) -> None:
    born = people.create(house.database, a_person(birth_on=to_datetime(DAY_BEGINS).date())).id
    house.bind(born)
    t_ms = DAY_BEGINS + round(hours * HOUR_MS)
    house.record(sent(pressure(t_ms)))
    assert house.held() == [("before-birth", born, t_ms)] * is_held


@pytest.mark.parametrize(("hours", "is_held"), [(-14.001, True), (-14, False), (-13.999, False)])
def test_nothing_was_measured_before_the_device_was_made(database: Database, hours: float, is_held: bool) -> None:
    ana = people.create(database, a_person(birth_on=date(1958, 3, 1)))
    devices.create_vendor(database, "acme", T0)
    made_on = to_datetime(DAY_BEGINS).date()
    draft = NewDevice(vendor="acme", name="cuff-1", made_on=made_on, bindings=(("", ana.id),))
    devices.create_device(database, draft, T0)
    house, t_ms = House(database, ana.id, ""), DAY_BEGINS + round(hours * HOUR_MS)
    house.record(sent(pressure(t_ms)))
    assert house.held() == [("before-device-made", ana.id, t_ms)] * is_held


def test_series_that_runs_ahead_is_stored_up_to_there(house: House) -> None:
    house.bind(house.ana)
    start_ms = T0 + AHEAD_MS - MINUTE_MS
    assert counts(house.record(sent(series=[beats(start_ms, [70, 71, 72])]))) == (2, 0, 0, 1, 0)


def test_binding_that_begins_while_a_worker_runs_counts_for_its_next_batch(house: House) -> None:
    worker = Recorder(house.database, rules())
    assert counts(worker.record([sent(pressure())], T0)) == (0, 0, 0, 1, 0)
    house.bind(house.ana)
    assert counts(worker.record([sent(pressure())], T0)) == (1, 0, 0, 0, 0)
