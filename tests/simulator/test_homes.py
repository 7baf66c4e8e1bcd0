"""Simulated homes: the same seed plays the same, and what is played looks like people."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from simulator import body
from simulator.home import KINDS
from simulator.homes import Message, all_messages, first_ms, home_messages
from simulator.resident import resident_of

START = date(2026, 11, 2)
SENT_MS = 1_795_390_200_000


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert _bytes(seed=7) == _bytes(seed=7)


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from tests.simulator.test_homes import _bytes; import hashlib;"
        "print(hashlib.sha256(b''.join(_bytes(seed=7))).hexdigest())"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == hashlib.sha256(b"".join(_bytes(seed=7))).hexdigest()


def test_another_seed_gives_other_people() -> None:
    assert _bytes(seed=7) != _bytes(seed=8)
    assert {one.device for one in _played(7)}.isdisjoint(one.device for one in _played(8))


def test_more_homes_leave_the_first_ones_as_they_were() -> None:
    alone = list(home_messages(2, 3, 1, START))
    together = [one for one in all_messages(4, 3, 1, START) if "-h0002-" in one.device]
    assert together == alone


def test_messages_come_in_the_order_in_which_they_are_due() -> None:
    due = [one.due_ms for one in _played(3, days=20)]
    assert due == sorted(due)


def test_every_message_has_an_id_of_its_own() -> None:
    ids = [one.id for one in _played(3, days=20)]
    assert len(set(ids)) == len(ids)


def test_a_payload_says_its_id_and_when_it_was_sent() -> None:
    first = next(one for one in _played(3) if one.clock_error_s == 0)
    payload = json.loads(first.payload(SENT_MS))
    assert (payload["id"], payload["sent_at"]) == (first.id, "2026-11-23T07:30:00+08:00")


def test_a_wrong_clock_is_wrong_in_the_same_way_in_the_payload_and_in_its_sending_time() -> None:
    wrong = Message("sim/x-cuff", "1", 0, {}, clock_error_s=420)
    assert json.loads(wrong.payload(SENT_MS))["sent_at"] == "2026-11-23T07:37:00+08:00"


def test_homes_of_a_month_show_everything_that_devices_do() -> None:
    played = list(all_messages(12, 30, 1, START))
    assert {one.device.rpartition("-")[2] for one in played} == set(KINDS)
    assert any(one.copies == 2 for one in played)
    assert any(one.clock_error_s for one in played)
    assert any(_is_a_day_late(one) for one in played)


def test_somebody_forgetful_misses_days() -> None:
    forgetful = next(n for n in range(1, 50) if resident_of(1, n).is_forgetful)
    cuffs = [one for one in home_messages(forgetful, 60, 1, START) if one.device.endswith("-cuff")]
    assert 60 <= len(cuffs) < 120


def test_the_cuff_measures_twice_in_the_morning_and_twice_in_the_evening() -> None:
    careful = next(n for n in range(1, 50) if not resident_of(1, n).is_forgetful)
    readings = _items(careful, "blood-pressure", days=1)
    hours = [int(item["t"][11:13]) for item in readings]
    assert len(hours) == 4
    assert max(hours[:2]) < 12 < min(hours[2:])


def test_the_heart_beats_slower_at_night() -> None:
    series = next(one for one in range(1, 50) if not resident_of(1, one).is_forgetful)
    hours = {item["start"][11:13]: item["values"] for item in _series(series)}
    night, noon = ([v for v in hours[hour] if v is not None] for hour in ("03", "13"))
    assert sum(night) / len(night) < sum(noon) / len(noon) - 5


def test_glucose_rises_after_breakfast_and_towards_waking() -> None:
    diabetic = next(n for n in range(1, 50) if resident_of(1, n).is_diabetic)
    by_time = {item["t"][11:16]: item["value"] for item in _items(diabetic, "glucose-interstitial", days=1)}
    assert len(by_time) == 288
    assert by_time["08:35"] > by_time["02:00"] + 1.0


@pytest.mark.parametrize("home", range(1, 15))
def test_no_value_is_impossible(home: int) -> None:
    for pressure in _items(home, "blood-pressure", days=10):
        assert 20 <= pressure["value"]["diastolic"] < pressure["value"]["systolic"] <= 300
    assert all(1.1 <= item["value"] <= 33.3 for item in _items(home, "glucose-interstitial", days=10))
    assert all(20 <= value <= 300 for item in _series(home) for value in item["values"] if value is not None)


def test_a_day_has_a_pulse_for_every_minute_of_it() -> None:
    assert len(body.pulses(resident_of(1, 1), random.Random(1))) == body.MINUTES


def _played(seed: int, days: int = 3) -> list[Message]:
    return list(all_messages(2, days, seed, START))


def _bytes(seed: int) -> list[bytes]:
    return [one.payload(SENT_MS) for one in _played(seed)]


def _items(home: int, metric: str, days: int) -> list[dict[str, Any]]:
    found = [item for one in home_messages(home, days, 1, START) for item in one.body.get("readings", [])]
    return [item for item in found if item["metric"] == metric]


def _series(home: int) -> list[dict[str, Any]]:
    return [item for one in home_messages(home, 3, 1, START) for item in one.body.get("series", [])]


def _is_a_day_late(message: Message) -> bool:
    series = message.body.get("series")
    return bool(series) and message.due_ms - first_ms(date.fromisoformat(series[0]["start"][:10])) > 25 * 3_600_000
