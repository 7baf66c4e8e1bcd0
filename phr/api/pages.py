"""Pages for people at a browser: rendered here, in Chinese or English, with nothing from elsewhere.

The one script there is speaks to authenticators for passkeys, and only pages with such a form may load it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, render_template, request

from phr.api.deciding import speaks
from phr.api.installation import database, installation
from phr.auth import browsers, known_devices
from phr.auth.codes import Login
from phr.auth.ways import HERE
from phr.clock import now_ms
from phr.errors import TooManyTries
from phr.people import access
from phr.people.access_lines import Line
from phr.people.grants import LOGINS

blueprint = Blueprint("pages", __name__)

FOLDER = Path(__file__).with_name("pages")
LANGUAGES = ("zh", "en")


@blueprint.get("/oauth/style.css")
@speaks(gives="text/css")
def show_style() -> Response:
    return Response(_style(), content_type="text/css; charset=utf-8", headers={"Cache-Control": "public, max-age=3600"})


@blueprint.get("/oauth/passkeys.js")
@speaks(gives="text/javascript")
def show_script() -> Response:
    kept = {"Cache-Control": "public, max-age=3600"}
    return Response(_script(), content_type="text/javascript; charset=utf-8", headers=kept)


def page(
    template: str, status: int = 200, *, sends_to: str | None = None, passkey: str | None = None, **values: Any
) -> Response:
    """The template's page. ``sends_to``: an address elsewhere that the answer to its form may lead to.

    ``passkey``: what an authenticator is asked, as JSON, for a page that does so.
    A browser takes a redirect after a form for a part of it, so that address has to be allowed (CSP 3, form-action).
    """
    own, language = cookie(), _language()
    values |= {"form_token": browsers.form_token(own), "language": language, "words": _words()[language]}
    values["passkey"] = passkey
    answer = Response(render_template(template, **values), status, content_type="text/html; charset=utf-8")
    forms = "'self'" if sends_to is None else f"'self' {_origin(sends_to)}"
    scripts = "" if passkey is None else "script-src 'self'; "
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; {scripts}style-src 'self'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    )
    if own != request.cookies.get(_name()):
        keep_cookie(answer, own)
    return answer


def wait(error: TooManyTries) -> Response:
    """A page for a browser that came too often: the error handler of what shows pages."""
    answer = told("sorry", "wait", error.status)
    answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def told(headline: str, text: str, status: int) -> Response:
    return page("told.html", status, headline=headline, text=text)


def login() -> Login | None:
    """Who has logged in at this browser."""
    return browsers.find(database(), request.cookies.get(_name()), now_ms())


def leave() -> None:
    """Ends what the browser's cookie stands for."""
    known = request.cookies.get(_name())
    if known:
        browsers.end(database(), known)


def log(person: str, about: str, now: int) -> None:
    """A line in the access log: what a person has done about their logins at a page of ours."""
    line = Line(
        at_ms=now,
        who=person,
        client_id=HERE,
        act=None,
        role="owner",
        grant=None,
        person=person,
        verb="write",
        categories=(LOGINS,),
        about=about,
        outcome="allowed",
    )
    access.record(database(), line)


def is_own_form() -> bool:
    """True for a form that a page of ours sent from this browser."""
    return browsers.is_own_form(request.cookies.get(_name()), request.form.get("form_token"))


def keep_cookie(answer: Response, cookie: str) -> None:
    is_tls = installation().issuer.startswith("https://")
    answer.set_cookie(_name(), cookie, secure=is_tls, httponly=True, samesite="Lax", path="/")


def known_cookie() -> str | None:
    """What named the browser before."""
    return request.cookies.get(_name())


def cookie() -> str:
    """What names the browser; a new one goes out with the page."""
    known: str = request.cookies.get(_name()) or g.setdefault("new_cookie", browsers.new_cookie())
    return known


def device() -> str | None:
    """What names this browser, where somebody has logged in before."""
    return request.cookies.get(f"{_name()}-device")


def remember_device(answer: Response, person: str, now: int) -> None:
    """This browser is one of the person's from now on, by a name of its own."""
    named, is_tls = device() or browsers.new_cookie(), installation().issuer.startswith("https://")
    age = known_devices.KEPT
    answer.set_cookie(f"{_name()}-device", named, age, secure=is_tls, httponly=True, samesite="Lax", path="/")
    known_devices.remember(database(), named, person, now, request.user_agent.string)


def _name() -> str:
    """With TLS a name that no other host or path can set (RFC 6265bis, 4.1.3.2)."""
    return "__Host-phr" if installation().issuer.startswith("https://") else "phr"


def _language() -> str:
    wanted = [one[:2].lower() for one in request.args.get("ui_locales", "").split()]
    named = next((one for one in wanted if one in LANGUAGES), None)
    return named or request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


@cache
def _style() -> bytes:
    return (FOLDER / "style.css").read_bytes()


@cache
def _script() -> bytes:
    return (FOLDER / "passkeys.js").read_bytes()


@cache
def _words() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
    return found


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
