"""Pages of registered apps read answers in a browser, and no other page does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from phr.api.origins import origin_of
from phr.auth import clients
from phr.auth.clients import NewClient
from phr.clock import now_ms
from tests.cast import Cast

APP, STRANGER = "https://app.example", "https://evil.example"
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture(autouse=True)
def _app(cast: Cast) -> Iterator[None]:
    draft = NewClient(
        name="app", scope=["readings.read"], grant_types=["authorization_code"], redirect_uris=[f"{APP}/cb"],
        is_public=True,
    )  # fmt: skip
    clients.create(cast.database, draft, now_ms())
    cast.http.application.extensions["phr_origins"].forget()
    yield
    cast.http.application.extensions["phr_origins"].forget()


def asked(cast: Cast, path: str, origin: str | None, method: str = "GET", **more: str) -> Any:
    headers = ({"Origin": origin} if origin else {}) | more
    return cast.http.open(path.format(owner=cast.owner), method=method, headers=headers)


@pytest.mark.parametrize("path", ["/v1/people/{owner}/overview", "/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (APP, APP), (STRANGER, None), (None, None), ("null", None), (f"{APP}.evil.example", None),
        ("http://app.example", None), (f"{APP}:8443", None), ("*", None),
    ],
)  # fmt: skip
def test_only_the_origin_of_a_registered_app_is_allowed(
    cast: Cast, path: str, origin: str | None, allowed: str | None
) -> None:
    answer = asked(cast, path, origin)
    assert answer.headers.get(ALLOW) == allowed
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_browser_that_asks_before_is_told_what_it_may_send_without_a_token(cast: Cast) -> None:
    more = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    answer = asked(cast, "/v1/people/{owner}/entries/x", APP, "OPTIONS", **more)
    assert (answer.status_code, answer.headers[ALLOW]) == (204, APP)
    assert {"Authorization", "If-Match"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    stranger = asked(cast, "/v1/people/{owner}/entries/x", STRANGER, "OPTIONS", **more)
    assert not [name for name in stranger.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118


def test_refusals_are_read_too_so_that_an_app_can_say_what_is_wrong(cast: Cast) -> None:
    answer = asked(cast, "/v1/people/{owner}/overview", APP)
    assert (answer.status_code, answer.headers[ALLOW]) == (401, APP)
    assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/oauth/jwks.json", "/openapi.json"])
def test_what_tells_everybody_the_same_is_open_to_every_page(cast: Cast, path: str) -> None:
    assert asked(cast, path, STRANGER).headers[ALLOW] == "*"


@pytest.mark.parametrize("path", ["/oauth/authorize", "/login", "/docs", "/healthz"])
def test_pages_with_cookies_are_nobody_elses(cast: Cast, path: str) -> None:
    assert ALLOW not in asked(cast, path, APP).headers


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://app.example/cb", APP),
        ("https://app.example:8443/cb", f"{APP}:8443"),
        ("http://127.0.0.1:9000/cb", "http://127.0.0.1:9000"),
        ("com.example.app:/cb", None),
    ],
)
def test_origin_of_a_redirect(uri: str, origin: str | None) -> None:
    assert origin_of(uri) == origin
