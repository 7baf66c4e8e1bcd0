"""Who a request comes from: its bearer token checked by authlib's resource protector. There is no way around it."""

from __future__ import annotations

import hashlib
import sys
from typing import Any, NoReturn

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import MissingAuthorizationError, UnsupportedTokenTypeError
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from flask import request
from joserfc import jwt
from joserfc.errors import JoseError

from phr.auth import smart
from phr.auth.keys import ALGORITHM, Key, Ring
from phr.auth.revocations import Revocations
from phr.auth.tokens import AUDIENCE, GREATEST_LIFE_S
from phr.clock import now_ms
from phr.errors import AccessDenied, NotAuthenticated
from phr.people.access import Caller

TOKEN_TYPES = ("at+jwt", "application/at+jwt")
LONGEST_TOKEN = 8_192
VERIFIED_KEPT = 2_048


class TokenInvalid(NotAuthenticated):
    """A token was sent and is worth nothing; which check failed stays with us."""

    code = "token-invalid"


class ScopeMissing(AccessDenied):
    """The token is good and does not allow this."""

    code = "scope-missing"


class SecondFactorMissing(AccessDenied):
    """The token does not say that its person proved who they are by more than a password, or not lately."""

    code = "second-factor-missing"


class Validator(JWTBearerTokenValidator):  # type: ignore[misc] # authlib has no types
    """Bearer tokens of one issuer (RFC 9068, section 4)."""

    def __init__(self, issuer: str, ring: Ring, revocations: Revocations) -> None:
        super().__init__(issuer=issuer, resource_server=AUDIENCE)
        self._ring, self.revocations = ring, revocations
        self._verified: dict[bytes, jwt.Token] = {}

    def authenticate_token(self, token_string: str) -> JWTAccessTokenClaims:
        """The claims, their signature checked. Authlib's own takes any algorithm and a token without `typ`."""
        now = now_ms()
        token = self._decoded(token_string, now)
        is_access = str(token.header.get("typ", "")).lower() in TOKEN_TYPES
        if not is_access or not isinstance(token.claims.get("scope", ""), str):
            raise InvalidTokenError()
        essential = ("exp", "sub", "client_id", "iat", "jti", "scope")
        options: dict[str, Any] = {name: {"essential": True} for name in essential}
        options["iss"] = {"essential": True, "value": self.issuer}
        options["aud"] = {"essential": True, "value": self.resource_server}
        if self.revocations.has(ids_of(token.claims), now):
            raise InvalidTokenError()
        return JWTAccessTokenClaims(token.claims, token.header, options)

    @staticmethod
    def scope_insufficient(token_scopes: str, required_scopes: list[str]) -> bool:
        """SMART's names count as what they stand for."""
        return bool(required_scopes) and smart.expanded(token_scopes).isdisjoint(required_scopes)

    def _decoded(self, token_string: str, now: int) -> jwt.Token:
        """By the key of ours that its header names; whatever else the header says of keys is not looked at.

        A signature that was good is good again as long as its key is ours; all that may change is asked each time.
        """

        def named(kid: object) -> Key:
            return self._ring.of_id(kid, now - GREATEST_LIFE_S * 1000)

        try:
            if len(token_string) > LONGEST_TOKEN:
                raise ValueError("too long")
            name = hashlib.sha256(token_string.encode()).digest()
            if (known := self._verified.get(name)) is not None:
                named(known.header.get("kid"))
                return known
            token = jwt.decode(token_string, lambda signed: named(signed.headers().get("kid")), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidTokenError() from error
        if len(self._verified) >= VERIFIED_KEPT:
            self._verified.clear()
        token.claims = {sys.intern(key): _shared(value) for key, value in token.claims.items()}
        self._verified[name] = token
        return token


def _shared(value: Any) -> Any:
    """Scopes, issuer and client are long and the same in a thousand tokens that are kept."""
    return sys.intern(value) if isinstance(value, str) else value


class Protector(ResourceProtector):  # type: ignore[misc] # authlib has no types
    """Authlib's protector that speaks this project's errors and callers."""

    def __init__(self, validator: Validator) -> None:
        super().__init__()
        self.validator = validator
        self.register_token_validator(validator)

    def caller(self, *any_of: str) -> Caller:
        """Who the current request comes from, if its token allows one of the scopes.

        Raises NotAuthenticated, TokenInvalid (401), ScopeMissing (403).
        """
        try:
            # Its acquire_token does the same with a copy of the request that takes longer to make than all the rest.
            claims: dict[str, Any] = self.validate_request(list(any_of), request)
        except OAuth2Error as error:
            _raise(error, any_of)
        return _caller(claims)

    def of_token(self, token: str) -> Caller:
        """Who a token of ours speaks for, wherever it was found. Raises TokenInvalid."""
        try:
            claims = self.validator.authenticate_token(token)
            self.validator.validate_token(claims, [], None)
        except OAuth2Error as error:
            _raise(error, ())
        return _caller(claims)


def ids_of(claims: dict[str, Any]) -> frozenset[str]:
    """What a token may be taken back by: its own id, and that of the link it was given under."""
    return frozenset(str(claims[name]) for name in ("jti", "sid") if name in claims)


def _raise(error: OAuth2Error, scopes: tuple[str, ...]) -> NoReturn:
    if isinstance(error, InsufficientScopeError):
        raise ScopeMissing(f"the token does not have the scope {' or '.join(scopes)}") from error
    if isinstance(error, MissingAuthorizationError | UnsupportedTokenTypeError):
        raise NotAuthenticated("send an access token: Authorization: Bearer …") from error
    raise TokenInvalid("the access token is not valid here, or no longer") from error


def _caller(claims: dict[str, Any]) -> Caller:
    scopes, act, vendor = claims["scope"], claims.get("act"), claims.get("vendor")
    if not isinstance(scopes, str) or not isinstance(claims["client_id"], str):
        raise TokenInvalid("the access token is not valid here, or no longer")
    actor = act.get("sub") if isinstance(act, dict) else None
    if act is not None and not isinstance(actor, str):
        raise TokenInvalid("the access token is not valid here, or no longer")
    granted, until_ms, ids = smart.expanded(scopes), int(claims["exp"]) * 1000, ids_of(claims)
    if isinstance(vendor, str):
        return Caller(vendor, claims["client_id"], granted, actor, "vendor", until_ms, ids)
    if claims["sub"] == claims["client_id"]:
        return Caller(claims["sub"], claims["client_id"], granted, actor, "client", until_ms, ids)
    amr, auth_at_ms = _login_of(claims)
    return Caller(claims["sub"], claims["client_id"], granted, actor, "person", until_ms, ids, amr, auth_at_ms)


def _login_of(claims: dict[str, Any]) -> tuple[frozenset[str], int | None]:
    """How and when the person logged in, as far as the token says."""
    amr, at_s = claims.get("amr"), claims.get("auth_time")
    ways = frozenset(one for one in amr if isinstance(one, str)) if isinstance(amr, list) else frozenset()
    return ways, at_s * 1000 if isinstance(at_s, int) else None
