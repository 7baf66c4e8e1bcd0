"""A simulated device keeps a payload until its verdict, over a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.broker import SERVER_USER, server_password
from phr.errors import PayloadTooLarge, ServerUnavailable, SettingInvalid
from simulator.home import Device
from simulator.link import Address, Link
from tests.conftest import Broker

STORED = {"stored": 1, "duplicate": 0, "corrected": 0, "held": 0, "rejected_count": 0}


class Server:
    """Answers payloads as a worker does; ``silences`` counts down those that it leaves without a verdict."""

    def __init__(self, broker: Broker) -> None:
        self.silences = 0
        self.got: list[bytes] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(SERVER_USER, server_password(broker.data_dir))
        self.client.on_message = self._answer
        self.client.connect(broker.host, broker.port)
        self.client.subscribe("phr/v1/linked/+/readings", qos=1)
        self.client.loop_start()

    def _answer(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.got.append(message.payload)
        if self.silences:
            self.silences -= 1
            return
        verdict = {"id": json.loads(message.payload)["id"]} | STORED
        client.publish(message.topic.replace("readings", "feedback"), json.dumps(verdict), qos=1)


@pytest.fixture(scope="module")
def password(broker: Broker) -> str:
    """Given once: a password that is replaced has the broker restarted, and its clients sent away."""
    return broker.add("linked")


@pytest.fixture
def server(broker: Broker, password: str) -> Iterator[Server]:
    running = Server(broker)
    yield running
    running.client.disconnect()
    running.client.loop_stop()


@pytest.fixture
def link(broker: Broker, server: Server, password: str) -> Iterator[Link]:
    devices = [Device(f"linked/d{n}", "linked", password, "cuff") for n in range(250)]
    opened = Link(Address(broker.host, broker.port, is_tls=False), devices, window=10)
    opened.open()
    yield opened
    opened.close()


@pytest.mark.parametrize(("size", "is_sent"), [(256 * 1024, True), (256 * 1024 + 1, False)])
def test_payload_that_a_broker_may_hang_up_on_is_never_sent(
    link: Link, server: Server, size: int, is_sent: bool
) -> None:
    payload = b'{"id": "m"}'.ljust(size)
    if not is_sent:
        with pytest.raises(PayloadTooLarge):
            link.send("linked/d1", "m", payload, 1, 0.0)
    else:
        assert link.send("linked/d1", "m", payload, 1, 0.0)
        assert link.wait_until_answered(5)
    assert len(server.got) == is_sent


def test_a_verdict_releases_its_payload_and_is_counted(link: Link) -> None:
    assert _send(link, 0)
    assert link.wait_until_answered(10)
    assert (link.tally.published, link.tally.stored) == (1, 1)


def test_every_device_of_a_cloud_hears_its_verdicts(link: Link) -> None:
    for n in range(250):
        while not _send(link, n, device=n):
            link.wait_for_room(10)
    assert link.wait_until_answered(10)
    assert link.tally.stored == 250


def test_a_payload_sent_twice_waits_for_both_verdicts(link: Link) -> None:
    _send(link, 0, copies=2)
    assert link.wait_until_answered(10)
    assert (link.tally.published, link.tally.resent, link.tally.stored) == (1, 1, 2)


def test_a_full_window_takes_no_more(link: Link, server: Server) -> None:
    server.silences = 11
    assert [_send(link, n) for n in range(11)] == [True] * 10 + [False]


@pytest.mark.parametrize(("age_s", "resent"), [(19.9, 0), (20.0, 0), (20.1, 1)])
def test_what_has_no_verdict_in_time_is_sent_again(link: Link, server: Server, age_s: float, resent: int) -> None:
    server.silences = 1
    _send(link, 0, now_s=100.0)
    link.resend_overdue(100.0 + age_s, 20.0, tries=3)
    assert link.tally.resent == resent
    assert link.wait_until_answered(10 if resent else 0.2) is bool(resent)


def test_what_is_sent_again_is_the_same_to_the_last_byte(link: Link, server: Server) -> None:
    server.silences = 1
    _send(link, 0)
    link.resend_overdue(1_000.0, 20.0, tries=3)
    assert link.wait_until_answered(10)
    assert len(server.got) == 2
    assert server.got[0] == server.got[1]


def test_what_stays_without_a_verdict_is_given_up_and_said(link: Link, server: Server) -> None:
    server.silences = 2
    _send(link, 0)
    link.resend_overdue(1_000.0, 20.0, tries=2)
    link.resend_overdue(2_000.0, 20.0, tries=2)
    assert link.tally.unanswered == 1
    assert link.wait_until_answered(0)


def test_a_wrong_password_is_said(broker: Broker, password: str) -> None:
    stranger = Link(Address(broker.host, broker.port, is_tls=False), [Device("linked/d", "linked", "no", "cuff")], 1)
    with pytest.raises(ServerUnavailable, match="refused"):
        stranger.open()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://u:p@host:1", Address("host", 1, is_tls=False)),
        ("mqtt://host", Address("host", 1883, is_tls=False)),
        ("mqtts://host", Address("host", 8883, is_tls=True)),
    ],
)
def test_an_address_is_read_from_the_url(url: str, address: Address) -> None:
    assert Address.of(url) == address


@pytest.mark.parametrize("url", ["http://host", "host:1883", "mqtt://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingInvalid):
        Address.of(url)


def _send(link: Link, number: int, *, device: int = 0, copies: int = 1, now_s: float = 0.0) -> bool:
    payload = json.dumps({"id": f"m{number}"}).encode()
    return link.send(f"linked/d{device}", f"m{number}", payload, copies, now_s)
