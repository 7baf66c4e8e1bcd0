"""Where a person lets in a device that has no browser: types the code that it shows, sees what it asks, decides."""

from __future__ import annotations

from flask import Blueprint, Response, request

from phr.api import pages
from phr.api.authorize import back, log_in, logged_in
from phr.api.deciding import speaks
from phr.api.installation import database
from phr.auth import clients, device_codes, smart, tries
from phr.auth.codes import Login
from phr.clock import now_ms
from phr.errors import TooManyTries

blueprint = Blueprint("device_pages", __name__)
blueprint.register_error_handler(TooManyTries, pages.wait)

LONGEST_TYPED = 40


@blueprint.get("/oauth/device")
@speaks(gives="text/html")
def show() -> Response:
    return log_in() if pages.login() is None else _typing()


@blueprint.post("/oauth/device")
@speaks("application/x-www-form-urlencoded", "text/html")
def decide() -> Response:
    if not pages.is_own_form():
        return pages.told("sorry", "bad_form", 403)
    who, step = pages.login(), request.form.get("step")
    if step == "log-in":
        return logged_in()
    if step == "leave" or who is None:
        pages.leave()
        return back()
    return _about_a_device(who, step)


def _about_a_device(who: Login, step: str | None) -> Response:
    typed, now = request.form.get("user_code", "")[:LONGEST_TYPED], now_ms()
    try:
        tries.begin(database(), f"user-code:{who.person}", now)  # eight letters must not be tried out (RFC 8628, 5.1)
    except TooManyTries as error:
        return _typing("wait", error.status)
    waiting = device_codes.find_undecided(database(), typed, now)
    client = clients.find(database(), waiting.client_id) if waiting else None
    if waiting is None or client is None:
        return _typing("no_device", 403)
    tries.forget(database(), f"user-code:{who.person}")
    if step not in ("allow", "deny"):
        asked = smart.told(waiting.scope)
        return pages.page("device.html", client=client.name, scopes=asked, user_code=typed)
    is_first = device_codes.decide(database(), waiting.id, who, is_allowed=step == "allow")
    pages.leave()
    return pages.told("done", "device_done", 200) if is_first else _typing("no_device", 403)


def _typing(fault: str | None = None, status: int = 200) -> Response:
    typed = request.args.get("user_code", "")[:LONGEST_TYPED]
    return pages.page("user_code.html", status, fault=fault, user_code=typed)
