"""Who is at a browser: a cookie with a random value; only its hash is kept, and only once somebody has logged in.

Collection ``browser_sessions``: _id  hash of the cookie; person, auth_at_ms, amr, expires_at
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import timedelta

from phr.auth.codes import Login
from phr.auth.ways import Proof
from phr.clock import to_datetime
from phr.database import Database
from phr.passwords import hash_of

SESSIONS = "browser_sessions"
LIFE = timedelta(minutes=30)


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


def begin(database: Database, proof: Proof, now_ms: int) -> str:
    """The new cookie of a browser where somebody has just logged in; the one it had before is worth nothing."""
    cookie = new_cookie()
    row = {
        "_id": hash_of(cookie),
        "person": proof.person,
        "auth_at_ms": now_ms,
        "amr": list(proof.amr),
        "expires_at": to_datetime(now_ms) + LIFE,
    }
    database[SESSIONS].insert_one(row)
    return cookie


def find(database: Database, cookie: str | None, now_ms: int) -> Login | None:
    row = database[SESSIONS].find_one({"_id": hash_of(cookie)}) if cookie else None
    if row is None or row["expires_at"] <= to_datetime(now_ms):
        return None
    return Login(row["person"], row["auth_at_ms"], tuple(row["amr"]))


def end(database: Database, cookie: str) -> None:
    database[SESSIONS].delete_one({"_id": hash_of(cookie)})


def end_of(database: Database, person: str, method: str) -> None:
    """Ends where the person has logged in by this method (RFC 8176), at whatever browser."""
    database[SESSIONS].delete_many({"person": person, "amr": method})


def form_token(cookie: str) -> str:
    """What a page's form carries to show that it is ours: only who has the cookie can make it."""
    return base64.urlsafe_b64encode(hmac.digest(cookie.encode(), b"form", "sha256")).decode()


def is_own_form(cookie: str | None, token: str | None) -> bool:
    return bool(cookie and token) and hmac.compare_digest(form_token(cookie or "").encode(), (token or "").encode())


def ensure_indexes(database: Database) -> None:
    database[SESSIONS].create_index("person", name="person")
    database[SESSIONS].create_index("expires_at", name="expiry", expireAfterSeconds=0)
