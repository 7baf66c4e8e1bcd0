"""The way in and out: the first page, the login by code and PKCE, how pages look."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from flask import Blueprint, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from pages import assets, looks, problems, sittings
from pages.house import PREFIX, house
from phr.auth import own_client, page_sessions
from phr.auth.page_sessions import CLINIC, OPERATIONS, VENDOR, Tokens
from phr.clock import now_ms
from phr.people.access import Caller
from phr.people.people import OPERATOR

blueprint = Blueprint("home", __name__)

COOKIE, COOKIE_S = "phr-login", 900
LONGEST_PLACE = 512
BEGINS_AT = {CLINIC: "/app/panel", VENDOR: "/app/vendor", OPERATIONS: "/app/operations"}


class _Begun(msgspec.Struct):
    """What the browser keeps between leaving for the login and coming back. No script can read it."""

    state: str
    verifier: str
    place: str


@blueprint.get("/")
def show_first() -> Response | str:
    if sittings.find() is not None:
        return redirect(f"{PREFIX}/", 303)
    return render_template("first.html")


@blueprint.get("/app/")
def show_own() -> Response:
    """Where somebody's day begins: at work with the panel, else with their own."""
    sitting = sittings.require()
    return redirect(BEGINS_AT.get(sitting.work or "", "/app/today"), 303)


@blueprint.get("/app/login")
def begin() -> Response:
    issuer = house().issuer
    place = request.args.get("next", "")
    if urlsplit(issuer).netloc != request.host:  # the cookies must be those of the address that one comes back to
        return redirect(f"{issuer}{request.full_path.rstrip('?')}", 303)
    house().ensure_client()
    verifier = secrets.token_urlsafe(48)
    is_ours = len(place) <= LONGEST_PLACE and sittings.is_here(place)
    begun = _Begun(secrets.token_urlsafe(24), verifier, place if is_ours else "/app/")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": own_client.ID,
        "redirect_uri": f"{issuer}{own_client.CALLBACK}",
        "scope": own_client.scope(),
        "state": begun.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "ui_locales": looks.of(request).tag,
    }
    if request.args.get("fresh"):
        asked["prompt"] = "login"
    answer = redirect(f"{issuer}/oauth/authorize?{urlencode(asked)}", 303)
    told = base64.urlsafe_b64encode(msgspec.json.encode(begun)).decode()
    answer.set_cookie(COOKIE, told, COOKIE_S, secure=house().is_tls, httponly=True, samesite="Lax", path="/app")
    return answer


@blueprint.get(own_client.CALLBACK)
def come_back() -> Response:
    """From the login, with a code for who this browser sent there; anything else begins again."""
    begun = _begun()
    issuer, code = house().issuer, request.args.get("code", "")
    is_ours = begun is not None and hmac.compare_digest(begun.state.encode(), request.args.get("state", "").encode())
    if begun is None or not is_ours or request.args.get("iss") != issuer or not code:
        return problems.told(400, _("Not logged in"), _("The login was broken off. Begin again."))
    reply = sittings.redeem(code, begun.verifier)
    if not reply.is_good:
        return problems.told(400, _("Not logged in"), _("The login took too long. Begin again."))
    tokens, database = sittings.tokens_of(reply), house().database()
    who: Caller = house().installation.protector.of_token(tokens.access)
    old = sittings.find()
    if old is not None:
        page_sessions.end(database, old.id)
    profile = house().api.call("GET", "/v1/people/me", token=tokens.access).json()
    zone = profile.get("timezone", "Asia/Shanghai")
    cookie = page_sessions.begin(database, who.subject, tokens, now_ms(), work=_work(profile, tokens), zone=zone)
    answer = redirect(begun.place, 303)
    sittings.keep(answer, cookie)
    answer.delete_cookie(COOKIE, path="/app")
    return answer


@blueprint.get("/app/awake")
def tell_awake() -> Response:
    """For a page that is about to send something: by what sign, and whether its reader is still the same."""
    told = {"token": sittings.form_token(), "who": sittings.who()}
    return Response(msgspec.json.encode(told), content_type="application/json")


@blueprint.post("/app/logout")
def leave() -> Response:
    """Ends the link too: whoever finds what this browser held can do nothing with it."""
    session, database = sittings.find(), house().database()
    if session is not None:
        page_sessions.end(database, session.id)
        sittings.revoke(session.tokens)
    answer = redirect("/", 303)
    sittings.forget(answer)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@blueprint.get("/app/locked")
def lock() -> Response:
    """Where a page at work goes that was left alone, whose session ends with it; nobody else has anything here."""
    session, database = sittings.find(), house().database()
    if session is None or not session.locks:
        return redirect("/", 303)
    page_sessions.end(database, session.id)
    sittings.revoke(session.tokens)
    g.session = None
    answer = Response(render_template("locked.html"), content_type="text/html; charset=utf-8")
    sittings.forget(answer)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@blueprint.get("/app/app.webmanifest")
def show_manifest() -> Response:
    """What a phone needs to install the pages; here and not among the files, since its addresses name a release."""
    icons = [
        {"src": assets.address(f"icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in (192, 512)
    ]
    told = {
        "name": _("Health record"),
        "short_name": _("Health record"),
        "lang": looks.of(request).tag,
        "start_url": f"{PREFIX}/",
        "scope": f"{PREFIX}/",
        "display": "standalone",
        "background_color": "#f4f6fa",
        "theme_color": "#0b5d8a",
        "icons": [*icons, {"src": assets.address("icon.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return Response(msgspec.json.encode(told), content_type="application/manifest+json")


@blueprint.get("/app/look")
def show_look() -> str:
    return render_template("look.html")


@blueprint.post("/app/look")
def change_look() -> Response:
    place = request.form.get("next", "")
    answer = redirect(place if sittings.is_here(place) else "/app/look", 303)
    looks.keep(answer, looks.changed(looks.of(request), request.form))
    return answer


@blueprint.get("/look/<language>")
def choose_language(language: str) -> Response:
    """For who has not logged in, and so has no form."""
    answer = redirect("/", 303)
    looks.keep(answer, looks.changed(looks.of(request), {"language": language}))
    return answer


def _work(profile: dict[str, Any], tokens: Tokens) -> str | None:
    """As what somebody who has logged in is at work; None of a citizen."""
    if OPERATOR in profile.get("roles", ()):
        return OPERATIONS
    is_staff = house().api.call("GET", "/v1/organisation", token=tokens.access).is_good
    return CLINIC if is_staff or profile.get("organisation") else None


def _begun() -> _Begun | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(request.cookies.get(COOKIE, "")), type=_Begun)
    except (ValueError, msgspec.DecodeError):
        return None
