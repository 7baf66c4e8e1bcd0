"""How soon everything is stored again after a worker was killed, and after the database's primary was."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import Figure
from ingest.respawn import STEADY_AFTER_S
from ops import mongod, ports
from ops.supervision import Member
from tests.faults import replica_set
from tests.faults.site import built

FIGURES = ("recovery_worker_kill_s", "recovery_lone_worker_kill_s", "recovery_role_kill_s", "recovery_primary_loss_s")
WARM_UP_S = 2.0


def figures() -> Iterator[Figure]:
    """From the kill until all published before it is stored: one of two workers, a lone one, its role, a primary."""
    with tempfile.TemporaryDirectory(prefix="phr-bench-") as directory:
        home = Path(directory)
        server = mongod.start(home / "mongod", ports.free_port())
        try:
            yield Figure("recovery_worker_kill_s", _after_worker(home / "one", server.uri), "s")
            yield Figure("recovery_lone_worker_kill_s", _after_lone_worker(home / "alone", server.uri), "s")
            yield Figure("recovery_role_kill_s", _after_role(home / "role", server.uri), "s")
        finally:
            mongod.stop(server)
        with replica_set.running(home / "set") as members:
            yield Figure("recovery_primary_loss_s", _after_primary(home / "two", members), "s")


def _after_worker(home: Path, uri: str) -> float:
    home.mkdir()
    with built(home, uri) as site:
        site.start_workers(2)
        traffic = site.traffic().start()
        time.sleep(WARM_UP_S)
        site.workers[0].send_signal(signal.SIGKILL)
        return site.recover(traffic, "worker killed").all_s


def _after_lone_worker(home: Path, uri: str) -> float:
    """The process that works; its role stays."""
    home.mkdir()
    with built(home, uri) as site:
        site.spawn_role()
        site.wait_until_joined("role")
        traffic = site.traffic().start()
        time.sleep(STEADY_AFTER_S)
        return site.recover(traffic, "lone worker killed", site.kill_worker()).all_s


def _after_role(home: Path, uri: str) -> float:
    """All its processes, under the family's supervisor, which has to start it again."""
    home.mkdir()
    with built(home, uri) as site:
        member = Member("ingest", site.spawn_role)
        member.start(time.monotonic())
        site.wait_until_joined("role")
        traffic = site.traffic().start()
        time.sleep(WARM_UP_S)
        killed_s = site.replace_killed(member)
        return site.recover(traffic, "role killed", killed_s).all_s


def _after_primary(home: Path, members: replica_set.ReplicaSet) -> float:
    home.mkdir()
    with built(home, members.uri) as site:
        site.start_workers(2)
        traffic = site.traffic().start()
        time.sleep(WARM_UP_S)
        members.kill_primary()
        return site.recover(traffic, "primary killed").all_s
