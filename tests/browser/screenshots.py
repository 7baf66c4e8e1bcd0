"""`make screenshots`: every page in both languages, as the README shows them, of a house filled for the pictures."""

from __future__ import annotations

import argparse
import math
import random
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from phr.clock import now_ms, rfc3339
from tests.browser.house import PHONE, Somebody, looking, store
from tests.real.installation import Installation, installed

DAY_MS = 86_400_000
CITIZENS = {
    "today": "/app/today",
    "life": "/app/people/me",
    "add": "/app/add",
    "learn": "/app/learn",
    "article": "/app/learn/falls-of-elders",
    "sharing": "/app/sharing",
    "looked": "/app/looked",
    "reminders": "/app/reminders",
    "devices": "/app/devices",
    "report": "/app/people/me/report",
    "more": "/app/more",
    "mine": "/app/mine",
    "doctor": "/app/doctor",
    "display": "/app/look",
    "messages": "/app/notices",
    "told": "/app/notices/settings",
    "topics": "/app/learn/topics",
    "effect": "/app/learn/effect",
}
DOCTORS = {
    "panel": "/app/panel",
    "clinic": "/app/clinic",
    "rules": "/app/clinic/rules",
    "forms": "/app/clinic/forms",
    "import": "/app/clinic/residents",
}
OPERATORS = {"operations": "/app/operations", "rejections": "/app/operations/rejections"}


def fill(house: Installation, page: Page, url: str) -> None:
    """Ten years of pressures and weights and a fortnight of a sensor, by the page's own way to the API."""
    chance, now = random.Random(7), now_ms()
    readings: list[dict[str, object]] = []
    for day in range(0, 3_600, 2):
        wave = 8 * math.sin(day / 60)
        value = {
            "systolic": round(134 + wave + chance.gauss(0, 5)),
            "diastolic": round(84 + wave / 2 + chance.gauss(0, 3)),
        }
        for hour in (2, 14) if day < 8 else (2,):
            t = rfc3339(now - day * DAY_MS - hour * 3_600_000, 480)
            readings.append(
                {"metric": "blood-pressure", "t": t, "unit": "mm[Hg]", "value": value, "id": f"b{day}-{hour}"}
            )
        if day % 10 == 0:
            weight = round(68 + 2 * math.sin(day / 400) + chance.gauss(0, 0.4), 1)
            t = rfc3339(now - day * DAY_MS, 480)
            readings.append({"metric": "weight", "t": t, "unit": "kg", "value": weight, "id": f"w{day}"})
    for step in range(14 * 288):
        t = now - step * 300_000
        hour = (t / 3_600_000 + 8) % 24
        meal = sum(4 * math.exp(-(((hour - at) / 1.1) ** 2)) for at in (8, 13, 19))
        value_ = round(5.9 + meal + chance.gauss(0, 0.3), 1)
        readings.append(
            {
                "metric": "glucose-interstitial",
                "t": rfc3339(t, 480),
                "unit": "mmol/L",
                "value": value_,
                "id": f"g{step}",
            }
        )
    store(page, url, readings)


def take(page: Page, url: str, path: str, file: Path) -> None:
    page.goto(url + path)
    if "/people/" in path and "report" not in path:
        page.wait_for_selector("#life[data-ready=true]")
    page.wait_for_timeout(700)
    page.screenshot(path=file)


def in_care(desk: Page, url: str, citizen: Somebody) -> None:
    """In a programme, with a target of their own."""
    desk.goto(f"{url}/app/people/{citizen.id}")
    for form, fields, button in (
        ("details:has(select[name=programme])", {}, "纳入管理"),
        ("details:has(input[name=limit])", {"limit": "135", "why": "年老体弱"}, "保存"),
    ):
        desk.locator(f"{form} summary").click()
        for name, text in fields.items():
            desk.fill(f"input[name={name}]", text)
        if not fields:
            desk.select_option("select[name=programme]", "hypertension")
        with desk.expect_navigation():
            desk.locator(form).get_by_role("button", name=button).click()


def pictures(house: Installation, chromium: Browser, folder: Path) -> None:
    doctor = Somebody.doctor(house)
    citizen = Somebody.citizen(house, "王芳")
    with looking(chromium, PHONE) as page:
        citizen.log_in(page, house.url)
        fill(house, page, house.url)
    with looking(chromium, PHONE) as page, looking(chromium) as desk, looking(chromium) as office:
        take(page, house.url, "/", folder / "first-zh.png")
        page.goto(f"{house.url}/look/en")
        take(page, house.url, "/", folder / "first-en.png")
        citizen.log_in(page, house.url)
        doctor.log_in(desk, house.url)
        in_care(desk, house.url, citizen)
        Somebody.operator(house).log_in(office, house.url)
        office.wait_for_timeout(3_000)  # what there was before is no rate
        for systolic in (138, 141, 152):
            citizen.measures(house, systolic, 88)
            office.wait_for_timeout(2_000)
        resident = {"resident": f"/app/people/{citizen.id}"}
        for language in ("zh", "en"):
            for one, paths in ((page, CITIZENS), (desk, DOCTORS | resident), (office, OPERATORS)):
                one.goto(f"{house.url}/look/{language}")
                for name, path in paths.items():
                    take(one, house.url, path, folder / f"{name}-{language}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    chromium_path = shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as data, installed(Path(data)) as house, sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        pictures(house, chromium, folder)
        chromium.close()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
