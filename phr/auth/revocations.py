"""Access tokens that were taken back before their end: their ids, and those of what a person had allowed a client.

Collection ``revoked_tokens``: _id  jti or sid        at_ms        ends_at  when no token can live that it concerns
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from phr.auth.tokens import GREATEST_LIFE_S
from phr.clock import to_datetime
from phr.database import Database

REVOKED = "revoked_tokens"
READ_EVERY_MS = 1_000
CLOCKS_APART_MS = 60_000  # of the machines that write


class Revocations:
    """What each process knows of them: read once a second, so that no request has to ask the database."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self._known: dict[str, int] = {}
        self._read_at_ms = 0
        self._lock = threading.Lock()

    def add(self, token_id: str, now_ms: int) -> None:
        """Takes back a token (jti), or all of what was allowed (sid): here at once, elsewhere within a second."""
        revoke(self._database(), token_id, now_ms)
        self._known[token_id] = now_ms

    def has(self, token_ids: frozenset[str], now_ms: int) -> bool:
        """True where one of the ids was taken back."""
        if not 0 <= now_ms - self._read_at_ms < READ_EVERY_MS:
            self.read(now_ms)
        return not token_ids.isdisjoint(self._known)

    def read(self, now_ms: int) -> None:
        """What was written since the last time."""
        with self._lock:
            since_ms = min(self._read_at_ms, now_ms) - CLOCKS_APART_MS
            rows = self._database()[REVOKED].find({"at_ms": {"$gte": since_ms}})
            new = {str(row["_id"]): int(row["at_ms"]) for row in rows}
            over_ms = now_ms - GREATEST_LIFE_S * 1000 - CLOCKS_APART_MS
            self._known = {name: at_ms for name, at_ms in (self._known | new).items() if at_ms > over_ms}
            self._read_at_ms = now_ms


def revoke(database: Database, token_id: str, now_ms: int) -> None:
    """Writes it down for all processes."""
    ends_at = to_datetime(now_ms) + timedelta(seconds=GREATEST_LIFE_S, milliseconds=CLOCKS_APART_MS)
    row = {"at_ms": now_ms, "ends_at": ends_at}
    database[REVOKED].update_one({"_id": token_id}, {"$set": row}, upsert=True)


def ensure_indexes(database: Database) -> None:
    database[REVOKED].create_index("at_ms", name="at")
    database[REVOKED].create_index("ends_at", name="expiry", expireAfterSeconds=0)
