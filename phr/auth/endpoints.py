"""Revocation (RFC 7009) and introspection (RFC 7662): what a client may do with a token that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from phr.auth import links
from phr.auth.client_auth import RequestingClient
from phr.auth.clients import AUTH_METHODS, PUBLIC
from phr.auth.links import Link
from phr.auth.protector import Validator
from phr.clock import now_ms

INTROSPECTION = "tokens.introspect"
SHOWN = ("iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "sid", "auth_time", "acr")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One that is good now, as authlib asks for it."""

    claims: dict[str, Any]

    def check_client(self, client: RequestingClient) -> bool:
        return bool(self.claims["client_id"] == client.stored.id)

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class Revocation(RevocationEndpoint):  # type: ignore[misc] # authlib has no types
    """An access token, or a refresh token and with it all of its link."""

    CLIENT_AUTH_METHODS = (*AUTH_METHODS, PUBLIC)

    def __init__(self, server: Any, validator: Validator) -> None:
        super().__init__(server)
        self._validator = validator

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | Link | None:  # noqa: ARG002
        found = links.find(self.server.database(), token_string)
        return found[0] if found else good_token(self._validator, token_string)

    def revoke_token(self, token: AccessToken | Link, request: Any) -> None:  # noqa: ARG002 - authlib's call
        if isinstance(token, Link):
            links.end(self.server.database(), token.id, links.TAKEN_BACK, now_ms())
            self._validator.revocations.add(token.id, now_ms())
        else:
            self._validator.revocations.add(token.claims["jti"], now_ms())


class Introspection(IntrospectionEndpoint):  # type: ignore[misc] # authlib has no types
    """A client is told of its own tokens; of all of them, where it has the scope that says so."""

    CLIENT_AUTH_METHODS = AUTH_METHODS

    def __init__(self, server: Any, validator: Validator) -> None:
        super().__init__(server)
        self._validator = validator

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | None:  # noqa: ARG002 - a hint
        return good_token(self._validator, token_string)

    def check_permission(self, token: AccessToken, client: RequestingClient, request: Any) -> bool:  # noqa: ARG002
        return token.check_client(client) or INTROSPECTION in client.stored.scope.split()

    def introspect_token(self, token: AccessToken) -> dict[str, Any]:
        shown = {name: token.claims[name] for name in SHOWN if name in token.claims}
        return {"active": True, "token_type": "Bearer"} | shown


def good_token(validator: Validator, token_string: str) -> AccessToken | None:
    """An access token that would open something at this moment."""
    try:
        claims = validator.authenticate_token(token_string)
        validator.validate_token(claims, None, None)
    except OAuth2Error:
        return None
    return AccessToken(dict(claims))
