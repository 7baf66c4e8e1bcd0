"""A worker that is back at once: forked from a process that has loaded the house and does nothing else.

To start Python and to load everything takes a second, three on a busy machine; to fork takes some milliseconds.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from ingest import worker
from phr.care.rules import rules
from phr.config import Settings
from phr.formats import all_formats
from phr.vocabulary.metrics import vocabulary

STEADY_AFTER_S = 5.0  # one that was killed sooner may be killed again: whoever started this process knows to wait
SIGNALS = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)


def main(settings: Settings) -> int:
    """Keeps one worker alive until SIGTERM or SIGINT, which it hears of. Raises what a worker raises at its start."""
    worker.needed(settings)
    rules()
    vocabulary()
    all_formats()
    return Parent(lambda: worker.main(settings)).run()


class Parent:
    """Of one child at a time, which does the work. Starts no thread, so that it may fork at any time."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work = work
        self._child = 0
        self._is_asked = False

    def run(self) -> int:
        """The exit status of a child that ended by itself, or was killed right after its start (128 + the signal)."""
        for number in SIGNALS:
            signal.signal(number, self._pass_on)
        while True:
            began_s = time.monotonic()
            if self._is_child():
                return self._work()
            _, status = os.waitpid(self._child, 0)
            code, self._child = os.waitstatus_to_exitcode(status), 0
            if self._is_asked:
                return max(code, 0)  # killed by the very signal: it held nothing yet
            if code >= 0:
                return code
            if time.monotonic() - began_s < STEADY_AFTER_S:
                return 128 - code
            log.warning("worker killed by %s; another one begins", signal.Signals(-code).name)

    def _is_child(self) -> bool:
        """Forks; a signal waits until both know who they are."""
        parent = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._child = os.fork()
        if not self._child:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if not self._child and os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)
        return not self._child

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._is_asked = True
        if self._child:
            os.kill(self._child, number)
