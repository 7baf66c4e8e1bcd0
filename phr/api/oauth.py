"""The OAuth end points that there are so far: tokens for clients, the keys that sign them, what the server can do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app

from phr.api.deciding import returns
from phr.api.installation import installation
from phr.auth.keys import public_jwks
from phr.auth.server import metadata

blueprint = Blueprint("oauth", __name__)


@blueprint.post("/oauth/token")
def issue_token() -> Response:
    """Errors here are RFC 6749's own shape, which OAuth clients read, not problem documents."""
    response: Response = current_app.extensions["phr_oauth"].create_token_response()
    return response


@blueprint.get("/oauth/jwks.json")
@returns()
def show_keys() -> dict[str, Any]:
    return dict(public_jwks(installation().key))


@blueprint.get("/.well-known/oauth-authorization-server")
@returns()
def show_metadata() -> dict[str, Any]:
    return metadata(installation().issuer)
