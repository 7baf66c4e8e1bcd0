"""Whether this process was asked to end: by a signal, which may come at any moment."""

from __future__ import annotations

import contextlib
import signal
from queue import Empty, SimpleQueue
from types import FrameType

ROUND_S = 1.0


class Stopping:
    """Asked by a signal or a thread, looked at by all threads, waited for by one.

    Takes no lock of Python's: a handler runs between any two instructions of the main thread, and ``Event.set`` there
    would wait for ever for what that thread holds while it begins to wait. ``SimpleQueue.put`` may run within itself.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._woken: SimpleQueue[None] = SimpleQueue()

    def ask(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self.is_asked = True
        self._woken.put(None)

    def wait(self, timeout_s: float | None = None) -> bool:
        """True once it is asked; False when the time is over.

        A wait without end is made of short ones: a signal that comes right before the system call is handled after it.
        """
        while not self.is_asked:
            with contextlib.suppress(Empty):
                self._woken.get(timeout=ROUND_S if timeout_s is None else timeout_s)
            if timeout_s is not None:
                break
        return self.is_asked

    def listen(self) -> None:
        """Has SIGTERM and SIGINT ask from now on; called in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)
