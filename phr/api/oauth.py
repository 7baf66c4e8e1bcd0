"""The OAuth end points: tokens, what becomes of them, the keys that sign them, what the server can do.

Errors here are RFC 6749's own shape, which OAuth clients read, not problem documents.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app

from phr.api.deciding import Answer, returns, speaks
from phr.api.installation import installation
from phr.auth import smart
from phr.auth.openid import discovery
from phr.auth.server import Server, metadata

blueprint = Blueprint("oauth", __name__)

KEYS_KEPT = "public, max-age=300"  # a key is published long before it signs


@blueprint.post("/oauth/token")
@speaks("application/x-www-form-urlencoded")
def issue_token() -> Response:
    return server().answer(server().create_token_response)


@blueprint.post("/oauth/device_authorization")
@speaks("application/x-www-form-urlencoded")
def begin_device() -> Response:
    return server().answer(lambda: server().create_endpoint_response("device_authorization"))


@blueprint.post("/oauth/revoke")
@speaks("application/x-www-form-urlencoded")
def revoke_token() -> Response:
    return server().answer(lambda: server().create_endpoint_response("revocation"))


@blueprint.post("/oauth/introspect")
@speaks("application/x-www-form-urlencoded")
def introspect_token() -> Response:
    return server().answer(lambda: server().create_endpoint_response("introspection"))


@blueprint.get("/oauth/jwks.json")
@returns()
def show_keys() -> Answer:
    return Answer(installation().rings.public_jwks(), headers={"Cache-Control": KEYS_KEPT})


@blueprint.get("/.well-known/oauth-authorization-server")
@returns()
def show_metadata() -> dict[str, Any]:
    return metadata(server())


@blueprint.get("/.well-known/openid-configuration")
@returns()
def show_discovery() -> dict[str, Any]:
    return discovery(metadata(server()))


@blueprint.get("/.well-known/smart-configuration")
@returns()
def show_smart() -> dict[str, Any]:
    return smart.configuration(metadata(server()))


def server() -> Server:
    """The one of the application that serves the current request."""
    found: Server = current_app.extensions["phr_oauth"]
    return found
