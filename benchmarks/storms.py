"""What a vendor's bad release costs its neighbours: a good vendor's pace alone, beside a storm that the record refuses,
and beside one that nobody subscribes to. The last costs load generator and broker alike and the worker nothing, so that
the difference of the two is what refusing costs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import Figure, note
from benchmarks.ingest import wait_until_stored
from benchmarks.load import Client, load_process, start_load
from benchmarks.payloads import HeartRateSeries
from benchmarks.stack import Stack, running
from ingest import broker
from phr.clock import DAY_MS, now_ms

FIGURES = ("storm_neighbour_slowdown_pct", "storm_control_slowdown_pct", "storm_neighbour_unfair_pct")

ROUNDS = 3
GOOD_DEVICES, BAD_DEVICES = 40, 40
MESSAGES, READINGS = 100, 60
PATIENCE_S = 120.0
BAD_VENDOR = "storm"
STORM_BEGINS_S = 1.5
SECONDS_OF_STORM = 9.0
STORM_PER_S = 1_000.0  # as 60,000 devices that each send a payload a minute


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a bad release sends: JSON that is cut off, each one another so that none is a repeat."""

    salt: int

    def __call__(self, client: int, n: int) -> bytes:
        return b'{"id":"%d-%d-%d","readings":[{"metric":"heart-rate","t":%d,' % (self.salt, client, n, n)


def figures() -> Iterator[Figure]:
    with running() as stack:
        stack.start_ingest(1)
        refused = stack.strangers(BAD_VENDOR, BAD_DEVICES)
        password = broker.server_password(stack.data_dir)
        unheard = [(broker.SERVER_USER, password, f"phr/v1/{BAD_VENDOR}/d{n}/commands") for n in range(BAD_DEVICES)]
        phases = Phases(stack)
        phases.pace()  # warms up
        alone, beside, control = [], [], []
        for number in range(ROUNDS):
            alone.append(phases.pace())
            beside.append(phases.pace_beside(refused, number))
            control.append(phases.pace_beside(unheard, number))
    note(f"one worker, {ROUNDS} rounds; {GOOD_DEVICES} good devices, {MESSAGES} messages of {READINGS} readings each")
    for name, paces in (
        ("alone", alone),
        ("beside the storm", beside),
        ("beside one that ends at the broker", control),
    ):
        note(f"  {name}: " + ", ".join(f"{one:.2f}" for one in paces) + " s")
    yield Figure("storm_neighbour_slowdown_pct", 100 * (median(beside) / median(alone) - 1), "%")
    yield Figure("storm_control_slowdown_pct", 100 * (median(control) / median(alone) - 1), "%")
    yield Figure("storm_neighbour_unfair_pct", 100 * (median(beside) / median(control) - 1), "%")


class Phases:
    """One after another on one installation, each with good devices of its own."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._done = 0
        devices = (2 + 3 * ROUNDS) * GOOD_DEVICES
        self._clients = stack.clients(stack.register(devices))

    def pace(self) -> float:
        """Seconds until all readings of fresh good devices are stored."""
        first = self._done * GOOD_DEVICES
        clients = self._clients[first : first + GOOD_DEVICES]
        self._done += 1
        with load_process() as pool:
            sent = start_load(
                pool,
                *(self._stack.mosquitto.host, self._stack.mosquitto.port),
                clients,
                HeartRateSeries(now_ms() - 12 * DAY_MS),
                messages_per_client=MESSAGES,
            ).result(timeout=PATIENCE_S)
            began = time.perf_counter() - sent.wall_s
            return wait_until_stored(self._stack, self._done * GOOD_DEVICES * MESSAGES * READINGS, began)

    def pace_beside(self, clients: Sequence[Client], salt: int) -> float:
        """The same while a storm rages. Raises RuntimeError where the storm ended first."""
        with load_process() as pool:
            storm = start_load(
                pool,
                *(self._stack.mosquitto.host, self._stack.mosquitto.port),
                clients,
                Unreadable(salt),
                duration_s=SECONDS_OF_STORM,
                rate=STORM_PER_S,
                drain_timeout_s=PATIENCE_S,
            )
            time.sleep(STORM_BEGINS_S)
            took_s = self.pace()
            if storm.done():
                raise RuntimeError("the storm ended before the good vendor's readings were stored; make it longer")
            report = storm.result(timeout=PATIENCE_S)
        per_s = report.messages_per_s
        note(f"  storm of {per_s:.0f} messages/s")
        return took_s
