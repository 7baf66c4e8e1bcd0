"""Device codes (RFC 8628): what a device without a browser waits with, and the short code that its person types.

Collection ``device_codes``: _id  hash of the device code; user_code  keyed hash of the short one; client_id, scope,
interval_s, polled_at_ms, person, auth_at_ms, amr and is_allowed once somebody has decided, link (once used), expires_at
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from phr.auth import links
from phr.auth.codes import Login
from phr.auth.links import Link, NewLink
from phr.clock import to_datetime
from phr.database import Database, Document
from phr.passwords import hash_of
from phr.people import seals

CODES = "device_codes"
LIFE_S = 600
INTERVAL_S, SLOWER_S = 5, 5
KEPT = timedelta(days=1)  # so that one that comes again is known
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628, 6.1


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits; the methods are authlib's questions."""

    id: str
    client_id: str
    scope: str
    is_over: bool
    login: Login | None  # who decided
    is_allowed: bool

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_user_code(self) -> str:
        return self.id

    def is_expired(self) -> bool:
        return self.is_over


@dataclass(frozen=True, slots=True)
class NewWaiting:
    device_code: str
    user_code: str
    client_id: str
    scope: str


def keep(database: Database, draft: NewWaiting, now_ms: int) -> None:
    row: Document = {
        "_id": hash_of(draft.device_code),
        "user_code": _of_person(database, draft.user_code),
        "client_id": draft.client_id,
        "scope": draft.scope,
        "interval_s": INTERVAL_S,
        "polled_at_ms": 0,
        "made_at_ms": now_ms,
        "link": None,
        "expires_at": to_datetime(now_ms) + KEPT,
    }
    database[CODES].insert_one(row)


def find(database: Database, device_code: str, now_ms: int) -> Waiting | None:
    """One that was used ends what it gave."""
    row = database[CODES].find_one({"_id": hash_of(device_code)})
    if row is not None and row["link"] is not None:
        links.end(database, row["link"], links.REUSED, now_ms)
        return None
    return _waiting(row, now_ms) if row else None


def find_undecided(database: Database, user_code: str, now_ms: int) -> Waiting | None:
    """By what the person has typed, in any case and with anything between the letters."""
    row = database[CODES].find_one({"user_code": _of_person(database, user_code), "person": {"$exists": False}})
    found = _waiting(row, now_ms) if row else None
    return found if found and not found.is_over else None


def decide(database: Database, waiting_id: str, login: Login, *, is_allowed: bool) -> bool:
    """True for the first decision."""
    decided = {"person": login.person, "auth_at_ms": login.auth_at_ms, "amr": list(login.amr), "is_allowed": is_allowed}
    undecided = {"_id": waiting_id, "person": {"$exists": False}}
    return database[CODES].update_one(undecided, {"$set": decided}).matched_count > 0


def is_too_fast(database: Database, waiting_id: str, now_ms: int) -> bool:
    """True where the device asks again before its interval is over, which gets longer by that (RFC 8628, 3.5)."""
    row = database[CODES].find_one_and_update({"_id": waiting_id}, {"$set": {"polled_at_ms": now_ms}})
    if row is None or now_ms - row["polled_at_ms"] >= row["interval_s"] * 1000:
        return False
    database[CODES].update_one({"_id": waiting_id}, {"$inc": {"interval_s": SLOWER_S}})
    return True


def use(database: Database, waiting: Waiting, now_ms: int) -> Link | None:
    """What was allowed, the first time; None, and the end of what the first got, for a second one."""
    link_id, who = links.new_id(), waiting.login
    assert who is not None  # it was allowed by somebody
    wanted: Document = {"_id": waiting.id, "link": None, "is_allowed": True}
    if not database[CODES].update_one(wanted, {"$set": {"link": link_id}}).matched_count:
        used = database[CODES].find_one({"_id": waiting.id})
        if used is not None and used["link"] is not None:
            links.end(database, used["link"], links.REUSED, now_ms)
        return None
    draft = NewLink(who.person, waiting.client_id, waiting.scope, who.auth_at_ms, who.amr)
    return links.begin(database, link_id, draft, now_ms)


def ensure_indexes(database: Database) -> None:
    database[CODES].create_index("user_code", name="user_code")
    database[CODES].create_index("person", name="person", sparse=True)
    database[CODES].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _of_person(database: Database, typed: str) -> bytes:
    """Keyed: eight letters can all be tried."""
    letters = "".join(sign for sign in typed.upper() if sign in ALPHABET)
    return seals.lookup_tokens(database, "user-code", [letters])[0]


def _waiting(row: Document, now_ms: int) -> Waiting:
    login = Login(row["person"], row["auth_at_ms"], tuple(row["amr"])) if "person" in row else None
    is_over = now_ms > row["made_at_ms"] + LIFE_S * 1000
    return Waiting(row["_id"], row["client_id"], row["scope"], is_over, login, bool(row.get("is_allowed")))
