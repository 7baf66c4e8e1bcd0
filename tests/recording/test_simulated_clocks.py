"""Simulated devices whose clocks are wrong, for three weeks: each is learned once, or left."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from phr.care.rules import rules
from phr.database import Database
from phr.formats import phr_v1
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import people
from phr.recording import Delivery, Recorder
from phr.vocabulary.metrics import vocabulary
from simulator.homes import Message, home_messages
from tests.cast import a_person

CUFF = "sim/cuff"
DAYS = 21


def of_a_cuff(clock_error_s: int) -> list[Message]:
    """What one home's cuff sends; its clock is as far off as is told."""
    wrote = [one for one in home_messages(1, DAYS, 1, date(2026, 11, 1)) if one.device.endswith("-cuff")]
    return [replace(one, clock_error_s=clock_error_s) for one in wrote]


def offsets(database: Database, clock_error_s: int) -> list[int]:
    """In seconds, as learned from the simulator's payloads that are delivered as they are due."""
    ana = people.create(database, a_person())
    devices.create_vendor(database, "sim", 0)
    devices.create_device(database, NewDevice(vendor="sim", name="cuff", bindings=(("", ana.id),)), 0)
    recorder = Recorder(database, rules())
    for message in of_a_cuff(clock_error_s):
        decoded = phr_v1.decode(message.payload(message.due_ms), vocabulary())
        delivery = Delivery(decoded, CUFF, "mqtt", message.due_ms + 300, is_live=True)
        for _ in range(message.copies):
            recorder.record([delivery], message.due_ms + 300)
    device = devices.find(database, CUFF)
    assert device
    return [one.offset_ms // 1000 for one in device.clock.periods]


def test_simulated_cuff_that_is_seven_minutes_slow_is_corrected_once(database: Database) -> None:
    assert offsets(database, -420) == [420]


def test_simulated_cuff_that_is_eight_minutes_fast_is_corrected_once(database: Database) -> None:
    assert offsets(database, 480) == [-480]


def test_simulated_cuff_that_is_a_minute_off_is_left(database: Database) -> None:
    assert offsets(database, 60) == []
