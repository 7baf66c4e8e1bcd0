"""Logins by a WeChat mini-program, against a stand-in for WeChat's server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.auth import clients, wechat
from phr.auth.clients import REFRESH_TOKEN, WECHAT_CODE, Credentials, NewClient
from phr.auth.wechat import Wechat
from phr.auth.wechat_grant import SECOND_LIFE_MS
from phr.clock import now_ms
from phr.config import Settings
from phr.errors import InputInvalid, SettingInvalid
from phr.people import openids, people, seals, second_factors
from tests.cast import T0, Cast
from tests.security.asking import opens, post
from tests.security.wechat import APPID, SECRET, SESSION_KEY, StandIn, served

SCOPE = "profile.read readings.read offline_access"
MINI = {"name": "Mini", "scope": SCOPE.split(), "grant_types": [WECHAT_CODE], "is_public": True}


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with served() as found:
        yield found


@pytest.fixture
def weixin(server: StandIn, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The stand-in, asked by the application."""
    server.fault, server.status, server.headers = None, 200, {}
    server.asked.clear()
    oauth = cast.http.application.extensions["phr_oauth"]
    monkeypatch.setattr(oauth, "wechat", Wechat(server.url, APPID, SECRET))
    return server


@pytest.fixture
def mini(cast: Cast) -> Credentials:
    return clients.create(cast.database, NewClient(**MINI), T0)


def ask(cast: Cast, mini: Credentials, code: str, **changes: Any) -> TestResponse:
    form = {"grant_type": WECHAT_CODE, "client_id": mini.client_id, "code": code} | changes
    return post(cast, "/oauth/token", None, **{name: value for name, value in form.items() if value is not None})


def person(cast: Cast, mini: Credentials, code: str) -> str:
    """Whose token a code gives."""
    token = ask(cast, mini, code).json["access_token"]  # type: ignore[index]
    shown = cast.http.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"})
    assert shown.status_code == 200, shown.text
    return str(shown.json["id"])  # type: ignore[index]


def test_code_gives_an_access_token_of_ten_minutes_and_no_refresh_token(
    cast: Cast, weixin: StandIn, mini: Credentials
) -> None:
    given: Any = ask(cast, mini, weixin.login()).json
    assert (given["expires_in"], given["token_type"], "refresh_token" in given) == (600, "Bearer", False)
    assert opens(cast, given["access_token"], "/v1/people/me") == 200


def test_new_login_has_a_person_of_its_own_and_the_next_one_is_the_same(
    cast: Cast, weixin: StandIn, mini: Credentials
) -> None:
    first, again, other = (person(cast, mini, weixin.login(who)) for who in ("o-first", "o-first", "o-second"))
    assert first == again
    assert len({first, other, cast.owner, cast.stranger}) == 4
    assert people.require(cast.database, first).zones[0].zone == "Asia/Shanghai"


def test_two_first_logins_at_once_are_one_person(cast: Cast, weixin: StandIn) -> None:
    who, before = openids.OpenId(APPID, "o-at-once"), cast.database["people"].count_documents({})
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: openids.person_of(cast.database, who, "Asia/Shanghai", T0), range(4)))
    assert (len(found), cast.database["people"].count_documents({})) == (1, before + 1)


def test_login_that_was_cut_off_before_its_person_was_made_is_made_whole(
    cast: Cast, weixin: StandIn, mini: Credentials
) -> None:
    first = person(cast, mini, weixin.login("o-cut-off"))
    cast.database["people"].delete_one({"_id": first})
    assert person(cast, mini, weixin.login("o-cut-off")) == first


@pytest.mark.parametrize("code", ["code-unknown", "", None, "a b", "x" * 129, "%00", '{"$ne":1}'])
def test_code_that_is_none_gives_nothing(cast: Cast, weixin: StandIn, mini: Credentials, code: str) -> None:
    answer = ask(cast, mini, code)
    expected = "invalid_grant" if code else "invalid_request"
    assert (answer.status_code, answer.json["error"]) == (400, expected)  # type: ignore[index]


