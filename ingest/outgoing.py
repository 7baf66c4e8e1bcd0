"""QoS 1 messages on their way to a broker: which may leave now, which it has not taken yet. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

_LAST_MID = 65_535


class Message(NamedTuple):
    """What a PUBLISH carries (MQTT 5, section 3.3); ``properties`` as they are sent, their length before them."""

    topic: str
    payload: bytes
    properties: bytes = b"\x00"

    def packet(self, mid: int) -> bytes:
        topic = self.topic.encode()
        size = 4 + len(topic) + len(self.properties) + len(self.payload)
        parts = (
            b"\x32",
            _length(size),
            len(topic).to_bytes(2, "big"),
            topic,
            mid.to_bytes(2, "big"),
            self.properties,
            self.payload,
        )
        return b"".join(parts)


class Outgoing:
    """First in, first out; at most ``window`` are under way, and at most ``most_waiting`` wait behind them.

    Its owner sees to it that one thread at a time is in here.
    """

    def __init__(self, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._waiting: deque[Message] = deque()
        self._under_way: dict[int, Message] = {}
        self._window = 0
        self._last_mid = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def add(self, message: Message) -> bool:
        """False where too many wait already."""
        if len(self._waiting) >= self._most_waiting:
            return False
        self._waiting.append(message)
        return True

    def begin(self, window: int) -> None:
        """On a new session: what was under way on the one before goes first."""
        self._waiting.extendleft(reversed(self._under_way.values()))
        self._under_way = {}
        self._window = window

    def end(self) -> None:
        """The connection is gone: nothing leaves until the next begins."""
        self._window = 0

    def taken(self, mids: Iterable[int]) -> None:
        """The broker has these; a number that is not under way is left alone."""
        for mid in mids:
            self._under_way.pop(mid, None)

    def leaving(self) -> bytes:
        """The packets that may leave now; from here on they are under way."""
        packets = []
        while self._waiting and len(self._under_way) < self._window:
            message = self._waiting.popleft()
            mid = self._free_mid()
            self._under_way[mid] = message
            packets.append(message.packet(mid))
        return b"".join(packets)

    def _free_mid(self) -> int:
        mid = self._last_mid % _LAST_MID + 1
        while mid in self._under_way:
            mid = mid % _LAST_MID + 1
        self._last_mid = mid
        return mid


def _length(size: int) -> bytes:
    """A remaining length, seven bits a byte, the lowest first (MQTT 5, section 1.5.5)."""
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)
