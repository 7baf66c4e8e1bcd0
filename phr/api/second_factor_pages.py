"""Where a person sets up or removes their own second factor, at a browser: by a login of the last five minutes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, request
from markupsafe import Markup

from phr.api import pages, recency
from phr.api.authorize import back, log_in, logged_in
from phr.api.deciding import speaks
from phr.api.installation import database
from phr.auth import enrolling
from phr.auth.codes import Login
from phr.auth.enrolling import Who
from phr.clock import now_ms
from phr.errors import AccessDenied, InputInvalid, TooManyTries
from phr.people import second_factors
from phr.people.keyring import KeyDestroyed

blueprint = Blueprint("second_factor_pages", __name__)

LONGEST_TYPED = 16


@blueprint.get("/oauth/second-factor")
@speaks(gives="text/html")
def show() -> Response:
    who = pages.login()
    return _state(who) if who is not None and recency.is_now(who.auth_at_ms, now_ms()) else log_in()


@blueprint.post("/oauth/second-factor")
@speaks("application/x-www-form-urlencoded", "text/html")
def decide() -> Response:
    if not pages.is_own_form():
        return pages.told("sorry", "bad_form", 403)
    who, step = pages.login(), request.form.get("step", "")
    if step == "log-in":
        return logged_in()
    if step == "leave" or who is None or not recency.is_now(who.auth_at_ms, now_ms()):
        pages.leave()
        return back()
    work = STEPS.get(step)
    return back() if work is None else _done(work, who)


def _done(work: Callable[[Who, int], Response], who: Login) -> Response:
    try:
        return work(Who(who.person, "mfa" in who.amr), now_ms())
    except TooManyTries as error:
        return _state(who, "wait", error.status)
    except InputInvalid as error:
        return _state(who, "factor_wrong", error.status)
    except (AccessDenied, KeyDestroyed):
        return _state(who, "factor_not", 403)


def _begin(who: Who, now: int) -> Response:
    uri = enrolling.begin(database(), who, now)
    secret = parse_qs(urlsplit(uri).query)["secret"][0]
    return pages.page("second_factor_new.html", picture=Markup(enrolling.inline(uri)), secret=secret)  # noqa: S704 - drawn here, no text in it


def _confirm(who: Who, now: int) -> Response:
    typed = request.form.get("code", "")[:LONGEST_TYPED]
    note = partial(pages.log, who.person, "set up a second factor", now)
    codes = enrolling.confirm(database(), who, typed, now, note=note)
    pages.leave()
    return pages.page("recovery_codes.html", 201, codes=codes)


def _remove(who: Who, now: int) -> Response:
    note = partial(pages.log, who.person, "removed a second factor", now)
    enrolling.remove(database(), who, now, note=note)
    pages.leave()
    return pages.told("done", "factor_removed", 200)


STEPS = {"begin": _begin, "confirm": _confirm, "remove": _remove}


def _state(who: Login, fault: str | None = None, status: int = 200) -> Response:
    is_set = second_factors.has(database(), who.person)
    return pages.page("second_factor.html", status, is_set=is_set, is_by_two="mfa" in who.amr, fault=fault)
