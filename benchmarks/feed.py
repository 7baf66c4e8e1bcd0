"""What a phone that was away pays to hear what changed, and what open streams cost and how soon they tell."""

from __future__ import annotations

import json
import random
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks import Figure, note
from benchmarks.history import Wave, load_wave
from benchmarks.http_client import Client, client_of
from benchmarks.stack import VENDOR, Stack, running
from phr.care.rules import rules
from phr.clock import now_ms
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.recording import Delivery, Recorder
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Run

FIGURES = ("changes_p50_ms", "stream_1000_rss_mb", "stream_event_p50_ms", "stream_event_p99_ms")

STREAMS = 1_000
PROBES = 200
DAYS = 60
WAVES = (
    Wave("heart-rate", "/min", period_s=60, low=45, high=180, step=4),
    Wave("glucose-interstitial", "mmol/L", 300, 3.0, 20.0, 0.3, decimals=1),
    Wave("spo2", "%", 300, 90, 100, 1),
)
PATIENCE_S = 30.0


def figures() -> Iterator[Figure]:
    with running() as stack:
        url = stack.start_api()
        yield _changes(stack, url)
    with running() as stack:
        yield from _streams(stack, stack.start_api())


def _changes(stack: Stack, url: str) -> Figure:
    """A phone that last asked a day ago."""
    (ref,) = stack.register(1)
    client = client_of(stack, url, stack.person_of(ref))
    for wave in WAVES:
        load_wave(stack, ref, wave, DAYS, random.Random(1))
    since = _last(client)
    draft = NewDevice(vendor=VENDOR, name="worn-yesterday", bindings=(("", client.person),))
    (made,) = devices.create_devices(stack.database, [draft], now_ms())
    for wave in WAVES:
        load_wave(stack, made.device.ref, wave, 1, random.Random(2))
    changes = json.loads(client.get("changes", since=since))["changes"]
    note(f"changes after a day: {len(changes)} spans")
    if not changes:
        raise RuntimeError("nothing changed")
    return Figure("changes_p50_ms", client.p50_ms("changes", since=since), "ms")


def _last(client: Client) -> str:
    page = json.loads(client.get("changes"))
    while page["has_more"]:
        page = json.loads(client.get("changes", since=page["next_since"]))
    return str(page["next_since"])


def _streams(stack: Stack, url: str) -> Iterator[Figure]:
    refs = stack.register(STREAMS)
    people = [stack.person_of(ref) for ref in refs]
    before_mb = stack.rss_mb("api")
    began = time.perf_counter()
    listeners = [_opened(stack, url, person) for person in people]
    heard = {person: _Heard(connection) for person, connection in zip(people, listeners, strict=True)}
    for one in heard.values():
        one.wait(b"event: open")
    note(f"{STREAMS} streams opened in {time.perf_counter() - began:.1f} s; {before_mb:.0f} MB before")
    taken = sorted(_probe(stack, refs[n], heard[people[n]]) for n in random.Random(3).sample(range(STREAMS), PROBES))
    yield Figure("stream_1000_rss_mb", stack.rss_mb("api"), "MB")
    yield Figure("stream_event_p50_ms", statistics.median(taken), "ms")
    yield Figure("stream_event_p99_ms", taken[int(len(taken) * 0.99) - 1], "ms")
    for connection in listeners:
        connection.close()


class _Heard:
    """What a stream's reader has received."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._text = b""

    def wait(self, part: bytes) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            while part not in self._text:
                if not selector.select(PATIENCE_S):
                    raise RuntimeError(f"{part!r} was never heard")
                more = self._connection.recv(65_536)
                if not more:
                    raise RuntimeError("the stream ended")
                self._text += more
        self._text = b""


def _probe(stack: Stack, ref: str, heard: _Heard) -> float:
    """Milliseconds from handing a reading to the recorder until the stream tells of it."""
    metric = vocabulary().metrics["heart-rate"]
    now = now_ms()
    run = Run(metric, "", metric.unit, 480, [now - 1_000], {"": [700]}, "/readings/0")
    recorder = Recorder(stack.database, rules())
    began = time.perf_counter()
    recorder.record([Delivery(Decoded([run]), ref, "mqtt", now)], now)
    heard.wait(b"event: readings")
    return (time.perf_counter() - began) * 1000


def _opened(stack: Stack, url: str, person: str) -> socket.socket:
    client = client_of(stack, url, person)
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=PATIENCE_S)
    head = f"GET /v1/people/{person}/stream HTTP/1.1\r\nHost: phr\r\nAuthorization: Bearer {client.token}\r\n\r\n"
    connection.sendall(head.encode())
    return connection
