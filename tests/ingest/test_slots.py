"""Slots of ingest workers: who has which, for how long, and what becomes of one whose worker is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from ingest import slots
from ingest.emptiness import QUIET_MS
from ingest.orphans import FIRST_LOOK_AFTER_MS, LOOK_EVERY_MS, RUN_OUT_FOR_MS, Orphans
from ingest.slots import LEASE_MS, MOST_WORKERS, NoSlotFree
from ingest.worker import Lease
from phr.clock import now_ms
from phr.database import Database, connect
from phr.errors import ServerUnavailable

NOW = 1_795_390_200_000
HOST, PID = socket.gethostname(), os.getpid()


def test_the_first_worker_has_slot_zero_and_the_next_the_next(database: Database) -> None:
    assert [slots.claim(database, NOW) for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(("passed_ms", "slot"), [(LEASE_MS - 1, 1), (LEASE_MS, 0), (LEASE_MS + 1, 0)])
def test_a_lease_that_ran_out_is_anybodys(database: Database, passed_ms: int, slot: int) -> None:
    _held(database, 0, host="elsewhere")
    assert slots.claim(database, NOW + passed_ms) == slot


def test_a_slot_of_a_dead_process_of_this_host_is_taken_at_once(database: Database) -> None:
    _held(database, 0, pid=_dead_pid())
    assert slots.claim(database, NOW) == 0


def test_a_slot_of_a_process_that_nobody_has_reaped_is_taken_at_once(database: Database) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.read()  # its end closes the pipe
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _held(database, 0, pid=process.pid)
    assert slots.claim(database, NOW) == 0
    process.communicate()


@pytest.mark.parametrize(("passed_ms", "is_seized"), [(LEASE_MS - 1, False), (LEASE_MS, True), (LEASE_MS + 1, True)])
def test_a_slot_is_seized_once_its_worker_is_gone(database: Database, passed_ms: int, is_seized: bool) -> None:
    _held(database, 5, host="elsewhere")
    assert slots.seize(database, 5, NOW + passed_ms) is is_seized
    assert slots.seize(database, 6, NOW)


def test_a_run_out_lease_is_adopted_only_after_its_worker_had_time_to_renew_it(database: Database) -> None:
    def open_session(_slot: int) -> Any:
        raise ServerUnavailable("asked for")

    orphans = Orphans(database, 0, open_session)
    _held(database, 1, host="elsewhere")
    seen = NOW + LEASE_MS
    orphans.look(seen - FIRST_LOOK_AFTER_MS)
    for at in (seen, seen + RUN_OUT_FOR_MS - 1):
        orphans.look(at)
        assert database["worker_slots"].count_documents({"host": "elsewhere"}) == 1
    orphans.look(seen + RUN_OUT_FOR_MS - 1 + LOOK_EVERY_MS)
    assert database["worker_slots"].count_documents({"host": "elsewhere"}) == 0


class Session:
    """What an orphan's consumer says of itself."""

    def __init__(self) -> None:
        self.waiting, self.is_ready, self.is_ended = (0, 0), True, False

    def start(self, timeout_s: float) -> None: ...

    def ask(self) -> None:
        """Its broker answers at once."""

    def close(self, *, ends_session: bool = False) -> None:
        self.is_ended = ends_session


@pytest.fixture
def orphaned(database: Database) -> tuple[Orphans, Session]:
    """A slot that was adopted at NOW and has been quiet since."""
    session: Any = Session()
    orphans = Orphans(database, 0, lambda _slot: session)
    _held(database, 1, pid=_dead_pid())
    orphans.look(NOW - FIRST_LOOK_AFTER_MS)
    assert orphans.consumer is None  # who has just begun leaves the others time to take back their own
    orphans.look(NOW)
    orphans.look(NOW)
    return orphans, session


@pytest.mark.parametrize(("passed_ms", "is_ended"), [(QUIET_MS - 1, False), (QUIET_MS, True), (QUIET_MS + 1, True)])
def test_a_session_is_ended_once_it_is_quiet(orphaned: tuple[Orphans, Session], passed_ms: int, is_ended: bool) -> None:
    orphans, session = orphaned
    for _ in ("asks", "is answered"):
        orphans.look(NOW + passed_ms)
    assert session.is_ended is is_ended


