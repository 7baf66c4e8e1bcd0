"""The load generator, against a real broker: what it says it sent has arrived, no more and no less."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import mqtt_wire as wire
from benchmarks.load import Client, LoadFailed, load_process, run_load
from benchmarks.payloads import HeartRateSeries, SingleHeartRate
from ingest.broker import SERVER_USER, server_password
from tests.conftest import Broker

START_MS = 1_795_390_200_000


@pytest.fixture
def clients(broker: Broker) -> list[Client]:
    """Twenty connections of one vendor's cloud, a device each."""
    password = broker.add("loaded")
    return [("loaded", password, f"phr/v1/loaded/d{n}/readings") for n in range(20)]


def test_every_message_is_acknowledged_and_arrives(broker: Broker, clients: list[Client]) -> None:
    with _received(broker, 500) as arrived:
        report = run_load(broker.host, broker.port, clients, SingleHeartRate(START_MS), messages_per_client=25)
    assert (report.connections, report.sent, report.acked, report.refused) == (20, 500, 500, 0)
    assert len(arrived) == 500


def test_each_client_sends_its_own_messages_in_order(broker: Broker, clients: list[Client]) -> None:
    payloads = SingleHeartRate(START_MS)
    with _received(broker, 40) as arrived:
        run_load(broker.host, broker.port, clients[:2], payloads, messages_per_client=20, window=7)
    sent = {topic: [payloads(n, i) for i in range(20)] for n, (_, _, topic) in enumerate(clients[:2])}
    assert {topic: [body for at, body in arrived if at == topic] for topic in sent} == sent


def test_a_rate_is_kept(broker: Broker, clients: list[Client]) -> None:
    report = run_load(broker.host, broker.port, clients, HeartRateSeries(START_MS), duration_s=1.0, rate=400)
    assert 380 <= report.sent <= 400


def test_a_duration_ends_a_flat_out_load(broker: Broker, clients: list[Client]) -> None:
    report = run_load(broker.host, broker.port, clients, HeartRateSeries(START_MS), duration_s=0.3)
    assert report.acked == report.sent > 100
    assert report.wall_s < 5


def test_a_topic_that_is_not_ones_own_is_counted_as_refused(broker: Broker, clients: list[Client]) -> None:
    username, password, _ = clients[0]
    stranger = [(username, password, "phr/v1/somebody-else/d1/readings")]
    report = run_load(broker.host, broker.port, stranger, SingleHeartRate(START_MS), messages_per_client=1)
    assert (report.acked, report.refused) == (0, 1)


def test_a_wrong_password_is_said(broker: Broker, clients: list[Client]) -> None:
    with pytest.raises(LoadFailed, match="refused"):
        run_load(broker.host, broker.port, [("loaded", "wrong", "t")], SingleHeartRate(START_MS), messages_per_client=1)


def test_load_runs_in_a_process_of_its_own(broker: Broker, clients: list[Client]) -> None:
    with load_process() as pool:
        future = pool.submit(
            run_load, broker.host, broker.port, clients, SingleHeartRate(START_MS), messages_per_client=2
        )
        assert future.result(timeout=60).acked == 40


@pytest.mark.parametrize("payloads", [HeartRateSeries(START_MS), HeartRateSeries(START_MS, 3, True)])
def test_a_series_follows_the_one_before_without_a_gap(payloads: HeartRateSeries) -> None:
    first, second = (json.loads(payloads(5, n))["series"][0] for n in (0, 1))
    assert len(first["values"]) == payloads.values
    assert second["start"] - first["start"] == payloads.values * first["period_s"] * 1000


def test_payloads_carry_an_id_only_where_a_verdict_is_wanted() -> None:
    assert "id" not in json.loads(SingleHeartRate(START_MS)(1, 2))
    assert json.loads(SingleHeartRate(START_MS, with_id=True)(1, 2))["id"] == "1-2"


@contextmanager
def _received(broker: Broker, count: int) -> Iterator[list[tuple[str, bytes]]]:
    """What a subscriber of the server got; leaving waits for ``count`` messages, at most ten seconds."""
    arrived: list[tuple[str, bytes]] = []
    with socket.create_connection((broker.host, broker.port), timeout=10) as sock:
        sock.sendall(wire.connect("listener", SERVER_USER, server_password(broker.data_dir)))
        sock.sendall(wire.subscribe(1, "phr/v1/loaded/+/readings"))
        subscribed = threading.Event()
        reader = threading.Thread(target=_read, args=(sock, count, arrived, subscribed))
        reader.start()
        assert subscribed.wait(10)
        yield arrived
        reader.join(10)
        assert not reader.is_alive()


def _read(sock: socket.socket, count: int, arrived: list[tuple[str, bytes]], subscribed: threading.Event) -> None:
    buffer = b""
    while len(arrived) < count:
        packets, buffer = wire.split(buffer + sock.recv(65_536))
        for kind, body in packets:
            if kind == wire.SUBACK:
                subscribed.set()
            elif kind & 0xF0 == wire.PUBLISH:
                end = 2 + int.from_bytes(body[:2], "big")
                sock.sendall(wire.puback(int.from_bytes(body[end : end + 2], "big")))
                arrived.append((body[2:end].decode(), body[end + 3 :]))
