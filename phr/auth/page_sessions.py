"""Who has a page of ours open: a cookie with a random value; the tokens that go with it never leave the server.

Collection ``page_sessions``: _id  hash of the cookie; person, zone, used_at_ms, work (one of WORK; ends when it is left
alone; none: a citizen's), tokens (sealed), expires_at
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.passwords import hash_of
from phr.people import seals

SESSIONS = "page_sessions"
CLINIC, VENDOR, OPERATIONS = WORK = ("clinic", "vendor", "operations")  # as what somebody is at work
LOCK_MS = 10 * 60_000  # clinics share their computers
KEPT, KEPT_AT_WORK = timedelta(days=90), timedelta(hours=12)
_NOTED_EVERY_MS = 30_000


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str
    until_ms: int
    refresh: str | None


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    person: str
    tokens: Tokens
    used_at_ms: int
    work: str | None  # one of WORK
    zone: str  # on whose clock instants are shown that say nothing of their own

    @property
    def locks(self) -> bool:
        """True of who is at work, and is asked again after ten idle minutes."""
        return self.work is not None


def begin(  # noqa: PLR0913 - a row and what goes into it
    database: Database, person: str, tokens: Tokens, now_ms: int, *, work: str | None, zone: str = "Asia/Shanghai"
) -> str:
    """The cookie of a new session of somebody at work, or of a citizen."""
    cookie = secrets.token_urlsafe(32)
    name = hash_of(cookie)
    row: Document = {
        "_id": name,
        "person": person,
        "used_at_ms": now_ms,
        "work": work,
        "zone": zone,
        "tokens": _sealed(database, person, name, tokens),
        "expires_at": to_datetime(now_ms) + (KEPT_AT_WORK if work else KEPT),
    }
    database[SESSIONS].insert_one(row)
    return cookie


def find(database: Database, cookie: str | None, now_ms: int, *, is_use: bool = True) -> Session | None:
    """The session of a cookie; None for one that is over, or was left alone for too long.

    ``is_use``: false for what a page asks by itself, which keeps no session awake.
    """
    row = database[SESSIONS].find_one({"_id": hash_of(cookie)}) if cookie else None
    if row is None or row["expires_at"] <= to_datetime(now_ms):
        return None
    work = row["work"] if "work" in row else (CLINIC if row["locks"] else None)  # as it was kept before
    if work is not None and now_ms - row["used_at_ms"] > LOCK_MS:
        database[SESSIONS].delete_one({"_id": row["_id"]})
        return None
    if is_use and now_ms - row["used_at_ms"] > _NOTED_EVERY_MS:
        database[SESSIONS].update_one({"_id": row["_id"]}, {"$max": {"used_at_ms": now_ms}})
    access, until_ms, refresh = seals.unseal(database, row["person"], _place(row["_id"]), row["tokens"])
    return Session(row["_id"], row["person"], Tokens(access, until_ms, refresh), row["used_at_ms"], work, row["zone"])


def renew(database: Database, session: Session, tokens: Tokens) -> None:
    """The session goes on with these tokens."""
    sealed = _sealed(database, session.person, session.id, tokens)
    database[SESSIONS].update_one({"_id": session.id}, {"$set": {"tokens": sealed}})


def end(database: Database, session_id: str) -> None:
    database[SESSIONS].delete_one({"_id": session_id})


def ensure_indexes(database: Database) -> None:
    database[SESSIONS].create_index("person", name="person")
    database[SESSIONS].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _sealed(database: Database, person: str, name: str, tokens: Tokens) -> bytes:
    return seals.seal(database, person, _place(name), [tokens.access, tokens.until_ms, tokens.refresh])


def _place(name: str) -> str:
    return f"{SESSIONS}:{name}"
