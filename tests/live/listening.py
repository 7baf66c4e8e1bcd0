"""A reader of a stream: the other end of its socket, with what it heard taken apart."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import Any, NamedTuple

WAIT_S = 60.0


class Event(NamedTuple):
    name: str
    body: Any
    id: str | None


@dataclass
class Listener:
    connection: socket.socket
    heard: bytes = b""
    is_over: bool = False
    beats: int = field(default=0)

    def __post_init__(self) -> None:
        self.connection.settimeout(WAIT_S)

    def next(self) -> Event | None:
        """The next event, waited for; None when the stream is over."""
        while True:
            while b"\n\n" not in self.heard:
                try:
                    more = self.connection.recv(65_536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return None
                self.heard += more
            text, self.heard = self.heard.split(b"\n\n", 1)
            if text.startswith(b":"):
                self.beats += 1
                continue
            fields = dict(line.split(": ", 1) for line in text.decode().split("\n"))
            return Event(fields["event"], json.loads(fields["data"]), fields.get("id"))

    def head(self) -> bytes:
        """The head of the HTTP answer."""
        while b"\r\n\r\n" not in self.heard:
            self.heard += self.connection.recv(65_536)
        head, self.heard = self.heard.split(b"\r\n\r\n", 1)
        return head
