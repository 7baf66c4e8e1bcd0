"""What a vendor's bad release costs its neighbours: a good vendor's pace alone, and beside one refused whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import Figure, note
from benchmarks.ingest import wait_until_stored
from benchmarks.load import load_process, start_load
from benchmarks.payloads import HeartRateSeries
from benchmarks.stack import Stack, running
from phr.clock import now_ms

FIGURES = ("storm_neighbour_slowdown_pct",)

GOOD_DEVICES, BAD_DEVICES = 40, 40
MESSAGES, READINGS = 120, 60
PATIENCE_S = 120.0
DAY_MS = 86_400_000
BAD_VENDOR = "storm"
SECONDS_OF_STORM = 35.0
STORM_PER_S = 1_000.0  # as 60,000 devices that each send a payload a minute


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a bad release sends: JSON that is cut off, each one another so that none is a repeat."""

    def __call__(self, client: int, n: int) -> bytes:
        return b'{"id":"%d-%d","readings":[{"metric":"heart-rate","t":%d,' % (client, n, n)


def figures() -> Iterator[Figure]:
    with running() as stack:
        stack.start_ingest(1)
        alone_s = _pace(stack, 0)
        with load_process() as pool:
            clients = stack.strangers(BAD_VENDOR, BAD_DEVICES)
            storm = start_load(
                pool,
                *(stack.mosquitto.host, stack.mosquitto.port),
                clients,
                Unreadable(),
                duration_s=SECONDS_OF_STORM,
                rate=STORM_PER_S,
                drain_timeout_s=PATIENCE_S,
            )
            time.sleep(2)  # the storm has begun
            beside_s = _pace(stack, GOOD_DEVICES)
            is_raging = not storm.done()
            report = storm.result(timeout=PATIENCE_S)
    if not is_raging:
        raise RuntimeError("the storm ended before the good vendor's readings were stored; make it longer")
    note(f"one worker; {GOOD_DEVICES} good devices, {MESSAGES} messages of {READINGS} readings each")
    note(f"  alone {alone_s:.2f} s, beside {report.messages_per_s:.0f} refused messages/s {beside_s:.2f} s")
    yield Figure("storm_neighbour_slowdown_pct", 100 * (beside_s / alone_s - 1), "%")


def _pace(stack: Stack, first: int) -> float:
    """Seconds until all readings of fresh good devices are stored."""
    clients = stack.clients(stack.register(GOOD_DEVICES, first))
    before = first * MESSAGES * READINGS
    with load_process() as pool:
        sent = start_load(
            pool,
            *(stack.mosquitto.host, stack.mosquitto.port),
            clients,
            HeartRateSeries(now_ms() - 12 * DAY_MS),
            messages_per_client=MESSAGES,
        ).result(timeout=PATIENCE_S)
        began = time.perf_counter() - sent.wall_s
        return wait_until_stored(stack, before + GOOD_DEVICES * MESSAGES * READINGS, began)
