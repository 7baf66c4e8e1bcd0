"""WCAG 2.2 AA by axe-core on every page, at a desk and on a phone, with large signs too."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.house import DESKTOP, PHONE, Somebody, looking, vendor_client
from tests.real.installation import Installation

CITIZENS = (
    *("/app/today", "/app/add", "/app/devices", "/app/reminders", "/app/learn", "/app/learn/falls-of-elders"),
    "/app/courses/young-mothers",
    *("/app/sharing", "/app/looked", "/app/more", "/app/notices", "/app/doctor", "/app/mine", "/app/look"),
    *("/app/notices/settings", "/app/learn/topics", "/app/learn/effect"),
    *("/app/people/me", "/app/people/me/report"),
)
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
# What has words of its own, and is smaller than 18 px (a hair of rounding allowed).
SMALL = """() => [...document.querySelectorAll("main *, .tabs *")].filter((one) => one.checkVisibility()
  && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
  && parseFloat(getComputedStyle(one).fontSize) < 17.9)
  .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 20)} ${getComputedStyle(one).fontSize}`)"""
# What is wider than the phone, or than the card that it lies in.
WIDE = """() => [...document.querySelectorAll("html, main .card > *")].filter((one) => one.checkVisibility()
  && one.getBoundingClientRect().right > (one.parentElement?.getBoundingClientRect().right ?? innerWidth) + 0.5)
  .concat(document.documentElement.scrollWidth > innerWidth ? [document.documentElement] : [])
  .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 20)} ${one.getBoundingClientRect().right}`)"""
LOW = """() => [...document.querySelectorAll(
    "main .button, main summary, main select, .bar a, .bar button, .tabs a, .keys button, .spans button, main .tile")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 59.5)
  .map((one) => `${one.textContent.trim().slice(0, 20)} ${one.getBoundingClientRect().height}`)"""


def faults(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_citizens_pages(house: Installation, chromium: Browser, citizen: Somebody, size: dict[str, int]) -> None:
    citizen.measures(house, 150, 95)
    with looking(chromium, size) as page:
        page.goto(house.url)
        found = faults(page)
        citizen.log_in(page, house.url)
        for path in CITIZENS:
            page.goto(house.url + path)
            found += faults(page)
        assert found == []


def test_large_signs(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    """Text from 18 px and targets from 60 px (what one taps to act; a word in a sentence is none)."""
    citizen.measures(house, 150, 95)
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/look")
        page.get_by_label("大字大按钮").check()
        with page.expect_navigation():
            page.get_by_role("button", name="保存").click()
        for path in CITIZENS:
            page.goto(house.url + path)
            assert page.evaluate(SMALL) == [], path
            assert page.evaluate(LOW) == [], path
            assert page.evaluate(WIDE) == [], path
            assert faults(page) == []
        page.goto(f"{house.url}/look/en")
        for path in CITIZENS:  # English words are longer
            page.goto(house.url + path)
            assert page.evaluate(WIDE) == [], path
        page.goto(f"{house.url}/look/zh")
        page.goto(f"{house.url}/app/add")
        send, tabs = page.locator("#send").bounding_box(), page.locator(".tabs").bounding_box()
        assert send
        assert tabs
        assert send["y"] + send["height"] <= tabs["y"]  # all that a pressure takes, without scrolling


def test_doctors_pages(house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody) -> None:
    citizen.measures(house, 150, 95)
    with looking(chromium) as page:
        doctor.log_in(page, house.url)
        found = []
        for path in (
            "/app/panel",
            f"/app/people/{citizen.id}",
            "/app/clinic",
            "/app/clinic/rules",
            "/app/clinic/courses",
            "/app/clinic/courses/staff-diabetes",
            "/app/clinic/lessons/staff-diabetes-whom",
            "/app/clinic/forms",
            "/app/clinic/residents",
            "/app/clinic/contracts",
            "/app/clinic/articles",
            "/app/clinic/drafts/less-salt",
            f"/app/people/{citizen.id}/report",
        ):
            page.goto(house.url + path)
            found += faults(page)
        assert found == []


def test_operators_and_vendors_pages(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    citizen.measures(house, 150, 95)
    operator, vendor = Somebody.operator(house), vendor_client(house)
    with looking(chromium) as page:
        operator.log_in(page, house.url)
        found = []
        for path in ("/app/operations", "/app/operations/rejections", "/app/operations/devices"):
            page.goto(house.url + path)
            found += faults(page)
        assert found == []
    with looking(chromium) as page:
        page.goto(f"{house.url}/vendor")
        found = faults(page)
        page.fill("input[name=client_id]", vendor.client_id)
        page.fill("input[name=client_secret]", vendor.client_secret)
        page.locator("main button").click()
        page.wait_for_url("**/app/vendor")
        assert found + faults(page) == []
