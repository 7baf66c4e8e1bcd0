"""What a client does: shows who it is, asks for tokens and about them."""

from __future__ import annotations

import base64
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from phr.auth import clients
from phr.auth.clients import NewClient
from phr.clock import now_ms
from tests.cast import T0, Cast

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def basic(client_id: str, secret: str | None) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def post(cast: Cast, path: str, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    return cast.http.post(path, data=form, headers=headers)


def vendors_token(cast: Cast, **form: str) -> str:
    """An access token of the vendor's client, as the server gives it."""
    shown = basic(cast.vendor.client_id, cast.vendor.client_secret)
    answer = post(cast, "/oauth/token", shown, grant_type="client_credentials", **form)
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


def opens(cast: Cast, token: str, path: str = "/v1/vendor/devices") -> int:
    return cast.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def signing_client(cast: Cast, key: Any, **changes: Any) -> str:
    """The id of a client that signs instead of keeping a secret."""
    draft = {
        "name": "signs",
        "scope": ["vendor.read"],
        "vendor": "acme",
        "jwks": {"keys": [key.as_dict(private=False)]},
    }
    return clients.create(cast.database, NewClient(**(draft | changes)), T0).client_id


def assertion(cast: Cast, client_id: str, key: Any, header: dict[str, Any] | None = None, **changes: Any) -> str:
    now_s = now_ms() // 1000
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{cast.installation.issuer}/oauth/token",
        "exp": now_s + 60,
        "jti": "first",
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    header = {"alg": "ES256" if isinstance(key, ECKey) else "RS256"} | (header or {})
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def signed_request(cast: Cast, signed: str, **form: Any) -> TestResponse:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    return post(cast, "/oauth/token", None, grant_type="client_credentials", **proof, **form)
