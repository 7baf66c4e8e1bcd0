"""The pages for log-in and consent: framed by nobody, sent by nobody else, and they say what is asked."""

import re

import pytest

from phr.api.pages import FOLDER
from phr.auth import browsers, tries
from phr.clock import now_ms
from phr.errors import TooManyTries
from tests.cast import T0
from tests.security.browser import CALLBACK, Browser, a_browser, an_app, told


def test_person_sees_who_asks_for_what_and_where_it_goes(browser: Browser) -> None:
    page = browser.log_in(browser.open(ui_locales="en-GB"))
    for words in ("“Health app” asks", "See the profile", "Go on while you are away", CALLBACK):
        assert words in page.text


@pytest.mark.parametrize(
    ("headers", "locales", "language"),
    [
        ({}, None, "zh"),
        ({"Accept-Language": "en-US,en;q=0.9"}, None, "en"),
        ({"Accept-Language": "zh-CN"}, None, "zh"),
        ({"Accept-Language": "fr"}, None, "zh"),
        ({"Accept-Language": "zh-CN"}, "fr en", "en"),
    ],
)
def test_page_speaks_the_persons_language(
    browser: Browser, headers: dict[str, str], locales: str | None, language: str
) -> None:
    page = browser.http.get(browser.address(ui_locales=locales), headers=headers)
    assert f'<html lang="{language}">' in page.text


def test_page_can_not_be_framed_scripted_or_kept(browser: Browser) -> None:
    for page in (browser.open(), browser.log_in(browser.open())):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in page.headers


def test_forms_lead_nowhere_but_here_and_to_the_app(browser: Browser) -> None:
    assert "form-action 'self';" in browser.open().headers["Content-Security-Policy"]
    policy = browser.log_in(browser.open()).headers["Content-Security-Policy"]
    assert "form-action 'self' https://app.example;" in policy


def test_page_asks_for_nothing_from_elsewhere(browser: Browser) -> None:
    page = browser.log_in(browser.open())
    assert re.findall(r'(?:src|href|action)="([^"]*)"', page.text) == ["style.css"]
    assert browser.http.get("/oauth/style.css").status_code == 200
    assert "url(" not in (FOLDER / "style.css").read_text()


def test_name_of_a_client_is_text(browser: Browser) -> None:
    browser.app = an_app(browser.cast, name="<script>alert(1)</script>{{ words }}")
    page = browser.log_in(browser.open())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ words }}" in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize("token", ["", "x", "é"])
def test_form_of_another_site_is_not_taken(browser: Browser, token: str) -> None:
    page = browser.log_in(browser.open())
    answer = browser.http.post(page.request.full_path, data={"step": "allow", "form_token": token})
    assert (answer.status_code, answer.location) == (403, None)


def test_form_of_another_browser_is_not_taken(browser: Browser) -> None:
    other = a_browser(browser.cast, browser.app)
    page, theirs = browser.log_in(browser.open()), other.log_in(other.open())
    token = re.search(r'form_token" value="([^"]+)"', theirs.text)
    assert token is not None
    answer = browser.http.post(page.request.full_path, data={"step": "allow", "form_token": token[1]})
    assert answer.status_code == 403


def test_decision_without_a_login_decides_nothing(browser: Browser) -> None:
    answer = browser.send(browser.open(), step="allow")
    assert (answer.status_code, answer.location) == (303, browser.open().request.full_path)


def test_cookie_of_before_the_login_is_worth_nothing_after_it(browser: Browser) -> None:
    """Session fixation: somebody put their own cookie into this browser."""
    browser.http.set_cookie("phr", "planted")
    browser.log_in(browser.open())
    cookie = browser.http.get_cookie("phr")
    assert cookie is not None
    assert cookie.value != "planted"
    assert browsers.find(browser.cast.database, "planted", now_ms()) is None
    assert cookie.value not in str(list(browser.cast.database[browsers.SESSIONS].find()))


def test_login_serves_one_decision(browser: Browser) -> None:
    browser.decide()
    assert 'type="password"' in browser.open().text


def test_person_can_leave_and_another_log_in(browser: Browser) -> None:
    answer = browser.send(browser.log_in(browser.open()), step="leave")
    assert 'type="password"' in browser.http.get(answer.location).text


def test_login_ends_by_itself(browser: Browser) -> None:
    browser.log_in(browser.open())
    session = browser.cast.database[browsers.SESSIONS].find_one()
    assert session is not None
    browser.cast.database[browsers.SESSIONS].update_one(
        {}, {"$set": {"expires_at": session["expires_at"] - browsers.LIFE}}
    )
    assert 'type="password"' in browser.open().text


@pytest.mark.parametrize(
    "form",
    [
        {"login": "owner", "password": "wrong", "way": "password"},
        {"login": "nobody", "password": "correct horse", "way": "password"},
        {"login": "owner", "password": "", "way": "password"},
        {"login": "owner", "way": "password"},
        {"login": "owner", "password": "x" * 257, "way": "password"},
        {"login": "owner", "password": "correct horse", "way": "other"},
        {"login": "owner", "password": "correct horse"},
    ],
    ids=str,
)
def test_wrong_login_is_refused_in_the_same_words(browser: Browser, form: dict[str, str]) -> None:
    answer = browser.send(browser.open(ui_locales="en"), step="log-in", **form)
    assert (answer.status_code, "That was not right." in answer.text) == (403, True)
    assert "Set-Cookie" not in answer.headers


def test_cookie_is_for_the_server_alone(browser: Browser) -> None:
    cookie = browser.open().headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


@pytest.fixture
def _long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than a slow machine takes for a few logins."""
    monkeypatch.setattr(tries, "FIRST_WAIT_MS", tries.LONGEST_WAIT_MS)


@pytest.mark.usefixtures("_long_wait")
@pytest.mark.parametrize("login", ["owner", "nobody"])
def test_who_guesses_has_to_wait_known_or_not(browser: Browser, login: str) -> None:
    browser.login, browser.password = login, "wrong"
    statuses = [browser.log_in(browser.open()).status_code for _ in range(tries.FREE + 1)]
    assert statuses == [403] * tries.FREE + [429]


@pytest.mark.usefixtures("_long_wait")
def test_right_password_waits_too_while_somebody_guesses(browser: Browser) -> None:
    browser.password = "wrong"
    for _ in range(tries.FREE):
        browser.log_in(browser.open())
    browser.password = "correct horse"
    answer = browser.log_in(browser.open())
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= tries.LONGEST_WAIT_MS // 1000


def test_right_password_forgives_the_wrong_ones_before(browser: Browser) -> None:
    for _ in range(2):
        browser.password = "wrong"
        for _ in range(tries.FREE - 1):
            browser.log_in(browser.open())
        browser.password = "correct horse"
        assert "code" in told(browser.decide())


def test_each_try_too_many_doubles_the_wait_up_to_five_minutes(browser: Browser) -> None:
    waits, now = [], T0
    for _ in range(tries.FREE + 6):
        tries.begin(browser.cast.database, "x", now)
        row = browser.cast.database[tries.TRIES].find_one({"_id": "x"})
        assert row is not None
        waits.append(max(0, row["until_ms"] - now) // 1000)
        now = max(now, row["until_ms"])
    assert waits == [0] * (tries.FREE - 1) + [10, 20, 40, 80, 160, 300, 300]
    with pytest.raises(TooManyTries):
        tries.begin(browser.cast.database, "x", now - 1)
