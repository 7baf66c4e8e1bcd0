"""Browsers that know somebody: their person sees them and forgets one, and then a code by phone does not do there."""

from __future__ import annotations

from typing import Any

import pytest

from phr.auth import known_devices
from phr.clock import now_ms
from tests.cast import Cast
from tests.security.test_phone_login import Phone, phone, write

__all__ = ["phone"]
BROWSERS = "/v1/people/{owner}/known-browsers"
DAY_MS = 86_400_000


def known(cast: Cast) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cast.send(cast.owner, "GET", BROWSERS).json["browsers"]  # type: ignore[index]
    return found


def test_browser_that_is_forgotten_opens_nothing_by_a_code_alone(phone: Phone) -> None:
    cast = phone.browser.cast
    write(cast, cast.owner)
    phone.browser.log_in(phone.browser.open())  # by the password
    phone.browser.send(phone.browser.open(), step="leave")
    (one,) = known(cast)
    before = phone.come_in()
    assert cast.send(cast.owner, "DELETE", f"{BROWSERS}/{one['browser']}").status_code == 204
    phone.browser.send(phone.browser.open(), step="leave")
    assert (before, phone.come_in(), known(cast)) == (303, 403, [])


@pytest.mark.parametrize(
    ("agent", "name", "system"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox", "Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
         "Safari/537.36 Edg/126.0.0.0", "Edge", "Windows"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36 "
         "MicroMessenger/8.0.50", "WeChat", "Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
         "Safari", "iPhone"),
        ("<script>alert(1)</script>", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_browser_is_told_in_words_of_ours(cast: Cast, agent: str, name: str | None, system: str | None) -> None:
    known_devices.remember(cast.database, "cookie", cast.owner, now_ms(), agent)
    (one,) = known(cast)
    assert (one["name"], one["system"]) == (name, system)
    assert "script" not in str(cast.database["known_devices"].find_one())


def test_first_and_last_time_are_told_and_the_last_used_comes_first(cast: Cast) -> None:
    now = now_ms()
    for cookie, days in (("a", 9), ("b", 5), ("a", 1)):
        known_devices.remember(cast.database, cookie, cast.owner, now - days * DAY_MS)
    first, second = known(cast)
    assert first["first_used_at"] < second["first_used_at"] == second["used_at"] < first["used_at"] < first["until"]


def test_browser_that_was_remembered_before_its_times_were_kept_is_shown(cast: Cast) -> None:
    known_devices.remember(cast.database, "cookie", cast.owner, now_ms())
    cast.database["known_devices"].update_many(
        {}, {"$unset": dict.fromkeys(("name", "system", "first_ms", "used_ms"), "")}
    )
    (one,) = known(cast)
    assert (one["name"], one["used_at"], one["first_used_at"]) == (None, None, None)


def test_others_browsers_are_not_shown_and_not_forgotten(cast: Cast) -> None:
    known_devices.remember(cast.database, "cookie", cast.stranger, now_ms())
    (theirs,) = known_devices.of_person(cast.database, cast.stranger, now_ms())
    assert (known(cast), cast.send(cast.owner, "DELETE", f"{BROWSERS}/{theirs.id}").status_code) == ([], 404)
    assert known_devices.knows(cast.database, "cookie", cast.stranger, now_ms())
    assert cast.send(cast.stranger, "GET", BROWSERS).status_code == 403


def test_what_is_over_is_not_shown(cast: Cast) -> None:
    known_devices.remember(cast.database, "cookie", cast.owner, now_ms() - 401 * DAY_MS)
    assert known(cast) == []
