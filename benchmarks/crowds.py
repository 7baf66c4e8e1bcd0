"""Vendors with thousands of devices: a verdict for each message, a backlog of a million, ten thousand connected."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import psutil

from benchmarks import Figure, note
from benchmarks.ingest import MemoryWatch, cores_used, stored, wait_until_stored
from benchmarks.load import load_process, start_load
from benchmarks.payloads import SingleHeartRate
from benchmarks.stack import VENDOR, Stack, running
from phr.clock import DAY_MS, now_ms
from phr.intake import limits
from phr.intake.policy import Limits

FIGURES = (
    "ingest_1_with_id_messages_per_s",
    "backlog_drain_messages_per_s",
    "backlog_worker_rss_mb",
    "connected_10000_rss_mb",
)

WORKERS = 2
DEVICES = 2_000
WITH_ID = 50  # messages of each
BACKLOG = 500
CROWD, CROWD_S, A_MINUTE_S = 10_000, 30.0, 60.0
PATIENCE_S = 600.0


def figures() -> Iterator[Figure]:
    yield _with_id()
    yield from _backlog()
    yield _connected()


def _with_id() -> Figure:
    """From the first PUBLISH until each message is stored and its device has heard so."""
    with running() as stack:
        stack.start_ingest(WORKERS)
        clients = stack.clients(stack.register(DEVICES))
        payloads = SingleHeartRate(now_ms() - 12 * DAY_MS, with_id=True)
        cpu_before = stack.cpu_s()
        with load_process() as pool:
            load = start_load(pool, *_address(stack), clients, payloads, messages_per_client=WITH_ID, hears=True)
            report = load.result(timeout=PATIENCE_S)
        if report.verdicts != DEVICES * WITH_ID or stored(stack) != DEVICES * WITH_ID:
            raise RuntimeError(f"{report.verdicts} verdicts, {stored(stack)} stored of {DEVICES * WITH_ID}")
        shares = cores_used(stack, cpu_before, report.wall_s)
        note(f"each message with an id, each verdict heard: load generator {report.cpu_share:.2f} cores, {shares}")
        return Figure("ingest_1_with_id_messages_per_s", report.verdicts / report.wall_s, "messages/s")


def _backlog() -> Iterator[Figure]:
    """A million messages of one vendor that the broker took while both workers were dead; its rate is lifted."""
    count = DEVICES * BACKLOG
    with running() as stack:
        limits.set_limits(stack.database, VENDOR, Limits(messages_per_min=100 * count))
        stack.start_ingest(WORKERS)
        clients = stack.clients(stack.register(DEVICES))
        for process in stack.roles.pop("ingest"):
            process.send_signal(signal.SIGKILL)  # their sessions stay, and the broker queues for them
            process.wait(timeout=10)
        with load_process() as pool:
            payloads = SingleHeartRate(now_ms() - 12 * DAY_MS)
            load = start_load(pool, *_address(stack), clients, payloads, messages_per_client=BACKLOG, window=100)
            report = load.result(timeout=PATIENCE_S)
        broker_mb = psutil.Process(stack.mosquitto.process.pid).memory_info().rss / 1e6
        note(f"{report.acked:,} messages taken at {report.messages_per_s:,.0f}/s; the broker holds {broker_mb:.0f} MB")
        (stack.data_dir / "ingest.log").unlink()
        began = time.perf_counter()
        stack.start_ingest(WORKERS)
        watch = MemoryWatch(stack)
        took_s = wait_until_stored(stack, count, began, patience_s=PATIENCE_S, every_s=2.0)
        yield Figure("backlog_drain_messages_per_s", count / took_s, "messages/s")
        yield Figure("backlog_worker_rss_mb", watch.stop(), "MB")


def _connected() -> Figure:
    """Resident memory of broker and one worker while each device is connected, listens, and sends once a minute."""
    with running() as stack:
        stack.start_ingest(1)
        clients = stack.clients(stack.register(CROWD))
        payloads = SingleHeartRate(now_ms() - DAY_MS, with_id=True)
        with load_process() as pool:
            rate = CROWD / A_MINUTE_S
            load = start_load(
                pool, *_address(stack), clients, payloads, duration_s=CROWD_S, rate=rate, window=1, hears=True
            )
            most: dict[str, float] = {}
            while not load.done():
                for name, mb in _rss_mb(stack).items():
                    most[name] = max(mb, most.get(name, 0))
                time.sleep(1)
            report = load.result()
        note(f"{report.connections:,} connected, {report.verdicts:,} messages and verdicts; MB at most: {most}")
        return Figure("connected_10000_rss_mb", sum(most.values()), "MB")


def _rss_mb(stack: Stack) -> dict[str, float]:
    broker = psutil.Process(stack.mosquitto.process.pid).memory_info().rss / 1e6
    return {"broker": round(broker), "worker": round(stack.rss_mb("ingest"))}


def _address(stack: Stack) -> tuple[str, int]:
    return stack.mosquitto.host, stack.mosquitto.port
