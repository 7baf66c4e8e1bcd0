"""A raw-socket MQTT 5 load generator: thousands of connections in one process, its own cost stated beside its rate.

    python -m benchmarks.load --port 1883 --clients clients.json --shape series --messages 500 --window 20

``clients.json``: a list of [username, password, topic]. Prints the report as one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks import mqtt_wire as wire
from benchmarks.payloads import HeartRateSeries, SingleHeartRate

Client = tuple[str, str, str]  # username, password, topic
Payloads = Callable[[int, int], bytes]  # (index of the client, message number from 0) -> payload

WINDOW = 20  # messages of one connection that wait for their acknowledgement
_CONNECT_BATCH = 50  # below the listen queue of the brokers, which is 100
_REFUSED_FROM = 0x80  # reason codes from here on are refusals (MQTT 5.0, section 2.4)


class LoadFailed(Exception):
    """The broker refused or closed a connection, or stopped acknowledging."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """``wall_s`` from the first PUBLISH to the last PUBACK, or verdict where those are waited for; ``cpu_s`` of this
    process within it.
    """

    connections: int
    sent: int
    acked: int
    refused: int
    verdicts: int
    wall_s: float
    cpu_s: float

    @property
    def messages_per_s(self) -> float:
        return self.acked / self.wall_s if self.wall_s else 0.0

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_s / self.wall_s if self.wall_s else 0.0


def run_load(  # noqa: PLR0913 -- every one names a condition of the measurement
    host: str,
    port: int,
    clients: Sequence[Client],
    payloads: Payloads,
    *,
    messages_per_client: int | None = None,
    duration_s: float | None = None,
    rate: float | None = None,
    window: int = WINDOW,
    hears: bool = False,
    drain_timeout_s: float = 60.0,
) -> LoadReport:
    """Publishes at QoS 1 and returns when every message is acknowledged.

    ``rate``: messages a second over all clients, None for as fast as the broker acknowledges. ``window``: messages in
    flight per connection, never above the broker's receive maximum. ``hears``: each client listens to its feedback, and
    the load is over when as many verdicts came as messages were acknowledged. Ends after ``messages_per_client`` or
    ``duration_s``, whichever comes first. Raises LoadFailed.
    """
    if messages_per_client is None and duration_s is None:
        raise ValueError("give messages_per_client or duration_s")
    _allow_files(len(clients) + 64)
    run = _Run(payloads, messages_per_client, duration_s, rate, hears=hears)
    try:
        for first in range(0, len(clients), _CONNECT_BATCH):
            _connect(run.connections, (host, port), clients[first : first + _CONNECT_BATCH], window, hears=hears)
        return run.finish(drain_timeout_s)
    finally:
        run.close()


def start_load(pool: ProcessPoolExecutor, *args: Any, **kwargs: Any) -> Any:
    """``run_load`` in the process of ``load_process()``; gives the Future of its report."""
    return pool.submit(run_load, *args, **kwargs)


def load_process() -> ProcessPoolExecutor:
    """One fresh process for load, so that its CPU time is its own; a context manager."""
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


class _Connection:
    __slots__ = (
        "in_flight",
        "index",
        "is_queued",
        "leftover",
        "packet_id",
        "sent",
        "socket",
        "topic",
        "unsent",
        "window",
    )

    def __init__(self, index: int, sock: socket.socket, topic: str) -> None:
        self.index = index
        self.socket = sock
        self.topic = wire.topic_field(topic)
        self.window = 1
        self.in_flight = 0
        self.packet_id = 0
        self.sent = 0
        self.leftover = b""  # the beginning of a packet whose end has not arrived
        self.unsent = b""  # what the socket did not take
        self.is_queued = False


class _Run:
    """One load from first to last message. A connection waits in ``ready`` while its window has room."""

    def __init__(
        self,
        payloads: Payloads,
        messages_per_client: int | None,
        duration_s: float | None,
        rate: float | None,
        *,
        hears: bool,
    ) -> None:
        self.payloads = payloads
        self.quota = messages_per_client
        self.duration_s = duration_s
        self.rate = rate
        self.connections: list[_Connection] = []
        self.ready: deque[_Connection] = deque()
        self.selector = selectors.DefaultSelector()
        self.hears = hears
        self.sent = self.acked = self.refused = self.verdicts = 0

    def finish(self, drain_timeout_s: float) -> LoadReport:
        for one in self.connections:
            self.selector.register(one.socket, selectors.EVENT_READ, one)
            self._queue(one)
        began, cpu_began = time.perf_counter(), time.process_time()
        last_progress = began
        while True:
            now = time.perf_counter()
            is_open = self.duration_s is None or now - began < self.duration_s
            if is_open:
                self._send_due(now - began)
            outstanding = self.sent - self.acked - self.refused
            if self.hears:
                outstanding += self.acked - self.verdicts
            if not outstanding and (not is_open or self._is_sent_out()):
                return self._report(time.perf_counter() - began, time.process_time() - cpu_began)
            if self._turn(self._pause(now - began, is_open)):
                last_progress = now
            elif outstanding and now - last_progress > drain_timeout_s:
                raise LoadFailed(
                    f"no acknowledgement for {drain_timeout_s:g} s; {outstanding} messages are outstanding"
                )

    def close(self) -> None:
        for one in self.connections:
            one.socket.close()
        self.selector.close()

    def _send_due(self, elapsed_s: float) -> None:
        """Whole windows when flat out; one message a connection in turn when paced, as devices do."""
        due = len(self.ready) if self.rate is None else int(elapsed_s * self.rate) - self.sent
        while due > 0 and self.ready:
            one = self.ready.popleft()
            one.is_queued = False
            if self.rate is None:
                self._send(one, one.window - one.in_flight)
            else:
                self._send(one, 1)
                self._queue(one)
            due -= 1

    def _send(self, one: _Connection, count: int) -> None:
        if self.quota is not None:
            count = min(count, self.quota - one.sent)
        packets = []
        for n in range(one.sent, one.sent + count):
            one.packet_id = one.packet_id % 65_535 + 1
            packets.append(wire.publish(one.topic, one.packet_id, self.payloads(one.index, n)))
        one.sent += count
        one.in_flight += count
        self.sent += count
        self._write(one, b"".join(packets))

    def _write(self, one: _Connection, data: bytes) -> None:
        if not one.unsent:
            try:
                data = data[one.socket.send(data) :]
            except BlockingIOError:
                pass
            except OSError as error:
                raise LoadFailed(f"connection {one.index} was closed: {error}") from error
            if data:
                self.selector.modify(one.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, one)
        one.unsent += data

    def _turn(self, timeout_s: float) -> bool:
        """One round of reading and writing what is possible; True where something was acknowledged or heard."""
        before = self.acked + self.refused + self.verdicts
        for key, mask in self.selector.select(timeout_s):
            one: _Connection = key.data
            if mask & selectors.EVENT_WRITE:
                pending, one.unsent = one.unsent, b""
                self.selector.modify(one.socket, selectors.EVENT_READ, one)
                self._write(one, pending)
                self._queue(one)
            if mask & selectors.EVENT_READ:
                self._read(one)
        return self.acked + self.refused + self.verdicts > before

    def _read(self, one: _Connection) -> None:
        try:
            chunk = one.socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError as error:
            raise LoadFailed(f"connection {one.index} was closed: {error}") from error
        if not chunk:
            raise LoadFailed(f"connection {one.index} was closed by the broker")
        packets, one.leftover = wire.split(one.leftover + chunk)
        for kind, body in packets:
            if kind == wire.PUBACK:
                one.in_flight -= 1
                if len(body) > 2 and body[2] >= _REFUSED_FROM:
                    self.refused += 1
                else:
                    self.acked += 1
            elif kind & 0xF0 == wire.PUBLISH:
                self.verdicts += 1
            elif kind == wire.DISCONNECT:
                raise LoadFailed(f"the broker disconnected {one.index}, reason {body[0] if body else 0}")
        self._queue(one)

    def _queue(self, one: _Connection) -> None:
        if not one.is_queued and not one.unsent and one.in_flight < one.window and one.sent != self.quota:
            one.is_queued = True
            self.ready.append(one)

    def _is_sent_out(self) -> bool:
        return self.quota is not None and self.sent == self.quota * len(self.connections)

    def _pause(self, elapsed_s: float, is_open: bool) -> float:
        """How long the selector may wait: until the next paced message, at most 50 ms."""
        if not is_open or not self.ready:
            return 0.05
        if self.rate is None:
            return 0.0
        return min(0.05, max(0.0, (self.sent + 1) / self.rate - elapsed_s))

    def _report(self, wall_s: float, cpu_s: float) -> LoadReport:
        counts = self.sent, self.acked, self.refused, self.verdicts
        return LoadReport(len(self.connections), *counts, wall_s, cpu_s)


def _connect(
    connections: list[_Connection],
    address: tuple[str, int],
    clients: Sequence[Client],
    window: int,
    *,
    hears: bool,
) -> None:
    """Opens a batch: every CONNECT is under way before the first CONNACK is read."""
    fresh = len(connections)
    for client in clients:
        connections.append(_open(address, len(connections), client))
    for one in connections[fresh:]:
        one.window = max(1, min(window, wire.receive_maximum(_connack(one))))
    for one, (_, _, topic) in zip(connections[fresh:], clients, strict=True):
        if hears:  # QoS 0: a verdict owes the broker no answer
            one.socket.sendall(wire.subscribe(65_535, f"{topic.removesuffix('readings')}feedback", qos=0))
            if _first_packet(one)[0] != wire.SUBACK:
                raise LoadFailed(f"connection {one.index} may not listen to its feedback")
        one.socket.setblocking(False)


def _open(address: tuple[str, int], index: int, client: Client) -> _Connection:
    username, password, topic = client
    try:
        sock = socket.create_connection(address, timeout=10)
    except OSError as error:
        raise LoadFailed(f"{address[0]}:{address[1]} does not answer: {error}") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(wire.connect(f"load-{os.getpid()}-{index}", username, password))
    return _Connection(index, sock, topic)


def _connack(one: _Connection) -> bytes:
    kind, body = _first_packet(one)
    if kind != wire.CONNACK or body[1] >= _REFUSED_FROM:
        raise LoadFailed(f"connection {one.index} was refused, reason {body[1]}")
    return body


def _first_packet(one: _Connection) -> tuple[int, bytes]:
    buffer = b""
    while True:
        chunk = one.socket.recv(4_096)
        if not chunk:
            raise LoadFailed(f"connection {one.index} was closed before it was answered")
        packets, buffer = wire.split(buffer + chunk)
        if packets:
            return packets[0]


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(count, soft), hard), hard))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="publish at QoS 1, print a report")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=Path, required=True, help="JSON list of [username, password, topic]")
    parser.add_argument("--shape", choices=("series", "single"), default="series")
    parser.add_argument("--start-ms", type=int, default=None, help="first instant; default: a day ago")
    parser.add_argument("--messages", type=int, default=None, help="per client")
    parser.add_argument("--duration", type=float, default=None, help="seconds")
    parser.add_argument("--rate", type=float, default=None, help="messages a second over all clients")
    parser.add_argument("--window", type=int, default=WINDOW)
    asked = parser.parse_args(argv)
    start_ms = asked.start_ms if asked.start_ms is not None else (int(time.time()) - 86_400) * 1000
    payloads = HeartRateSeries(start_ms) if asked.shape == "series" else SingleHeartRate(start_ms)
    clients = [(row[0], row[1], row[2]) for row in json.loads(asked.clients.read_text())]
    report = run_load(
        asked.host,
        asked.port,
        clients,
        payloads,
        messages_per_client=asked.messages,
        duration_s=asked.duration,
        rate=asked.rate,
        window=asked.window,
    )
    print(json.dumps(asdict(report) | {"messages_per_s": report.messages_per_s, "cpu_share": report.cpu_share}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
