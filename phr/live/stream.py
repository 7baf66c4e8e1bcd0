"""One open stream of server-sent events (WHATWG HTML, section 9.2): a socket that is written and never waited for."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

import msgspec

from phr.people.access import Ask, Caller
from phr.syncing import Cursor, Reader
from phr.vocabulary.sight import Sight

MOST_UNSENT = 256 * 1024  # what a reader may be behind before it is dropped
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n"
    b"X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n\r\n"
)
HEARTBEAT = b": \n\n"


class Gone(Exception):
    """The reader has left, or is too slow to be waited for."""


@dataclass(slots=True, eq=False)
class Stream:
    """Who listens to whose record, how far they have come, and until when they may."""

    connection: socket.socket  # non-blocking
    caller: Caller
    ask: Ask
    sight: Sight
    cursor: Cursor
    grants: frozenset[str] = frozenset()  # that the access rests on; empty for the owner
    unsent: bytearray = field(default_factory=bytearray)

    @property
    def person(self) -> str:
        return self.ask.person

    def reader(self, now_ms: int) -> Reader:
        return Reader(self.person, self.sight, now_ms)

    def send(self, text: bytes) -> None:
        """Sends what the socket takes and keeps the rest. Raises Gone."""
        self.unsent += text
        self.flush()
        if len(self.unsent) > MOST_UNSENT:
            raise Gone

    def flush(self) -> None:
        try:
            while self.unsent:
                del self.unsent[: self.connection.send(self.unsent)]
        except BlockingIOError:
            return
        except OSError as error:
            raise Gone from error

    def tend(self) -> None:
        """Sends on what was left. Raises Gone where the reader has closed; what it says is of no interest."""
        self.flush()
        try:
            while self.connection.recv(4_096):
                pass
        except BlockingIOError:
            return
        except OSError as error:
            raise Gone from error
        raise Gone

    def close(self) -> None:
        self.connection.close()


def event(name: str, body: Any, cursor: Cursor | None = None) -> bytes:
    """An event; with a cursor, which a reader sends again as Last-Event-ID to go on from there."""
    position = b"id: %s\n" % cursor.text().encode() if cursor else b""
    return b"%sevent: %s\ndata: %s\n\n" % (position, name.encode(), msgspec.json.encode(body))
