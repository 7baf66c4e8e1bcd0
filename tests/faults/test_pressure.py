"""A database or a worker that is slower than the devices: what is bounded, what is counted, what operators see."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from ops.mongod import Mongod
from tests.faults.nursery import Child
from tests.faults.proof import Row
from tests.faults.reader import Reader
from tests.faults.senders import Trusting
from tests.faults.site import RATE, WAIT_S, Site, built, wait_until
from tests.ops.running import Family, processes_of

MIB = 1024 * 1024
FULL = {"max_queued_bytes": "200000", "sys_interval": "1"}
DROPPED = "phr_broker_dropped_messages_total"
MAY_GROW_BYTES = 64 * MIB  # a full hand-over of 16 MiB, a batch of it, what the socket and the allocator hold

pytestmark = pytest.mark.whole


def test_a_worker_s_memory_is_bounded_while_the_database_is_frozen(
    site: Site, database_server: Mongod, table: list[Row]
) -> None:
    worker = site.start_workers(1)[0]
    traffic = site.traffic(kinds=(Trusting,), padding=100_000)
    traffic.publish_each(2)
    traffic.settle(WAIT_S)
    before = _memory(worker)
    database_server.process.send_signal(signal.SIGSTOP)
    try:
        traffic.publish_each(60)
        traffic.settle(WAIT_S, (Trusting,))
        most = max(_memory(worker, 0.2) for _ in range(15))
    finally:
        database_server.process.send_signal(signal.SIGCONT)
    published = 60 * 100_000 * len(site.devices)
    print(f"\nworker grew by {(most - before) / MIB:.0f} MiB while {published / MIB:.0f} MiB waited for it")
    assert most - before < MAY_GROW_BYTES < published
    table.append(site.recover(traffic, "database frozen, 96 MB waiting"))


def test_a_backlog_drains_faster_than_it_came(site: Site, table: list[Row]) -> None:
    site.start_workers(1)[0].stop()
    traffic = site.traffic(kinds=(Trusting,))
    traffic.publish_each(500)
    traffic.settle(WAIT_S)
    site.start_worker()
    row = site.recover(traffic, "backlog drained by one worker")
    table.append(row)
    assert traffic.ledger.published / row.all_s > 2 * RATE


def test_an_orphaned_backlog_is_drained_by_a_survivor(site: Site, table: list[Row]) -> None:
    """More than a hand-over holds."""
    site.start_workers(2)
    for one in site.workers:
        one.stop()
    traffic = site.traffic(kinds=(Trusting,))
    traffic.publish_each(800)
    traffic.settle(WAIT_S)
    site.start_worker()
    table.append(site.recover(traffic, "backlog of two slots, one worker"))


def test_what_the_broker_drops_is_counted_for_operators(mongod: str, tmp_path: Path) -> None:
    with built(tmp_path, mongod, changes=FULL) as site:
        site.start_workers(1)[0].stop()
        traffic = site.traffic(kinds=(Trusting,))
        traffic.publish_each(100)
        traffic.settle(WAIT_S)
        site.start_workers(1)
        reader = Reader(site.database, site.settings)
        wait_until(lambda: reader.figure(DROPPED) > 0, "dropped messages in /metrics")
        lost = sum(len(site.record.missing(traffic.ledger, device)) for device in traffic.ledger.acked)
        assert reader.figure(DROPPED) == lost


def test_a_queue_that_fills_up_turns_readiness_red_and_green_again(mongod: str, tmp_path: Path) -> None:
    with built(tmp_path, mongod, changes={"sys_interval": "1"}) as site:
        site.settings = replace(site.settings, mqtt_queue_limit_bytes=2 * MIB)
        _, stopped = site.start_workers(2)
        reader = Reader(site.database, site.settings)
        assert "mqtt" not in reader.faults()
        stopped.send_signal(signal.SIGSTOP)
        traffic = site.traffic(kinds=(Trusting,), padding=10_000)
        traffic.publish_each(30)
        wait_until(lambda: "mqtt" in reader.faults(), "/readyz turns red")
        stopped.send_signal(signal.SIGCONT)
        wait_until(lambda: "mqtt" not in reader.faults(), "/readyz turns green")
        site.recover(traffic, "worker frozen")


def test_a_silent_ingest_role_turns_a_family_red_until_it_speaks(tmp_path: Path) -> None:
    with Family(tmp_path / "phr") as family:
        family.wait_until_up()
        wait_until(lambda: _status(family) == 200, "ready at first")
        worker = max(pid for pid, line in processes_of(family.data_dir).items() if "app.py ingest" in line)
        began_s = time.monotonic()
        os.kill(worker, signal.SIGSTOP)
        wait_until(lambda: _status(family) == 503, "red once it is silent")
        assert 8 < time.monotonic() - began_s < 25  # it had spoken at most 5 s before; its limit is 15 s
        os.kill(worker, signal.SIGCONT)
        wait_until(lambda: _status(family) == 200, "green once it speaks")


def _memory(worker: Child, pause_s: float = 0.0) -> int:
    """Bytes that it holds after a pause."""
    time.sleep(pause_s)
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) * 1024


def _status(family: Family) -> int:
    try:
        with urllib.request.urlopen(f"{family.http_url}/readyz", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
