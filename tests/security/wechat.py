"""A stand-in for WeChat's server, as its documents say of code2Session and pages: a code is good once, for its app."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

APPID, SECRET, SESSION_KEY = "wx0123456789abcdef", "an-app-secret", "SGVsbG8gc2Vzc2lvbiBrZXk="
WEB_APPID, WEB_SECRET, WEB_TOKEN = "wxfedcba9876543210", "an-account-secret", "a-token-of-wechat"
# Of each address: whose it is, and what it calls the code.
APPS = {"/sns/jscode2session": (APPID, SECRET, "js_code"), "/sns/oauth2/access_token": (WEB_APPID, WEB_SECRET, "code")}


@dataclass
class StandIn:
    """``login`` is what wx.login does on a phone; ``fault`` is what each call is answered, or a whole odd answer."""

    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    fault: int | bytes | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _unions: dict[str, str] = field(default_factory=dict)  # by code

    def login(self, openid: str = "o-wang-fang", unionid: str | None = None) -> str:
        code = f"code-{len(self._codes)}"
        self._codes[code] = openid
        if unionid is not None:
            self._unions[code] = unionid
        return code

    def answer(self, path: str, asked: dict[str, str]) -> bytes:
        self.asked.append(asked)
        if isinstance(self.fault, bytes):
            return self.fault
        return json.dumps(self._told(path, asked)).encode()

    def _told(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        appid, secret, name = APPS[path]
        number = self.fault or self._wrong(asked, appid, secret, asked.get(name, ""))
        if number:
            return {"errcode": number, "errmsg": f"no, rid: {number}"}
        code = asked[name]
        self._used.add(code)
        tokens = {"access_token": WEB_TOKEN, "refresh_token": WEB_TOKEN, "expires_in": 7200, "scope": "snsapi_userinfo"}
        union = {"unionid": self._unions[code]} if code in self._unions else {}
        given = {"session_key": SESSION_KEY} if name == "js_code" else tokens
        return {"openid": self._codes[code]} | given | union

    def _wrong(self, asked: dict[str, str], appid: str, secret: str, code: str) -> int | None:
        wrong = {40013: asked.get("appid") != appid, 40125: asked.get("secret") != secret}
        wrong |= {40163: code in self._used, 40029: code not in self._codes}
        return next((number for number, is_so in wrong.items() if is_so), None)


@contextmanager
def served() -> Iterator[StandIn]:
    found = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            is_there = parts.path in APPS
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            body = found.answer(parts.path, asked) if is_there else b""
            self.send_response(found.status if is_there else 404)
            for name, value in ({"Content-Length": str(len(body))} | found.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
