"""How fast readings get from the broker into the record: whole way, majority-journaled, acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import Figure, note
from benchmarks.load import WINDOW, Client, LoadReport, Payloads, load_process, start_load
from benchmarks.payloads import HeartRateSeries, SingleHeartRate
from benchmarks.stack import Stack, running
from phr.clock import DAY_MS, now_ms

FIGURES = ("ingest_60_readings_per_s", "ingest_1_messages_per_s", "ingest_worker_rss_mb")

WORKERS = 2
PATIENCE_S = 120.0
SAMPLE_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """``readings`` in each message; every device has its own person and its own connection."""

    name: str
    devices: int
    messages_per_device: int
    readings: int

    @property
    def messages(self) -> int:
        return self.devices * self.messages_per_device


SERIES = Load("60 readings a message", devices=200, messages_per_device=250, readings=60)
SINGLE = Load("1 reading a message", devices=2_000, messages_per_device=50, readings=1)


def figures() -> Iterator[Figure]:
    rss_mb = []
    for load, name, unit in (
        (SERIES, "ingest_60_readings_per_s", "readings/s"),
        (SINGLE, "ingest_1_messages_per_s", "messages/s"),
    ):
        with running() as stack:
            stack.start_ingest(WORKERS)
            clients = stack.clients(stack.register(load.devices))
            watch = MemoryWatch(stack)
            took_s = measure(stack, load, clients)
            rss_mb.append(watch.stop())
        per_message = load.readings if unit == "readings/s" else 1
        yield Figure(name, load.messages * per_message / took_s, unit)
    yield Figure("ingest_worker_rss_mb", max(rss_mb), "MB")


def measure(
    stack: Stack, load: Load, clients: list[Client], start_ms: int | None = None, *, window: int = WINDOW
) -> float:
    """Seconds from the first PUBLISH until every reading is in the database and nothing else is.

    ``window``: how many messages a device sends without waiting; with one the devices take turns.
    """
    first_ms = now_ms() - 12 * DAY_MS if start_ms is None else start_ms
    payloads: Payloads = HeartRateSeries(first_ms) if load.readings > 1 else SingleHeartRate(first_ms)
    before, cpu_before = stored(stack), stack.cpu_s()
    address = (stack.mosquitto.host, stack.mosquitto.port)
    with load_process() as pool:
        report: LoadReport = start_load(
            pool, *address, clients, payloads, messages_per_client=load.messages_per_device, window=window
        ).result(timeout=PATIENCE_S)
        began = time.perf_counter() - report.wall_s  # connecting does not count
        took_s = wait_until_stored(stack, before + load.messages * load.readings, began)
    _say(stack, load, report, took_s, cpu_before)
    return took_s


def stored(stack: Stack) -> int:
    """Readings in all buckets."""
    counts = {"$sum": {"$map": {"input": {"$objectToArray": "$c"}, "in": "$$this.v.n"}}}
    rows = list(stack.database.readings.aggregate([{"$group": {"_id": None, "n": {"$sum": counts}}}]))
    return int(rows[0]["n"]) if rows else 0


def wait_until_stored(
    stack: Stack, wanted: int, began: float, *, patience_s: float = PATIENCE_S, every_s: float = 0.25
) -> float:
    """Seconds since ``began`` when the count was reached. Raises RuntimeError where it is passed or never comes."""
    while True:
        count, now = stored(stack), time.perf_counter()
        if count == wanted:
            return now - began
        if count > wanted or now - began > patience_s:
            raise RuntimeError(f"{count} readings are stored and {wanted} were sent")
        time.sleep(every_s)


class MemoryWatch:
    """The greatest resident set of any ingest worker while it runs; ``half_mb`` is what it was half-way."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._samples: list[float] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)  # a measurement that fails ends all the same
        self._thread.start()

    def stop(self) -> float:
        self._is_over.set()
        self._thread.join()
        middle, last = self._samples[len(self._samples) // 2], self._samples[-1]
        note(f"ingest worker: {middle:.0f} MB half-way, {last:.0f} MB at the end, {max(self._samples):.0f} MB at most")
        return max(self._samples)

    def _run(self) -> None:
        while True:
            self._samples.append(self._stack.rss_mb("ingest"))
            if self._is_over.wait(SAMPLE_EVERY_S):
                return


def cores_used(stack: Stack, cpu_before: dict[str, float], took_s: float) -> str:
    """Of each part since ``cpu_before``, in words."""
    used = {name: after - cpu_before[name] for name, after in stack.cpu_s().items()}
    return ", ".join(f"{name} {seconds / took_s:.2f}" for name, seconds in used.items())


def _say(stack: Stack, load: Load, report: LoadReport, took_s: float, cpu_before: dict[str, float]) -> None:
    note(f"{load.name}: {load.messages} messages of {load.devices} devices in {took_s:.1f} s, {WORKERS} workers")
    shares = cores_used(stack, cpu_before, took_s)
    note(f"  cores used: load generator {report.cpu_s / took_s:.2f} (raw sockets), {shares}")
    note("  mosquitto: persistence true, autosave_interval 60; mongod: w=majority, j=true")
