"""Nobody comes more often than is allowed to where something can be guessed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from phr.api import rates
from phr.api.addresses import NOWHERE, address_of, networks
from phr.api.rates import is_limited
from phr.auth import links
from phr.auth.links import NewLink
from phr.auth.rates import COUNTS, IN_ADVANCE, Ahead, RateCounts
from phr.config import Settings, load
from phr.database import Database
from phr.errors import SettingInvalid
from tests.cast import T0, Cast
from tests.security.asking import basic

FEW = 3
OURS = networks("127.0.0.1, 10.0.0.0/8")


@pytest.fixture
def allow(cast: Cast) -> Callable[..., None]:
    """Sets limits, and trusted proxies, for this test's installation."""

    def changed(**settings: Any) -> None:
        cast.installation.settings = replace(cast.installation.settings, **settings)

    return changed


def asked(cast: Cast, times: int = 1, path: str = "/oauth/token", **request: Any) -> list[int]:
    return [cast.http.post(path, **request).status_code for _ in range(times)]


def from_behind(cast: Cast, forwarded: str, **form: str) -> int:
    return cast.http.post("/oauth/token", data=form, headers={"X-Forwarded-For": forwarded}).status_code


def test_the_first_too_many_from_an_address_is_told_when_to_come_back(cast: Cast, allow: Callable[..., None]) -> None:
    allow(address_requests_per_min=FEW)
    assert 429 not in asked(cast, FEW)
    answer = cast.http.post("/oauth/token")
    assert (answer.status_code, answer.content_type, answer.json["code"]) == (
        429,
        "application/problem+json",
        "too-many-tries",
    )
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/device"])
@pytest.mark.parametrize(("language", "words"), [("zh-CN", "请稍后再试"), ("en", "Please wait a little")])
def test_a_browser_is_shown_a_page_that_says_so(
    cast: Cast, allow: Callable[..., None], path: str, language: str, words: str
) -> None:
    allow(address_requests_per_min=FEW)
    asked(cast, FEW)
    answer = cast.http.get(path, headers={"Accept-Language": language})
    assert (answer.status_code, answer.mimetype, words in answer.text) == (429, "text/html", True)
    assert "Retry-After" in answer.headers


def test_an_address_is_counted_over_all_the_routes_together(cast: Cast, allow: Callable[..., None]) -> None:
    allow(address_requests_per_min=FEW)
    asked(cast), asked(cast, path="/oauth/revoke"), asked(cast, path="/oauth/authorize")
    assert asked(cast, path="/oauth/device") == [429]


def test_another_address_has_its_own_count(cast: Cast, allow: Callable[..., None]) -> None:
    allow(address_requests_per_min=FEW)
    asked(cast, FEW + 1)
    elsewhere = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert 429 not in asked(cast, **elsewhere)


def test_what_a_stranger_says_of_where_it_comes_from_does_not_count(cast: Cast, allow: Callable[..., None]) -> None:
    allow(address_requests_per_min=FEW)
    assert [from_behind(cast, f"192.0.2.{n}") for n in range(FEW + 1)][-1] == 429


def test_behind_a_trusted_proxy_each_has_its_own_count(cast: Cast, allow: Callable[..., None]) -> None:
    allow(address_requests_per_min=FEW, trusted_proxies="127.0.0.1")
    assert 429 not in [from_behind(cast, f"192.0.2.{n}") for n in range(FEW + 1)]
    assert [from_behind(cast, f"1.1.1.{n}, 192.0.2.0") for n in range(FEW)][-1] == 429


@pytest.mark.parametrize(
    "named", [{"data": {"client_id": "app"}}, {"query_string": {"client_id": "app"}}, {"headers": basic("app", "x")}]
)
def test_a_client_is_counted_from_wherever_it_comes(
    cast: Cast, allow: Callable[..., None], named: dict[str, Any]
) -> None:
    allow(client_requests_per_min=FEW)
    for n in range(FEW):
        asked(cast, environ_base={"REMOTE_ADDR": f"192.0.2.{n}"}, **named)
    assert asked(cast, environ_base={"REMOTE_ADDR": "192.0.2.9"}, **named) == [429]
    assert asked(cast, data={"client_id": "another"}) != [429]


def claim(cast: Cast, who: str, n: int = 0) -> TestResponse:
    body = {"device": f"acme/none-{n}", "code": "WRONG"}
    return cast.send(who, "POST", "/v1/devices/claim", json=body)


def test_a_person_who_claims_is_counted_and_another_is_not_held_up(cast: Cast, allow: Callable[..., None]) -> None:
    allow(person_requests_per_min=FEW)
    assert [claim(cast, cast.owner, n).status_code for n in range(FEW + 1)] == [404] * FEW + [429]
    assert claim(cast, cast.stranger, 9).status_code == 404


def test_a_forged_token_uses_up_nobodys_count(cast: Cast, allow: Callable[..., None]) -> None:
    allow(person_requests_per_min=FEW)
    forged = cast.token(cast.owner)[:-8] + "AAAAAAAA"
    asked(cast, FEW + 1, "/v1/devices/claim", headers={"Authorization": f"Bearer {forged}"})
    assert claim(cast, cast.owner).status_code == 404


