"""Children that end with their parent, and ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ops import ports, processes
from phr.errors import ServerUnavailable
from tests.ops.running import ROOT, wait_until

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
PARENT = """
import time
from ops import processes
print(processes.start(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_child_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not is_alive(child), "the child outlived its parent")


def test_stop_is_a_request_first() -> None:
    assert processes.stop(processes.start(["sleep", "60"])) == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed() -> None:
    process = processes.start([sys.executable, "-c", STUBBORN], output=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        assert processes.stop(process, patience_s=0.1) == -signal.SIGKILL


def test_children_of_a_child_end_too() -> None:
    process = processes.start(["sh", "-c", "sleep 60 & echo $!; exec sleep 60"], output=subprocess.PIPE)
    assert process.stdout is not None
    with process:
        grandchild = int(process.stdout.readline())
        processes.stop(process)
    wait_until(lambda: not is_alive(grandchild), "the grandchild lives on")


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit status 0"), (1, "exit status 1"), (-9, "killed by SIGKILL"), (-15, "killed by SIGTERM")],
)
def test_reason_in_words(code: int, words: str) -> None:
    assert processes.reason(code) == words


def test_free_port_is_kept_and_a_taken_default_is_replaced() -> None:
    port = ports.free_port()
    assert ports.choose(port, asked_for=False, setting="PHR_X") == port
    with socket.create_server(("127.0.0.1", port)):
        assert ports.choose(port, asked_for=False, setting="PHR_X") != port


def test_taken_port_that_was_asked_for_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ServerUnavailable, match="set PHR_X"):
        ports.choose(server.getsockname()[1], asked_for=True, setting="PHR_X")


def test_started_program_has_a_session_of_its_own() -> None:
    process = processes.start(["sleep", "60"])
    assert os.getsid(process.pid) == process.pid
    processes.stop(process)
