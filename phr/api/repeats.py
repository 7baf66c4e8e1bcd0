"""Requests that are sent again with their Idempotency-Key: answered as the first time, done once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Response, g, make_response, request

from phr.api.installation import database
from phr.clock import now_ms
from phr.errors import InputInvalid
from phr.people import repeats
from phr.people.repeats import Answer, Request

LONGEST_KEY = 255
_HEADERS = ("Content-Type", "ETag", "Location")


def once(view: Callable[..., Any], owner: str, **args: Any) -> Any:
    """What the view gives, or what it gave to the same POST before; kept sealed with the key of ``owner``.

    Raises AlreadyThere where the key stands for another request, StillRunning, InputInvalid for a key that is none.
    """
    key = idempotency_key() if request.method == "POST" else None
    if key is None:
        return view(**args)
    asked = Request(repeats.name_of(g.caller, key), owner, _said(), now_ms())
    if found := repeats.begin(database(), asked):
        return Response(found.body, found.status, found.headers)
    try:
        response = make_response(view(**args))
    except BaseException:
        repeats.forget(database(), asked)
        raise
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    repeats.keep(database(), asked, Answer(response.status_code, headers, response.get_data()))
    return response


def idempotency_key() -> str | None:
    """The request's key. Raises InputInvalid for one that is none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise InputInvalid(f"Idempotency-Key has 1 to {LONGEST_KEY} characters")
    return key


def _said() -> bytes:
    told = "\0".join((request.full_path, request.content_type or "", request.headers.get("If-Match", "")))
    return hashlib.sha256(told.encode() + b"\0" + request.get_data()).digest()