def test_code_is_good_once(cast: Cast, weixin: StandIn, mini: Credentials) -> None:
    code = weixin.login()
    assert ask(cast, mini, code).status_code == 200
    answer: Any = ask(cast, mini, code)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert "used before" in answer.json["error_description"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (40226, (400, "invalid_grant")),
        (45011, (429, "temporarily_unavailable")),
        (-1, (503, "temporarily_unavailable")),
        (40013, (503, "temporarily_unavailable")),
        (40125, (503, "temporarily_unavailable")),
        (b"<html>", (503, "temporarily_unavailable")),
        (b"[]", (503, "temporarily_unavailable")),
        (b'{"errcode":{"a":[]}}', (503, "temporarily_unavailable")),
        (b"{}", (503, "temporarily_unavailable")),
        (b'{"openid":{"$ne":1}}', (503, "temporarily_unavailable")),
        (b'{"openid":"o-much","pad":"' + b"x" * 20_000 + b'"}', (503, "temporarily_unavailable")),
    ],
)
def test_what_wechat_answers_is_told_in_words_of_oauth(
    cast: Cast, weixin: StandIn, mini: Credentials, fault: int | bytes, expected: tuple[int, str]
) -> None:
    weixin.fault = fault
    answer: Any = ask(cast, mini, weixin.login())
    assert (answer.status_code, answer.json["error"]) == expected
    assert ("Retry-After" in answer.headers) == (expected[0] != 400)


def test_server_that_sends_elsewhere_is_not_followed(cast: Cast, weixin: StandIn, mini: Credentials) -> None:
    weixin.status, weixin.headers = 302, {"Location": f"{weixin.url}/sns/elsewhere"}
    assert ask(cast, mini, weixin.login()).status_code == 503
    assert len(weixin.asked) == 1


def test_server_that_is_away_is_no_fault_of_the_app(
    cast: Cast, weixin: StandIn, mini: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    oauth = cast.http.application.extensions["phr_oauth"]
    monkeypatch.setattr(oauth, "wechat", Wechat("http://127.0.0.1:1", APPID, SECRET))
    assert ask(cast, mini, weixin.login()).status_code == 503


def test_neither_secret_nor_session_key_nor_openid_is_told_logged_or_stored_in_the_clear(
    cast: Cast, weixin: StandIn, mini: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [ask(cast, mini, weixin.login("o-wang-fang"))]
    weixin.fault = 40125
    answers.append(ask(cast, mini, weixin.login("o-wang-fang")))
    stored = [str(list(cast.database[name].find())) for name in cast.database.list_collection_names()]
    said = "".join([*stored, caplog.text, *(answer.text for answer in answers), repr(Wechat("", APPID, SECRET))])
    assert [word for word in (SECRET, SESSION_KEY, "o-wang-fang") if word in said] == []


def test_openid_can_be_read_back_by_who_will_write_to_it(cast: Cast, weixin: StandIn, mini: Credentials) -> None:
    found = person(cast, mini, weixin.login("o-wang-fang"))
    row = cast.database["logins"].find_one({"person": found})
    assert row is not None
    assert seals.unseal(cast.database, found, openids.PLACE, row["sealed"]) == [APPID, "o-wang-fang"]


def test_client_that_is_not_registered_for_it_gets_nothing(cast: Cast, weixin: StandIn) -> None:
    draft = MINI | {"grant_types": ["authorization_code"], "redirect_uris": ["https://app.example/cb"]}
    other = clients.create(cast.database, NewClient(**draft), T0)
    answer: Any = ask(cast, other, weixin.login())
    assert (answer.status_code, answer.json["error"], weixin.asked) == (400, "unauthorized_client", [])


def test_installation_without_a_mini_program_gives_nothing_and_offers_nothing(cast: Cast, mini: Credentials) -> None:
    answer: Any = ask(cast, mini, "code-1")
    offered: Any = cast.http.get("/.well-known/oauth-authorization-server").json
    assert (answer.json["error"], WECHAT_CODE in offered["grant_types_supported"]) == ("unauthorized_client", False)


def test_installation_with_one_says_so(cast: Cast, weixin: StandIn) -> None:
    offered: Any = cast.http.get("/.well-known/oauth-authorization-server").json
    assert WECHAT_CODE in offered["grant_types_supported"]


@pytest.mark.parametrize(
    ("asked", "given"), [("profile.read", "profile.read"), ("profile.read notes.read", "profile.read")]
)
def test_token_has_of_what_was_asked_what_the_client_has(
    cast: Cast, weixin: StandIn, mini: Credentials, asked: str, given: str
) -> None:
    assert ask(cast, mini, weixin.login(), scope=asked).json["scope"] == given  # type: ignore[index]


def test_person_shuts_the_mini_program_out(cast: Cast, weixin: StandIn, mini: Credentials) -> None:
    token = ask(cast, mini, weixin.login("o-wang-fang")).json["access_token"]  # type: ignore[index]
    link = cast.database["links"].find_one({"client_id": mini.client_id})
    assert link is not None
    cast.send(link["person"], "DELETE", f"/v1/people/me/links/{link['_id']}")
    assert opens(cast, token, "/v1/people/me") == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_types": [WECHAT_CODE, REFRESH_TOKEN]},
        {"grant_types": [WECHAT_CODE, "authorization_code"], "redirect_uris": ["https://app.example/cb"]},
        {"is_public": False},
        {"scope": ["vendor.read"]},
    ],
)
def test_mini_program_has_this_grant_alone(cast: Cast, changes: dict[str, Any]) -> None:
    with pytest.raises(InputInvalid):
        clients.create(cast.database, NewClient(**(MINI | changes)), T0)


