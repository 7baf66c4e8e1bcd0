"""The pages as one application beside the API, put together from the files in ``pages/views``."""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask, Response, request

import pages.views
from pages import assets, looks, places, problems, reasons, shown, sittings, speaking
from pages.api import Api
from pages.house import NAME, House, house
from phr.api import installation

LARGEST_FORM_BYTES = 256 * 1024
# Nothing inline, nothing from elsewhere: scripts, styles and data come from this installation alone.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action {forms}; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


def create(api: Flask) -> Flask:
    """The pages of an API application."""
    app = Flask("pages", root_path=pages.__path__[0], static_folder=None)
    found: installation.Installation = api.extensions[installation.NAME]
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM_BYTES
    app.extensions[NAME] = House(Api(api, found.issuer), found)
    app.url_map.strict_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    looks.install(app)
    app.jinja_env.globals.update(
        can_speak=speaking.can_speak,
        form_token=sittings.form_token,
        reader=sittings.who,
        sitting=sittings.find,
        shown=shown,
        reason=reasons.told,
        kept=places.kept,
    )
    assets.install(app)
    problems.install(app)
    app.before_request(sittings.check_sitting)
    app.before_request(sittings.check_form)
    app.after_request(_guarded)
    for view in pkgutil.iter_modules(pages.views.__path__):
        module = importlib.import_module(f"{pages.views.__name__}.{view.name}")
        app.register_blueprint(module.blueprint)
    return app


def _guarded(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", CSP.format(forms=f"'self' {house().issuer}"))
        response.headers["Content-Language"] = looks.of(request).tag
        response.vary.add("Cookie")
    if house().is_tls:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
