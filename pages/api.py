"""The public API as the pages ask it: the same application, tokens and checks, without a way over the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Flask, request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Headers
    body: bytes

    @property
    def is_good(self) -> bool:
        return self.status < 400

    def json(self) -> Any:
        """The body as JSON; an empty one is None."""
        return msgspec.json.decode(self.body) if self.body else None

    @property
    def etag(self) -> str:
        return self.headers.get("ETag", "")


class Refused(Exception):
    """The API said no: its problem document, RFC 9457."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.problem: dict[str, Any] = _problem(reply)
        super().__init__(f"{reply.status} {self.problem.get('code', '')}")

    @property
    def code(self) -> str:
        return str(self.problem.get("code", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What goes with a request: at most one of ``json``, ``form`` and ``data`` is its body."""

    token: str | None = None
    query: Mapping[str, Any] | str | None = None  # without what is None
    json: Any = None
    form: Mapping[str, str] | None = None
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Api:
    application: Flask
    base_url: str

    def call(self, method: str, path: str, **asked: Any) -> Reply:
        """What the API answers, whole. ``asked``: as Asked has it."""
        status, given, parts = self.open(method, path, Asked(**asked))
        try:
            return Reply(status, given, b"".join(parts))
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def open(self, method: str, path: str, asked: Asked) -> tuple[int, Headers, Iterable[bytes]]:
        """Status, headers and the body as it comes; it is closed by who reads it."""
        headers = Headers({"User-Agent": request.headers.get("User-Agent", "")} | dict(asked.headers))
        if asked.token:
            headers["Authorization"] = f"Bearer {asked.token}"
        body: Any = asked.data if asked.form is None else asked.form
        if asked.json is not None:
            body = msgspec.json.encode(asked.json)
            headers.setdefault("Content-Type", "application/json")
        query = asked.query
        if isinstance(query, Mapping):
            query = {name: value for name, value in query.items() if value is not None}
        builder = EnvironBuilder(path, self.base_url, method=method, query_string=query, data=body, headers=headers)
        environ = builder.get_environ()
        builder.close()
        environ["REMOTE_ADDR"] = request.remote_addr or ""  # who is counted is who asks, not this process
        if forwarded := request.headers.get("X-Forwarded-For"):
            environ["HTTP_X_FORWARDED_FOR"] = forwarded
        parts, status, given = run_wsgi_app(self.application, environ)
        return int(status.split(" ", 1)[0]), given, parts


def _problem(reply: Reply) -> dict[str, Any]:
    try:
        found = reply.json()
    except msgspec.DecodeError:
        found = None
    return found if isinstance(found, dict) else {}
