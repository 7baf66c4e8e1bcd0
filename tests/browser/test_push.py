"""A phone that is told of notices: the browser is asked at the tap alone, and shows the server's words.

The push service and its subscription are stood in for, since they are not to be had without a network; the worker is
told as the browser tells it.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from py_vapid import Vapid02

from phr.notices import addresses, push_key
from tests.browser.house import PHONE, Somebody, looking
from tests.real.installation import Installation, installed

SAYS = {
    "zh": "您有一条健康提醒",
    "en": "You have a health reminder.",
    "urgency": 1,
}
STAND_IN = """([endpoint, p256dh, auth]) => { PushManager.prototype.subscribe = async function (wanted) {
  window.asked = String(wanted.applicationServerKey);
  return { toJSON: () => ({ endpoint, keys: { p256dh, auth } }) }; }; }"""


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With a key of its own for web push."""
    vapid = Vapid02()
    vapid.generate_keys()
    own: dict[str, Any] = {
        "push_key": vapid.private_pem().decode(),
        "push_contact": "mailto:ops@example.org",
        "outgoing_allow": "push.example",
    }
    with installed(tmp_path_factory.mktemp("house"), **own) as running:
        yield running


def deliver(page: Page, url: str, said: dict[str, Any]) -> None:
    """To the page's service worker, as the browser does with what a push service sends."""
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: found.extend(one["registrationId"] for one in told["registrations"]),
    )
    session.send("ServiceWorker.enable")
    for _ in range(50):
        if found:
            break
        page.wait_for_timeout(100)
    told = {"origin": url, "registrationId": found[0], "data": json.dumps(said)}
    session.send("ServiceWorker.deliverPushMessage", told)


def test_phone_is_told_once_its_owner_has_tapped(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    address = ["https://push.example/abc", url64(b"\x04" + secrets.token_bytes(64)), url64(secrets.token_bytes(16))]
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/notices/settings")
        expect(page.locator("#push button")).to_be_visible()
        page.locator("#push button").click()  # a browser without a screen says no by itself
        expect(page.locator("#push .fault")).to_contain_text("浏览器不允许")
        assert addresses.of_people(house.operator.database, [citizen.id]) == []
        page.context.grant_permissions(["notifications"], origin=house.url)
        page.evaluate(STAND_IN, address)
        with page.expect_navigation():
            page.locator("#push button").click()
        expect(page.locator("main")).to_contain_text("浏览器")
        (kept,) = addresses.of_people(house.operator.database, [citizen.id])
        opened = addresses.opened(house.operator.database, citizen.id, kept.id)
        assert opened == dict(zip(("endpoint", "p256dh", "auth"), address, strict=True))
        assert page.get_attribute("#push", "data-key") == push_key.public(house.operator.settings)
        deliver(page, house.url, SAYS)
        shown = page.evaluate(
            """async () => { const registration = await navigator.serviceWorker.ready;
              for (let left = 50; left; left -= 1) {
                const found = await registration.getNotifications();
                if (found.length) return found.map(one => [one.title, one.body]);
                await new Promise(done => setTimeout(done, 100)); }
              return []; }"""
        )
        assert shown == [[SAYS["zh"], ""]]


def test_computer_at_work_is_told_nothing(house: Installation, chromium: Browser, doctor: Somebody) -> None:
    with looking(chromium) as page:
        doctor.log_in(page, house.url)
        page.goto(f"{house.url}/app/notices/settings")
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("#push")).to_have_count(0)
