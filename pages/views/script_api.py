"""What scripts of pages ask of the API: it is asked for them with the session's token, which they never hold."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from flask import Blueprint, Response, request

from pages import sittings
from pages.api import Asked
from pages.house import house

blueprint = Blueprint("script_api", __name__)

PASSED = ("Accept", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "Last-Event-ID", "View-As")
GIVEN = ("Content-Type", "Content-Disposition", "Content-Security-Policy", "ETag", "Location", "Retry-After")
LEAST_TO_PACK = 1_024
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.route("/app/api/<path:rest>", methods=METHODS)
def pass_on(rest: str) -> Response:
    """Streams go through as they come. What changes something was checked to be a page's own (``check_form``)."""
    headers = {name: request.headers[name] for name in PASSED if name in request.headers}
    status, given, parts = house().api.open(
        request.method,
        f"/v1/{rest}",
        Asked(
            token=sittings.token(),
            query=request.query_string.decode("ascii", "replace"),
            data=request.get_data() if request.method != "GET" else None,
            headers=headers,
        ),
    )
    kept = {name: given[name] for name in GIVEN if name in given}
    is_json = given.get("Content-Type", "").startswith("application/json")
    if is_json and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = b"".join(_closing(parts))
        is_long = len(body) >= LEAST_TO_PACK
        answer = Response(gzip.compress(body, 1) if is_long else body, status, headers=kept)
        if is_long:
            answer.headers["Content-Encoding"] = "gzip"
    else:
        answer = Response(_closing(parts), status, headers=kept)
    answer.vary.add("Accept-Encoding")
    answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; sandbox")
    return answer


def _closing(parts: object) -> Iterator[bytes]:
    try:
        yield from parts  # type: ignore[misc]
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
