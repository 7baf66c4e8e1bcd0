"""How channels ask a server of the operator's choice: within a time, following nothing, reading little."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3

from notifications.channel import Later, Refused, Unsent

TIMEOUT_S = 10.0
LARGEST_ANSWER_BYTES = 65_536
PIECE_BYTES = 4_096
TOO_MANY, GONE = 429, (404, 410)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises Later for what is no object of a 2xx: a server that speaks nonsense may speak sense again."""
        if self.status // 100 != 2:
            raise Later(f"status {self.status}")
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Later("garbage") from error
        if not isinstance(found, dict):
            raise Later("garbage")
        return found


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float | None = None) -> Answer:
    """Raises Later for a server that is away, too slow or without end. No error holds the address."""
    within_s = TIMEOUT_S if timeout_s is None else timeout_s
    until = time.monotonic() + within_s
    try:
        answer = _pool().request(
            "POST",
            url,
            body=body,
            headers=dict(headers),
            preload_content=False,
            timeout=urllib3.Timeout(total=within_s),
        )
        try:
            return Answer(answer.status, _read(answer, until))
        finally:
            answer.close()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Later(type(error).__name__) from None


def taken(status: int) -> None:
    """Returns for a 2xx. Raises Later for what may be taken another time, Refused for what never will."""
    if status // 100 == 2:
        return
    fault: type[Unsent] = Later if status >= 500 or status in (TOO_MANY, 408) else Refused
    raise fault(f"status {status}")


def _read(answer: urllib3.BaseHTTPResponse, until: float) -> bytes:
    """A byte a second is an answer without end, too."""
    found = b""
    while piece := answer.read1(PIECE_BYTES):
        found += piece
        if len(found) > LARGEST_ANSWER_BYTES:
            raise Later("too long")
        if time.monotonic() > until:
            raise Later("too slow")
    return found


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=8, retries=False)
