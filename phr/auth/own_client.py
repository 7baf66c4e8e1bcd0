"""The one client that is the installation's own: its pages, which run beside the API and on the same address.

Whoever logs in at it has said yes by that, so nobody is asked a second time whether the record's own pages may show the
record. In everything else it is a client like others: code and PKCE, a secret, tokens of ten minutes.
"""

from __future__ import annotations

import base64

from phr.auth import clients
from phr.auth.clients import AUTHORIZATION_CODE, BASIC, REFRESH_TOKEN
from phr.auth.scopes import OF_PEOPLE, scopes
from phr.database import Database
from phr.passwords import hash_of
from phr.people import seals

ID = "pages"
NAME = "健康档案网页 · Pages of this record"
CALLBACK = "/app/callback"


def scope() -> str:
    """Everything that a person's token can allow: at these pages people do all that there is to do."""
    return " ".join(sorted(name for name, one in scopes().items() if one.of in OF_PEOPLE))


def secret(database: Database) -> str:
    """What the pages prove themselves by: a keyed hash, so that every process knows it and the database does not."""
    halves = seals.lookup_tokens(database, "own-client", ["a", "b"])
    return base64.urlsafe_b64encode(b"".join(halves)).decode()


def ensure(database: Database, issuer: str) -> None:
    """The client is there, as this release wants it. A new address of the installation takes the old one's place."""
    row = {
        "name": NAME,
        "secret_hash": hash_of(secret(database)),
        "auth_method": BASIC,
        "jwks": None,
        "grant_types": sorted((AUTHORIZATION_CODE, REFRESH_TOKEN)),
        "redirect_uris": [f"{issuer}{CALLBACK}"],
        "scope": scope(),
        "vendor": None,
    }
    known = clients.find(database, ID)
    if known is None or any(_plain(getattr(known, name)) != value for name, value in row.items()):
        database["clients"].update_one({"_id": ID}, {"$set": row}, upsert=True)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
