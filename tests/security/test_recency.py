"""Some things only who has just logged in may do."""

from typing import Any

import pytest

from phr.api import recency
from phr.clock import now_ms
from tests.cast import Cast, a_gift
from tests.security.browser import Browser
from tests.security.test_who_may import Route, routes

SENSITIVE = ("contracts.", "erasure.", "exports.", "grants.", "logins.")
# To look, to refuse, to ask, to end what was given: none of these opens or ends a record.
EASY = {
    "DELETE /v1/people/<person>/contracts/<contract>",
    "GET /v1/people/<person>/contracts",
    "POST /v1/people/<person>/contracts",  # grants nothing before the resident consents
    "GET /v1/people/<person>/contracts/<contract>/proxies",
    "GET /v1/people/<person>/contracts/consents/<grant>/papers",
    "GET /v1/people/<person>/contracts/consents/<grant>/papers/<paper>",
    "POST /v1/people/<person>/contracts/consents/<grant>/papers",  # shows a consent, gives none
    "POST /v1/people/<person>/contracts/<contract>/death",  # freezes what was granted
    "DELETE /v1/people/<person>/erasure",
    "DELETE /v1/people/<person>/grants/<grant>",
    "DELETE /v1/people/<person>/links/<link>",
    "DELETE /v1/people/<person>/received-grants/<grant>",
    "POST /v1/people/<person>/grants/<grant>/decline",
    "POST /v1/people/<person>/received-grants",
    "POST /v1/people/<person>/received-grants/by-code",
    "PUT /v1/people/<person>/emergency-exclusions/<organisation>",
    "PUT /v1/people/<person>/alert-contacts",  # gives nobody a right
    "GET /v1/people/<person>/alert-contacts",
    "GET /v1/people/<person>/emergency-exclusions",
    "GET /v1/people/<person>/erasure",
    "GET /v1/people/<person>/exports",
    "GET /v1/people/<person>/exports/<one>",
    "GET /v1/people/<person>/grants",
    "GET /v1/people/<person>/grants/<grant>",
    "GET /v1/people/<person>/grants/<grant>/preview",
    "GET /v1/people/<person>/known-browsers",
    "GET /v1/people/<person>/links",
    "GET /v1/people/<person>/logins",
    "GET /v1/people/<person>/received-grants",
}
TOO_OLD_S = recency.LONGEST_S + 1


def ask(cast: Cast, route: Route, age_s: int | None) -> Any:
    at_s = None if age_s is None else now_ms() // 1000 - age_s
    token = cast.token(cast.owner, auth_time_s=at_s)
    return cast.http.open(route.path(cast.owner), method=route.method, headers={"Authorization": f"Bearer {token}"})


def guarded(cast: Cast) -> list[Route]:
    return [one for one in routes(cast.http.application) if (one.method, one.rule) in recency.ROUTES]


def test_table_names_routes_that_there_are(cast: Cast) -> None:
    assert {(one.method, one.rule) for one in guarded(cast)} == recency.ROUTES


def test_route_with_a_sensitive_scope_is_in_the_table_or_known_to_be_easy(cast: Cast) -> None:
    found = {one.name for one in routes(cast.http.application) if (one.scope or "").startswith(SENSITIVE)}
    assert found - {one.name for one in guarded(cast)} == EASY


@pytest.mark.parametrize("age_s", [None, TOO_OLD_S, 86_400])
def test_login_of_before_does_not_do(cast: Cast, age_s: int | None) -> None:
    for route in guarded(cast):
        answer = ask(cast, route, age_s)
        assert (answer.status_code, answer.json["code"]) == (401, "login-too-old"), route.name
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="300"' in challenge


def test_login_of_just_now_comes_to_the_view(cast: Cast) -> None:
    for route in guarded(cast):
        assert ask(cast, route, recency.LONGEST_S - 5).status_code in (204, 400, 403, 404), route.name


def test_old_login_reads_on(cast: Cast) -> None:
    assert ask(cast, Route("GET", "/v1/people/<person>", None), 86_400).status_code == 200


def test_consent_is_withdrawn_with_an_old_login_and_the_record_is_not_erased(cast: Cast) -> None:
    path, old = "/v1/people/me/consents/store", cast.token(cast.owner, auth_time_s=1)
    headers = {"Authorization": f"Bearer {old}"}
    erased: Any = cast.http.put(path, json={"consent": False, "stored": "erase"}, headers=headers)
    assert (erased.status_code, erased.json["code"]) == (401, "login-too-old")
    assert cast.http.put(path, json={"consent": False}, headers=headers).status_code == 200


def test_app_logs_its_person_in_again_and_goes_on(browser: Browser) -> None:
    """The refresh token carries the old login on; a code with max_age brings a new one."""
    cast, scope = browser.cast, "grants.write offline_access"
    browser.asked = {"scope": scope}
    cast.database["clients"].update_one({"_id": browser.app.client_id}, {"$set": {"scope": scope}})
    first = browser.tokens()
    cast.database["links"].update_many({}, {"$set": {"auth_at_ms": now_ms() - TOO_OLD_S * 1000}})
    old: Any = browser.refresh(first["refresh_token"]).json
    new = browser.tokens(max_age=recency.LONGEST_S)

    def give(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return cast.http.post("/v1/people/me/grants", json=a_gift(cast.stranger), headers=headers).status_code

    assert [give(old["access_token"]), give(new["access_token"])] == [401, 201]