@pytest.mark.parametrize("change", [{"waiting": (1, 9)}, {"is_ready": False}])
def test_a_session_that_a_busy_worker_did_not_look_at_is_not_called_empty(
    orphaned: tuple[Orphans, Session], change: dict[str, Any]
) -> None:
    orphans, session = orphaned
    vars(session).update(change)
    orphans.look(NOW + 60_000)
    vars(session).update(waiting=(0, 0), is_ready=True)
    orphans.look(NOW + 60_000 + QUIET_MS - 1)
    assert not session.is_ended


def test_a_session_that_gave_something_is_quiet_from_its_next_look_on(orphaned: tuple[Orphans, Session]) -> None:
    orphans, session = orphaned
    orphans.heard()
    orphans.look(NOW + 60_000)
    assert not session.is_ended


def test_a_process_elsewhere_is_not_called_dead(database: Database) -> None:
    _held(database, 0, host="elsewhere", pid=_dead_pid())
    assert slots.claim(database, NOW) == 1


def test_a_process_of_another_user_is_alive(database: Database) -> None:
    _held(database, 0, pid=1)
    assert slots.claim(database, NOW) == 1


def test_a_given_back_slot_is_free_at_once(database: Database) -> None:
    slots.release(database, slots.claim(database, NOW))
    assert slots.claim(database, NOW) == 0


def test_a_slot_is_not_given_back_to_a_database_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    away = connect("mongodb://127.0.0.1:1/", server_selection_timeout_s=0.05)
    with away.client:
        slots.release(away, 3)
    assert caplog.messages == ["slot 3 was not given back: ServerSelectionTimeoutError"]


def test_nobody_gives_back_the_slot_of_another(database: Database) -> None:
    _held(database, 0, host="elsewhere")
    slots.release(database, 0)
    slots.forget(database, 0)
    assert slots.claim(database, NOW) == 1


def test_there_is_an_end_of_slots(database: Database) -> None:
    for slot in range(MOST_WORKERS - 1):
        _held(database, slot)
    assert slots.claim(database, NOW) == MOST_WORKERS - 1
    with pytest.raises(NoSlotFree):
        slots.claim(database, NOW)


def test_a_renewed_lease_lasts_on(database: Database) -> None:
    slot = slots.claim(database, NOW)
    assert slots.renew(database, slot, NOW + LEASE_MS - 1)
    assert slots.claim(database, NOW + LEASE_MS + 1) == 1


def test_a_lost_slot_is_not_renewed(database: Database) -> None:
    slot = slots.claim(database, NOW)
    database["worker_slots"].update_one({"_id": slot}, {"$set": {"host": "elsewhere"}})
    assert not slots.renew(database, slot, NOW)


def test_a_worker_that_lost_its_slot_stops(database: Database) -> None:
    now = now_ms()
    lease = Lease(database, slots.claim(database, now))
    database["worker_slots"].update_one({}, {"$set": {"host": "elsewhere"}})
    lease.keep(now + slots.RENEW_EVERY_MS - 1_000)  # not asked yet
    with pytest.raises(ServerUnavailable, match="taken over"):
        lease.keep(now + slots.RENEW_EVERY_MS + 1_000)


def test_an_orphan_is_adopted_and_ones_own_slot_is_not(database: Database) -> None:
    own = slots.claim(database, NOW)
    _held(database, 1, host="elsewhere")
    assert slots.adopt(database, own, NOW) is None
    assert slots.adopt(database, own, NOW + LEASE_MS) == 1
    assert slots.adopt(database, own, NOW + LEASE_MS) is None


def test_a_forgotten_slot_is_nobodys_orphan(database: Database) -> None:
    slots.forget(database, slots.claim(database, NOW))
    assert slots.adopt(database, 7, NOW + LEASE_MS) is None


def _held(database: Database, slot: int, host: str = HOST, pid: int = PID) -> None:
    database["worker_slots"].insert_one({"_id": slot, "host": host, "pid": pid, "until_ms": NOW + LEASE_MS})


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
