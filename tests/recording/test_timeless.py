"""Readings whose payload states no time: measured when they came for the first time, and stored once."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr.formats import theengs
from phr.intake import arrivals, bindings, devices
from phr.intake.device import Binding
from phr.intake.devices import NewDevice
from phr.readings.raw import Lane, read
from phr.recording import Delivery
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import HOUR_MS, MINUTE_MS
from tests.recording.builders import House, counts
from tests.recording.test_crashes import fail_at

SCALE = "acme/scale-1"
# The row of its first arrival, source, bucket, word of it, a vendor's hours, sightings.
STEPS = 6


@pytest.fixture
def home(house: House) -> House:
    devices.create_device(house.database, NewDevice(vendor="acme", name="scale-1"), T0)
    bindings.bind(house.database, SCALE, Binding("", house.ana, None, None))
    return house


def weighed(at_ms: int = T0, kg: float = 61.75, packet: str = "w1:1", **changes: Any) -> Delivery:
    said = {"type": "SCALE", "weighing_mode": "person", "weight": kg, "unit": "kg"}
    payload = json.dumps(said).encode()
    decoded = theengs.decode(payload, vocabulary())
    topic = f"phr/v1/{SCALE}/readings"
    return Delivery(decoded, SCALE, "mqtt", at_ms, payload, topic, packet=packet)._replace(**changes)


def again(at_ms: int, **changes: Any) -> Delivery:
    return weighed(at_ms, is_again=True, **changes)


def instants(home: House, metric: str = "weight") -> list[int]:
    lane = Lane(home.database, home.ana, vocabulary().metrics[metric], lambda _: 0)
    return sorted(int(t) for part in read(lane, (0, 2**42)) for t in part.t)


@pytest.mark.parametrize("later_ms", [1, MINUTE_MS, 30 * HOUR_MS])
def test_what_the_broker_delivers_again_is_a_duplicate(home: House, later_ms: int) -> None:
    home.record(weighed())
    verdicts = home.record(again(T0 + later_ms), now_ms=T0 + later_ms)
    assert counts(verdicts) == (0, 1, 0, 0, 0)
    assert instants(home) == [T0]


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_worker_killed_at_any_write_leaves_one_reading(
    home: House, monkeypatch: pytest.MonkeyPatch, step: int, is_written: bool
) -> None:
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        with pytest.raises(AutoReconnect):
            home.record(weighed())
    home.record(again(T0 + HOUR_MS), now_ms=T0 + HOUR_MS)
    assert len(instants(home)) == 1


def test_recording_is_that_many_writes(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        steps: itertools.count[int] = fail_at(patch, lambda _: False, is_written=False)
        home.record(weighed())
    assert next(steps) == STEPS + 1


@pytest.mark.parametrize(("later_ms", "stored"), [(0, 1), (599_999, 1), (600_000, 1), (600_001, 2), (24 * HOUR_MS, 2)])
def test_a_device_that_sends_the_same_again_soon_has_not_measured_twice(
    home: House, later_ms: int, stored: int
) -> None:
    home.record(weighed())
    home.record(weighed(T0 + later_ms, packet="w1:2"), now_ms=T0 + later_ms)
    assert len(instants(home)) == stored


def test_another_weight_a_moment_later_is_another_reading(home: House) -> None:
    home.record(weighed(), weighed(T0 + 1_000, 61.8, "w1:2"), now_ms=T0 + 1_000)
    assert instants(home) == [T0, T0 + 1_000]


def test_the_same_weight_of_the_next_morning_is_not_taken_for_that_of_yesterday(home: House) -> None:
    """The broker delivers the second one again; its packet tells which of the two alike it is."""
    morning = T0 + 24 * HOUR_MS
    home.record(weighed())
    home.record(again(morning, packet="w1:2"), now_ms=morning)
    home.record(again(morning + HOUR_MS, packet="w1:2"), now_ms=morning + HOUR_MS)
    assert instants(home) == [T0, morning]


def test_a_number_that_the_broker_uses_again_names_another_message(home: House) -> None:
    home.record(weighed())
    home.record(weighed(T0 + HOUR_MS), now_ms=T0 + HOUR_MS)
    assert instants(home) == [T0, T0 + HOUR_MS]


@pytest.mark.parametrize("change", ["named", "retained"])
def test_what_can_only_be_the_same_message_stays_one_for_long(home: House, change: str) -> None:
    for at_ms in (T0, T0 + 20 * HOUR_MS):
        one = weighed(at_ms, packet=f"w1:{at_ms}", is_retained=change == "retained")
        one.decoded.payload_id = "m1" if change == "named" else None
        home.record(one, now_ms=at_ms)
    assert instants(home) == [T0]


def test_two_devices_that_say_the_same_are_two(home: House) -> None:
    devices.create_device(home.database, NewDevice(vendor="acme", name="scale-2"), T0)
    bindings.bind(home.database, "acme/scale-2", Binding("", home.ana, None, None))
    other = weighed(T0 + 1_000)._replace(device="acme/scale-2")
    home.record(weighed(), other, now_ms=T0 + 1_000)
    assert len(instants(home)) == 2


def test_a_held_reading_without_a_time_is_held_once(home: House) -> None:
    devices.create_device(home.database, NewDevice(vendor="acme", name="scale-3"), T0)
    for one in (weighed(), again(T0 + HOUR_MS)):
        home.record(one._replace(device="acme/scale-3"), now_ms=one.arrived_at_ms)
    assert home.held() == [("unbound", None, T0)]


def test_two_workers_at_once_agree_on_the_arrival(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is quicker between this one's look and its write."""
    coming = [arrivals.Coming(b"k" * 16, T0 + 5, "w1:1", is_again=False, again_within_ms=1_000)]
    quicker = arrivals.Coming(b"k" * 16, T0, "w2:1", is_again=False, again_within_ms=1_000)
    write = arrivals.write_new

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(arrivals, "write_new", write)
        arrivals.first(home.database, [quicker])
        return write(*arguments)

    monkeypatch.setattr(arrivals, "write_new", late)

    assert arrivals.first(home.database, coming) == [T0]


@pytest.mark.parametrize("metric", vocabulary().metrics.values(), ids=lambda metric: metric.key)
def test_every_metric_says_how_soon_the_same_is_the_same(metric: Any) -> None:
    assert 1_000 <= arrivals.again_within_ms([metric]) <= 600_000
