"""Which pages of others may read answers in a browser: those of clients that people log in through, by their origin.

An app in a browser has the origin of its redirect URIs, which are registered to the letter, so there is no second list.
Never with cookies (the pages that have some are left out); "*" stands only on what tells everybody the same.
Source: Fetch Standard, section 3.2 (CORS protocol); OAuth 2.0 for Browser-Based Applications, on the token endpoint.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from flask import Flask, Response, request

from phr.api.installation import database
from phr.auth import clients

FRESH_S = 30.0  # a client that was just registered waits so long at most
OPEN = ("/.well-known/", "/oauth/jwks.json", "/openapi.json")
SHARED = ("/v1/", "/oauth/token", "/oauth/revoke", "/oauth/device_authorization")
METHODS = "GET, POST, PUT, PATCH, DELETE"
SENT = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, View-As, Last-Event-ID"
READ = "ETag, Location, Retry-After, WWW-Authenticate, Content-Disposition"
KEPT_S = "600"
LONGEST_ORIGIN = 300


class Origins:
    """Those of registered clients, as they were a moment ago."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._read_s = -FRESH_S

    def has(self, origin: str) -> bool:
        if time.monotonic() - self._read_s >= FRESH_S:
            found = (origin_of(one) for one in clients.redirects_of_all(database()))
            self._known, self._read_s = frozenset(one for one in found if one), time.monotonic()
        return origin in self._known

    def forget(self) -> None:
        self._read_s = -FRESH_S


def install(app: Flask) -> Origins:
    """Answers the questions that browsers ask before a request, and marks answers that a page may read."""
    origins = Origins()

    @app.before_request
    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        return Response(status=204)

    @app.after_request
    def mark(response: Response) -> Response:
        origin = request.headers.get("Origin", "")[:LONGEST_ORIGIN]
        if request.path.startswith(OPEN):
            response.headers["Access-Control-Allow-Origin"] = "*"
        elif request.path.startswith(SHARED):
            response.vary.add("Origin")
            if not origin or not origins.has(origin):
                return response
            response.headers["Access-Control-Allow-Origin"] = origin
        else:
            return response
        if request.method == "OPTIONS":
            told = {"Allow-Methods": METHODS, "Allow-Headers": SENT, "Max-Age": KEPT_S}
            response.headers.update({f"Access-Control-{name}": value for name, value in told.items()})
        response.headers["Access-Control-Expose-Headers"] = READ
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    return origins


def origin_of(redirect_uri: str) -> str | None:
    """https://app.example of https://app.example/cb; None for an app's own scheme, which no page in a browser has."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") and parts.netloc else None
