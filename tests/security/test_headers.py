"""Every answer is locked down: good ones, refusals, pages, files and what the router or the limits say themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from phr.api import grants as grants_api
from phr.api.application import LARGEST_BODY_BYTES
from phr.api.headers import ALWAYS, ONLY_TLS
from phr.api.origins import OPEN
from tests.cast import Cast
from tests.security.asking import basic

HSTS = "Strict-Transport-Security"
ASKED = {
    "good": ("GET", "/healthz", 200),
    "page": ("GET", "/docs", 200),
    "page that refuses": ("GET", "/oauth/authorize", 400),
    "no such route": ("GET", "/v1/none", 404),
    "redirect": ("GET", "/v1//consent-texts", 308),
    "method": ("DELETE", "/healthz", 405),
    "nobody": ("GET", "/v1/people/me", 401),
    "error of a client": ("POST", "/oauth/token", 400),
    "token in the address": ("GET", "/healthz?access_token=x", 400),
    "options": ("OPTIONS", "/healthz", 200),
}


def assert_locked(answer: TestResponse) -> None:
    """Strict: nothing is loaded but what is named, no script at all, nobody frames it, nobody else reads it."""
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert not [word for word in ("script-src", "unsafe-", "*", "http:", "data:") if word in policy]
    assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS
    assert "Cache-Control" in answer.headers
    is_open = answer.request.path.startswith(OPEN)  # tells everybody the same; else see test_origins
    assert answer.headers.get("Access-Control-Allow-Origin") == ("*" if is_open else None)


@pytest.mark.parametrize("name", ASKED)
def test_answer_is_locked_down(cast: Cast, name: str) -> None:
    method, path, status = ASKED[name]
    answer = cast.http.open(path, method=method)
    assert answer.status_code == status
    assert_locked(answer)


def test_an_error_of_ours_is_locked_down(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise RuntimeError

    monkeypatch.setattr(grants_api, "texts", breaks)
    answer = cast.http.get("/v1/consent-texts")
    assert answer.status_code == 500
    assert_locked(answer)


def test_a_body_that_is_too_large_is_refused_and_locked_down(cast: Cast) -> None:
    answer = cast.send(cast.owner, "POST", "/v1/people/me/entries", data=b" " * (LARGEST_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert_locked(answer)


def test_a_form_that_is_too_large_is_refused_and_locked_down(cast: Cast) -> None:
    answer = cast.http.post("/oauth/token", data={"client_id": "x" * (LARGEST_BODY_BYTES + 1)})
    assert answer.status_code == 413
    assert_locked(answer)


def test_who_comes_too_often_is_answered_locked_down(cast: Cast) -> None:
    cast.installation.settings = replace(cast.installation.settings, address_requests_per_min=1)
    cast.http.post("/oauth/token")
    answer = cast.http.post("/oauth/token", headers=basic("a", "b"))
    assert answer.status_code == 429
    assert_locked(answer)


@pytest.mark.parametrize(("issuer", "told"), [("https://phr.example", ONLY_TLS), ("http://127.0.0.1:8080", None)])
def test_browsers_are_held_to_tls_where_we_speak_it(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, issuer: str, told: str | None
) -> None:
    monkeypatch.setattr(cast.installation, "issuer", issuer)
    assert cast.http.get("/v1/none").headers.get(HSTS) == told


def test_no_route_gives_a_policy_that_runs_scripts(application: Flask, cast: Cast) -> None:
    """Each route without a guard is asked once."""
    for rule in application.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and "scope" not in application.view_functions[rule.endpoint].__dict__:
            assert_locked(cast.http.get(rule.rule.replace("<", "").replace(">", "")))
