"""A server that stands in for others': it answers what it is told to, nonsense, too slowly, or never."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANGS, DRIPS, GARBAGE, CUT_OFF = "hangs", "drips", "garbage", "cut off"
BAD_WAYS = (HANGS, DRIPS, GARBAGE, CUT_OFF)


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Standin:
    """``answers``: by path without its query, what is answered in turn, the last for ever: (status, JSON) or a way."""

    answers: dict[str, list[tuple[int, Any] | str]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    is_over: threading.Event = field(default_factory=threading.Event)

    def next_for(self, path: str) -> tuple[int, Any] | str:
        found = self.answers.get(path.partition("?")[0]) or [(404, {})]
        return found.pop(0) if len(found) > 1 else found[0]

    def paths(self) -> list[str]:
        return [one.path.partition("?")[0] for one in self.asked]


@contextmanager
def standing_in(tls: ssl.SSLContext | None = None) -> Iterator[Standin]:
    standin = Standin()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            standin.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.say(standin.next_for(self.path))

        def say(self, what: tuple[int, Any] | str) -> None:
            if what == HANGS:
                standin.is_over.wait(60)
                return
            if what == CUT_OFF:
                self.close_connection = True
                return
            status, body = (200, None) if isinstance(what, str) else what
            given = b"<html>no" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(10**6 if what == DRIPS else len(given)))
            self.end_headers()
            self.wfile.write(given)
            while what == DRIPS and not standin.is_over.wait(0.02):
                self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that leaves is no news
        standin.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield standin
        standin.is_over.set()
        server.shutdown()
        serving.join()
