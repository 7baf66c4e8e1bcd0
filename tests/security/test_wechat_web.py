"""Logins by WeChat at the browser of an official account's people, against a stand-in for WeChat's server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from phr.auth import browsers, wechat, wechat_people
from phr.auth.wechat import WechatWeb
from phr.clock import now_ms
from phr.config import Settings
from phr.errors import SettingInvalid
from phr.people import joining, openids, seals, second_factors
from phr.people.joining import Invitation
from phr.people.openids import OpenId
from tests.cast import T0, Cast
from tests.security.browser import Browser, a_browser, told
from tests.security.wechat import APPID, WEB_APPID, WEB_SECRET, WEB_TOKEN, StandIn, served

PAGE = "https://open.weixin.example"
IN_WECHAT = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49"}
UNION = "u-wang-fang"


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with served() as found:
        yield found


@dataclass
class InWechat:
    """A browser in WeChat."""

    browser: Browser
    weixin: StandIn

    @property
    def cast(self) -> Cast:
        return self.browser.cast

    def open(self) -> TestResponse:
        return self.browser.http.get(self.browser.address(ui_locales="en"), headers=IN_WECHAT)

    def leave(self) -> dict[str, str]:
        """What WeChat's page is asked."""
        answer = self.browser.send(self.open(), way="wechat", step="log-in")
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith(f"{PAGE}/connect/oauth2/authorize?appid=")
        assert answer.location.endswith("#wechat_redirect")
        return {name: one for name, (one,) in parse_qs(urlsplit(answer.location).query).items()}

    def come_back(self, state: str, code: str | None, http: Any = None) -> TestResponse:
        asked = {"state": state} | ({} if code is None else {"code": code})
        answer: TestResponse = (http or self.browser.http).get("/oauth/wechat", query_string=asked)
        return answer

    def log_in(self, openid: str = "o-wang-fang", unionid: str | None = None) -> TestResponse:
        return self.come_back(self.leave()["state"], self.weixin.login(openid, unionid))

    def who(self, openid: str = "o-wang-fang", unionid: str | None = None) -> str:
        """Who has logged in."""
        answer = self.log_in(openid, unionid)
        assert answer.status_code == 303, answer.text
        row = self.cast.database[browsers.SESSIONS].find_one(sort=[("auth_at_ms", -1), ("_id", 1)])
        assert row is not None
        self.cast.database[browsers.SESSIONS].delete_many({})
        return str(row["person"])


