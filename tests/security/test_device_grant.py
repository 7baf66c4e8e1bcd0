"""Devices without a browser (RFC 8628): the code is typed elsewhere, decided once, redeemed once."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.auth import device_codes, tries
from phr.auth.clients import DEVICE_CODE
from phr.auth.device_codes import CODES
from phr.clock import now_ms
from tests.security.asking import basic, opens, post
from tests.security.browser import Browser, an_app

GRANTS = (DEVICE_CODE, "refresh_token")


@pytest.fixture
def tv(browser: Browser) -> Browser:
    """A television set, and its owner's browser."""
    browser.app = an_app(browser.cast, name="TV", grant_types=GRANTS, redirect_uris=[])
    return browser


def begin(tv: Browser, **form: Any) -> Any:
    answer = post(tv.cast, "/oauth/device_authorization", None, **({"client_id": tv.app.client_id} | form))
    assert answer.status_code == 200, answer.text
    return answer.json


def poll(tv: Browser, device_code: str, **changes: Any) -> TestResponse:
    form = {"grant_type": DEVICE_CODE, "device_code": device_code, "client_id": tv.app.client_id}
    return post(tv.cast, "/oauth/token", None, **(form | changes))


def error(answer: TestResponse) -> str:
    assert answer.status_code == 400, answer.text
    return str(answer.json["error"])  # type: ignore[index]


def typed(tv: Browser, user_code: str, step: str = "allow", address: str = "/oauth/device") -> TestResponse:
    page = tv.log_in(tv.http.get(address))
    page = tv.send(page, step="find", user_code=user_code)
    return tv.send(page, step=step, user_code=user_code) if page.status_code == 200 else page


def waited(tv: Browser) -> None:
    tv.cast.database[CODES].update_many({}, {"$set": {"polled_at_ms": 0}})


def test_device_is_told_what_to_show(tv: Browser) -> None:
    told = begin(tv)
    assert told["verification_uri"] == f"{tv.cast.installation.issuer}/oauth/device"
    assert told["verification_uri_complete"] == f"{told['verification_uri']}?user_code={told['user_code']}"
    assert (told["expires_in"], told["interval"], len(told["user_code"])) == (600, 5, 9)


def test_allowed_device_gets_tokens_that_open_the_record(tv: Browser) -> None:
    told = begin(tv)
    assert error(poll(tv, told["device_code"])) == "authorization_pending"
    assert "已完成" in typed(tv, told["user_code"]).text
    given = poll(tv, told["device_code"]).json
    assert opens(tv.cast, given["access_token"], "/v1/people/me") == 200
    assert tv.refresh(given["refresh_token"]).status_code == 200


def test_denied_device_gets_none(tv: Browser) -> None:
    told = begin(tv)
    typed(tv, told["user_code"], "deny")
    assert error(poll(tv, told["device_code"])) == "access_denied"


def test_code_that_came_with_the_address_still_has_to_be_looked_at(tv: Browser) -> None:
    told = begin(tv)
    page = tv.log_in(tv.http.get(f"/oauth/device?user_code={told['user_code']}&ui_locales=en"))
    assert f'value="{told["user_code"]}"' in page.text
    page = tv.send(page, step="find", user_code=told["user_code"])
    assert ("TV" in page.text, "in front of you" in page.text) == (True, True)
    assert error(poll(tv, told["device_code"])) == "authorization_pending"


def test_code_may_be_typed_as_people_do(tv: Browser) -> None:
    told = begin(tv)
    typed(tv, f" {told['user_code'].lower().replace('-', '  ')} ")
    assert poll(tv, told["device_code"]).status_code == 200


def test_device_that_asks_too_often_has_to_slow_down_each_time(tv: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_codes, "INTERVAL_S", 300)  # longer than a slow machine takes for three polls
    code = begin(tv)["device_code"]
    errors = [error(poll(tv, code)) for _ in range(3)]
    row = tv.cast.database[CODES].find_one()
    assert row is not None
    assert (errors, row["interval_s"]) == (["authorization_pending", "slow_down", "slow_down"], 310)
    waited(tv)
    assert error(poll(tv, code)) == "authorization_pending"


