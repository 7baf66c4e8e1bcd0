"""The OAuth server: authlib's, with its grants and end points, and with each of its unsafe defaults replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Flask, Response, request

from phr.auth import ceremonies, clients, links, smart, texts, wechat
from phr.auth.client_auth import ALGORITHMS, Assertion, RequestingClient, refuse_several_proofs
from phr.auth.clients import AUTH_METHODS, GRANT_TYPES, PUBLIC, SIGNED, WECHAT_CODE
from phr.auth.device_grant import DeviceAuthorization, DeviceGrant
from phr.auth.endpoints import Introspection, Revocation
from phr.auth.grants import S256, CodeGrant, MachineGrant, Pkce, RefreshGrant
from phr.auth.keys import Rings
from phr.auth.links import Link
from phr.auth.openid import IdTokens
from phr.auth.protector import Validator
from phr.auth.scopes import OFFLINE
from phr.auth.tokens import Claims, issuer_of, sign
from phr.auth.wechat_grant import WechatGrant
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database

TOKEN_LIFE_S = 600


class Server(AuthorizationServer):  # type: ignore[misc] # authlib has no types
    """Authlib's server for Flask; what a client is asked, and its secrets, come in the body or a header alone."""

    def __init__(self, app: Flask, database: Callable[[], Database], settings: Settings) -> None:
        super().__init__(app, save_token=_keep_nothing)
        self.database, self.issuer = database, issuer_of(settings)
        self.texts = texts.of(settings)
        self.party = ceremonies.party_of(self.issuer, settings.passkey_origins)
        self.wechat, self.wechat_web, self.zone = wechat.of(settings), wechat.web_of(settings), settings.timezone

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

    def generate_token(self, *, user: Link | None = None, include_refresh_token: bool = True, **asked: Any) -> Any:
        """A refresh token only for a link that the person wants to go on without them."""
        goes_on = user is not None and OFFLINE in user.scope.split()
        given = super().generate_token(user=user, include_refresh_token=include_refresh_token and goes_on, **asked)
        is_told = user is not None and smart.is_about_patient(given["scope"])
        return given | ({"patient": user.person} if is_told and user else {})

    def sent_back(self, error: OAuth2Error) -> Response:
        """An error told to the client over the browser; authlib itself leaves out who says so."""
        answer: Response = self.handle_error_response(None, error)
        self.execute_hook("after_create_authorization_response", answer)
        answer.status_code = 303
        return answer

    def answer(self, make: Callable[[], Response]) -> Response:
        """What the end point answers; an error, that comes before authlib catches them, as RFC 6749 has it."""
        try:
            refuse_several_proofs(request)
            return make()
        except OAuth2Error as error:
            refused: Response = self.handle_response(*error())
            return refused


class Iss(IssuerParameter):  # type: ignore[misc] # authlib has no types
    """Who answers, in each answer that goes over the browser (RFC 9207)."""

    def __init__(self, server: Server) -> None:
        self._issuer = server.issuer
        super().__call__(server)

    def get_issuer(self) -> str:
        return self._issuer


def create(
    app: Flask, database: Callable[[], Database], settings: Settings, rings: Rings, validator: Validator
) -> Server:
    """The server, registered with the application. Raises SettingInvalid."""
    server = Server(app, database, settings)
    issuer = server.issuer

    def access_token(client: RequestingClient, grant_type: str, user: Link | None, scope: str) -> str:  # noqa: ARG001 - authlib's call
        stored = client.stored
        own = {"vendor": stored.vendor} if user is None else _of_link(user)
        sub = stored.id if user is None else user.person
        claims = Claims(issuer=issuer, sub=sub, client_id=stored.id, scope=scope, life_s=TOKEN_LIFE_S, **own)
        return sign(rings.access.current, claims, now_ms())

    def refresh_token(client: RequestingClient, grant_type: str, user: Link, scope: str) -> str:  # noqa: ARG001 - authlib's call
        return links.refresh_token(database(), user)

    # Authlib's own default would be ten days.
    server.register_token_generator("default", BearerTokenGenerator(access_token, refresh_token, TOKEN_LIFE_S))
    server.scopes_supported = smart.names()
    server.register_client_auth_method(SIGNED, Assertion(database, [issuer, f"{issuer}/oauth/token"]))
    server.register_grant(MachineGrant)
    id_tokens = IdTokens(issuer, rings, database)
    server.register_grant(CodeGrant, [Pkce(), id_tokens])
    server.register_grant(DeviceGrant, [id_tokens])
    server.register_grant(RefreshGrant)
    server.register_grant(WechatGrant)
    server.register_endpoint(DeviceAuthorization(server))
    server.register_endpoint(Revocation(server, validator))
    server.register_endpoint(Introspection(server, validator))
    server.register_extension(Iss)
    return server


def metadata(server: Server) -> smart.MetadataTold:
    """RFC 8414, naming only what there is."""
    issuer = server.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "jwks_uri": f"{issuer}/oauth/jwks.json",
        "scopes_supported": smart.names(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [one for one in GRANT_TYPES if one != WECHAT_CODE or server.wechat],
        "code_challenge_methods_supported": [S256],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["zh", "en"],
        "token_endpoint_auth_methods_supported": [*AUTH_METHODS, PUBLIC],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": [*AUTH_METHODS, PUBLIC],
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
    }


def _of_link(link: Link) -> dict[str, Any]:
    return {"sid": link.id, "auth_time_s": link.auth_at_ms // 1000, "amr": link.amr}


def _keep_nothing(token: dict[str, Any], request: Any) -> None:
    """Access tokens are signed and live for minutes: nothing is stored."""
