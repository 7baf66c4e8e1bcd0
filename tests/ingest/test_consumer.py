"""The reading end on a real broker: what waits in its session, what is acknowledged, and on which connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ingest import consumer as consumer_module
from ingest.consumer import Consumer, parse_url
from ingest.handover import Received
from phr.errors import ServerUnavailable, SettingInvalid
from tests.ingest.running import WAIT_S, Plant, a_payload, wait_until

MIB = 1024 * 1024


def test_a_message_comes_with_its_properties(plant: Plant) -> None:
    with _started(plant) as consumer:
        plant.send(a_payload(), ContentType="text/plain", ResponseTopic="a/b", CorrelationData=b"\x01")
        message = _gathered(consumer, 1)[0]
    assert (message.topic, message.payload, message.qos) == (plant.topic(), a_payload(), 1)
    assert (message.content_type, message.response_topic, message.correlation) == ("text/plain", "a/b", b"\x01")


def test_a_message_without_properties_has_none(plant: Plant) -> None:
    with _started(plant) as consumer:
        plant.send(a_payload())
        message = _gathered(consumer, 1)[0]
    assert (message.content_type, message.response_topic, message.correlation) == (None, None, None)


def test_what_is_published_while_nobody_works_waits_in_the_session(plant: Plant) -> None:
    with _started(plant):
        pass
    plant.send(*[a_payload(n) for n in range(50)])
    with _started(plant) as consumer:
        assert {one.payload for one in _gathered(consumer, 50)} == {a_payload(n) for n in range(50)}


@pytest.mark.parametrize("drains", [False, True])
def test_a_session_that_holds_more_than_a_full_queue_is_resumed(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, drains: bool
) -> None:
    """The broker sends it all before it answers the subscription."""
    monkeypatch.setattr(consumer_module, "HANDED_OVER", 5)
    with _started(plant):
        pass
    plant.send(*[a_payload(n) for n in range(30)])
    with _started(plant, drains=drains) as consumer:
        assert len(_gathered(consumer, 30)) == 30
        wait_until(lambda: consumer.is_ready)


def test_what_was_not_acknowledged_comes_again(plant: Plant) -> None:
    with _started(plant) as consumer:
        plant.send(a_payload(1), a_payload(2))
        first = _gathered(consumer, 2)
        consumer.acknowledge(first[:1])
    with _started(plant) as consumer:
        again = _gathered(consumer, 1)
        assert [one.payload for one in again] == [first[1].payload]
        assert not consumer.gather(10, MIB, 0.2, 0.0)


def test_a_message_of_an_older_connection_is_not_acknowledged(plant: Plant) -> None:
    with _started(plant) as consumer:
        plant.send(a_payload(1))
        old = _gathered(consumer, 1)
        _lose_the_connection(consumer)
        consumer.acknowledge(old)  # its mid is the broker's to give anew
        again = _gathered(consumer, 1)
    assert again[0].payload == a_payload(1)
    assert again[0].epoch > old[0].epoch


def test_a_batch_ends_at_its_size(plant: Plant) -> None:
    with _started(plant) as consumer:
        plant.send(*[a_payload(n) for n in range(7)])
        assert [len(_gathered(consumer, most, most)) for most in (5, 2)] == [5, 2]


def test_a_batch_lingers_no_longer_than_it_is_told(plant: Plant) -> None:
    with _started(plant) as consumer:
        plant.send(a_payload())
        assert len(consumer.gather(500, MIB, 10 * WAIT_S, 0.05)) == 1  # longer than a test may take


def test_a_draining_session_gives_what_it_holds_and_gets_nothing_more(plant: Plant) -> None:
    with _started(plant):
        pass
    plant.send(a_payload(1))
    with _started(plant, drains=True) as consumer:
        wait_until(lambda: consumer.is_ready)
        plant.send(a_payload(2))
        messages = _gathered(consumer, 1)
        consumer.acknowledge(messages)
        assert [one.payload for one in messages] == [a_payload(1)]
        assert not consumer.gather(10, MIB, 0.2, 0.0)


def test_a_draining_session_is_asked_and_gives_what_it_has_before_it_answers(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "WINDOW", 2)
    with _started(plant):
        pass
    plant.send(*[a_payload(n) for n in range(6)])
    with _started(plant, drains=True) as consumer:
        wait_until(lambda: consumer.is_ready)
        found: list[bytes] = []
        while consumer.waiting[0]:
            batch = consumer.gather(10, MIB, 0.0, 0.0)
            found += [one.payload for one in batch]
            consumer.acknowledge(batch)
            consumer.ask()
            wait_until(lambda: consumer.is_ready)
    assert sorted(found) == [a_payload(n) for n in range(6)]


def test_an_ended_session_keeps_nothing(plant: Plant) -> None:
    with _started(plant) as consumer:
        consumer.close(ends_session=True)
    plant.send(a_payload())
    with _started(plant) as consumer:
        assert not consumer.gather(10, MIB, 0.2, 0.0)


def test_a_broker_that_is_not_there_is_one_sentence(plant: Plant) -> None:
    with pytest.raises(ServerUnavailable, match="does not answer"):
        Consumer(parse_url("mqtt://a:b@127.0.0.1:1"), "g", "c").start()


def test_a_refused_login_is_one_sentence(plant: Plant) -> None:
    address = parse_url(f"mqtt://nobody:wrong@{plant.broker.host}:{plant.broker.port}")
    with pytest.raises(ServerUnavailable, match="did not grant"):
        Consumer(address, "g", "c").start(timeout_s=0.3)


@pytest.mark.parametrize(
    ("url", "host", "port", "has_tls"),
    [
        ("mqtt://u:p@h", "h", 1883, False),
        ("mqtts://u:p@h", "h", 8883, True),
        ("mqtt://u:p@h:21", "h", 21, False),
        ("mqtt://h", "h", 1883, False),
    ],
)
def test_an_address_is_read(url: str, host: str, port: int, has_tls: bool) -> None:
    address = parse_url(url)
    assert (address.host, address.port, address.has_tls) == (host, port, has_tls)


def test_an_escaped_password_is_read_as_it_is() -> None:
    assert parse_url("mqtt://a%2Fb:p%40%3A@h").password == "p@:"


@pytest.mark.parametrize("url", ["", "h:1883", "http://h", "mqtt://", "mqtt:h"])
def test_what_is_no_address_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingInvalid):
        parse_url(url)


@contextmanager
def _started(plant: Plant, *, drains: bool = False) -> Iterator[Consumer]:
    consumer = plant.session(0, drains=drains)
    consumer.start(timeout_s=WAIT_S)
    try:
        yield consumer
    finally:
        consumer.close()


def _gathered(consumer: Consumer, count: int, most: int = 500) -> list[Received]:
    """So many messages, and no more."""
    found: list[Received] = []

    def is_enough() -> bool:
        found.extend(consumer.gather(most - len(found), MIB, 0.1, 0.0))
        return len(found) >= count

    wait_until(is_enough)
    return found


def _lose_the_connection(consumer: Consumer) -> None:
    """As a network does it: the socket is gone, nobody said goodbye; paho comes back by itself."""
    connection = consumer._client.socket()
    assert connection is not None
    connection.shutdown(2)
