"""Access tokens: what they say (RFC 9068) and how they are signed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt

from phr.auth.keys import ALGORITHM, Key
from phr.config import Settings

AUDIENCE = "phr"
GREATEST_LIFE_S = 15 * 60
ONE_FACTOR, TWO_FACTORS = "urn:phr:acr:1", "urn:phr:acr:2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token is to say. ``sub``: a person id, or the client id of a client that acts for itself."""

    issuer: str
    sub: str
    client_id: str
    scope: str
    life_s: int
    act: str | None = None  # the operator who acts as the subject (RFC 8693, section 4.1)
    vendor: str | None = None  # the vendor whose client this is
    sid: str | None = None  # the link that it was given under; when that ends, so does the token
    auth_time_s: int | None = None  # when the person logged in
    amr: tuple[str, ...] = ()  # how (RFC 8176)


def acr_of(amr: Iterable[str]) -> str:
    """How well somebody was proven: by one factor, or by two (RFC 8176, "mfa")."""
    return TWO_FACTORS if "mfa" in amr else ONE_FACTOR


def issuer_of(settings: Settings) -> str:
    """The base URL that tokens name as their issuer."""
    scheme = "https" if settings.tls_certificate else "http"
    return (settings.issuer or f"{scheme}://{settings.bind}:{settings.http_port}").rstrip("/")


def sign(key: Key, claims: Claims, now_ms: int) -> str:
    """The signed token. Raises ValueError where it would live longer than 15 minutes."""
    if not 0 < claims.life_s <= GREATEST_LIFE_S:
        raise ValueError(f"an access token lives for 1 to {GREATEST_LIFE_S} s")
    issued_at_s = now_ms // 1000
    payload: dict[str, Any] = {
        "iss": claims.issuer,
        "sub": claims.sub,
        "aud": AUDIENCE,
        "client_id": claims.client_id,
        "iat": issued_at_s,
        "exp": issued_at_s + claims.life_s,
        "jti": secrets.token_urlsafe(16),
        "scope": claims.scope,
    }
    if claims.act is not None:
        payload["act"] = {"sub": claims.act}
    if claims.vendor is not None:
        payload["vendor"] = claims.vendor
    if claims.sid is not None:
        payload["sid"] = claims.sid
    if claims.auth_time_s is not None:
        payload |= {"auth_time": claims.auth_time_s, "amr": list(claims.amr), "acr": acr_of(claims.amr)}
    return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, payload, key)
