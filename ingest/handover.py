"""What the network thread hands to the recorder: messages in a queue that is bounded in number and in bytes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple


class Received(NamedTuple):
    """A message as it came. ``epoch``: of which connection; an acknowledgement on another would hit a stranger."""

    topic: str
    payload: bytes
    content_type: str | None
    response_topic: str | None
    correlation: bytes | None
    mid: int
    qos: int
    epoch: int
    at: float  # time.monotonic() of its arrival
    arrived_at_ms: int  # the same by the clock
    session: str = ""  # the client id it was delivered to
    is_again: bool = False
    is_retained: bool = False
    is_first: bool = False  # neither sent again nor retained, and not what had waited for the connection

    @property
    def packet(self) -> str:
        """What the broker calls it until it is acknowledged, also when it delivers it again; "": nothing."""
        return f"{self.session}:{self.mid}" if self.qos else ""


class HandOver:
    """First in, first out; one thread puts, one takes. A full queue makes ``put`` wait: that bounds the memory.

    ``most_bytes`` counts payloads. One message always fits, whatever its size.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._messages: deque[Received] = deque()
        self._bytes = 0
        self._changed = threading.Condition()

    def put(self, messages: Sequence[Received], timeout_s: float) -> Sequence[Received]:
        """Takes in what there is room for, waiting for the first if it must; gives back the rest."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(len(messages[0].payload)), timeout_s):
                return messages
            was_empty = not self._messages
            count = 0
            for message in messages:
                size = len(message.payload)
                if not self._has_room(size):
                    break
                self._messages.append(message)
                self._bytes += size
                count += 1
            if was_empty:
                self._changed.notify()
        return messages[count:]

    def take(self, most: int, most_bytes: int, wait_s: float, linger_s: float) -> list[Received]:
        """The next messages: the first within ``wait_s``, then what comes within ``linger_s`` of its arrival.

        Ends sooner at ``most`` messages or once they have ``most_bytes`` of payload.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._messages, wait_s):
                return []
            until = self._messages[0].at + linger_s
        batch: list[Received] = []
        size = 0
        while True:
            with self._changed:
                size += self._move(batch, most, most_bytes - size)
                self._changed.notify()
            left = until - time.monotonic()
            if len(batch) >= most or size >= most_bytes or left <= 0:
                return batch
            time.sleep(min(left, 0.005))  # not a wait on the condition: that would wake for every message

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages, and bytes of their payloads."""
        return len(self._messages), self._bytes

    def _move(self, batch: list[Received], most: int, most_bytes: int) -> int:
        moved = 0
        while self._messages and len(batch) < most and moved < most_bytes:
            message = self._messages.popleft()
            moved += len(message.payload)
            batch.append(message)
        self._bytes -= moved
        return moved

    def _has_room(self, size: int) -> bool:
        return not self._messages or (len(self._messages) < self._most and self._bytes + size <= self._most_bytes)
