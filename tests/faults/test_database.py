"""A database that is frozen, whose primary is lost, or whose disk is full."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from ops import mongod as mongod_server
from ops import ports
from ops.mongod import Mongod
from tests.faults import replica_set
from tests.faults.proof import Row
from tests.faults.site import IS_WHOLE, Site, built
from tests.faults.small_disk import SmallDisk

FROZEN_S = 20.0 if IS_WHOLE else 0.8
RESUMES_WITHIN_S = 15.0  # until all is stored again on a quiet machine: benchmarks/recovery.py
WARM_UP_S = 0.5 if IS_WHOLE else 0.2


def test_a_frozen_database_loses_nothing_and_no_worker(site: Site, database_server: Mongod, table: list[Row]) -> None:
    site.start_workers(2 if IS_WHOLE else 1)
    traffic = site.traffic().start()
    time.sleep(WARM_UP_S)
    database_server.process.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN_S)
    database_server.process.send_signal(signal.SIGCONT)
    table.append(site.recover(traffic, f"database frozen {FROZEN_S:g} s"))
    assert [one.poll() for one in site.workers] == [None] * len(site.workers)


@pytest.mark.whole
def test_a_lost_primary_is_followed_by_another(tmp_path: Path, table: list[Row]) -> None:
    with replica_set.running(tmp_path / "set") as members, built(tmp_path, members.uri) as site:
        site.start_workers(2)
        traffic = site.traffic().start()
        time.sleep(WARM_UP_S)
        members.kill_primary()
        row = site.recover(traffic, "primary of three SIGKILL")
        table.append(row)
        assert row.first_s <= RESUMES_WITHIN_S
        assert [one.poll() for one in site.workers] == [None, None]


@pytest.mark.whole
def test_a_full_disk_of_the_database_loses_nothing(tmp_path: Path, table: list[Row]) -> None:
    port = ports.free_port()
    with SmallDisk(tmp_path / "disk", 700) as disk:
        server = mongod_server.start(disk.path, port)
        with built(tmp_path, server.uri) as site:
            site.start_workers(1)
            traffic = site.traffic().start()
            time.sleep(WARM_UP_S)
            disk.fill()
            time.sleep(5)
            disk.empty()
            if server.process.poll() is not None:
                server = mongod_server.start(disk.path, port)
            table.append(site.recover(traffic, "database's disk full 5 s"))
        mongod_server.stop(server)
