"""The HTTP application, put together from the resources found in this folder."""

from __future__ import annotations

import importlib
import logging
import pkgutil

from flask import Flask, request

import phr.api
from phr.api import headers, installation, origins, problems, rates
from phr.auth import server
from phr.config import Settings
from phr.database import Database
from phr.errors import InputInvalid

LARGEST_BODY_BYTES = 256 * 1024


class TokenInUrl(InputInvalid):
    """URLs end up in logs and histories; a token in one is burnt."""

    code = "token-in-url"


def create(settings: Settings, database: Database | None = None) -> Flask:
    """The application; without a database given it connects by its settings at the first request.

    Raises SettingInvalid for a signing key or a database setting that can't be used.
    """
    logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes tokens into the log
    app = Flask("phr", static_folder=None, template_folder="api/pages")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.url_map.strict_slashes = False
    made = installation.install(app, settings, database)
    app.extensions["phr_oauth"] = server.create(app, made.database, settings, made.rings, made.protector.validator)
    app.extensions["phr_origins"] = origins.install(app)
    headers.install(app)
    problems.install(app)
    rates.install(app, settings)
    app.before_request(_refuse_token_in_url)
    for found in pkgutil.iter_modules(phr.api.__path__):
        if found.name in ("wsgi", "application"):
            continue
        module = importlib.import_module(f"{phr.api.__name__}.{found.name}")
        if hasattr(module, "blueprint"):
            app.register_blueprint(module.blueprint)
    return app


def _refuse_token_in_url() -> None:
    if "access_token" in request.args:
        raise TokenInUrl("send the token in the Authorization header, and take this one out of use", "/access_token")
