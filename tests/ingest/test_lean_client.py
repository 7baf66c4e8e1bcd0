"""The lean client hands over what paho's own client does, however the bytes arrive."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.broker import SERVER_USER, server_password
from ingest.lean_client import LeanClient, Publish, Taken
from tests.conftest import Broker

PATIENCE_S = 10
PAYLOADS = [b"", b"x", b"\x00\xff" * 100, b"z" * 127, b"z" * 128, b"z" * 20_000, b"z" * 300_000]


def a_client(kind: type[mqtt.Client], broker: Broker) -> mqtt.Client:
    """With the server's login, as the worker has it."""
    client = kind(CallbackAPIVersion.VERSION2, uuid.uuid4().hex, protocol=mqtt.MQTTv5)
    client.username_pw_set(SERVER_USER, server_password(broker.data_dir))
    return client


@contextmanager
def running(client: mqtt.Client, broker: Broker, topic: str) -> Iterator[None]:
    subscribed = threading.Event()
    client.on_connect = lambda one, *_: one.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    assert subscribed.wait(PATIENCE_S)
    yield
    client.disconnect()
    client.loop_stop()


class Arrived:
    """What came, and a wait for so many."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._changed = threading.Condition()

    def add(self, message: Any) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def extend(self, messages: list[Publish]) -> None:
        for message in messages:
            self.add(message)

    def wait_for(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.messages) >= count, PATIENCE_S)
        return self.messages


def some_properties() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "application/json"
    properties.ResponseTopic = "phr/v1/lean/d/feedback"
    properties.CorrelationData = b"\x01\x02"
    properties.UserProperty = [("a", "b")]
    return properties


@pytest.fixture
def topic() -> str:
    return f"phr/v1/lean/{uuid.uuid4().hex[:12]}/readings"


@pytest.fixture(scope="module")
def publish(broker: Broker) -> Iterator[Callable[..., None]]:
    """As a vendor's cloud; returns when the broker has taken it."""
    vendor = mqtt.Client(CallbackAPIVersion.VERSION2, uuid.uuid4().hex, protocol=mqtt.MQTTv5)
    vendor.username_pw_set("lean", broker.add("lean"))
    vendor.connect(broker.host, broker.port)
    vendor.loop_start()

    def publish_one(topic: str, payload: bytes, qos: int = 1, properties: Properties | None = None) -> None:
        vendor.publish(topic, payload, qos=qos, properties=properties).wait_for_publish(PATIENCE_S)

    yield publish_one
    vendor.disconnect()
    vendor.loop_stop()


@pytest.mark.parametrize("payload", PAYLOADS, ids=len)
@pytest.mark.parametrize("properties", [None, some_properties()], ids=["plain", "properties"])
def test_it_hands_over_what_paho_does(
    broker: Broker, topic: str, publish: Callable[..., None], payload: bytes, properties: Properties | None
) -> None:
    lean, plain = a_client(LeanClient, broker), a_client(mqtt.Client, broker)
    from_lean, from_plain = Arrived(), Arrived()
    lean.on_qos_1 = from_lean.extend
    plain.on_message = lambda _client, _data, message: from_plain.add(message)
    with running(lean, broker, topic), running(plain, broker, topic):
        publish(topic, payload, properties=properties)
        (one,), (other,) = from_lean.wait_for(1), from_plain.wait_for(1)
    assert (one.topic, one.payload) == (other.topic, bytes(other.payload))
    names = ("ContentType", "ResponseTopic", "CorrelationData", "UserProperty")
    said = [getattr(one.properties, name, None) for name in names]
    assert said == [getattr(other.properties, name, None) for name in names]


def test_other_qualities_of_service_go_the_usual_way(broker: Broker, topic: str, publish: Callable[..., None]) -> None:
    client, arrived = a_client(LeanClient, broker), Arrived()
    client.on_qos_1 = lambda _messages: pytest.fail("this one is of QoS 0")
    client.on_message = lambda _client, _data, message: arrived.add(message)
    with running(client, broker, topic):
        publish(topic, b"hello", qos=0)
        assert arrived.wait_for(1)[0].payload == b"hello"


def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(
    broker: Broker, topic: str, publish: Callable[..., None]
) -> None:
    name, arrived = uuid.uuid4().hex, Arrived()
    with resumed(broker, name, arrived) as client:
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.subscribe(topic, qos=1)
        assert subscribed.wait(PATIENCE_S)
        for number in range(3):
            publish(topic, b"%d" % number)
        client.acknowledge([one.mid for one in arrived.wait_for(3)[:2]])
        until_written(client)
    with resumed(broker, name, arrived):
        again = arrived.wait_for(4)[3]
    assert (again.payload, again.is_redelivered, len(arrived.messages)) == (b"2", True, 4)


