"""A second factor that people set up and remove themselves, by the API and at a page."""

from __future__ import annotations

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from werkzeug.test import TestResponse

from phr.auth import tries
from phr.clock import now_ms
from phr.people import organisations, people, second_factors
from phr.people.organisations import Member
from phr.people.people import Change
from tests.cast import T0, Cast
from tests.security.browser import Browser

FACTOR = "/v1/people/{owner}/second-factor"
PAGE = "/oauth/second-factor"
ONE, TWO = ("pwd",), ("pwd", "otp", "mfa")


def digits(uri: str, at_ms: int) -> str:
    return pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0]).at(at_ms // 1000)


@dataclass
class Owner:
    """Of the record, with an app on the phone."""

    browser: Browser

    @property
    def cast(self) -> Cast:
        return self.browser.cast

    def send(self, method: str, path: str, amr: tuple[str, ...] = ONE, age_s: int = 0, **request: Any) -> TestResponse:
        token = self.cast.token(self.cast.owner, auth_time_s=now_ms() // 1000 - age_s, amr=amr)
        where, headers = path.format(owner=self.cast.owner), {"Authorization": f"Bearer {token}"}
        return self.cast.http.open(where, method=method, headers=headers, **request)

    def begin(self, amr: tuple[str, ...] = ONE) -> str:
        answer = self.send("POST", FACTOR, amr)
        assert answer.status_code == 201, answer.text
        return str(answer.json["uri"])  # type: ignore[index]

    def confirm(self, code: str, amr: tuple[str, ...] = ONE) -> TestResponse:
        return self.send("POST", f"{FACTOR}/confirm", amr, json={"code": code})

    def set_up(self, amr: tuple[str, ...] = ONE) -> list[str]:
        """The recovery codes."""
        answer = self.confirm(digits(self.begin(amr), now_ms()), amr)
        assert answer.status_code == 200, answer.text
        codes: list[str] = answer.json["recovery_codes"]  # type: ignore[index]
        return codes

    def remove(self, amr: tuple[str, ...] = TWO) -> int:
        return self.send("DELETE", FACTOR, amr).status_code

    def has(self) -> bool:
        return second_factors.has(self.cast.database, self.cast.owner)

    def told(self) -> list[str]:
        return sorted(row["rule"] for row in self.cast.database["notices"].find({"person": self.cast.owner}))

    def open(self) -> TestResponse:
        """The page, after a login."""
        return self.browser.log_in(self.browser.http.get(f"{PAGE}?ui_locales=en"))

    def step(self, page: TestResponse, step: str, **form: str) -> TestResponse:
        return self.browser.send(page, f"{PAGE}?ui_locales=en", step=step, **form)


@pytest.fixture
def owner(browser: Browser) -> Owner:
    return Owner(browser)


def test_factor_counts_from_its_first_code_on(owner: Owner) -> None:
    uri = owner.begin()
    before = owner.has()
    answer = owner.confirm(digits(uri, now_ms()))
    assert (before, owner.has(), len(answer.json["recovery_codes"])) == (False, True, 10)  # type: ignore[index]
    assert owner.browser.log_in(owner.browser.open()).status_code == 403  # by the password alone


def test_recovery_code_logs_in(owner: Owner) -> None:
    owner.browser.code_typed = owner.set_up()[0]
    assert owner.browser.log_in(owner.browser.open()).status_code == 200


def test_code_that_confirms_does_not_log_in_too(owner: Owner) -> None:
    uri, now = owner.begin(), now_ms()
    code = digits(uri, now)
    owner.confirm(code)
    assert second_factors.use(owner.cast.database, owner.cast.owner, code, now) is None


def test_picture_is_a_png_and_the_uri_names_nobody(owner: Owner) -> None:
    answer: Any = owner.send("POST", FACTOR).json
    assert base64.b64decode(answer["picture"]).startswith(b"\x89PNG")
    assert owner.cast.owner not in answer["uri"]


@pytest.mark.parametrize("code", ["000000", "abcdef", "１２３４５６", "0000000000000000"])
def test_wrong_code_confirms_nothing(owner: Owner, code: str) -> None:
    owner.begin()
    answer = owner.confirm(code)
    assert (answer.status_code, answer.json["pointer"], owner.has()) == (400, "/code", False)  # type: ignore[index]


def test_without_a_beginning_nothing_is_confirmed(owner: Owner) -> None:
    assert owner.confirm("123456").status_code == 400


def test_codes_are_not_tried_out(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_WAIT_MS", tries.LONGEST_WAIT_MS)
    owner.begin()
    assert [owner.confirm("abcdef").status_code for _ in range(tries.FREE + 1)] == [400] * tries.FREE + [429]


def test_what_was_begun_ends(owner: Owner) -> None:
    database, person, now = owner.cast.database, owner.cast.owner, now_ms()
    uri, late_ms = second_factors.begin(database, person, now), int(second_factors.DRAFT_LIFE.total_seconds() * 1000)
    found = [second_factors.drafted(database, person, digits(uri, now + ms), now + ms) for ms in (late_ms - 1, late_ms)]
    assert [one is None for one in found] == [False, True]


def test_of_two_at_once_one_gets_recovery_codes(owner: Owner) -> None:
    database, person, now = owner.cast.database, owner.cast.owner, now_ms()
    draft = second_factors.drafted(database, person, digits(second_factors.begin(database, person, now), now), now)
    assert draft is not None
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: second_factors.take_up(database, draft, now), range(4)))
    assert sum(one is not None for one in found) == 1


def test_present_factor_is_replaced_by_who_has_it(owner: Owner) -> None:
    first = owner.set_up()
    assert owner.send("POST", FACTOR).status_code == 403
    owner.set_up(TWO)
    assert second_factors.use(owner.cast.database, owner.cast.owner, first[0], now_ms()) is None


def test_begun_before_it_does_not_replace_the_present_factor_by_a_password_alone(owner: Owner) -> None:
    uri = owner.begin()
    second_factors.enrol(owner.cast.database, owner.cast.owner, T0)
    assert owner.confirm(digits(uri, now_ms())).status_code == 403


def test_only_who_has_logged_in_with_it_removes_it(owner: Owner) -> None:
    owner.set_up()
    found = [(owner.remove(amr), owner.has()) for amr in (ONE, ("wechat",), TWO)]
    assert found[0] == (403, True)
    assert found[1] == (401, True)
    assert found[2] == (204, False)
    assert owner.browser.log_in(owner.browser.open()).status_code == 200


def test_login_of_before_does_neither(owner: Owner) -> None:
    asked = [("POST", FACTOR), ("POST", f"{FACTOR}/confirm"), ("DELETE", FACTOR)]
    found = [owner.send(method, path, TWO, 301, json={"code": "123456"}).status_code for method, path in asked]
    assert found == [401, 401, 401]


def test_who_must_have_one_keeps_it(owner: Owner) -> None:
    owner.set_up()
    organisations.create(owner.cast.database, "clinic", "社区卫生服务中心")
    organisations.put_member(owner.cast.database, Member("clinic", owner.cast.owner, organisations.OFFICER, None), T0)
    assert (owner.remove(), owner.has()) == (403, True)


def test_who_comes_by_nothing_that_it_goes_with_has_no_use_for_it(owner: Owner) -> None:
    owner.cast.database["logins"].delete_many({"person": owner.cast.owner})
    alone = owner.send("POST", FACTOR).status_code
    people.patch(owner.cast.database, owner.cast.owner, Change(fields={"phone": "13800138000"}))
    assert (alone, owner.send("POST", FACTOR).status_code) == (403, 201)


@pytest.mark.parametrize("who", ["relative", "doctor", "stranger"])
def test_nobody_else_does(owner: Owner, who: str) -> None:
    found = [owner.cast.send(getattr(owner.cast, who), method, FACTOR).status_code for method in ("POST", "DELETE")]
    assert found == [403, 403]


def test_operator_in_the_owners_name_does_not(owner: Owner) -> None:
    token = owner.cast.token(owner.cast.owner, act="root", amr=TWO)
    path, headers = FACTOR.format(owner=owner.cast.owner), {"Authorization": f"Bearer {token}"}
    assert owner.cast.http.post(path, headers=headers).status_code in (401, 403)
    assert owner.cast.database[second_factors.DRAFTS].count_documents({}) == 0


def test_owner_is_told_of_both_and_sees_how_many_codes_are_left(owner: Owner) -> None:
    codes = owner.set_up()
    second_factors.use(owner.cast.database, owner.cast.owner, codes[0], now_ms())
    seen: Any = owner.send("GET", "/v1/people/{owner}/logins").json
    assert seen["second_factor"]["recovery_codes_left"] == 9
    owner.remove()
    assert owner.told() == ["second-factor-removed", "second-factor-set"]
    gone: Any = owner.send("GET", "/v1/people/{owner}/logins").json
    assert gone["second_factor"] is None


def test_neither_secret_nor_codes_are_stored_in_the_clear(owner: Owner) -> None:
    uri = owner.begin()
    secret = parse_qs(urlsplit(uri).query)["secret"][0]
    drafts = str(list(owner.cast.database[second_factors.DRAFTS].find()))
    codes: Any = owner.confirm(digits(uri, now_ms())).json
    stored = drafts + str(
        [list(owner.cast.database[name].find()) for name in owner.cast.database.list_collection_names()]
    )
    assert [one for one in (secret, *codes["recovery_codes"]) if one in stored] == []


def shown_secret(page: TestResponse) -> str:
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert found, page.text
    return found[1]


def test_page_sets_it_up_and_shows_the_recovery_codes_once(owner: Owner) -> None:
    page = owner.step(owner.open(), "begin")
    assert "<svg" in page.text
    done = owner.step(page, "confirm", code=pyotp.TOTP(shown_secret(page)).at(now_ms() // 1000))
    codes = re.findall(r"<code>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</code>", done.text)
    assert (done.status_code, len(codes), owner.has()) == (201, 10, True)
    owner.browser.code_typed = codes[0]
    assert codes[1] not in owner.open().text


def test_page_draws_the_code_without_a_style_or_a_source_of_its_own(owner: Owner) -> None:
    page = owner.step(owner.open(), "begin")
    assert re.findall(r'style=|(?:src|href)="(?!style\.css")', page.text) == []
    assert "img" not in page.headers["Content-Security-Policy"]


def test_page_removes_it_after_a_login_with_both_and_the_log_says_so(owner: Owner) -> None:
    owner.browser.code_typed = owner.set_up()[0]
    page = owner.open()
    assert 'value="remove"' in page.text
    answer = owner.step(page, "remove")
    log: Any = owner.send("GET", "/v1/people/{owner}/access-log").json
    assert (answer.status_code, owner.has()) == (200, False)
    assert "removed a second factor" in {one["about"] for one in log["lines"]}


@pytest.mark.parametrize("step", ["begin", "remove"])
def test_page_changes_nothing_by_a_password_alone(owner: Owner, step: str) -> None:
    page = owner.open()
    owner.set_up()
    answer = owner.step(page, step)
    assert (answer.status_code, owner.has(), "change the second factor." in answer.text) == (403, True, True)


def test_page_says_that_a_code_was_wrong(owner: Owner) -> None:
    page = owner.step(owner.open(), "begin")
    answer = owner.step(page, "confirm", code="abcdef")
    assert (answer.status_code, "not the right code" in answer.text, owner.has()) == (400, True, False)


@pytest.mark.parametrize("step", ["begin", "confirm", "remove", "other", ""])
def test_page_does_nothing_for_nobody_or_for_a_form_of_another_site(owner: Owner, step: str) -> None:
    page = owner.browser.http.get(PAGE)
    assert owner.step(page, step).status_code == 303
    assert owner.browser.http.post(PAGE, data={"step": step, "form_token": "x"}).status_code == 403
    assert owner.cast.database[second_factors.DRAFTS].count_documents({}) == 0
