"""Authorization codes: good once and for a minute, for the client, address and challenge that they were made for.

Collection ``authorization_codes``: _id  hash of the code; client_id, redirect_uri, challenge, scope, person,
auth_at_ms, amr, nonce, made_at_ms, link (once used: what it gave, which a second use ends), expires_at
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from phr.auth import links
from phr.auth.links import Link, NewLink
from phr.clock import to_datetime
from phr.database import Database, Document
from phr.passwords import hash_of

CODES = "authorization_codes"
LIFE_MS = 60_000
KEPT = timedelta(days=1)  # so that one that comes again is known


@dataclass(frozen=True, slots=True)
class Login:
    """Who is at the browser, since when, and by which proofs (RFC 8176)."""

    person: str
    auth_at_ms: int
    amr: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a code stands for; the methods are authlib's questions."""

    id: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    scope: str
    login: Login
    nonce: str | None
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.login.auth_at_ms // 1000

    def get_acr(self) -> None:
        """No class of authentication is claimed."""

    def get_amr(self) -> list[str]:
        return list(self.login.amr)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    login: Login
    nonce: str | None = None


def keep(database: Database, code: str, draft: NewCode, now_ms: int) -> None:
    row: Document = {
        "_id": hash_of(code),
        "client_id": draft.client_id,
        "redirect_uri": draft.redirect_uri,
        "challenge": draft.challenge,
        "scope": draft.scope,
        "person": draft.login.person,
        "auth_at_ms": draft.login.auth_at_ms,
        "amr": list(draft.login.amr),
        "nonce": draft.nonce,
        "made_at_ms": now_ms,
        "link": None,
        "expires_at": to_datetime(now_ms) + KEPT,
    }
    database[CODES].insert_one(row)


def find(database: Database, code: str, client_id: str, now_ms: int) -> Code | None:
    """The client's own code while it is good. One that was used ends what it gave, whoever shows it again."""
    row = database[CODES].find_one({"_id": hash_of(code)})
    if row is None:
        return None
    if row["link"] is not None:
        links.end(database, row["link"], links.REUSED, now_ms)
        return None
    if row["client_id"] != client_id or now_ms - row["made_at_ms"] > LIFE_MS:
        return None
    return _code(row)


def use(database: Database, code: Code, now_ms: int) -> Link | None:
    """What the code gives, the first time; of two at once one gets None, and what the other got ends."""
    link_id = links.new_id()
    found = database[CODES].find_one_and_update({"_id": code.id, "link": None}, {"$set": {"link": link_id}})
    if found is None:
        used: Any = database[CODES].find_one({"_id": code.id})
        if used is not None:
            links.end(database, used["link"], links.REUSED, now_ms)
        return None
    who = code.login
    return links.begin(
        database, link_id, NewLink(who.person, code.client_id, code.scope, who.auth_at_ms, who.amr), now_ms
    )


def ensure_indexes(database: Database) -> None:
    database[CODES].create_index("person", name="person")
    database[CODES].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _code(row: Document) -> Code:
    return Code(
        id=row["_id"],
        client_id=row["client_id"],
        redirect_uri=row["redirect_uri"],
        code_challenge=row["challenge"],
        scope=row["scope"],
        login=Login(row["person"], row["auth_at_ms"], tuple(row["amr"])),
        nonce=row["nonce"],
    )