@contextmanager
def resumed(broker: Broker, name: str, arrived: Arrived) -> Iterator[LeanClient]:
    """A client of a session that the broker keeps."""
    client = LeanClient(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
    client.username_pw_set(SERVER_USER, server_password(broker.data_dir))
    client.on_qos_1 = arrived.extend
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 60
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(broker.host, broker.port, clean_start=False, properties=session)
    client.loop_start()
    assert connected.wait(PATIENCE_S)
    yield client
    client.disconnect()
    client.loop_stop()


def until_written(client: mqtt.Client) -> None:
    done = threading.Event()
    for _ in range(100):
        if not client.want_write():
            return
        done.wait(0.02)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1000])
def test_packets_may_be_cut_anywhere(cut: int) -> None:
    """Bytes of three packets, given to the client a few at a time."""
    packet = b"\x32\x0b\x00\x03a/b\x00\x07\x00xyz"
    pieces = [(packet * 3)[at : at + cut] for at in range(0, 3 * len(packet), cut)]
    client, got = LeanClient(CallbackAPIVersion.VERSION2, "c", protocol=mqtt.MQTTv5), []
    client.on_qos_1 = got.extend
    client._sock = _Pieces(pieces)
    while pieces:
        assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    client._sock = None
    assert got == [Publish("a/b", b"xyz", 7, is_redelivered=False, is_retained=False, properties=None)] * 3


def test_a_long_packet_is_put_together_once_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the pieces: what came is not looked at again with each of them."""
    payload, small = b"z" * 100_000, b"\x32\x08\x00\x03a/b\x00\x07\x00"
    packet = b"\x32" + b"\xa8\x8d\x06" + b"\x00\x03a/b\x00\x08\x00" + payload
    pieces = [(small + packet + small)[at : at + 100] for at in range(0, 2 * len(small) + len(packet), 100)]
    client, got, looks = LeanClient(CallbackAPIVersion.VERSION2, "c", protocol=mqtt.MQTTv5), [], []
    take = client._take
    monkeypatch.setattr(client, "_take", lambda data: looks.append(len(data)) or take(data))
    client.on_qos_1 = got.extend
    client._sock = _Pieces(pieces)
    while pieces:
        assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    client._sock = None
    assert [(one.mid, one.payload) for one in got] == [(7, b""), (8, payload), (7, b"")]
    assert len(looks) <= 3


class _Pieces:
    """A socket that has this much, then nothing for now."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def recv(self, _size: int) -> bytes:
        if not self._pieces:
            raise BlockingIOError
        return self._pieces.pop(0)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x05a", b"\x00\x01a\x00\x07", b"\x00\x02\xff\xfe\x00\x07\x00"])
def test_a_broken_message_is_a_protocol_error(body: bytes) -> None:
    assert read_as_protocol_error(b"\x32" + bytes([len(body)]) + body)


@pytest.mark.parametrize("packet", [b"\x40\x01\x00", b"\x32\xff\xff\xff\xff\x01"], ids=["answer", "length"])
def test_another_broken_packet_is_a_protocol_error(packet: bytes) -> None:
    assert read_as_protocol_error(packet)


def read_as_protocol_error(packet: bytes) -> bool:
    """The client ends the connection; what makes it do so comes out of its reading."""
    client = LeanClient(CallbackAPIVersion.VERSION2, "c", protocol=mqtt.MQTTv5)
    client.on_qos_1 = lambda _messages: pytest.fail("there is no message in it")
    client.on_taken = lambda _taken: pytest.fail("there is no answer in it")
    client._sock = _Pieces([packet])
    result = client._read()
    client._sock = None
    return result == MQTTErrorCode.MQTT_ERR_PROTOCOL


def test_answers_come_together_and_after_what_came_before_them() -> None:
    client, got = LeanClient(CallbackAPIVersion.VERSION2, "c", protocol=mqtt.MQTTv5), []
    client.on_qos_1 = got.extend
    client.on_taken = got.extend
    client._sock = _Pieces([b"\x32\x08\x00\x03a/b\x00\x07\x00" + b"\x40\x02\x00\x01" + b"\x40\x03\x00\x02\x87"])
    assert client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    client._sock = None
    message = Publish("a/b", b"", 7, is_redelivered=False, is_retained=False, properties=None)
    assert got == [message, Taken(1, 0), Taken(2, 0x87)]
