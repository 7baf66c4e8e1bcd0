"""Who is at the page: the session behind the cookie, its access token renewed in time, and forms that are ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import abort, g, redirect, request
from werkzeug.wrappers import Response as Answer

from pages.api import Refused, Reply
from pages.house import PREFIX, house
from phr.auth import own_client, page_sessions
from phr.auth.page_sessions import Session, Tokens
from phr.clock import now_ms

EARLY_MS = 30_000  # a token that ends so soon is renewed before it is used
FORM_FIELD, FORM_HEADER = "form_token", "X-Form-Token"
SAFE = ("GET", "HEAD", "OPTIONS")
BY_ITSELF = frozenset({"vendor.log_in"})  # carries its own proof; there is nothing yet that could be misused
OPEN = frozenset(
    {"static", "home.show_first", "home.begin", "home.come_back", "home.leave", "home.choose_language"}
) | {
    "offline.show",
    "offline.show_worker",
    "home.lock",
    "home.show_manifest",
    "vendor.show_login",
    "vendor.log_in",
}
REPEAT_HEADER = "Idempotency-Key"
# Bytes of forms that bear a file.
LARGER = {
    "clinic.import_residents": 3 * 1024 * 1024,
    "consenting.take_down": 11 * 1024 * 1024,
    "consenting.add_paper": 11 * 1024 * 1024,
}
OF_ITSELF = "X-Of-Itself"  # a page's own asking, which is nobody's use of it


class NotLoggedIn(Exception):
    """Nobody is at the page, or no longer."""


def cookie_name() -> str:
    """With TLS a name that no other host or path can set (RFC 6265bis, 4.1.3.2)."""
    return "__Host-phr-page" if house().is_tls else "phr-page"


def find() -> Session | None:
    """The session of the request, None where nobody has logged in."""
    if "session" not in g:
        database, cookie = house().database(), request.cookies.get(cookie_name())
        is_use = OF_ITSELF not in request.headers
        g.session = page_sessions.find(database, cookie, now_ms(), is_use=is_use) if cookie else None
    found: Session | None = g.session
    return found


def require() -> Session:
    """The session of the request. Raises NotLoggedIn."""
    found = find()
    if found is None:
        raise NotLoggedIn
    return found


def token() -> str:
    """An access token that holds for a while yet. Raises NotLoggedIn."""
    session = require()
    if session.tokens.until_ms - now_ms() > EARLY_MS:
        return session.tokens.access
    database = house().database()
    reply = _token({"grant_type": "refresh_token", "refresh_token": session.tokens.refresh or ""})
    if not reply.is_good:
        page_sessions.end(database, session.id)  # the link was ended, here or at another place
        g.session = None
        raise NotLoggedIn
    tokens = tokens_of(reply)
    page_sessions.renew(database, session, tokens)
    g.session = replace(session, tokens=tokens)
    return tokens.access


def ask(method: str, path: str, **more: Any) -> Any:
    """What the API answers to who is at the page, as JSON. Raises Refused, NotLoggedIn."""
    return reply(method, path, **more).json()


def reply(method: str, path: str, **more: Any) -> Reply:
    """The same with its headers. What a form creates is created once, however often a script sends the form."""
    key = request.headers.get(REPEAT_HEADER, "")
    if method == "POST" and key:
        own = hashlib.sha256(f"{key} {path}".encode()).hexdigest()
        more["headers"] = {REPEAT_HEADER: own, **more.get("headers", {})}
    found = house().api.call(method, path, token=token(), **more)
    if not found.is_good:
        raise Refused(found)
    return found


def redeem(code: str, verifier: str) -> Reply:
    """The tokens for an authorization code."""
    back_to = f"{house().issuer}{own_client.CALLBACK}"
    return _token(
        {"grant_type": "authorization_code", "code": code, "redirect_uri": back_to, "code_verifier": verifier}
    )


def revoke(tokens: Tokens) -> None:
    """Ends the link that the tokens come of."""
    _call("/oauth/revoke", {"token": tokens.refresh or tokens.access})


def tokens_of(reply: Reply) -> Tokens:
    given = reply.json()
    return Tokens(given["access_token"], now_ms() + given["expires_in"] * 1000, given.get("refresh_token"))


def keep(answer: Answer, cookie: str) -> None:
    """The browser is this session from now on. No script can read the cookie, no other site can send it along."""
    kept_s = int(page_sessions.KEPT.total_seconds())
    answer.set_cookie(
        cookie_name(), cookie, max_age=kept_s, secure=house().is_tls, httponly=True, samesite="Lax", path="/"
    )


def forget(answer: Answer) -> None:
    answer.delete_cookie(cookie_name(), secure=house().is_tls, httponly=True, samesite="Lax", path="/")


def form_token() -> str:
    """What a form or a script shows to be a page of ours: only who has the cookie can make it."""
    cookie = request.cookies.get(cookie_name(), "")
    return base64.urlsafe_b64encode(hmac.digest(cookie.encode(), b"page-form", "sha256")).decode()


def who() -> str:
    """The same for all sessions of a person, and says nothing of them: whether a page is still its reader's."""
    return hashlib.sha256(require().person.encode()).hexdigest()[:16]


def check_sitting() -> None:
    """Raises NotLoggedIn at a page that is not one of the way in. No view has to think of it."""
    if request.endpoint is not None and request.endpoint not in OPEN:
        require()
        request.max_content_length = LARGER.get(request.endpoint, request.max_content_length)


def check_form() -> None:
    """Refuses what changes something and was not sent by a page of ours (403)."""
    if request.method in SAFE or request.endpoint in BY_ITSELF:
        return
    sent = request.headers.get(FORM_HEADER) or request.form.get(FORM_FIELD, "")
    is_ours = bool(request.cookies.get(cookie_name())) and hmac.compare_digest(form_token().encode(), sent.encode())
    if not is_ours:
        if find() is None:
            raise NotLoggedIn
        abort(403)


def to_log_in(place: str | None = None, *, is_fresh: bool = False) -> Answer:
    """To the login, and back to this place after it."""
    wanted = place or (request.full_path.rstrip("?") if request.method == "GET" else _referring_page())
    asked = {"next": wanted} | ({"fresh": "1"} if is_fresh else {})
    return redirect(f"{PREFIX}/login?{urlencode(asked)}", 303)


def is_to_log_in(answer: Answer) -> bool:
    """True for what ``to_log_in`` gives: what was sent has not been taken."""
    return (answer.location or "").startswith(f"{PREFIX}/login?")


def is_here(place: str) -> bool:
    """True for an address of a page of ours, which one may be sent back to."""
    parts = urlsplit(place)
    return (
        not parts.scheme
        and not parts.netloc
        and parts.path.startswith(f"{PREFIX}/")
        and not place.startswith("//")
        and "\\" not in place
        and place.isprintable()
    )


def _referring_page() -> str:
    place = urlsplit(request.headers.get("Referer", "")).path
    return place if is_here(place) else f"{PREFIX}/"


def _token(form: dict[str, str]) -> Reply:
    return _call("/oauth/token", form)


def _call(path: str, form: dict[str, str]) -> Reply:
    house().ensure_client()
    secret = own_client.secret(house().database())
    basic = base64.b64encode(f"{own_client.ID}:{secret}".encode()).decode()
    return house().api.call("POST", path, form=form, headers={"Authorization": f"Basic {basic}"})
