"""Which messages tell something of their device's clock: those that did not wait and came for the first time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ingest import consumer as consuming
from ingest import messages
from phr.care.rules import rules
from phr.clock import now_ms, rfc3339
from phr.intake import clocks, devices
from phr.recording import Delivery, Recorder
from tests.ingest.running import WAIT_S, Plant, a_payload, wait_until


class Watching:
    """A recorder that keeps what it is given."""

    def __init__(self, plant: Plant, seen: list[Delivery]) -> None:
        self._plant = plant
        self._recorder = Recorder(plant.database, rules())
        self.seen = seen

    def for_another_thread(self) -> Watching:
        return Watching(self._plant, self.seen)

    def formats_of(self, refs: Any) -> Any:
        return self._recorder.formats_of(refs)

    def models_of(self, refs: Any) -> Any:
        return self._recorder.models_of(refs)

    def is_watched(self, delivery: Any) -> Any:
        return self._recorder.is_watched(delivery)

    def record(self, deliveries: Any, at_ms: int) -> Any:
        self.seen += deliveries
        return self._recorder.record(deliveries, at_ms)


def lives(plant: Plant, *payloads: bytes, **properties: Any) -> list[bool]:
    watching = Watching(plant, [])
    with plant.working(watching):
        plant.send(*payloads, **properties)
        wait_until(lambda: len(watching.seen) >= len(payloads))
    return [one.is_live for one in watching.seen]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As half a minute after the connection, on a machine that keeps no message waiting."""
    monkeypatch.setattr(consuming, "SETTLING_S", 0.0)
    monkeypatch.setattr(messages, "LIVE_WITHIN_S", WAIT_S)


@pytest.mark.usefixtures("settled")
def test_message_that_comes_at_once_is_live(plant: Plant) -> None:
    assert lives(plant, a_payload()) == [True]


def test_message_right_after_the_connection_is_not(plant: Plant) -> None:
    assert lives(plant, a_payload()) == [False]


@pytest.mark.usefixtures("settled")
def test_message_that_waited_for_the_recorder_is_not(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LIVE_WITHIN_S", 0.0)
    assert lives(plant, a_payload()) == [False]


@pytest.mark.usefixtures("settled")
def test_message_that_the_broker_sends_again_is_not(plant: Plant) -> None:
    first = plant.session(0)
    first.start()
    plant.send(a_payload())
    assert [one.is_first for one in first.gather(1, 1024, WAIT_S, 0.0)] == [True]
    first.close()
    again = plant.session(0)
    again.start()
    assert [one.is_first for one in again.gather(1, 1024, WAIT_S, 0.0)] == [False]
    again.close()


@pytest.mark.usefixtures("settled")
def test_session_of_a_dead_worker_is_not(plant: Plant) -> None:
    dead = plant.session(0)
    dead.start()
    dead.close()
    plant.send(a_payload())
    draining = plant.session(0, drains=True)
    draining.start()
    assert [one.is_first for one in draining.gather(1, 1024, WAIT_S, 0.0)] == [False]
    draining.close()


@pytest.mark.usefixtures("settled")
def test_slow_clock_is_learned_over_mqtt(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "BIN_MS", 20)
    monkeypatch.setattr(clocks, "SPREAD_MS", 200)
    with plant.working():
        for number in range(14):
            until = time.monotonic() + 0.03
            plant.ask(a_payload(number, sent_at=rfc3339(now_ms() - 17 * 60_000)))
            wait_until(lambda until=until: time.monotonic() >= until)
    device = devices.find(plant.database, f"{plant.vendor}/d1")
    assert device
    assert [round(one.offset_ms / 60_000) for one in device.clock.periods] == [17]
