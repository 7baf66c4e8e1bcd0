"""Keeps a family of processes alive: who ended is started again, later each time it happens."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from ops import processes
from phr.errors import PhrError

FIRST_DELAY_S = 0.1  # one kill costs little more than a start
LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 60.0  # one that ran this long has recovered; its next end counts as the first
POLL_S = 0.05

log = logging.getLogger(__name__)


class StopAsked(BaseException):
    """A signal asked the family to end. Not an Exception: nothing on the way may swallow it."""


@dataclass(slots=True)
class Member:
    """One process of the family; ``why`` explains an exit code in words."""

    name: str
    spawn: Callable[[], processes.Process]
    why: Callable[[int], str] = processes.reason
    patience_s: float = 15.0
    process: processes.Process | None = None
    failures: int = 0
    started_at_s: float = 0.0
    due_at_s: float | None = None

    def start(self, now_s: float) -> processes.Process:
        self.process, self.started_at_s, self.due_at_s = self.spawn(), now_s, None
        return self.process


def delay_s(failures: int) -> float:
    """Seconds to wait before the start that follows this many ends in a row: 0.1, 0.2, 0.4 … 30."""
    return min(FIRST_DELAY_S * 2.0 ** min(failures - 1, 16), LONGEST_DELAY_S)


def look_after_one(member: Member, now_s: float) -> bool:
    """Notices an end, or starts again what is due; True where it did something."""
    if member.due_at_s is not None:
        if now_s < member.due_at_s:
            return False
        return _start_again(member, now_s)
    if member.process is None or member.process.poll() is None:
        return False
    processes.kill_group(member.process)
    if member.process.returncode == 0:  # it was told to end, as a broker is that has to take new logins
        member.due_at_s = now_s + FIRST_DELAY_S
        log.info("%s ended as it was told; starting it again", member.name)
    else:
        _postpone(member, now_s, member.why(member.process.returncode))
    return True


def supervise(members: Sequence[Member], until: Callable[[], bool] = lambda: False) -> None:
    """Looks after the members until ``until`` says so; a signal ends it by StopAsked."""
    while not until():
        for member in members:
            look_after_one(member, time.monotonic())
        time.sleep(POLL_S)


def stop_all(members: Sequence[Member]) -> None:
    """Stops the members at once, each with its own patience."""
    running = [(member, member.process) for member in members if member.process is not None]
    for _, process in running:
        if process.poll() is None:
            process.terminate()
    for member, process in running:
        processes.stop(process, member.patience_s)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM, SIGINT and SIGHUP raise StopAsked inside, once: while the family stops, further ones change nothing."""
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def ask(number: int, _frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise StopAsked(signal.Signals(number).name)

    # What a shell switched off (nohup, a job in the background) stays off.
    before = {one: signal.signal(one, ask) for one in signals if signal.getsignal(one) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _start_again(member: Member, now_s: float) -> bool:
    try:
        member.start(now_s)
    except (OSError, PhrError) as error:
        _postpone(member, now_s, str(error))
    return True


def _postpone(member: Member, now_s: float, why: str) -> None:
    member.failures = 1 if now_s - member.started_at_s >= STEADY_AFTER_S else member.failures + 1
    wait_s = delay_s(member.failures)
    member.due_at_s = now_s + wait_s
    log.warning("%s ended (%s); starting it again in %.1f s", member.name, why, wait_s)
