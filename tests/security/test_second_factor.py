"""Logging in with a password and a second factor."""

from typing import Any

import pytest

from phr.auth import tries
from phr.people import organisations, second_factors
from phr.people.organisations import Member
from tests.cast import T0, Cast
from tests.security.asking import basic, post
from tests.security.browser import Browser


def claims(browser: Browser) -> dict[str, Any]:
    token = browser.tokens()["access_token"]
    return browser.cast.installation.protector.validator.authenticate_token(token)


@pytest.fixture
def codes(browser: Browser) -> tuple[str, ...]:
    return second_factors.enrol(browser.cast.database, browser.cast.owner, T0).recovery_codes


def work(cast: Cast) -> None:
    organisations.create(cast.database, "clinic", "社区卫生服务中心")
    organisations.put_member(cast.database, Member("clinic", cast.owner, organisations.OFFICER, None), T0)


def test_password_alone_is_one_factor(browser: Browser) -> None:
    said = claims(browser)
    assert (said["amr"], said["acr"]) == (["pwd"], "urn:phr:acr:1")


def test_password_and_code_are_two(browser: Browser, codes: tuple[str, ...]) -> None:
    browser.code_typed = codes[0]
    said = claims(browser)
    assert (said["amr"], said["acr"]) == (["pwd", "otp", "mfa"], "urn:phr:acr:2")


@pytest.mark.parametrize("typed", ["", "123", "AAAA-AAAA-AAAA-AAAA"])
def test_who_has_a_second_factor_gets_in_with_both_alone(browser: Browser, codes: tuple[str, ...], typed: str) -> None:
    browser.code_typed = typed
    page = browser.log_in(browser.open())
    assert (page.status_code, "not right" in page.text or "不正确" in page.text) == (403, True)


def test_wrong_password_does_not_use_the_code_up(browser: Browser, codes: tuple[str, ...]) -> None:
    browser.code_typed, browser.password = codes[0], "wrong"
    assert browser.log_in(browser.open()).status_code == 403
    browser.password = "correct horse"
    assert browser.log_in(browser.open()).status_code == 200


def test_wrong_codes_are_counted_like_wrong_passwords(browser: Browser, codes: tuple[str, ...]) -> None:
    browser.code_typed = "000000"
    found = [browser.log_in(browser.open()).status_code for _ in range(tries.FREE + 1)]
    assert found == [403] * tries.FREE + [429]


def test_recovery_code_is_told_to_whom_it_lets_in(browser: Browser, codes: tuple[str, ...]) -> None:
    browser.code_typed = codes[0]
    browser.log_in(browser.open())
    kinds = [row["rule"] for row in browser.cast.database["notices"].find({"person": browser.cast.owner})]
    assert kinds == ["recovery-code-used"]


@pytest.mark.parametrize("how", ["role", "organisation"])
def test_who_works_with_records_does_not_get_in_by_a_password_alone(browser: Browser, how: str) -> None:
    if how == "role":
        browser.cast.database["people"].update_one({"_id": browser.cast.owner}, {"$set": {"roles": ["doctor"]}})
    else:
        work(browser.cast)
    page = browser.log_in(browser.open())
    assert (page.status_code, "second factor" in page.text or "双重验证" in page.text) == (403, True)


def test_and_is_not_told_so_before_the_password_was_right(browser: Browser) -> None:
    work(browser.cast)
    browser.password = "wrong"
    page = browser.log_in(browser.open())
    assert "second factor" not in page.text
    assert "双重验证" not in page.text


def test_introspection_says_how_well_somebody_was_proven(browser: Browser) -> None:
    client = browser.cast.vendor
    browser.cast.database["clients"].update_one({"_id": client.client_id}, {"$set": {"scope": "tokens.introspect"}})
    token = browser.tokens()["access_token"]
    said: Any = post(browser.cast, "/oauth/introspect", basic(client.client_id, client.client_secret), token=token).json
    assert (said["acr"], "auth_time" in said) == ("urn:phr:acr:1", True)
