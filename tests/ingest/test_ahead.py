"""A worker in the middle of a batch still hears what rules look at, and loses and doubles nothing by it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from ingest import slots
from ingest.chores import Chores
from ingest.gate import Refused
from ingest.handover import Received
from ingest.worker import Worker
from phr.clock import now_ms
from phr.recording import Delivery, Verdict
from tests.ingest.running import WAIT_S, BreakingRecorder, Plant, a_payload, wait_until

PULSES = 4


class Held(BreakingRecorder):
    """Stops before it records its first batch until it is let go; what comes then can be sent in peace."""

    def __init__(self, plant: Plant, breaks: Callable[[Sequence[Delivery]], Exception | None] = lambda _: None) -> None:
        super().__init__(plant.database, breaks)
        self._plant = plant
        self._taken = 0
        self._is_reached, self.goes_on = threading.Event(), threading.Event()

    def record(self, deliveries: Sequence[Delivery], now: int) -> list[Verdict]:
        self._taken = self._taken or len(deliveries)
        self._is_reached.set()
        assert self.goes_on.wait(WAIT_S)
        return super().record(deliveries, now)

    def meanwhile_sent(self, payload: bytes, device: str, worker: Worker) -> None:
        """Returns when all has been read that was sent, and nothing else can happen."""
        assert self._is_reached.wait(WAIT_S)
        self._plant.send(payload, device=device)
        wait_until(lambda: worker.lookout.waiting[0] == PULSES - self._taken + 1)


@pytest.fixture
def busy(plant: Plant) -> Plant:
    """Pulses of several devices wait for a worker; "cuff" has sent nothing."""
    with plant.working():
        pass
    plant.add_device("cuff")
    for number in range(PULSES):
        plant.add_device(f"watch{number}")
        plant.send(a_payload(number), device=f"watch{number}")
    return plant


def a_pressure(name: str = "p", value: int = 185) -> bytes:
    readings = [
        {
            "metric": "blood-pressure",
            "t": now_ms() - 1_000,
            "unit": "mm[Hg]",
            "value": {"systolic": value, "diastolic": 112},
        },
    ]
    return json.dumps({"id": name, "readings": readings}).encode()


def ids(verdicts: Sequence[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in verdicts]


def test_pressure_overtakes_the_pulses_of_others(busy: Plant) -> None:
    recorder = Held(busy)
    with busy.working(recorder) as worker:
        recorder.meanwhile_sent(a_pressure(), "cuff", worker)
        assert ids(busy.client.wait_for(1)) == ["p"]
        assert busy.database["notices"].count_documents({"person": busy.person}) == 1
        recorder.goes_on.set()
        assert ids(busy.client.wait_for(PULSES + 1)) == ["p", "m0", "m1", "m2", "m3"]
    with busy.working():  # all of it is acknowledged: nothing comes again
        assert busy.ask(a_payload(PULSES))["stored"] == 1
    assert len(busy.client.answers) == PULSES + 2


def test_no_device_overtakes_itself(busy: Plant) -> None:
    recorder = Held(busy)
    with busy.working(recorder) as worker:
        recorder.meanwhile_sent(a_pressure(), "watch0", worker)
        recorder.goes_on.set()
        came = ids(busy.client.wait_for(PULSES + 1))
    assert came.index("m0") < came.index("p")


def test_what_fails_ahead_goes_with_its_batch(busy: Plant) -> None:
    errors: list[Exception] = [RuntimeError("once")]

    def breaks(deliveries: Sequence[Delivery]) -> Exception | None:
        is_pressure = deliveries[0].decoded.payload_id == "p"
        return errors.pop() if is_pressure and errors else None

    recorder = Held(busy, breaks)
    with busy.working(recorder) as worker:
        recorder.meanwhile_sent(a_pressure(), "cuff", worker)
        assert not errors
        assert not busy.client.answers
        recorder.goes_on.set()
        verdicts = busy.client.wait_for(PULSES + 1)
    assert sorted(ids(verdicts)) == ["m0", "m1", "m2", "m3", "p"]
    assert all(one["stored"] == 1 for one in verdicts)


def test_what_was_recorded_ahead_stays_where_its_batch_cannot_be_written(busy: Plant) -> None:
    def breaks(deliveries: Sequence[Delivery]) -> Exception | None:
        return None if deliveries[0].decoded.payload_id == "p" else AutoReconnect("gone")

    recorder = Held(busy, breaks)
    with busy.working(recorder) as worker:
        recorder.meanwhile_sent(a_pressure(), "cuff", worker)
        assert ids(busy.client.wait_for(1)) == ["p"]
        recorder.goes_on.set()
        worker.stopping.ask()
    with busy.working():
        verdicts = busy.client.wait_for(PULSES + 2)[1:]
    told = {one["id"]: (one["stored"], one["duplicate"]) for one in verdicts}
    assert told == dict.fromkeys(["m0", "m1", "m2", "m3"], (1, 0)) | {"p": (0, 1)}
    assert busy.database["notices"].count_documents({"person": busy.person}) == 1
    assert len(busy.stored()) == PULSES


def test_worker_ends_with_its_lookout(plant: Plant) -> None:
    class Broken(Chores):
        def divide(self, batch: Sequence[Received], now_ms: int) -> tuple[list[Received], list[Refused]]:
            raise RuntimeError("broken")

    with plant.working():
        pass
    plant.chores = Broken()
    worker = plant.worker()
    plant.send(a_payload())
    with pytest.raises(RuntimeError, match="broken"):
        worker.run()
    assert plant.consumer
    plant.consumer.close()
    slots.release(plant.database, plant.slot)