@pytest.mark.parametrize(
    "changes",
    [
        {"wechat_appid": APPID},
        {"wechat_secret": SECRET},
        {"wechat_appid": APPID, "wechat_secret": SECRET, "wechat_url": "http://api.weixin.qq.com"},
    ],
)
def test_half_a_mini_program_stops_the_start(settings: Settings, changes: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid):
        wechat.of(replace(settings, **changes))


def test_who_has_a_second_factor_sends_it_once_in_twelve_hours(cast: Cast, weixin: StandIn, mini: Credentials) -> None:
    who = person(cast, mini, weixin.login())
    codes = second_factors.enrol(cast.database, who, T0).recovery_codes
    without, wrong = (ask(cast, mini, weixin.login(), otp=otp) for otp in (None, "000000"))
    assert [(one.status_code, one.json["error"]) for one in (without, wrong)] == [(400, "second_factor_required")] * 2  # type: ignore[index]
    given: Any = ask(cast, mini, weixin.login(), otp=codes[0]).json
    silent: Any = ask(cast, mini, weixin.login()).json
    validate = cast.installation.protector.validator.authenticate_token
    amrs = [validate(one["access_token"])["amr"] for one in (given, silent)]
    assert amrs == [["wechat", "otp", "mfa"], ["wechat"]]


@pytest.mark.parametrize(("age_ms", "status"), [(SECOND_LIFE_MS - 60_000, 200), (SECOND_LIFE_MS, 400)])
def test_second_factor_of_before_is_asked_again(
    cast: Cast, weixin: StandIn, mini: Credentials, age_ms: int, status: int
) -> None:
    who = person(cast, mini, weixin.login())
    second_factors.enrol(cast.database, who, T0)
    cast.database["logins"].update_many({"person": who}, {"$set": {"second_at_ms": now_ms() - age_ms}})
    assert ask(cast, mini, weixin.login()).status_code == status


def test_new_factor_is_asked_though_the_one_before_was_given_just_now(
    cast: Cast, weixin: StandIn, mini: Credentials
) -> None:
    who = person(cast, mini, weixin.login())
    ask(cast, mini, weixin.login(), otp=second_factors.enrol(cast.database, who, T0).recovery_codes[0])
    second_factors.enrol(cast.database, who, now_ms() + 1_000)
    assert ask(cast, mini, weixin.login()).status_code == 400
