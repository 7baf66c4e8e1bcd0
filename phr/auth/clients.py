"""OAuth clients and their secrets; a secret is 256 random bits, so that a plain digest of it is enough."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from phr.auth import scopes
from phr.database import Database
from phr.errors import InputInvalid
from phr.passwords import new_password

CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = (CLIENT_CREDENTIALS,)  # what this server offers


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    name: str
    secret_hash: str
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    scope: str
    vendor: str | None  # whose client it is; it then sees that vendor's things

    def has_secret(self, secret: str) -> bool:
        return hmac.compare_digest(self.secret_hash, _digest(secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    name: str
    scope: Sequence[str]
    grant_types: Sequence[str] = GRANT_TYPES
    redirect_uris: Sequence[str] = ()
    vendor: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    client_id: str
    client_secret: str  # shown once


def create(database: Database, draft: NewClient, now_ms: int) -> Credentials:
    """The credentials of a new client. Raises InputInvalid for an unknown scope or a grant this server has not."""
    if unknown := sorted(set(draft.grant_types) - set(GRANT_TYPES)):
        raise InputInvalid(f"{unknown[0]} is not a grant of this server; there is {', '.join(GRANT_TYPES)}", "/grant")
    made = Credentials(f"c-{secrets.token_hex(8)}", new_password(32))
    row = {
        "_id": made.client_id,
        "name": draft.name,
        "secret_hash": _digest(made.client_secret),
        "grant_types": sorted(draft.grant_types),
        "redirect_uris": sorted(draft.redirect_uris),
        "scope": scopes.check(draft.scope),
        "vendor": draft.vendor,
        "created_at_ms": now_ms,
    }
    database["clients"].insert_one(row)
    return made


def find(database: Database, client_id: str) -> Client | None:
    row = database["clients"].find_one({"_id": client_id})
    if row is None:
        return None
    return Client(
        id=row["_id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        grant_types=tuple(row["grant_types"]),
        redirect_uris=tuple(row["redirect_uris"]),
        scope=row["scope"],
        vendor=row["vendor"],
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
