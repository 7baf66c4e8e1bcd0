"""Every error as a problem document (RFC 9457); of an unexpected one only its place is logged, never what it held."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from flask import Flask, Response
from pymongo.errors import ConnectionFailure, PyMongoError, WTimeoutError
from werkzeug.exceptions import HTTPException

from phr.api import recency
from phr.errors import InputInvalid, NotAuthenticated, PhrError, TooManyTries

LOG = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
CODES = {413: "payload-too-large"}
_CHALLENGES = {
    "token-invalid": ', error="invalid_token"',
    "login-too-old": f', error="insufficient_user_authentication", max_age="{recency.LONGEST_S}"',  # RFC 9470, 3
}


class ShapeInvalid(InputInvalid):
    """The body or the query does not have its shape; all that is wrong with it, each with a pointer."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        pointer, detail = faults[0]
        super().__init__(f"{pointer or '/'}: {detail}", pointer)
        self.faults = faults


class PreconditionMissing(PhrError):
    """A change must say which version it changes."""

    code: ClassVar[str] = "if-match-missing"
    status: ClassVar[int] = 428


def install(app: Flask) -> None:
    """Answers every error of the application with a problem document."""
    app.register_error_handler(PhrError, _of_phr_error)
    app.register_error_handler(HTTPException, _of_http_exception)
    app.register_error_handler(PyMongoError, _of_database_error)
    app.register_error_handler(Exception, _of_surprise)


def problem(status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None) -> Response:
    """{"type", "title", "status", "code", "detail", …}."""
    title = HTTPStatus(status).phrase
    body = {"type": f"urn:phr:problem:{code}", "title": title, "status": status, "code": code, "detail": detail}
    return Response(msgspec.json.encode(body | dict(extra or {})), status, content_type=CONTENT_TYPE)


def _of_phr_error(error: PhrError) -> Response:
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _of_surprise(error)
    extra: dict[str, Any] = {"pointer": error.pointer} if error.pointer else {}
    if isinstance(error, ShapeInvalid):
        extra["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in error.faults]
    answer = problem(error.status, error.code, error.detail, extra)
    if isinstance(error, NotAuthenticated):
        answer.headers["WWW-Authenticate"] = f'Bearer realm="phr"{_CHALLENGES.get(error.code, "")}'
    elif isinstance(error, TooManyTries):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    elif error.code == "scope-missing":
        answer.headers["WWW-Authenticate"] = 'Bearer realm="phr", error="insufficient_scope"'
    return answer


def _of_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < HTTPStatus.BAD_REQUEST:  # a redirect of the router
        return Response(error.get_response().get_data(), status, dict(error.get_headers()))
    code = CODES.get(status, re.sub(r"[^a-z]+", "-", HTTPStatus(status).phrase.lower()).strip("-"))
    answer = problem(status, code, error.description or HTTPStatus(status).phrase)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _of_database_error(error: Exception) -> Response:
    if not isinstance(error, ConnectionFailure | WTimeoutError):
        return _of_surprise(error)
    LOG.error("database unavailable: %s", type(error).__name__)
    answer = problem(503, "server-unavailable", "the record can't be reached at the moment; try again")
    answer.headers["Retry-After"] = "5"
    return answer


def _of_surprise(error: Exception) -> Response:
    # Not the message: it may hold a value, a name or a token.
    LOG.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return problem(500, "internal-error", "something went wrong on our side; it has been noted")
