"""Ingest workers that run in the test's own process, a device that talks to them, and what a test asks of both."""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest import slots
from ingest.chores import Chores
from ingest.consumer import Consumer, make_client, parse_url
from ingest.orphans import Orphans
from ingest.verdicts import VerdictPublisher
from ingest.worker import Lease, Worker
from phr.care.rules import rules
from phr.clock import now_ms
from phr.database import Database
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import people
from phr.readings import raw
from phr.recording import Delivery, Recorder, Verdict
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0, a_person
from tests.conftest import Broker

WAIT_S = 40.0  # a machine may be slow; nothing waits longer than it must
COUNTS = ("stored", "duplicate", "corrected", "held", "rejected_count")


def a_payload(number: int = 0, **changes: Any) -> bytes:
    """One good heart rate, of another minute for each number, with an id."""
    reading = {"metric": "heart-rate", "t": T0 + 60_000 * number, "unit": "/min", "value": 72}
    return json.dumps({"id": f"m{number}", "readings": [reading]} | changes).encode()


class DeviceClient:
    """A vendor's login at the broker: publishes with MQTT 5 properties, hears all feedback of the vendor's devices."""

    def __init__(self, broker: Broker, username: str, password: str) -> None:
        self.answers: list[tuple[str, dict[str, Any], bytes | None]] = []
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=uuid.uuid4().hex, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(username, password)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._keep
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        self.client.subscribe(f"phr/v1/{username}/#", qos=1)
        assert self._subscribed.wait(WAIT_S)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> None:
        """Returns when the broker has taken it. Properties by their MQTT 5 names, such as ``ContentType``."""
        given = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(given, name, value)
        self.client.publish(topic, payload, qos=1, retain=retain, properties=given).wait_for_publish(WAIT_S)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """The verdicts in order of arrival, once there are so many."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.answers) >= count, WAIT_S)
            assert came, f"{len(self.answers)} verdicts instead of {count}"
            return [verdict for _, verdict, _ in self.answers]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _keep(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        with self._changed:
            self.answers.append((message.topic, json.loads(message.payload), correlation))
            self._changed.notify_all()


@dataclass
class Plant:
    """A vendor with one device and its owner, and workers of a share group of their own."""

    broker: Broker
    database: Database
    vendor: str
    person: str
    client: DeviceClient
    consumer: Consumer | None = None
    slot: int = -1
    group: str = field(default_factory=lambda: secrets.token_hex(6))
    used: set[str] = field(default_factory=set)
    chores: Chores | None = None

    def topic(self, device: str = "d1") -> str:
        return f"phr/v1/{self.vendor}/{device}/readings"

    def send(self, *payloads: bytes, device: str = "d1", **properties: Any) -> None:
        for payload in payloads:
            self.client.publish(self.topic(device), payload, **properties)

    def ask(self, payload: bytes, device: str = "d1", **properties: Any) -> dict[str, Any]:
        """The verdict on one payload."""
        before = len(self.client.answers)
        self.send(payload, device=device, **properties)
        return self.client.wait_for(before + 1)[before]

    def add_device(self, name: str, **changes: Any) -> None:
        draft = {"vendor": self.vendor, "name": name, "bindings": (("", self.person),)} | changes
        devices.create_device(self.database, NewDevice(**draft), T0)

    def session(self, slot: int, *, drains: bool = False) -> Consumer:
        """The consumer of a slot, not started."""
        name = f"{self.group}-{slot}"
        self.used.add(name)
        return Consumer(parse_url(self.broker.url), self.group, name, drains=drains)

    def publisher(self) -> VerdictPublisher:
        return VerdictPublisher(parse_url(self.broker.url), f"{self.group}-{secrets.token_hex(3)}")

    def worker(self, recorder: Any = None) -> Worker:
        """A worker in the first free slot; ``consumer`` is its own."""
        slot = self.slot = slots.claim(self.database, now_ms())
        self.consumer = self.session(slot)
        orphans = Orphans(self.database, slot, partial(self.session, drains=True))
        judge = recorder or Recorder(self.database, rules())
        return Worker(judge, self.consumer, self.publisher(), Lease(self.database, slot), orphans, self.chores)

    @contextmanager
    def working(self, recorder: Any = None) -> Iterator[Worker]:
        """A worker in a thread, told to stop and waited for when the block is left."""
        worker = self.worker(recorder)
        consumer, slot = self.consumer, self.slot
        assert consumer
        thread = threading.Thread(target=worker.run, name="worker")
        thread.start()
        try:
            wait_until(lambda: consumer.is_ready)
            yield worker
        finally:
            worker.stopping.ask()
            thread.join(WAIT_S)
            slots.release(self.database, slot)
            assert not thread.is_alive()

    def stored(self, metric: str = "heart-rate") -> list[int]:
        """The instants of the owner's readings, doubled ones twice."""
        lane = raw.Lane(self.database, self.person, vocabulary().metrics[metric], lambda _: 0)
        return sorted(int(t) for part in raw.read(lane, (0, 2**42)) for t in part.t)

    def forget_sessions(self) -> None:
        """Leaves nothing at the broker that would fill up while other tests publish."""
        for name in self.used:
            client = make_client(parse_url(self.broker.url), name)
            client.connect(self.broker.host, self.broker.port, clean_start=True)
            client.loop_start()
            wait_until(client.is_connected)
            client.disconnect()
            client.loop_stop()


@contextmanager
def built(broker: Broker, database: Database) -> Iterator[Plant]:
    vendor = f"v{secrets.token_hex(4)}"
    client = DeviceClient(broker, vendor, broker.add(vendor))
    person = people.create_many(database, [a_person()])[0].id
    devices.create_vendor(database, vendor, T0)
    plant = Plant(broker, database, vendor, person, client)
    plant.add_device("d1")
    try:
        yield plant
    finally:
        client.close()
        plant.forget_sessions()


def wait_until(is_true: Callable[[], Any], timeout_s: float = WAIT_S) -> None:
    """Returns once it is true; fails when it doesn't become so."""
    waiting = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        if is_true():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not come true in time")


class BreakingRecorder:
    """A recorder that fails before or after recording, as ``breaks(deliveries)`` tells: it gives the error, or None."""

    def __init__(self, database: Database, breaks: Callable[[Sequence[Delivery]], Exception | None]) -> None:
        self._database = database
        self._recorder = Recorder(database, rules())
        self._breaks = breaks
        self.is_after = False
        self.sizes: list[int] = []

    def formats_of(self, refs: Any) -> dict[str, Any]:
        return self._recorder.formats_of(refs)

    def models_of(self, refs: Any) -> dict[str, str | None]:
        return self._recorder.models_of(refs)

    def is_watched(self, delivery: Delivery) -> bool:
        return self._recorder.is_watched(delivery)

    def for_another_thread(self) -> BreakingRecorder:
        other = BreakingRecorder(self._database, self._breaks)
        other.is_after, other.sizes = self.is_after, self.sizes
        return other

    def record(self, deliveries: Sequence[Delivery], now: int) -> list[Verdict]:
        self.sizes.append(len(deliveries))
        error = self._breaks(deliveries)
        if error is not None and not self.is_after:
            raise error
        verdicts = self._recorder.record(deliveries, now)
        if error is not None:
            raise error
        return verdicts


def counts(verdict: dict[str, Any]) -> tuple[int, ...]:
    """(stored, duplicate, corrected, held, rejected)."""
    return tuple(verdict[name] for name in COUNTS)
