"""Workers that are killed, at random and between every two steps of their work."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
import time

import pytest

from ingest.respawn import STEADY_AFTER_S
from ops import supervision
from ops.supervision import Member
from tests.faults.deaths import DIED, STEPS
from tests.faults.proof import Row
from tests.faults.senders import Trusting
from tests.faults.site import IS_WHOLE, ROOT, SEED, WAIT_S, Site

ALL_DEATHS = list(itertools.product(STEPS, ("before", "after")))
DEATHS = ALL_DEATHS if IS_WHOLE else [("write-buckets", "after"), ("raise", "after"), ("acknowledge", "before")]
RECOVERS_WITHIN_S = 2.0
STARTS_WITHIN_S = 5.0  # under 2 s on a quiet machine: benchmarks/recovery.py


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_where_it_is_looked_up(step: str) -> None:
    owner, name = STEPS[step]
    assert callable(getattr(owner, name, None)), f"{name} is gone: name the step anew in tests/faults/deaths.py"


def test_a_worker_that_dies_between_any_two_steps_loses_and_doubles_nothing(site: Site, table: list[Row]) -> None:
    site.start_workers(1)[0].stop()
    traffic = site.traffic()
    for step, when in DEATHS:
        traffic.publish_each(10)
        assert site.start_worker((step, when)).wait(WAIT_S) == DIED, f"{when} {step}"
    site.start_workers(1)
    table.append(site.recover(traffic, f"worker dies at {len(DEATHS)} steps"))


@pytest.mark.whole
def test_a_killed_worker_is_replaced_at_once_by_its_role(site: Site, table: list[Row]) -> None:
    role = site.spawn_role()
    site.wait_until_joined("role")
    traffic = site.traffic().start()
    time.sleep(STEADY_AFTER_S)
    killed_s = site.kill_worker()
    row = site.recover(traffic, "worker SIGKILL, alone", killed_s)
    table.append(row)
    assert row.all_s <= RECOVERS_WITHIN_S
    assert role.poll() is None


@pytest.mark.whole
def test_a_killed_role_is_replaced_by_its_supervisor(site: Site, table: list[Row]) -> None:
    member = Member("ingest", site.spawn_role)
    member.start(time.monotonic())
    site.wait_until_joined("role")
    traffic = site.traffic().start()
    killed_s = 0.0
    for pause_s in (*_moments(5), 4.0):  # the last one when it has caught up
        until = time.monotonic() + pause_s
        supervision.supervise([member], lambda until=until: time.monotonic() >= until)
        killed_s = site.replace_killed(member)
    row = site.recover(traffic, "worker's role SIGKILL six times, under its supervisor", killed_s)
    table.append(row)
    assert row.all_s <= STARTS_WITHIN_S


def test_another_worker_empties_the_session_of_a_killed_one(site: Site, table: list[Row]) -> None:
    site.start_workers(2)
    traffic = site.traffic().start()
    time.sleep(_moments(1)[0])
    site.workers[0].send_signal(signal.SIGKILL)
    row = site.recover(traffic, "worker SIGKILL, another worker")
    table.append(row)
    if IS_WHOLE:  # a machine that runs other tests meanwhile may be slower
        assert row.all_s <= RECOVERS_WITHIN_S


@pytest.mark.whole
def test_four_workers_are_killed_in_turn(site: Site, table: list[Row]) -> None:
    site.start_workers(4)
    traffic = site.traffic().start()
    for number in range(4):
        time.sleep(_moments(1)[0])
        site.workers[number].send_signal(signal.SIGKILL)
        site.start_workers(1)
    table.append(site.recover(traffic, "four workers SIGKILL in turn"))


def test_everything_is_delivered_twice_and_then_again(site: Site, table: list[Row]) -> None:
    site.start_workers(2)
    traffic = site.traffic(copies=2).start()
    time.sleep(1.0 if IS_WHOLE else 0.3)
    traffic.stop()
    traffic.repeat()
    table.append(site.recover(traffic, "everything delivered twice, then again"))


def test_a_drained_slot_leaves_no_session_and_no_lease(site: Site, table: list[Row]) -> None:
    site.start_workers(1)[0].stop()
    traffic = site.traffic(kinds=(Trusting,))
    traffic.publish_each(30)
    traffic.settle(WAIT_S)
    status, told = site.drain(0)
    assert (status, told) == (0, {"slot": 0, "messages": traffic.ledger.published})
    assert site.database.worker_slots.count_documents({}) == 0
    table.append(site.recover(traffic, "slot drained"))


@pytest.mark.whole
def test_a_slot_of_a_live_worker_is_not_drained(site: Site) -> None:
    site.start_workers(1)
    argv = [sys.executable, str(ROOT / "app.py"), "ingest", "drain", "0"]
    told = subprocess.run(argv, env=site.env, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert (told.returncode, "a live worker holds slot 0" in told.stderr) == (1, True)


def _moments(count: int) -> list[float]:
    """Seconds, the same for the same seed."""
    chance = random.Random(SEED)
    return [chance.uniform(0.2, 1.2 if IS_WHOLE else 0.5) for _ in range(count)]