def test_device_code_is_good_once_and_used_again_ends_what_it_gave(tv: Browser) -> None:
    told = begin(tv)
    typed(tv, told["user_code"])
    given = poll(tv, told["device_code"]).json
    assert error(poll(tv, told["device_code"])) == "invalid_grant"
    assert tv.refresh(given["refresh_token"]).status_code == 400


def test_decision_is_made_once(tv: Browser) -> None:
    told = begin(tv)
    typed(tv, told["user_code"], "deny")
    assert typed(tv, told["user_code"]).status_code == 403
    assert error(poll(tv, told["device_code"])) == "access_denied"


@pytest.mark.parametrize(("age_s", "expected"), [(590, "authorization_pending"), (601, "expired_token")])
def test_code_ends_after_ten_minutes(tv: Browser, age_s: int, expected: str) -> None:
    told = begin(tv)
    tv.cast.database[CODES].update_one({}, {"$set": {"made_at_ms": now_ms() - age_s * 1000}})
    assert error(poll(tv, told["device_code"])) == expected
    status = tv.send(tv.log_in(tv.http.get("/oauth/device")), step="find", user_code=told["user_code"]).status_code
    assert status == (200 if age_s < 600 else 403)


def test_device_code_of_another_client_gives_nothing(tv: Browser) -> None:
    told = begin(tv)
    typed(tv, told["user_code"])
    other = an_app(tv.cast, grant_types=GRANTS, redirect_uris=[])
    assert error(poll(tv, told["device_code"], client_id=other.client_id)) == "unauthorized_client"
    assert poll(tv, told["device_code"]).status_code == 200


@pytest.mark.parametrize("code", ["", "x", "a" * 9_000])
def test_made_up_device_code_gives_nothing(tv: Browser, code: str) -> None:
    assert error(poll(tv, code)) in ("invalid_grant", "invalid_request")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scope": "vendor.read"}, "invalid_scope"),
        ({"scope": "notes.read"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"client_id": "c-unknown"}, "invalid_client"),
    ],
    ids=str,
)
def test_device_can_ask_only_for_what_its_client_has(tv: Browser, changes: dict[str, str], expected: str) -> None:
    form = {"client_id": tv.app.client_id} | changes
    assert post(tv.cast, "/oauth/device_authorization", None, **form).json["error"] == expected


def test_client_without_the_grant_can_not_begin(tv: Browser) -> None:
    app, vendor = an_app(tv.cast), tv.cast.vendor
    form = {"client_id": app.client_id}
    assert post(tv.cast, "/oauth/device_authorization", None, **form).json["error"] == "unauthorized_client"
    shown = basic(vendor.client_id, vendor.client_secret)
    assert post(tv.cast, "/oauth/device_authorization", shown).json["error"] == "unauthorized_client"


def test_who_guesses_codes_has_to_wait(tv: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_WAIT_MS", tries.LONGEST_WAIT_MS)
    page = tv.log_in(tv.http.get("/oauth/device"))
    guesses = ["BBBB-BBBB", "CCCC-CCCC", "", "x", "DDDD-DDDD", "FFFF-FFFF"]
    statuses = [tv.send(page, step="find", user_code=one).status_code for one in guesses]
    assert statuses == [403] * tries.FREE + [429]


@pytest.mark.parametrize("step", ["find", "allow", "deny"])
def test_nobody_decides_without_a_login(tv: Browser, step: str) -> None:
    told = begin(tv)
    answer = tv.send(tv.http.get("/oauth/device"), "/oauth/device", step=step, user_code=told["user_code"])
    assert answer.status_code == 303
    assert error(poll(tv, told["device_code"])) == "authorization_pending"


def test_form_of_another_site_decides_nothing(tv: Browser) -> None:
    told = begin(tv)
    tv.log_in(tv.http.get("/oauth/device"))
    form = {"step": "allow", "user_code": told["user_code"], "form_token": "x"}
    assert tv.http.post("/oauth/device", data=form).status_code == 403
    assert error(poll(tv, told["device_code"])) == "authorization_pending"


def test_neither_code_is_stored(tv: Browser) -> None:
    told = begin(tv)
    rows = str(list(tv.cast.database[device_codes.CODES].find()))
    assert told["device_code"] not in rows
    assert told["user_code"].replace("-", "") not in rows.upper()
