"""A worker that is killed is there again, and what else ends is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.ops.running import ROOT, WAIT_S

# Each child says its id; the first argument says what it does then.
PARENT = """
import logging, os, signal, sys, time
from ingest import respawn
logging.basicConfig()
respawn.STEADY_AFTER_S = float(sys.argv[2])
def work():
    if sys.argv[1] == "drains":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    print(os.getpid(), flush=True)
    if sys.argv[1] == "ends":
        return 3
    while True:
        time.sleep(0.05)
sys.exit(respawn.Parent(work).run())
"""


@contextmanager
def parent(what: str, steady_after_s: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", PARENT, what, str(steady_after_s)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def child(process: subprocess.Popen[str]) -> int:
    """The id of the next one."""
    assert process.stdout
    return int(process.stdout.readline())


def test_killed_one_is_followed_by_another() -> None:
    with parent("sleeps") as process:
        first = child(process)
        os.kill(first, signal.SIGKILL)
        assert child(process) not in (first, process.pid)
        process.terminate()
        assert process.wait(WAIT_S) == 0


def test_one_that_is_killed_at_once_is_left_to_whoever_started_it() -> None:
    with parent("sleeps", steady_after_s=WAIT_S) as process:
        os.kill(child(process), signal.SIGKILL)
        assert process.wait(WAIT_S) == 128 + signal.SIGKILL


@pytest.mark.parametrize(("what", "status"), [("ends", 3), ("drains", 7)])
def test_status_is_the_workers_own(what: str, status: int) -> None:
    with parent(what) as process:
        child(process)
        if what == "drains":
            process.terminate()
        assert process.wait(WAIT_S) == status


def test_worker_ends_with_its_parent() -> None:
    with parent("sleeps") as process:
        worker = child(process)
        process.kill()
        assert process.stdout
        assert process.stdout.read() == ""  # nobody holds its other end any more
        assert worker
