"""The OAuth end points: tokens, what becomes of them, the keys that sign them, what the server can do.

Errors here are RFC 6749's own shape, which OAuth clients read, not problem documents.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from flask import Blueprint, Response, current_app

from phr.api.answer_schemas import ShapedAs
from phr.api.deciding import Answer, returns, speaks
from phr.api.installation import installation
from phr.auth import smart
from phr.auth.openid import DiscoveryTold, discovery
from phr.auth.server import Server, metadata
from phr.auth.smart import MetadataTold, SmartTold, Url

blueprint = Blueprint("oauth", __name__)

KEYS_KEPT = "public, max-age=300"  # a key is published long before it signs


class TokenTold(TypedDict):
    """RFC 6749, 5.1. ``expires_in``: seconds; ``patient``: whose record it is, for SMART's scopes."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    refresh_token: NotRequired[str]
    id_token: NotRequired[str]
    patient: NotRequired[str]


class DeviceCodeTold(TypedDict):
    """RFC 8628, 3.2. ``expires_in``, ``interval``: seconds."""

    device_code: str
    user_code: str
    verification_uri: Url
    verification_uri_complete: Url
    expires_in: int
    interval: int


class NothingTold(TypedDict):
    """RFC 7009, 2.2: the same whether there was such a token or not."""


class NotActiveTold(TypedDict):
    active: Literal[False]


class ActiveTold(TypedDict):
    """RFC 7662, 2.2. ``sid``, ``auth_time``, ``acr``: of one that a person gave by logging in."""

    active: Literal[True]
    token_type: Literal["Bearer"]
    iss: str
    sub: str
    aud: str
    client_id: str
    iat: int
    exp: int
    jti: str
    scope: str
    sid: NotRequired[str]
    auth_time: NotRequired[int]
    acr: NotRequired[str]


class CurveKeyTold(TypedDict):
    """RFC 7518, 6.2."""

    kty: Literal["EC"]
    crv: str
    x: str
    y: str
    kid: str
    use: str
    alg: str


class RsaKeyTold(TypedDict):
    """RFC 7518, 6.3."""

    kty: Literal["RSA"]
    n: str
    e: str
    kid: str
    use: str
    alg: str


class KeysTold(TypedDict):
    keys: list[Annotated[dict[str, Any], ShapedAs((CurveKeyTold, RsaKeyTold))]]


@blueprint.post("/oauth/token")
@speaks("application/x-www-form-urlencoded")
def issue_token() -> Annotated[Response, TokenTold]:
    return server().answer(server().create_token_response)


@blueprint.post("/oauth/device_authorization")
@speaks("application/x-www-form-urlencoded")
def begin_device() -> Annotated[Response, DeviceCodeTold]:
    return server().answer(lambda: server().create_endpoint_response("device_authorization"))


@blueprint.post("/oauth/revoke")
@speaks("application/x-www-form-urlencoded")
def revoke_token() -> Annotated[Response, NothingTold]:
    return server().answer(lambda: server().create_endpoint_response("revocation"))


@blueprint.post("/oauth/introspect")
@speaks("application/x-www-form-urlencoded")
def introspect_token() -> Annotated[Response, ActiveTold | NotActiveTold]:
    return server().answer(lambda: server().create_endpoint_response("introspection"))


@blueprint.get("/oauth/jwks.json")
@returns()
def show_keys() -> Answer[KeysTold]:
    keys = installation().rings.public_jwks()["keys"]
    return Answer({"keys": keys}, headers={"Cache-Control": KEYS_KEPT})


@blueprint.get("/.well-known/oauth-authorization-server")
@returns()
def show_metadata() -> MetadataTold:
    return metadata(server())


@blueprint.get("/.well-known/openid-configuration")
@returns()
def show_discovery() -> DiscoveryTold:
    return discovery(metadata(server()))


@blueprint.get("/.well-known/smart-configuration")
@returns()
def show_smart() -> SmartTold:
    return smart.configuration(metadata(server()))


def server() -> Server:
    """The one of the application that serves the current request."""
    found: Server = current_app.extensions["phr_oauth"]
    return found
