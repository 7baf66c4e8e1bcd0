"""What people at work come for: a doctor's morning by keys alone and whatever happens meanwhile; what comes in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from phr.auth import page_sessions
from phr.clock import now_ms
from tests.browser.house import Somebody, looking, press, vendor_client
from tests.real.installation import VENDOR, Installation

RATES = "() => [...document.querySelectorAll('.rates tbody tr')].some(row => parseFloat(row.cells[1].textContent) > 0)"


def test_operator_sees_readings_as_they_come(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    operator = Somebody.operator(house)
    with looking(chromium) as page:
        operator.log_in(page, house.url)
        expect(page.locator(".live canvas")).to_be_visible()
        page.wait_for_timeout(500)  # what there was before is no rate
        citizen.measures(house, 128, 82)
        page.wait_for_function(RATES, timeout=8_000)
        page.locator(".charts summary").click()
        expect(page.locator(".rates tbody tr").first).to_be_visible()
        expect(page.locator("body")).not_to_contain_text("王芳")


def test_vendor_sees_readings_as_they_come_and_is_told_when_the_session_is_over(
    house: Installation, chromium: Browser, citizen: Somebody
) -> None:
    vendor = vendor_client(house)
    with looking(chromium, language="en") as page:
        page.goto(f"{house.url}/vendor")
        page.fill("input[name=client_id]", vendor.client_id)
        page.fill("input[name=client_secret]", vendor.client_secret)
        page.locator("main button").click()
        page.wait_for_url("**/app/vendor")
        page.wait_for_timeout(500)
        citizen.measures(house, 128, 82)
        page.wait_for_function(RATES, timeout=8_000)
        page.context.clear_cookies()
        expect(page.locator("#stale")).to_contain_text("The session is over", timeout=8_000)


def enrolled(page: Page, house: Installation, doctor: Somebody, citizen: Somebody) -> None:
    """The doctor is at the resident's page, who is in a programme."""
    doctor.log_in(page, house.url)
    page.goto(f"{house.url}/app/people/{citizen.id}")
    page.locator("details:has(select[name=programme]) summary").click()
    page.select_option("select[name=programme]", "hypertension")
    page.locator("details:has(select[name=programme]) button").click()
    expect(page.locator("button[data-key=f]")).to_be_visible()


@pytest.fixture
def form(house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody) -> Iterator[Page]:
    """The doctor's page with a follow-up form that was just prepared."""
    with looking(chromium) as page:
        enrolled(page, house, doctor, citizen)
        page.wait_for_selector("#life[data-ready=true]")
        press(page, "f")
        page.wait_for_selector("#visit")
        page.wait_for_load_state()
        yield page


def test_session_that_ends_in_the_middle_of_a_form_loses_nothing(
    house: Installation, form: Page, doctor: Somebody
) -> None:
    form.fill("input[name=systolic]", "138")
    expect(form.locator("#kept")).to_contain_text("草稿已保存")
    house.operator.database[page_sessions.SESSIONS].delete_many({"person": doctor.id})
    form.fill("input[name=diastolic]", "86")
    expect(form.locator("#kept")).to_contain_text("登录已失效")
    form.get_by_role("button", name="确认").click()
    assert form.input_value("input[name=diastolic]") == "86"
    with form.context.expect_page() as opened:
        form.locator("#again").click()
    again = opened.value
    doctor.log_in(again, house.url, ahead_s=30)
    again.close()
    expect(form.locator("#kept")).to_contain_text("草稿已保存", timeout=8_000)
    form.reload()
    assert form.input_value("input[name=systolic]") == "138.0"
    assert form.input_value("input[name=diastolic]") == "86.0"


def test_words_typed_in_any_form_wait_for_the_login_and_for_the_server(
    house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody
) -> None:
    with looking(chromium) as page:
        enrolled(page, house, doctor, citizen)
        page.locator("details:has(input[name=limit]) summary").click()
        page.fill("input[name=limit]", "135")
        page.fill("input[name=why]", "年老体弱")
        page.context.route("**/app/awake", lambda route: route.abort("internetdisconnected"))
        page.locator("details:has(input[name=limit]) button").click()
        expect(page.locator("#unsent")).to_contain_text("服务器没有应答")
        assert page.input_value("input[name=why]") == "年老体弱"
        page.context.unroute("**/app/awake")
        expect(page.locator(".work")).to_contain_text("135", timeout=8_000)
        page.locator("details:has(input[name=limit]) summary").click()
        page.fill("input[name=limit]", "140")
        page.fill("input[name=why]", "再放宽")
        house.operator.database[page_sessions.SESSIONS].delete_many({"person": doctor.id})
        page.locator("details:has(input[name=limit]) button").click()
        expect(page.locator("#unsent")).to_contain_text("登录已失效")
        assert page.input_value("input[name=why]") == "再放宽"


