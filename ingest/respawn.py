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

from ingest import worker
from phr.care.rules import rules
from phr.config import Settings
from phr.formats import all_formats
from phr.vocabulary.metrics import vocabulary

STEADY_AFTER_S = 5.0  # one that was killed sooner may be killed again: whoever started this process knows to wait
ENDING = (signal.SIGTERM, signal.SIGINT)
HEARD = (*ENDING, signal.SIGCHLD)
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
    """Of one child at a time, which does the work. Starts no thread, so that it may fork at any time.

    Signals are blocked and waited for: a handler of Python's runs between two instructions, so that a signal that came
    right before the wait for a child would be heard when that child had ended, which is never.
    """

    def __init__(self, work: Callable[[], int]) -> None:
        self._work = work

    def run(self) -> int:
        """The exit status of a child that ended by itself, or was killed right after its start (128 + the signal)."""
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        while True:
            began_s = time.monotonic()
            child = _fork()
            if not child:
                return self._work()
            code, is_asked = _until_it_ends(child)
            if is_asked:
                return max(code, 0)  # killed by the very signal: it held nothing yet
            if code >= 0:
                return code
            if time.monotonic() - began_s < STEADY_AFTER_S:
                return 128 - code
            log.warning("worker killed by %s; another one begins", signal.Signals(-code).name)


def _fork() -> int:
    """The child's id; 0 in the child, which hears signals as any process does, and one when its parent ends."""
    parent = os.getpid()
    if child := os.fork():
        return child
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
    return 0


def _until_it_ends(child: int) -> tuple[int, bool]:
    """Its exit code as ``subprocess`` gives it, and whether this process was asked to end, which the child is told."""
    is_asked = False
    while True:
        number = signal.sigwait(HEARD)
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), is_asked
        else:
            is_asked = True
            os.kill(child, number)
