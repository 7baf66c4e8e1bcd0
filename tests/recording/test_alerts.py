"""A reading that a rule has something to say about becomes one notice, however often it is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from phr.care.rules import rules
from phr.intake import devices
from phr.people import processing
from phr.plans import targets
from phr.plans.targets import Target
from phr.recording import Recorder
from tests.cast import T0
from tests.plans.builders import coded
from tests.readings.builders import MINUTE_MS
from tests.recording.builders import HIGH, NORMAL, House, counts, pressure, sent

MAX_AGE_MS = rules().by_metric["blood-pressure"][0].max_age_ms


@pytest.fixture
def home(house: House) -> House:
    """Where the cuff is Ana's."""
    house.bind(house.ana)
    return house


@pytest.mark.parametrize(
    ("systolic", "diastolic", "raised"),
    [(179, 109, 0), (180, 80, 1), (181, 80, 1), (150, 110, 1), (150, 111, 1), (200, 120, 1)],
)
def test_pressure_at_the_limit_raises_a_notice(home: House, systolic: int, diastolic: int, raised: int) -> None:
    home.record(sent(pressure(value={"systolic": systolic, "diastolic": diastolic})))
    assert [(row["person"], row["rule"]) for row in home.notices()] == [(home.ana, "blood-pressure-very-high")] * raised


def test_redelivery_raises_it_once_and_leaves_it_as_it_was(home: House) -> None:
    home.record(sent(pressure(value=HIGH), pressure(value=HIGH)))
    before = home.notices()
    assert counts(home.record(sent(pressure(value=HIGH), arrived_at_ms=T0 + 5), now_ms=T0 + 5)) == (0, 1, 0, 0, 0)
    assert home.notices() == before
    assert len(before) == 1


def test_correction_to_another_high_value_raises_nothing_new(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    assert counts(home.record(sent(pressure(value={"systolic": 190, "diastolic": 96})))) == (0, 0, 1, 0, 0)
    assert [row["values"][0]["value"] for row in home.notices()] == [182]


def test_correction_from_normal_to_high_raises_it(home: House) -> None:
    home.record(sent(pressure(value=NORMAL)))
    home.record(sent(pressure(value=HIGH)))
    assert len(home.notices()) == 1


def test_readings_of_one_episode_are_told_once_and_a_second_one_a_minute_later_once_more(home: House) -> None:
    home.record(sent(pressure(value=HIGH), pressure(T0 + MINUTE_MS, HIGH), pressure(T0, HIGH, seq=1)))
    assert sorted(row["state"] for row in home.notices()) == ["pending", "pending", "quiet"]
    home.record(sent(pressure(T0 + 2 * MINUTE_MS, HIGH)))
    assert sorted(row["state"] for row in home.notices()) == ["pending", "pending", "quiet", "quiet"]


def test_duplicate_that_nobody_was_told_of_is_told_now(home: House) -> None:
    home.record(sent(pressure(value=HIGH)))
    home.database["notices"].delete_many({})
    assert counts(home.record(sent(pressure(value=HIGH)))) == (0, 1, 0, 0, 0)
    assert len(home.notices()) == 1


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_at_once_raise_it_once(home: House, workers: int) -> None:
    found: list[Any] = []
    recorders = [Recorder(home.database, rules()) for _ in range(workers)]
    begin = threading.Barrier(workers)

    def work(recorder: Recorder) -> None:
        begin.wait(timeout=10)
        found.extend(recorder.record([sent(pressure(value=HIGH), pressure(T0 - 1), pressure(T0 - 2, slot="B"))], T0))

    threads = [threading.Thread(target=work, args=(recorder,)) for recorder in recorders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert counts(found) == (2, 2 * workers - 2, 0, workers, 0)
    assert (len(home.notices()), len(home.held())) == (1, 1)


@pytest.mark.parametrize(
    ("age_ms", "states"),
    [(MAX_AGE_MS - 1, ["pending"]), (MAX_AGE_MS, ["pending"]), (MAX_AGE_MS + 1, ["quiet"]), (8 * 86_400_000, [])],
)
def test_old_reading_is_stored_in_silence(home: House, age_ms: int, states: list[str]) -> None:
    assert counts(home.record(sent(pressure(T0 - age_ms, HIGH)))) == (1, 0, 0, 0, 0)
    assert [row["state"] for row in home.notices()] == states


def test_reading_of_nobody_raises_nothing(house: House) -> None:
    assert counts(house.record(sent(pressure(value=HIGH)))) == (0, 0, 0, 1, 0)
    assert house.notices() == []


def test_held_refused_and_impossible_readings_raise_no_alert(home: House) -> None:
    impossible = pressure(T0 + 1, {"systolic": 999, "diastolic": 80})
    home.record(sent(impossible, pressure(T0 + 3_600_000, HIGH), pressure(T0 + 2, HIGH, device="other")))
    devices.suspend(home.database, "acme/cuff-1", is_suspended=True)
    home.record(sent(pressure(value=HIGH)))
    assert {one["rule"] for one in home.notices()} == {"device-clock"}


def test_cuff_that_changed_hands_tells_each_owner_of_their_own(house: House) -> None:
    house.bind(house.ana, None, T0 - MINUTE_MS)
    house.bind(house.ben, T0)
    house.record(sent(pressure(T0 - 2 * MINUTE_MS, HIGH), pressure(T0 - 1, HIGH), pressure(T0, HIGH)))
    assert sorted(row["person"] for row in house.notices()) == sorted([house.ana, house.ben])


def test_target_of_the_person_is_what_a_reading_is_held_against(home: House) -> None:
    name, why = "rule.blood-pressure-very-high.systolic", "既往脑出血"
    targets.put(home.database, Target(person=home.ana, name=name, limit=160.0, why=why, by="d", at_ms=T0, version=0))
    home.record(sent(pressure(value={"systolic": 165, "diastolic": 80})))
    (row,) = home.notices()
    assert row["targets"] == [{"component": "systolic", "limit": 160.0}]
    assert row["categories"] == ["care", "readings"]


def test_rule_for_the_pregnant_speaks_to_who_is_and_bears_what_that_was_known_by(home: House) -> None:
    home.bind(home.ben, slot="2")
    coded(home.database, home.ana, "Z34.0")
    raised = pressure(value={"systolic": 145, "diastolic": 92})
    home.record(sent(raised, raised | {"slot": "2"}))
    (row,) = home.notices()
    assert (row["person"], row["rule"]) == (home.ana, "blood-pressure-high-in-pregnancy")
    assert row["categories"] == ["conditions", "readings", "reproductive"]


def test_who_refuses_to_be_judged_is_not(home: House) -> None:
    processing.refuse(home.database, home.ana, processing.EVALUATION, home.ana, T0)
    assert counts(home.record(sent(pressure(value=HIGH)))) == (1, 0, 0, 0, 0)
    assert home.notices() == []
