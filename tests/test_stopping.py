"""Whoever waits is woken by a signal, whether it came before or comes meanwhile."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from phr.stopping import Stopping


@pytest.fixture
def stopping() -> Iterator[Stopping]:
    """One that listens; the handlers there were come back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    one = Stopping()
    one.listen()
    yield one
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_that_came_before_is_not_waited_for(stopping: Stopping, number: signal.Signals) -> None:
    signal.raise_signal(number)
    assert stopping.is_asked
    assert stopping.wait()
    assert stopping.wait()


def test_signal_wakes_who_waits(stopping: Stopping) -> None:
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert stopping.wait(60)


def test_signal_may_come_while_another_is_answered(stopping: Stopping) -> None:
    signal.signal(signal.SIGINT, lambda *_: (signal.raise_signal(signal.SIGTERM), stopping.ask()))
    signal.raise_signal(signal.SIGINT)
    assert stopping.wait()


def test_nobody_asked(stopping: Stopping) -> None:
    assert not stopping.wait(0)
