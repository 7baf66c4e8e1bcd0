"""Ingest workers, each a process forked from one that has loaded the house: starting afresh costs a second of CPU."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from ingest import drain, worker
from phr import log_lines
from phr.care.rules import rules
from phr.config import load
from phr.vocabulary.metrics import vocabulary
from tests.faults.deaths import die_at

PR_SET_PDEATHSIG = 1
PATIENCE_S = 60.0
DRAIN_QUIET_MS = 300  # all that a session holds is sent before the answer that is waited for first

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])
rules()
vocabulary()


class Child:
    """A worker that lives; asked as ``subprocess.Popen`` is."""

    def __init__(
        self, env: Mapping[str, str], log: Path, death: tuple[str, str] | None = None, drains: int | None = None
    ) -> None:
        """``death``: a step, and "before" or "after". ``drains``: the slot to drain instead of working."""
        self._process = _context.Process(target=_work, args=(dict(env), log, death, drains), name="worker")
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int | None:
        """As ``poll``, once it has ended or the time is over."""
        self._process.join(timeout_s)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def stop(self) -> None:
        """Asks it to end, waits, and kills it where that was not enough."""
        if self.poll() is None:
            self.send_signal(signal.SIGTERM)
        if self.wait(PATIENCE_S) is None:
            self.send_signal(signal.SIGKILL)
            self.wait(PATIENCE_S)


def _work(env: Mapping[str, str], log: Path, death: tuple[str, str] | None, drains: int | None) -> None:
    """What `app.py ingest`, or `app.py ingest drain`, does. It ends with the process it was forked from."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setsid()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    settings = load(env)
    log_lines.configure(settings.log_level, settings.log_format)
    if death:
        die_at(*death)
    if drains is not None:
        drain.QUIET_MS = DRAIN_QUIET_MS
        sys.exit(drain.main(["drain", str(drains)], settings))
    sys.exit(worker.main(settings))
