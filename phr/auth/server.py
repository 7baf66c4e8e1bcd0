"""The OAuth server: client credentials for now, signed tokens of ten minutes. It stores no token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import Flask
from joserfc.jwk import ECKey

from phr.auth import clients
from phr.auth.clients import CLIENT_CREDENTIALS, Client
from phr.auth.scopes import scopes
from phr.auth.tokens import Claims, sign
from phr.clock import now_ms
from phr.database import Database

TOKEN_LIFE_S = 600
AUTH_METHOD = "client_secret_basic"


class RequestingClient(ClientMixin):  # type: ignore[misc] # authlib has no types
    """A stored client, as authlib asks for it."""

    def __init__(self, client: Client) -> None:
        self.stored = client

    def get_client_id(self) -> str:
        return self.stored.id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The asked-for scopes that the client has, all it has where it asks for none; None refuses the request."""
        has = self.stored.scope.split()
        return " ".join(name for name in has if not scope or name in scope.split()) or None

    def check_client_secret(self, client_secret: str) -> bool:
        return self.stored.has_secret(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == AUTH_METHOD and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.stored.grant_types

    def check_response_type(self, response_type: str) -> bool:  # noqa: ARG002 - no authorization endpoint yet
        return False


class ConfidentialClientGrant(ClientCredentialsGrant):  # type: ignore[misc] # authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = [AUTH_METHOD]  # noqa: RUF012 - authlib reads it from the class


def create(app: Flask, database: Callable[[], Database], issuer: str, key: ECKey) -> AuthorizationServer:
    """The server, registered with the application."""

    def query_client(client_id: str) -> RequestingClient | None:
        found = clients.find(database(), client_id)
        return RequestingClient(found) if found else None

    def access_token(client: RequestingClient, grant_type: str, user: Any, scope: str) -> str:  # noqa: ARG001 - authlib's call
        claims = Claims(
            issuer=issuer,
            sub=client.stored.id,
            client_id=client.stored.id,
            scope=scope,
            life_s=TOKEN_LIFE_S,
            vendor=client.stored.vendor,
        )
        return sign(key, claims, now_ms())

    # Authlib's own default would be ten days.
    server = AuthorizationServer(app, query_client=query_client, save_token=_keep_nothing)
    server.register_token_generator(CLIENT_CREDENTIALS, BearerTokenGenerator(access_token, None, TOKEN_LIFE_S))
    server.scopes_supported = sorted(scopes())
    server.register_grant(ConfidentialClientGrant)
    return server


def metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414, naming only what there is."""
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/oauth/jwks.json",
        "scopes_supported": sorted(scopes()),
        "response_types_supported": [],
        "grant_types_supported": [CLIENT_CREDENTIALS],
        "token_endpoint_auth_methods_supported": [AUTH_METHOD],
    }


def _keep_nothing(token: dict[str, Any], request: Any) -> None:
    """Tokens are signed and live for minutes: nothing is stored."""