def fold(page: Page, field: str) -> Locator:
    """What is folded away around a field."""
    return page.locator(f"details:has({field})")


def test_words_that_were_never_sent_are_there_after_the_lock_for_their_writer_alone(
    house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody
) -> None:
    colleague = Somebody.doctor(house)
    with looking(chromium) as page:
        page.clock.install()
        enrolled(page, house, doctor, citizen)
        place = page.url
        fold(page, "[name=question]").locator("summary").click()
        page.fill("[name=specialist]", "spec-17")
        page.fill("[name=question]", "心电图要不要复查")
        page.clock.run_for(1_000)
        expect(fold(page, "[name=question]")).to_contain_text("草稿已保存")
        fold(page, "[name=why]").locator("summary").click()
        page.select_option("[name=target]", "metric.weight")
        page.fill("[name=limit]", "70")
        page.fill("[name=why]", "年老体弱")
        page.clock.run_for(1_000)
        expect(fold(page, "[name=why]")).to_contain_text("草稿已保存")
        page.clock.fast_forward("10:05")
        page.wait_for_url("**/app/locked")
        found = page.evaluate(LEFT)
        assert re.fullmatch(r"(phr-look=[\w.]+)?", found.pop("cookies"))
        assert found == NOTHING_LEFT
        colleague.log_in(page, house.url)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("没写完的")
        page.goto(place)
        assert page.input_value("[name=question]") == page.input_value("[name=why]") == ""
        for words in ("心电图", "年老体弱"):
            assert words not in page.content()
        page.get_by_role("button", name="退出").click()
        page.wait_for_url(f"{house.url}/")
        doctor.log_in(page, house.url, ahead_s=30)
        page.locator("section:has(h2:text('没写完的')) a", has_text="王芳").click()
        expect(page.locator("[name=question]")).to_have_value("心电图要不要复查")
        expect(page.locator("[name=question]")).to_be_visible()
        assert page.input_value("[name=specialist]") == "spec-17"
        assert page.input_value("[name=target]") == "metric.weight"
        assert page.input_value("[name=why]") == "年老体弱"
        fold(page, "[name=why]").locator("button").click()
        expect(page.locator(".work")).to_contain_text("70")
        assert page.input_value("[name=why]") == ""  # it was sent
        assert page.input_value("[name=question]") == "心电图要不要复查"


def test_form_is_kept_once_the_server_is_back(form: Page) -> None:
    form.context.route("**/visits/**", lambda route: route.abort("internetdisconnected"))
    form.fill("input[name=systolic]", "141")
    expect(form.locator("#kept")).to_contain_text("服务器没有应答")
    form.context.unroute("**/visits/**")
    expect(form.locator("#kept")).to_contain_text("草稿已保存", timeout=8_000)
    form.reload()
    assert form.input_value("input[name=systolic]") == "141.0"


def test_value_that_makes_no_sense_is_caught_at_its_field_and_the_rest_is_kept(form: Page) -> None:
    form.fill("input[name=systolic]", "1380")
    expect(form.locator("#fault-systolic")).to_contain_text("之间的数字")
    assert form.get_attribute("input[name=systolic]", "aria-invalid") == "true"
    form.fill("input[name=diastolic]", "86")
    form.get_by_role("button", name="确认").click()
    form.wait_for_selector("p.notice.level-urgent")
    assert form.input_value("input[name=systolic]") == "1380"
    assert form.input_value("input[name=diastolic]") == "86.0"
    form.fill("input[name=systolic]", "138")
    expect(form.locator("#fault-systolic")).to_be_hidden()


FOCUS = """() => { const one = document.activeElement, look = getComputedStyle(one);
  return one === document.body || (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2); }"""