@pytest.fixture
def phone(server: StandIn, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> InWechat:
    server.fault, server.status, server.headers = None, 200, {}
    server.asked.clear()
    oauth = browser.cast.http.application.extensions["phr_oauth"]
    monkeypatch.setattr(oauth, "wechat_web", WechatWeb(server.url, PAGE, WEB_APPID, WEB_SECRET))
    return InWechat(browser, server)


def test_login_goes_on_to_the_decision(phone: InWechat) -> None:
    page = phone.browser.http.get(phone.log_in().location)
    code = told(phone.browser.send(page, step="allow"))["code"]
    token = phone.browser.redeem(code).json["access_token"]  # type: ignore[index]
    said = phone.cast.installation.protector.validator.authenticate_token(token)
    assert (said["amr"], said["acr"]) == (["wechat"], "urn:phr:acr:1")


def test_wechats_page_is_asked_as_it_wants_it(phone: InWechat) -> None:
    asked = phone.leave()
    state = asked.pop("state")
    assert (state.isalnum(), len(state) <= 128) == (True, True)
    assert asked == {
        "appid": WEB_APPID,
        "redirect_uri": f"{phone.cast.installation.issuer}/oauth/wechat",
        "response_type": "code",
        "scope": "snsapi_userinfo",
    }


def test_form_may_lead_there(phone: InWechat) -> None:
    assert f"form-action 'self' {PAGE};" in phone.open().headers["Content-Security-Policy"]


def test_it_is_not_offered_outside_of_wechat(phone: InWechat) -> None:
    assert ["WeChat" in one.text for one in (phone.browser.open(ui_locales="en"), phone.open())] == [False, True]


def test_where_there_is_no_account_nothing_is_offered(browser: Browser) -> None:
    page = browser.http.get(browser.address(), headers=IN_WECHAT)
    assert 'value="wechat"' not in page.text
    assert browser.send(page, way="wechat", step="log-in").status_code == 403
    assert browser.http.get("/oauth/wechat?state=x&code=y").status_code == 403


def test_the_same_user_is_the_same_person(phone: InWechat) -> None:
    first, again, other = phone.who(), phone.who(), phone.who("o-other")
    assert first == again
    assert len({first, other, phone.cast.owner}) == 3


@pytest.mark.parametrize("state", ["", "x", "é", "a" * 64])
def test_state_that_is_none_of_ours_lets_nobody_in(phone: InWechat, state: str) -> None:
    phone.leave()
    assert refused(phone, phone.come_back(state, phone.weixin.login()))


def test_state_of_another_browser_lets_nobody_in(phone: InWechat) -> None:
    """Somebody sends the owner a link that ends in their own login."""
    theirs = a_browser(phone.cast, phone.browser.app)
    theirs.http.get(theirs.address())
    assert refused(phone, phone.come_back(phone.leave()["state"], phone.weixin.login(), theirs.http))


def refused(phone: InWechat, answer: TestResponse) -> bool:
    """True where nobody came in, and WeChat was not asked."""
    is_in = phone.cast.database[browsers.SESSIONS].count_documents({}) > 0
    return answer.status_code == 403 and not is_in and not phone.weixin.asked


def test_state_does_once(phone: InWechat) -> None:
    state = phone.leave()["state"]
    assert phone.come_back(state, phone.weixin.login()).status_code == 303
    assert phone.come_back(state, phone.weixin.login()).status_code == 403


def test_state_ends(phone: InWechat) -> None:
    now, database = now_ms(), phone.cast.database
    late_ms = int(wechat_people.LIFE.total_seconds() * 1000)
    found = []
    for late in (late_ms - 1, late_ms):
        state = wechat_people.begin(database, "cookie", "/oauth/authorize", now)
        found.append(wechat_people.end(database, state, "cookie", now + late))
    assert found == ["/oauth/authorize", None]


def test_who_does_not_agree_comes_back_to_the_login(phone: InWechat) -> None:
    answer = phone.come_back(phone.leave()["state"], None)
    assert (answer.status_code, "password" in phone.browser.http.get(answer.location).text) == (303, True)


@pytest.mark.parametrize(
    ("fault", "status"), [(40029, 403), (40163, 403), (40226, 403), (45011, 429), (-1, 503), (b"<html>", 503)]
)
def test_what_wechat_says_is_told_in_words(phone: InWechat, fault: int | bytes, status: int) -> None:
    phone.weixin.fault = fault
    answer = phone.log_in()
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert phone.cast.database[browsers.SESSIONS].count_documents({}) == 0


def test_code_that_was_used_lets_nobody_in(phone: InWechat) -> None:
    code = phone.weixin.login()
    found = [phone.come_back(phone.leave()["state"], code).status_code]
    phone.browser.http.delete_cookie("phr")
    found.append(phone.come_back(phone.leave()["state"], code).status_code)
    assert found == [303, 403]


def test_who_works_with_records_does_not_come_in(phone: InWechat) -> None:
    person = phone.who()
    phone.cast.database["people"].update_one({"_id": person}, {"$set": {"roles": ["doctor"]}})
    phone.browser.http.delete_cookie("phr")
    assert phone.log_in().status_code == 403


def test_of_who_was_erased_it_opens_nothing(phone: InWechat) -> None:
    seals.destroy(phone.cast.database, phone.who(), T0)
    phone.browser.http.delete_cookie("phr")
    assert phone.log_in().status_code == 403


def test_nothing_of_wechats_is_stored_in_the_clear(phone: InWechat) -> None:
    state = phone.leave()["state"]
    phone.come_back(state, phone.weixin.login("o-wang-fang", UNION))
    stored = str([list(phone.cast.database[name].find()) for name in phone.cast.database.list_collection_names()])
    assert [one for one in ("o-wang-fang", UNION, WEB_TOKEN, WEB_SECRET, state) if one in stored] == []


def mini(cast: Cast, unionid: str | None = UNION, openid: str = "m-wang-fang") -> str:
    """Who comes by the mini-program."""
    return openids.person_of(cast.database, OpenId(APPID, openid, unionid), "Asia/Shanghai", T0)


def test_user_of_the_mini_program_comes_to_the_same_record_and_is_told(phone: InWechat) -> None:
    person = mini(phone.cast)
    assert phone.who(unionid=UNION) == person
    assert [row["rule"] for row in phone.cast.database["notices"].find({"person": person})] == ["login-added"]
    assert (phone.who(unionid=UNION), phone.cast.database["notices"].count_documents({"person": person})) == (person, 1)


def test_mini_program_after_the_page_comes_to_the_same_record(phone: InWechat) -> None:
    assert mini(phone.cast) == phone.who(unionid=UNION)


def test_login_that_wechat_names_later_finds_the_other(phone: InWechat) -> None:
    """The mini-program was bound to the Open Platform only after its first login."""
    person = mini(phone.cast, None)
    mini(phone.cast)
    assert phone.who(unionid=UNION) == person


def test_two_records_of_one_user_stay_two(phone: InWechat) -> None:
    """Neither is emptied into the other: that is for their person and a clinic."""
    here, there = phone.who(), mini(phone.cast)
    assert (phone.who(unionid=UNION), mini(phone.cast)) == (here, there)
    third = openids.person_of(phone.cast.database, OpenId("wx-third", "t-wang", UNION), "Asia/Shanghai", T0)
    assert third not in (here, there)


def test_another_user_comes_to_another_record(phone: InWechat) -> None:
    assert mini(phone.cast) != phone.who(unionid="u-li-na")


def join(cast: Cast, own: str) -> str:
    code, _ = joining.invite(cast.database, Invitation("", cast.owner, "clinic", cast.doctor, True), now_ms())
    found = joining.find(cast.database, code, now_ms())
    assert found is not None
    return joining.join(cast.database, found, own, now_ms()).id


def test_all_of_a_users_logins_join_and_are_taken_back_together(phone: InWechat) -> None:
    cast, own = phone.cast, mini(phone.cast)
    phone.who(unionid=UNION)
    login = join(cast, own)
    assert (mini(cast), phone.who(unionid=UNION)) == (cast.owner, cast.owner)
    joining.undo(cast.database, cast.owner, login, now_ms())
    assert mini(cast) == phone.who(unionid=UNION) != cast.owner


def test_login_that_came_after_the_joining_goes_with_it(phone: InWechat) -> None:
    cast = phone.cast
    login = join(cast, mini(cast))
    assert phone.who(unionid=UNION) == cast.owner
    joining.undo(cast.database, cast.owner, login, now_ms())
    assert phone.who(unionid=UNION) != cast.owner


@pytest.mark.parametrize(
    "changes",
    [
        {"wechat_web_appid": "wx"},
        {"wechat_web_secret": "x"},
        {"wechat_web_appid": "wx", "wechat_web_secret": "x", "wechat_page_url": "http://open.weixin.example"},
        {"wechat_web_appid": "wx", "wechat_web_secret": "x", "wechat_url": "http://api.weixin.example"},
        {"wechat_web_appid": "wx", "wechat_web_secret": "x", "wechat_web_scope": "snsapi_login"},
    ],
    ids=str,
)
def test_half_an_account_stops_the_start(settings: Settings, changes: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid):
        wechat.web_of(replace(settings, **changes))


def test_secret_is_not_shown(settings: Settings) -> None:
    found = wechat.web_of(replace(settings, wechat_web_appid="wx", wechat_web_secret="a-secret"))
    assert "a-secret" not in repr(found)


def second_page(phone: InWechat) -> tuple[TestResponse, tuple[str, ...]]:
    """What somebody with a second factor is shown when WeChat has said who they are, and their recovery codes."""
    person = phone.who()
    phone.browser.http.delete_cookie("phr")
    codes = second_factors.enrol(phone.cast.database, person, T0).recovery_codes
    return phone.log_in(), codes


def answer(phone: InWechat, page: TestResponse, code: str, **changes: str) -> TestResponse:
    state = re.search(r'name="state" value="([^"]+)"', page.text)
    assert state, page.text
    return phone.browser.send(page, "/oauth/wechat", **{"state": state[1], "code": code} | changes)


def test_who_has_a_second_factor_is_asked_it(phone: InWechat) -> None:
    page, codes = second_page(phone)
    assert (page.status_code, phone.cast.database[browsers.SESSIONS].count_documents({})) == (200, 0)
    again = answer(phone, page, "000000")
    assert (again.status_code, phone.cast.database[browsers.SESSIONS].count_documents({})) == (403, 0)
    done = answer(phone, again, codes[0])
    row = phone.cast.database[browsers.SESSIONS].find_one({})
    assert row is not None
    assert (done.status_code, done.location.startswith("/oauth/authorize"), row["amr"]) == (
        303,
        True,
        ["wechat", "otp", "mfa"],
    )


def test_half_a_login_is_this_browsers_and_does_once(phone: InWechat) -> None:
    page, codes = second_page(phone)
    theirs = a_browser(phone.cast, phone.browser.app)
    foreign = theirs.http.get(theirs.address())
    state = re.search(r'name="state" value="([^"]+)"', page.text)
    assert state
    assert theirs.send(foreign, "/oauth/wechat", state=state[1], code=codes[0]).status_code == 403
    assert answer(phone, page, codes[0]).status_code == 403  # another browser has brought the state
    assert phone.cast.database[browsers.SESSIONS].count_documents({}) == 0


def test_state_on_the_way_to_wechat_is_no_half_login_nor_the_reverse(phone: InWechat) -> None:
    page, codes = second_page(phone)
    assert answer(phone, page, codes[0], state=phone.leave()["state"]).status_code == 403
    state = re.search(r'name="state" value="([^"]+)"', page.text)
    assert state
    assert phone.come_back(state[1], phone.weixin.login()).status_code == 403
    assert answer(phone, page, codes[0]).status_code == 303
