"""What a page says when something went wrong: what happened, and what to do."""

from __future__ import annotations

import logging

from flask import Flask, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from pages import sittings
from pages.api import Refused
from pages.sittings import NotLoggedIn

LOG = logging.getLogger(__name__)


def install(app: Flask) -> None:
    app.register_error_handler(NotLoggedIn, _log_in)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_surprise)


def told(status: int, headline: str, text: str, detail: str = "") -> Response:
    """A page that says so; a script that asked is told the same as a problem document."""
    page = render_template("problem.html", headline=headline, text=text, detail=detail, status=status)
    return Response(page, status, content_type="text/html; charset=utf-8")


def _log_in(_error: NotLoggedIn) -> Response:
    if request.path.startswith("/app/api/") or _is_scripts():
        return _code("not-logged-in")
    return sittings.to_log_in()


def _is_scripts() -> bool:
    """A form that a script sends (static/forms.js), which keeps what was typed over a login."""
    return sittings.REPEAT_HEADER in request.headers


def _code(code: str) -> Response:
    return Response(f'{{"code":"{code}"}}', 401, content_type="application/problem+json")


def _refused(error: Refused) -> Response:
    status, code = error.reply.status, error.code
    if code == "login-too-old":
        return _code(code) if _is_scripts() else sittings.to_log_in(is_fresh=True)
    if status == 401:
        return _code("not-logged-in") if _is_scripts() else sittings.to_log_in()
    if status == 403:
        return told(403, _("Not to be seen"), _("There is no such record, or its owner has not let you see this."))
    if status == 404:
        return told(404, _("Not there"), _("It is no longer there, or the address is wrong."))
    if status in (409, 412):
        return told(
            status, _("It has changed meanwhile"), _("Go back, load the page again and look before you change it.")
        )
    if status == 429:
        return told(429, _("Too often"), _("Wait a minute, then try again."))
    if status >= 500:
        return told(503, _("The record can't be reached"), _("Nothing is lost. Try again in a minute."))
    return told(status, _("That can't be taken"), _("Go back and look at what you filled in."), _detail(error))


def _detail(error: Refused) -> str:
    faults = error.problem.get("errors")
    if isinstance(faults, list):
        return "; ".join(f"{one.get('pointer', '')} {one.get('detail', '')}".strip() for one in faults if one)
    return str(error.problem.get("detail", ""))


def _of_http(error: HTTPException) -> Response:
    if isinstance(error.response, Response):  # a redirect
        return error.response
    status = error.code or 500
    if status == 404:
        return told(404, _("Not there"), _("It is no longer there, or the address is wrong."))
    if status == 403:
        if _is_scripts():
            return _code("form-too-old")
        return told(403, _("This form is too old"), _("Go back, load the page again and send it once more."))
    return told(status, _("That did not work"), _("Go back and try again."))


def _of_surprise(error: Exception) -> Response:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    LOG.error("%s at %s", type(error).__name__, where)
    return told(500, _("Something broke here"), _("It is our fault and has been noted. Nothing is lost."))
