"""What people come for, in a real browser against a real installation."""

from __future__ import annotations

import io
import json
import re
import secrets
from pathlib import Path

from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Route, expect

from phr.clock import now_ms, rfc3339
from phr.education.library import library
from phr.intake import claim_codes, devices
from phr.intake.devices import NewDevice
from tests.browser.house import PHONE, Somebody, looking, press, store
from tests.real.installation import VENDOR, Installation


def test_first_reading_is_seen_as_it_comes(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        expect(page.get_by_text("还没有测量数据")).to_be_visible()
        page.wait_for_timeout(500)  # the stream is open by then
        citizen.measures(house, 128, 82)
        expect(page.locator(".tile .value").first).to_contain_text("128/82", timeout=5_000)


def test_doctors_morning_takes_at_most_six_actions(
    house: Installation, chromium: Browser, citizen: Somebody, doctor: Somebody
) -> None:
    citizen.measures(house, 152, 94)
    with looking(chromium) as page:
        doctor.log_in(page, house.url)
        page.goto(f"{house.url}/app/people/{citizen.id}")
        page.locator("details:has(select[name=programme]) summary").click()
        page.select_option("select[name=programme]", "hypertension")
        page.locator("details:has(select[name=programme]) button").click()
        page.goto(f"{house.url}/app/panel")
        actions = 0
        page.locator(f'a[href*="{citizen.id}"]').click()  # 1 opens the resident
        actions += 1
        page.wait_for_selector("#life[data-ready=true]")
        press(page, "f")  # 2 the follow-up
        actions += 1
        page.wait_for_selector("#visit")
        page.wait_for_load_state()
        page.select_option("select[name=mode]", "1")  # 3 how they met
        page.fill("input[name=systolic]", "138")  # 4
        page.fill("input[name=diastolic]", "86")  # 5
        actions += 3
        page.evaluate("document.activeElement.blur()")
        press(page, "c")  # 6 confirms
        actions += 1
        page.wait_for_url(re.compile(r"/app/people/\w+(\?|$)"))
        expect(page.locator(".work .tag.good")).to_be_visible()
        page.locator("details:has(select[name=lesson]) summary").click()
        page.select_option("select[name=lesson]", "less-salt")
        page.locator("details:has(select[name=lesson]) button").click()
        expect(page.locator(".work")).to_contain_text("未完成")
        page.wait_for_selector("#life[data-ready=true]")
        press(page, "n")  # the next resident
        page.wait_for_url(lambda address: citizen.id not in address)
        assert actions <= 6


def test_consent_is_given_looked_at_and_taken_back(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    friend = Somebody.citizen(house, "李娜")
    citizen.measures(house, 131, 83)
    with looking(chromium, PHONE) as page, looking(chromium, PHONE) as theirs:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/sharing")
        page.fill("input[name=grantee]", friend.id)
        page.locator("form:has(input[name=grantee])").get_by_role("button", name="允许").click()
        expect(page.get_by_text(friend.id)).to_be_visible()
        friend.log_in(theirs, house.url)
        theirs.goto(f"{house.url}/app/people/{citizen.id}")
        expect(theirs.locator("h1")).to_contain_text("王芳")
        card = page.locator(".card", has_text=friend.id)
        card.get_by_role("link").click()
        expect(page.get_by_text("131/83")).to_be_visible()
        page.get_by_role("button", name="收回").click()
        page.wait_for_url(f"{house.url}/app/sharing")
        theirs.goto(f"{house.url}/app/people/{citizen.id}")
        expect(theirs.locator("h1")).not_to_contain_text("王芳")
        page.goto(f"{house.url}/app/looked")
        expect(page.locator("main")).to_contain_text("查看")


def test_reading_by_hand_waits_for_the_network(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    with looking(chromium, PHONE, service_workers="block") as page:  # what one does is not seen by the routes below
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/add")
        page.context.route("**/app/api/**", lambda route: route.abort("internetdisconnected"))
        for key in ("1", "3", "4", "8", "7"):
            page.locator(f'[data-key="{key}"]').click()
        page.locator("#send").click()
        expect(page.locator("#said")).to_contain_text("已存在手机里")
        stored = page.evaluate(
            """async () => { const open = indexedDB.open("phr"); await new Promise(done => open.onsuccess = done);
            const all = open.result.transaction("unsent").objectStore("unsent").getAll();
            await new Promise(done => all.onsuccess = done);
            return all.result.map(row => new TextDecoder().decode(row.sealed)).join(); }"""
        )
        assert stored
        assert "134" not in stored
        page.context.unroute("**/app/api/**")
        page.goto(f"{house.url}/app/add")
        page.wait_for_timeout(800)
        page.goto(f"{house.url}/app/today")
        expect(page.locator(".tile .value").first).to_contain_text("134/87")
        page.get_by_role("button", name="退出").click()
        page.wait_for_url(f"{house.url}/")
        names = page.evaluate("async () => (await indexedDB.databases()).map(one => one.name)")
        assert names == []


def test_pressure_that_can_not_be_is_caught_at_the_field(
    house: Installation, chromium: Browser, citizen: Somebody
) -> None:
    with looking(chromium, PHONE, service_workers="block") as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/add")
        sent: list[str] = []
        page.on("request", lambda one: sent.append(one.url) if one.url.endswith("/readings") else None)
        for key in "301":
            page.locator(f'[data-key="{key}"]').click()
        expect(page.locator("#said")).to_contain_text("收缩压")
        expect(page.locator(".fields .wrong")).to_have_count(1)
        page.locator("#send").click()
        expect(page.locator("#said")).to_contain_text("mmHg")
        for key in ("back", "back", "back", "8", "2"):
            page.locator(f'[data-key="{key}"]').click()
        for key in "128":
            page.locator(f'[data-key="{key}"]').click()
        page.locator("#send").click()
        expect(page.locator("#said")).to_contain_text("舒张压应低于收缩压")
        assert sent == []


def test_reading_outlives_a_session_that_ended(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    with looking(chromium, PHONE, service_workers="block") as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/add")
        for key in "13684":
            page.locator(f'[data-key="{key}"]').click()
        house.operator.database["page_sessions"].delete_many({"person": citizen.id})
        page.locator("#send").click()
        page.wait_for_url("**/oauth/authorize**")
        citizen.type_in(page)
        page.wait_for_url(f"{house.url}/app/add")
        page.wait_for_timeout(500)
        page.goto(f"{house.url}/app/today")
        expect(page.locator(".tile .value").first).to_contain_text("136/84")


def test_form_outlives_a_session_that_ended(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    with looking(chromium, PHONE, service_workers="block") as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/reminders")
        page.fill("input[name=text]", "二甲双胍 0.5 g")
        page.check("input[name=days][value=weekly]")
        house.operator.database["page_sessions"].delete_many({"person": citizen.id})
        page.get_by_role("button", name="保存").click()
        page.wait_for_url("**/oauth/authorize**")
        citizen.type_in(page)
        page.wait_for_url(f"{house.url}/app/reminders")
        expect(page.locator("input[name=text]")).to_have_value("二甲双胍 0.5 g")
        expect(page.locator("input[name=days][value=weekly]")).to_be_checked()
        expect(page.locator(".form-said")).to_contain_text("还在")
        page.get_by_role("button", name="保存").click()
        expect(page.locator("main .card").first).to_contain_text("二甲双胍 0.5 g")


def test_form_waits_for_a_server_that_is_away_and_does_nothing_twice(
    house: Installation, chromium: Browser, citizen: Somebody
) -> None:
    with looking(chromium, PHONE, service_workers="block") as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/reminders")
        page.fill("input[name=text]", "降压药")
        tries: list[int] = []

        def answers_get_lost(route: Route) -> None:
            tries.append(1)
            if len(tries) == 1:
                route.abort("connectionrefused")
            elif len(tries) == 2:
                route.fetch(max_redirects=0)  # it is stored, and nobody hears of it
                route.abort("connectionreset")
            else:
                route.fallback()

        page.route(
            "**/app/reminders",
            lambda route: answers_get_lost(route) if route.request.method == "POST" else route.fallback(),
        )
        page.get_by_role("button", name="保存").click()
        expect(page.locator(".form-said")).to_contain_text("会自动重试")
        expect(page.locator("main .card").first).to_contain_text("降压药", timeout=20_000)
        expect(page.locator("main .card", has_text="降压药")).to_have_count(1)
        assert len(tries) == 3


def test_strangers_address_shows_nothing(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    stranger = Somebody.citizen(house, "陌生人")
    citizen.measures(house, 177, 99)
    with looking(chromium) as page:
        page.goto(f"{house.url}/app/people/{citizen.id}")
        assert "/oauth/authorize" in page.url
        stranger.log_in(page, house.url)
    with looking(chromium) as page:
        stranger.log_in(page, house.url)
        answer = page.request.get(f"{house.url}/app/api/people/{citizen.id}/series/blood-pressure")
        assert answer.status == 403
        page.goto(f"{house.url}/app/people/{citizen.id}")
        expect(page.locator("body")).not_to_contain_text("王芳")
        expect(page.locator("body")).not_to_contain_text("177")


def test_question_is_answered_and_the_course_goes_on(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/learn")
        page.get_by_text("年轻妈妈").click()
        page.locator(".lessons a").first.click()
        (row,) = library().articles["zh", "childrens-vaccines"].quiz
        page.locator(f'.question input[value="{row.right}"]').check()
        expect(page.locator(".why")).to_contain_text("答对了")
        page.get_by_role("link", name="继续学习").click()
        expect(page.locator(".lessons li").first).to_contain_text("已完成")


def test_page_is_read_aloud_where_the_browser_has_no_voice(
    house: Installation, chromium: Browser, citizen: Somebody
) -> None:
    """As WeChat's browser is: without speechSynthesis."""
    citizen.measures(house, 134, 86)
    with looking(chromium, PHONE) as page:
        page.add_init_script("delete window.speechSynthesis")
        citizen.log_in(page, house.url)
        for path, sound in (("/app/today", "today"), ("/app/learn/less-salt", "lessons/less-salt")):
            page.goto(house.url + path)
            with page.expect_response(f"**/app/aloud/{sound}") as heard:
                page.locator("#aloud").click()
            assert heard.value.headers["content-type"] == "audio/mpeg"
            expect(page.locator("#aloud")).to_have_text("停止")
            page.locator("#aloud").click()
            expect(page.locator("#aloud")).to_have_text("朗读")


def photo_of(code: bytes, file: Path) -> None:
    """As a hand takes it: askew, in the corner of a large picture with other things in it, not quite sharp."""
    with Image.open(io.BytesIO(code)) as picture:
        askew = picture.convert("RGB").resize((420, 420)).rotate(17, expand=True, fillcolor=(214, 205, 190))
    table = Image.new("RGB", (2400, 3200), (214, 205, 190))
    table.paste((60, 70, 90), (0, 0, 2400, 900))
    table.paste(askew, (1300, 1900))
    table.filter(ImageFilter.GaussianBlur(1.5)).save(file, quality=70)


def test_device_is_claimed_by_a_photo_where_the_browser_knows_no_codes(
    house: Installation, chromium: Browser, citizen: Somebody, tmp_path: Path
) -> None:
    """As WeChat's browser is: without BarcodeDetector. A photo without a code says so."""
    name = f"scale-{secrets.token_hex(4)}"
    new = NewDevice(vendor=VENDOR, name=name, format="phr-v1", bindings=())
    made = devices.create_device(house.operator.database, new, now_ms())
    reading = {"metric": "weight", "t": now_ms(), "unit": "kg", "value": 61.5}
    payload = json.dumps({"id": name, "readings": [reading]}).encode()
    house.gateway.send(name, payload, "application/vnd.phr.readings+json", name)
    photo_of(claim_codes.picture(f"{VENDOR}/{name}", made.claim_code), tmp_path / "box.jpg")
    Image.new("RGB", (800, 600), (214, 205, 190)).save(tmp_path / "table.jpg")
    with looking(chromium, PHONE) as page:
        page.add_init_script("delete window.BarcodeDetector")
        citizen.log_in(page, house.url)
        page.goto(f"{house.url}/app/devices")
        page.set_input_files("#scan input", tmp_path / "table.jpg")
        expect(page.locator("#scanned")).to_contain_text("没有找到二维码")
        page.set_input_files("#scan input", tmp_path / "box.jpg")
        expect(page.locator("main")).to_contain_text(f"{VENDOR}/{name} 已绑定", timeout=8_000)


def test_trend_shows_what_is_usual_for_oneself(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    """Drawn behind the curve, said in the table, in the units that one chose."""
    readings: list[dict[str, object]] = [
        {
            "metric": "blood-pressure",
            "t": rfc3339(now_ms() - day * 86_400_000, 480),
            "unit": "mm[Hg]",
            "value": {"systolic": 126 + day % 5, "diastolic": 78 + day % 3},
            "id": f"b{day}",
        }
        for day in range(110)
    ]
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        store(page, house.url, readings)
        page.goto(f"{house.url}/app/people/me/trend/blood-pressure")
        expect(page.locator("#usual")).to_be_visible()
        page.locator("#table summary").click()
        cells = page.locator("#table tbody tr:first-child td")
        expect(cells.last).to_have_text(re.compile(r"1[12]\d–1[34]\d/7\d–8\d"))
        page.goto(f"{house.url}/app/look")
        page.get_by_label("kPa").check()
        with page.expect_navigation():
            page.get_by_role("button", name="保存").click()
        page.goto(f"{house.url}/app/people/me/trend/blood-pressure")
        page.locator("#table summary").click()
        expect(cells.last).to_have_text(re.compile(r"1[56]\.\d–1[78]\.\d/(9|10)\.\d–1[01]\.\d"))


def test_curves_come_once_the_server_is_back(house: Installation, chromium: Browser, citizen: Somebody) -> None:
    citizen.measures(house, 133, 84)
    with looking(chromium, PHONE, service_workers="block") as page:
        citizen.log_in(page, house.url)
        page.context.route("**/series/**", lambda route: route.abort("connectionrefused"))
        page.goto(f"{house.url}/app/people/me")
        expect(page.locator("#told")).to_contain_text("会自动重试")
        page.context.unroute("**/series/**")
        page.wait_for_selector("#life[data-ready=true]", timeout=10_000)
        expect(page.locator("#told")).to_be_hidden()


def test_screen_at_work_goes_dark_after_ten_minutes(house: Installation, chromium: Browser, doctor: Somebody) -> None:
    with looking(chromium) as page:
        page.clock.install()
        doctor.log_in(page, house.url)
        page.clock.fast_forward("09:55")
        assert page.url.endswith("/app/panel")
        page.clock.fast_forward("00:10")
        page.wait_for_url("**/app/locked")
        page.go_back()
        page.wait_for_load_state()
        assert "/app/panel" not in page.url
        names = page.evaluate("async () => (await indexedDB.databases()).map(one => one.name)")
        assert names == []


def test_last_days_are_readable_without_a_network_and_gone_with_the_log_out(
    house: Installation, chromium: Browser, citizen: Somebody
) -> None:
    citizen.measures(house, 133, 84)
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        expect(page.get_by_text("133/84")).to_be_visible()
        page.evaluate(  # wait_for_function would need eval, which the pages forbid
            """() => new Promise(done => navigator.serviceWorker.controller ? done()
                : navigator.serviceWorker.addEventListener("controllerchange", () => done(), { once: true }))"""
        )
        page.evaluate(  # nothing else was ever looked at
            """async () => { const shell = await caches.open("shell");
                for (let left = 100; left && !(await shell.match("/app/add")); left -= 1)
                  await new Promise(done => setTimeout(done, 50)); }"""
        )
        page.wait_for_timeout(500)
        page.context.set_offline(True)
        page.goto(f"{house.url}/app/today")
        expect(page.locator("h1")).to_contain_text("没有网络")
        expect(page.locator("#offline")).to_contain_text("133/84 mmHg")
        page.goto(f"{house.url}/app/add")
        for key in "13585":
            page.locator(f'[data-key="{key}"]').click()
        page.locator("#send").click()
        expect(page.locator("#said")).to_contain_text("已存在手机里")
        page.context.set_offline(False)
        page.wait_for_timeout(500)
        page.goto(f"{house.url}/app/today")
        expect(page.locator(".tile .value").first).to_contain_text("135/85")
        page.get_by_role("button", name="退出").click()
        page.wait_for_url(f"{house.url}/")
        kept = page.evaluate("async () => [await indexedDB.databases(), await caches.keys()].flat().length")
        assert kept == 0
