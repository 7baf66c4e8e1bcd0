"""Refresh tokens: good for one turn, and twice used the end of them all (RFC 9700, 2.2.2 and 4.14)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from phr.auth import links
from phr.auth.links import LINKS, REPEAT_MS
from phr.clock import now_ms
from tests.security.asking import opens, post
from tests.security.browser import Browser, an_app


def status(browser: Browser, token: str) -> int:
    browser.cast.installation.protector.validator.revocations.read(now_ms())
    return opens(browser.cast, token, "/v1/people/me")


def later(browser: Browser, by_ms: int = REPEAT_MS + 1_000) -> None:
    """The last turn was taken so much earlier."""
    browser.cast.database[LINKS].update_one({}, {"$inc": {"turned_at_ms": -by_ms}})


def test_each_turn_gives_the_next_token_and_takes_the_one_before(browser: Browser) -> None:
    first = browser.tokens()
    second = browser.refresh(first["refresh_token"]).json
    third = browser.refresh(second["refresh_token"]).json
    assert len({one["refresh_token"] for one in (first, second, third)}) == 3
    assert status(browser, third["access_token"]) == 200


def test_lost_answer_may_be_asked_for_again_and_is_the_same(browser: Browser) -> None:
    first = browser.tokens()
    lost, again = (browser.refresh(first["refresh_token"]).json for _ in range(2))
    assert lost["refresh_token"] == again["refresh_token"]
    assert browser.refresh(again["refresh_token"]).status_code == 200


@pytest.mark.parametrize("case", ["too late", "successor used", "two turns ago"])
def test_token_that_comes_again_ends_all_that_it_led_to(browser: Browser, case: str) -> None:
    first = browser.tokens()
    given = browser.refresh(first["refresh_token"]).json
    if case == "too late":
        later(browser)
    else:
        given = browser.refresh(given["refresh_token"]).json
    if case == "two turns ago":
        given = browser.refresh(given["refresh_token"]).json
        later(browser, 10**9)
    answer = browser.refresh(first["refresh_token"])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert browser.refresh(given["refresh_token"]).status_code == 400
    assert [status(browser, one["access_token"]) for one in (first, given)] == [401, 401]


def test_person_is_told_that_a_token_was_used_twice(browser: Browser) -> None:
    first = browser.tokens()
    browser.refresh(first["refresh_token"])
    later(browser)
    browser.refresh(first["refresh_token"])
    notice = browser.cast.database["notices"].find_one({"rule": "link-reused"})
    assert notice is not None
    assert notice["person"] == browser.cast.owner


def test_used_from_many_places_at_once_there_is_one_token_after_it(browser: Browser) -> None:
    """Whoever of them goes on first, the others' next turn ends the link for all."""
    first = browser.tokens()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: browser.refresh(first["refresh_token"]), range(4)))
    (second,) = {one.json["refresh_token"] for one in answers}
    third = browser.refresh(second).json
    later(browser)
    assert browser.refresh(second).status_code == 400
    assert browser.refresh(third["refresh_token"]).status_code == 400


def changed(index: int, to: str) -> Callable[[str], str]:
    return lambda token: ".".join([*token.split(".")[:index], to, *token.split(".")[index + 1 :]])


@pytest.mark.parametrize(
    "change",
    [
        changed(0, "0" * 32),
        changed(1, "1"),
        changed(1, "00"),
        changed(1, "-1"),
        changed(1, "٠"),
        changed(2, "x"),
        lambda token: token[:-1],
        lambda token: token + "é",
        lambda _: "",
        lambda _: "x",
        lambda _: "..",
    ],
    ids=range(11),
)
def test_made_up_token_is_refused_and_does_no_harm(browser: Browser, change: Callable[[str], str]) -> None:
    token = browser.tokens()["refresh_token"]
    answer = browser.refresh(change(token))
    assert (answer.status_code, answer.json["error"]) in [(400, "invalid_grant"), (400, "invalid_request")]
    assert browser.refresh(token).status_code == 200


def test_token_of_another_client_is_refused_and_takes_no_turn(browser: Browser) -> None:
    token = browser.tokens()["refresh_token"]
    assert browser.refresh(token, an_app(browser.cast)).json["error"] == "invalid_grant"
    assert browser.refresh(token).status_code == 200


def test_scope_can_only_get_smaller_and_a_refused_one_takes_no_turn(browser: Browser) -> None:
    token = browser.tokens(scope="profile.read offline_access")["refresh_token"]
    assert browser.refresh(token, scope="readings.read").json["error"] == "invalid_scope"
    assert browser.refresh(token, scope="profile.read").json["scope"] == "profile.read"


def test_scope_that_the_client_has_lost_is_lost_to_its_links(browser: Browser) -> None:
    token = browser.tokens()["refresh_token"]
    browser.cast.database["clients"].update_one({"_id": browser.app.client_id}, {"$set": {"scope": "profile.read"}})
    assert browser.refresh(token).json["scope"] == "profile.read"


def test_link_ends_where_nobody_uses_it_and_after_a_year_at_most(browser: Browser) -> None:
    token = browser.tokens()["refresh_token"]
    one_day = timedelta(days=1)
    browser.cast.database[LINKS].update_one({}, {"$inc": {"began_at_ms": -364 * 86_400_000}})
    token = browser.refresh(token).json["refresh_token"]
    row: Any = browser.cast.database[LINKS].find_one()
    assert row["expires_at"].timestamp() * 1000 - now_ms() <= one_day.total_seconds() * 1000
    browser.cast.database[LINKS].update_one({}, {"$set": {"expires_at": row["expires_at"] - one_day}})
    assert browser.refresh(token).status_code == 400


def test_revoked_refresh_token_ends_its_access_tokens_too(browser: Browser) -> None:
    given = browser.tokens()
    form = {"token": given["refresh_token"], "client_id": browser.app.client_id}
    assert post(browser.cast, "/oauth/revoke", None, **form).status_code == 200
    assert opens(browser.cast, given["access_token"], "/v1/people/me") == 401
    assert browser.refresh(given["refresh_token"]).status_code == 400


def test_another_client_can_not_revoke_it(browser: Browser) -> None:
    given = browser.tokens()
    form = {"token": given["refresh_token"], "client_id": an_app(browser.cast).client_id}
    assert post(browser.cast, "/oauth/revoke", None, **form).status_code == 400
    assert browser.refresh(given["refresh_token"]).status_code == 200


def test_nothing_that_is_stored_is_a_refresh_token_or_makes_one(browser: Browser) -> None:
    token = browser.tokens()["refresh_token"]
    proof = token.rsplit(".", 1)[1]
    assert proof not in str(list(browser.cast.database[LINKS].find()))


def test_code_that_is_replayed_while_its_first_use_is_on_its_way_leaves_nothing(browser: Browser) -> None:
    database, link_id = browser.cast.database, links.new_id()
    links.end(database, link_id, links.REUSED, now_ms())
    draft = links.NewLink(browser.cast.owner, browser.app.client_id, "profile.read", now_ms(), ("pwd",))
    assert links.begin(database, link_id, draft, now_ms()) is None