def tab_to(page: Page, selector: str) -> None:
    """By the tab key alone; whatever is passed shows that it has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached")


def test_whole_morning_without_a_mouse(
    house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody
) -> None:
    citizen.measures(house, 152, 94)
    with looking(chromium) as page:
        doctor.log_in(page, house.url)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        press(page, "/")
        page.keyboard.type("wangf")
        page.keyboard.press("Enter")
        page.wait_for_url("**name=wangf**")
        while citizen.id not in (page.evaluate("document.activeElement.href ?? ''")):
            press(page, "j")
        page.keyboard.press("Enter")
        page.wait_for_selector("#life[data-ready=true]")
        tab_to(page, ".chart")
        before = page.locator("#range").text_content()
        press(page, "+")
        page.wait_for_function("before => document.getElementById('range').textContent !== before", arg=before)
        tab_to(page, "details:has(select[name=programme]) > summary")
        page.keyboard.press("Enter")
        tab_to(page, "select[name=programme]")
        page.evaluate("document.activeElement.value = 'hypertension'")  # letters choose by the names' language
        tab_to(page, "details:has(select[name=programme]) button")
        page.keyboard.press("Enter")
        page.wait_for_selector("button[data-key=f]")
        press(page, "f")
        page.wait_for_selector("#visit")
        page.wait_for_load_state()
        tab_to(page, "select[name=mode]")
        page.keyboard.press("ArrowDown")
        for name, value in (("systolic", "138"), ("diastolic", "86")):
            tab_to(page, f"input[name={name}]")
            page.keyboard.type(value)
        press(page, "Escape")
        press(page, "c")
        page.wait_for_url(re.compile(r"/app/people/\w+(\?|$)"))
        expect(page.locator(".work .tag.good")).to_be_visible()
        assert "name=wangf" in page.url
        page.wait_for_selector("#life[data-ready=true]")
        tab_to(page, "details:has(select[name=lesson]) > summary")
        page.keyboard.press("Enter")
        tab_to(page, "details:has(select[name=lesson]) button")
        page.keyboard.press("Enter")
        expect(page.locator(".work")).to_contain_text("未完成")
        press(page, "n")
        page.wait_for_url(lambda address: citizen.id not in address)


def test_reading_under_the_pointer_tells_its_device_and_what_it_was_before(
    house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody
) -> None:
    at_ms = now_ms() - 60_000
    for systolic in (182, 128):  # the cuff corrects itself
        citizen.measures(house, systolic, 82, at_ms=at_ms)
    with looking(chromium) as page:
        doctor.log_in(page, house.url)
        page.goto(f"{house.url}/app/people/{citizen.id}?show=blood-pressure&span=day")
        page.wait_for_selector("#life[data-ready=true]")
        expect(page.locator(".strip")).to_contain_text("128/82")  # the latest, before anything is pressed
        expect(page.locator("#told")).to_be_hidden()
        page.locator(".lane").first.hover()
        told = page.locator("#told")
        expect(told).to_contain_text("128/82")
        expect(told).to_contain_text(f"{VENDOR}/{citizen.device}")
        expect(told).to_contain_text("182/82")


LEFT = """async () => ({
  local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookies: document.cookie,
  databases: (await indexedDB.databases()).map(one => one.name), caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length, state: history.state })"""
NOTHING_LEFT = {"local": [], "session": [], "databases": [], "caches": [], "workers": 0, "state": None}


def test_morning_leaves_nothing_in_the_browser(
    house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody
) -> None:
    """What is shown is never stored: not by scripts, not by the browser's caches, history, or what was typed."""
    citizen.measures(house, 177, 99)
    with looking(chromium) as page:
        stored: list[str] = []
        page.on(
            "response",
            lambda answer: (
                any(part in answer.url for part in ("/static/", "/oauth/style.css", "/oauth/passkeys.js"))
                or "no-store" in (answer.headers.get("cache-control") or "")
                or stored.append(answer.url)
            ),
        )
        enrolled(page, house, doctor, citizen)
        page.wait_for_selector("#life[data-ready=true]")
        expect(page.locator("h1")).to_contain_text("王芳")
        assert "王芳" not in page.title()  # which the browser's history would keep
        press(page, "f")
        page.wait_for_selector("#visit")
        page.wait_for_load_state()
        page.fill("input[name=systolic]", "138")
        expect(page.locator("#kept")).to_contain_text("草稿已保存")
        assert page.get_attribute("#visit", "autocomplete") == "off"
        found = page.evaluate(LEFT)
        assert re.fullmatch(r"(phr-look=[\w.]+)?", found.pop("cookies"))
        assert found == NOTHING_LEFT
        page.get_by_role("button", name="退出").click()
        page.wait_for_url(f"{house.url}/")
        for _ in range(3):
            page.go_back()
            page.wait_for_load_state()
            expect(page.locator("body")).not_to_contain_text("王芳")
            expect(page.locator("body")).not_to_contain_text("138")
        found = page.evaluate(LEFT)
        assert not found.pop("cookies")
        assert found == NOTHING_LEFT
        assert [one for one in stored if not one.startswith("blob:")] == []