def test_a_link_is_counted_by_its_refresh_token(cast: Cast, allow: Callable[..., None]) -> None:
    allow(person_requests_per_min=FEW)
    link = links.begin(cast.database, "a" * 32, NewLink(cast.owner, "app", "", T0, ("pwd",)), T0)
    assert link is not None
    form = {"grant_type": "refresh_token", "refresh_token": links.refresh_token(cast.database, link)}
    assert asked(cast, FEW + 1, data=form)[-1] == 429


def test_every_open_route_is_limited_but_what_only_tells(application: Flask) -> None:
    """A route without a guard that is not limited: put it into rates.TELLING only if nothing can be guessed there."""
    free = {
        f"{method} {rule.rule}"
        for rule in application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not is_limited(application, rule.endpoint)
        and "scope" not in application.view_functions[rule.endpoint].__dict__
    }
    # Listed by the routes beside them.
    for_everybody = {"GET /v1/education/articles/<slug>", "GET /v1/education/courses/<course>"}
    for_everybody |= {"GET /v1/education/images/<name>"}
    signed = {"POST /v1/wechat/push"}  # by 160 bits that nobody guesses
    assert {name for name in free if not name.startswith("GET ") or "<" in name} == for_everybody | signed


def test_what_need_not_be_limited_is_there(application: Flask) -> None:
    known = {*application.view_functions, *application.blueprints}
    assert known >= rates.TELLING | rates.GUARDED


@pytest.mark.parametrize("name", rates.PER_MIN)
def test_no_limit_can_be_switched_off(settings: Settings, name: str) -> None:
    with pytest.raises(SettingInvalid, match=name.upper()):
        rates.install(Flask("x"), replace(settings, **{name: 0}))


def test_a_proxy_that_is_no_address_stops_the_start(settings: Settings) -> None:
    with pytest.raises(SettingInvalid, match="PHR_TRUSTED_PROXIES"):
        rates.install(Flask("x"), replace(settings, trusted_proxies="proxy.local"))


def test_the_limits_come_from_the_environment() -> None:
    assert load({"PHR_ADDRESS_REQUESTS_PER_MIN": "7"}).address_requests_per_min == 7


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.9"], "192.0.2.1"),
        ("10.1.1.1", ["198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", ["203.0.113.5, 198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        ("127.0.0.1", ["203.0.113.5", "198.51.100.9, 10.0.0.2"], "198.51.100.9"),
        ("127.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.5, <script>"], "127.0.0.1"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        (None, ["203.0.113.5"], NOWHERE),
    ],
)
def test_address_is_the_nearest_hop_that_is_not_ours(peer: str | None, forwarded: list[str], expected: str) -> None:
    assert address_of(peer, forwarded, OURS) == expected


def counting(database: Database) -> RateCounts:
    """Of a process of its own."""
    ahead = Ahead()
    return RateCounts(database=lambda: database, ahead=lambda: ahead)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    at = [T0]
    monkeypatch.setattr("phr.auth.rates.now_ms", lambda: at[0])
    return at


def test_a_window_ends_and_the_next_begins_at_one(database: Database, now: list[int]) -> None:
    counts = counting(database)
    assert [counts.incr("a", 60), counts.incr("a", 60)] == [1, 2]
    now[0] += 59_999
    assert (counts.incr("a", 60), counts.get("a"), counts.get_expiry("a")) == (3, 3, (T0 + 60_000) / 1000)
    now[0] += 1
    assert (counts.get("a"), counts.incr("a", 60)) == (0, 1)


def test_processes_count_together_and_one_can_be_forgotten(database: Database) -> None:
    one, other = counting(database), counting(database)
    assert [one.incr("a", 60), other.incr("a", 60), other.incr("b", 60)] == [1, 2, 1]
    one.clear("a")
    assert (other.get("a"), other.get("b"), other.check(), one.reset()) == (0, 1, True, 1)


def test_who_comes_often_is_counted_exactly_and_seldom_written(database: Database, now: list[int]) -> None:
    counts = counting(database)
    assert [counts.incr("a", 60) for _ in range(500)] == list(range(1, 501))
    assert 500 <= counts.get("a") <= 500 * (1 + 1 / IN_ADVANCE) + 1
    now[0] += 60_000
    assert counts.incr("a", 60) == 1


def test_no_number_is_given_twice_by_processes_and_threads(database: Database, now: list[int]) -> None:
    processes = [counting(database), counting(database)]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda n: processes[n % 2].incr("a", 60), range(400)))
    assert len(set(given)) == 400
    assert max(given) <= 400 * (1 + 2 / IN_ADVANCE) + 2


def test_memory_of_a_process_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phr.auth.rates.MOST_KEYS", 3)
    ahead = Ahead()
    counts = RateCounts(database=lambda: database, ahead=lambda: ahead)
    assert [counts.incr(str(n), 60) for n in range(7)] == [1] * 7
    assert len(ahead.taken) <= 3


def test_nothing_that_was_typed_is_kept(cast: Cast) -> None:
    asked(cast, data={"client_id": "eve\n2026 INFO forged"})
    rows = list(cast.database[COUNTS].find())
    assert rows
    assert {len(row["_id"]) for row in rows} == {64}
