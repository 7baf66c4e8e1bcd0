"""The OAuth server: authlib's, with its grants and end points, and with each of its unsafe defaults replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import Flask, Response, request

from phr.auth import clients
from phr.auth.client_auth import ALGORITHMS, Assertion, RequestingClient, refuse_several_proofs
from phr.auth.clients import AUTH_METHODS, GRANT_TYPES, SIGNED
from phr.auth.endpoints import Introspection, Revocation
from phr.auth.keys import Rings
from phr.auth.protector import Validator
from phr.auth.scopes import scopes
from phr.auth.tokens import Claims, sign
from phr.clock import now_ms
from phr.database import Database

TOKEN_LIFE_S = 600


class Server(AuthorizationServer):  # type: ignore[misc] # authlib has no types
    """Authlib's server for Flask; what a client is asked, and its secrets, come in the body or a header alone."""

    def __init__(self, app: Flask, database: Callable[[], Database], issuer: str) -> None:
        super().__init__(app, save_token=_keep_nothing)
        self.database, self.issuer = database, issuer

    def query_client(self, client_id: str) -> RequestingClient | None:
        found = clients.find(self.database(), client_id)
        return RequestingClient(found) if found else None

    def create_oauth2_request(self, _request: Any = None) -> FlaskOAuth2Request:
        """The current request. Raises InsecureTransportError where it came unprotected over a network.

        By the scheme of the issuer: a proxy in front that speaks TLS asks us in plain HTTP.
        """
        if self.issuer.startswith("https://"):
            request.scheme = "https"
        return FlaskOAuth2Request(request)

    def answer(self, make: Callable[[], Response]) -> Response:
        """What the end point answers; an error, that comes before authlib catches them, as RFC 6749 has it."""
        try:
            refuse_several_proofs(request)
            return make()
        except OAuth2Error as error:
            refused: Response = self.handle_response(*error())
            return refused


class ConfidentialClientGrant(ClientCredentialsGrant):  # type: ignore[misc] # authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS


def create(app: Flask, database: Callable[[], Database], issuer: str, rings: Rings, validator: Validator) -> Server:
    """The server, registered with the application."""
    server = Server(app, database, issuer)

    def access_token(client: RequestingClient, grant_type: str, user: Any, scope: str) -> str:  # noqa: ARG001 - authlib's call
        claims = Claims(
            issuer=issuer,
            sub=client.stored.id,
            client_id=client.stored.id,
            scope=scope,
            life_s=TOKEN_LIFE_S,
            vendor=client.stored.vendor,
        )
        return sign(rings.access.current, claims, now_ms())

    # Authlib's own default would be ten days.
    server.register_token_generator("default", BearerTokenGenerator(access_token, None, TOKEN_LIFE_S))
    server.scopes_supported = sorted(scopes())
    server.register_client_auth_method(SIGNED, Assertion(database, [issuer, f"{issuer}/oauth/token"]))
    server.register_grant(ConfidentialClientGrant)
    server.register_endpoint(Revocation(server, validator))
    server.register_endpoint(Introspection(server, validator))
    return server


def metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414, naming only what there is."""
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/oauth/jwks.json",
        "scopes_supported": sorted(scopes()),
        "response_types_supported": [],
        "grant_types_supported": list(GRANT_TYPES),
    } | {
        name: value
        for end_point in ("token", "revocation", "introspection")
        for name, value in (
            (f"{end_point}_endpoint_auth_methods_supported", list(AUTH_METHODS)),
            (f"{end_point}_endpoint_auth_signing_alg_values_supported", list(ALGORITHMS)),
        )
    }


def _keep_nothing(token: dict[str, Any], request: Any) -> None:
    """Access tokens are signed and live for minutes: nothing is stored."""
