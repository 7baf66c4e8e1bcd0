"""OAuth clients and how they prove who they are; a secret is 256 random bits, so that a plain digest is enough.

Collection ``clients``: _id, name, secret_hash, auth_method, jwks, grant_types, redirect_uris, scope, vendor
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from phr.auth import redirects, scopes, smart
from phr.database import Database
from phr.errors import InputInvalid
from phr.passwords import hash_of, new_password

CLIENT_CREDENTIALS = "client_credentials"
AUTHORIZATION_CODE, REFRESH_TOKEN = "authorization_code", "refresh_token"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
WECHAT_CODE = "urn:phr:params:oauth:grant-type:wechat_code"
OF_PEOPLE = (AUTHORIZATION_CODE, DEVICE_CODE, WECHAT_CODE)  # by which a person lets a client in
GRANT_TYPES = (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    DEVICE_CODE,
    WECHAT_CODE,
)  # what this server offers
BASIC, SIGNED, PUBLIC = "client_secret_basic", "private_key_jwt", "none"
AUTH_METHODS = (BASIC, SIGNED)
LONGEST_NAME = 80
MOST_KEYS = 10
LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    name: str
    secret_hash: str | None
    auth_method: str
    jwks: dict[str, Any] | None  # the public keys of one that signs
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    scope: str
    vendor: str | None  # whose client it is; it then sees that vendor's things

    def has_secret(self, secret: str) -> bool:
        return self.secret_hash is not None and hmac.compare_digest(self.secret_hash, hash_of(secret))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    name: str
    scope: Sequence[str]
    grant_types: Sequence[str] = (CLIENT_CREDENTIALS,)
    redirect_uris: Sequence[str] = ()
    vendor: str | None = None
    jwks: Any = None  # of a client that signs instead of keeping a secret
    is_public: bool = False  # runs on people's own machines and can keep no secret


@dataclass(frozen=True, slots=True)
class Credentials:
    client_id: str
    client_secret: str | None  # shown once; None: it has none


def create(database: Database, draft: NewClient, now_ms: int) -> Credentials:
    """The credentials of a new client. Raises InputInvalid naming what of the draft can't be."""
    _check_grants(draft)
    method = SIGNED if draft.jwks is not None else PUBLIC if draft.is_public else BASIC
    secret = new_password(32) if method == BASIC else None
    made = Credentials(f"c-{secrets.token_hex(8)}", secret)
    row = {
        "_id": made.client_id,
        "name": _checked_name(draft.name),
        "secret_hash": None if secret is None else hash_of(secret),
        "auth_method": method,
        "jwks": None if draft.jwks is None else _checked_keys(draft.jwks),
        "grant_types": sorted(set(draft.grant_types)),
        "redirect_uris": sorted({redirects.check(one) for one in draft.redirect_uris}),
        "scope": smart.check(draft.scope),
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
        auth_method=row.get("auth_method", BASIC),
        jwks=row.get("jwks"),
        grant_types=tuple(row["grant_types"]),
        redirect_uris=tuple(row["redirect_uris"]),
        scope=row["scope"],
        vendor=row["vendor"],
    )


def redirects_of_all(database: Database) -> list[str]:
    """Every redirect URI of every client."""
    found: list[str] = database["clients"].distinct("redirect_uris")
    return found


def names(database: Database, client_ids: Iterable[str]) -> dict[str, str]:
    """What those of them are called that are registered."""
    rows = database["clients"].find({"_id": {"$in": sorted(client_ids)}}, {"name": 1})
    return {row["_id"]: row["name"] for row in rows}


def _check_grants(draft: NewClient) -> None:
    """A client acts for people or for itself: what one that does both was given could be taken for the other."""
    asked, of = set(draft.grant_types), {one.of for one in smart.told(smart.check(draft.scope))}
    if unknown := sorted(asked - set(GRANT_TYPES)):
        raise InputInvalid(f"{unknown[0]} is not a grant of this server; there is {', '.join(GRANT_TYPES)}", "/grant")
    is_of_people = bool(asked & set(OF_PEOPLE))
    if is_of_people == (CLIENT_CREDENTIALS in asked):
        raise InputInvalid(f"a client has {CLIENT_CREDENTIALS}, or else one of {', '.join(OF_PEOPLE)}", "/grant")
    if REFRESH_TOKEN in asked and not is_of_people:
        raise InputInvalid("a client that acts for itself needs no refresh token", "/grant")
    if WECHAT_CODE in asked and not (asked == {WECHAT_CODE} and draft.is_public):
        raise InputInvalid("a mini-program is a public client and has this grant alone", "/grant")
    if not of or not of <= (scopes.OF_PEOPLE if is_of_people else scopes.OF_MACHINES):
        raise InputInvalid("these scopes are not for clients with these grants", "/scope")
    if (AUTHORIZATION_CODE in asked) != bool(draft.redirect_uris):
        raise InputInvalid(f"redirect URIs are for {AUTHORIZATION_CODE}, which needs one", "/redirect_uri")
    if draft.is_public and (draft.jwks is not None or not is_of_people):
        raise InputInvalid("a public client acts for people and has no keys", "/public")


def _checked_name(name: str) -> str:
    """A name is shown to people and may come into logs: no control or direction signs, no line ends."""
    trimmed = name.strip()
    if not 0 < len(trimmed) <= LONGEST_NAME or any(
        unicodedata.category(sign)[0] in "CZ" and sign != " " for sign in trimmed
    ):
        raise InputInvalid(f"a client's name has 1 to {LONGEST_NAME} signs, each of which can be seen", "/name")
    return trimmed


def _checked_keys(jwks: Any) -> dict[str, Any]:
    """The set with public members only: EC keys, and RSA keys that are long enough."""
    try:
        keys = KeySet.import_key_set(jwks).keys
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputInvalid("not a JWK set (RFC 7517)", "/jwks") from error
    if len(keys) > MOST_KEYS or not all(
        isinstance(key, ECKey) or (isinstance(key, RSAKey) and key.raw_value.key_size >= LEAST_RSA_BITS) for key in keys
    ):
        raise InputInvalid(f"at most {MOST_KEYS} keys, each EC, or RSA of {LEAST_RSA_BITS} bits or more", "/jwks")
    return {"keys": [dict(key.as_dict(private=False)) for key in keys]}
