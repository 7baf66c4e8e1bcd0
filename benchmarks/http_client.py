"""A client of the API for benchmarks: one connection that is kept, a person's own token, each answer timed."""

from __future__ import annotations

import http.client
import statistics
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from benchmarks.stack import Stack
from phr.auth import scopes, tokens
from phr.auth.keys import signing_key
from phr.clock import now_ms
from phr.config import Settings

REPEATS = 200
WARM_UP = 40


@dataclass(slots=True)
class Client:
    """Speaks for one person."""

    connection: http.client.HTTPConnection
    person: str
    token: str
    repeats: int = REPEATS

    def get(self, path: str, **query: object) -> bytes:
        """The body. Raises RuntimeError for anything but 200."""
        target = f"/v1/people/{self.person}/{path}?{urlencode(query)}"
        self.connection.request("GET", target, headers={"Authorization": f"Bearer {self.token}"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status} {body[:200]!r}")
        return body

    def p50_ms(self, path: str, **query: object) -> float:
        """The median of many answers, the first ones left out."""
        return statistics.median(self.times_ms(path, **query))

    def times_ms(self, path: str, **query: object) -> list[float]:
        taken = []
        for _ in range(self.repeats + WARM_UP):
            began = time.perf_counter()
            self.get(path, **query)
            taken.append((time.perf_counter() - began) * 1000)
        return taken[WARM_UP:]


def client_of(stack: Stack, url: str, person: str, *more_scopes: str) -> Client:
    """A client with a token of the greatest life."""
    settings = Settings(data_dir=stack.data_dir, http_port=stack.http_port)
    claims = tokens.Claims(
        issuer=tokens.issuer_of(settings),
        sub=person,
        client_id="bench",
        scope=" ".join((*scopes.people_scopes(), *more_scopes)),
        life_s=tokens.GREATEST_LIFE_S,
    )
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    return Client(connection, person, tokens.sign(signing_key(settings), claims, now_ms()))
