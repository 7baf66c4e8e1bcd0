"""Child processes that never outlive the process that started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

Process = subprocess.Popen[bytes]

# Runs between fork and the program. A `preexec_fn` would do the same, but may deadlock where the parent has threads.
# PR_SET_PDEATHSIG is 1; the kernel forgets it in a child whose parent has already gone, hence the second look.
# A mongod that runs out of open files ends, so what the system allows is asked for.
_BIND_TO_PARENT = """
import ctypes, os, resource, signal, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
    cwd: Path | None = None,
) -> Process:
    """Starts a program in a session of its own (a terminal's Ctrl-C reaches the parent only).

    The kernel sends it SIGTERM when the *thread* that called this ends, so call it from the main thread.
    """
    bound = [sys.executable, "-ISc", _BIND_TO_PARENT, str(os.getpid()), *argv]
    return subprocess.Popen(  # noqa: S603 - the command is ours
        bound, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, start_new_session=True
    )


def stop(process: Process, patience_s: float = 20.0) -> int:
    """Asks a program to end, waits, and kills what is left of its session. Returns the exit code as Popen gives it."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    kill_group(process)
    return process.wait()


def kill_group(process: Process) -> None:
    """Kills every process that the program left in its session, and the program itself where it still runs."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def reason(code: int) -> str:
    """Why a program ended, in words."""
    if code >= 0:
        return f"exit status {code}"
    return f"killed by {signal.Signals(-code).name}"
