"""An installation with people who can log in, and a browser that looks at it as they would."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyotp
from playwright.sync_api import Browser, ConsoleMessage, Page

from ops import administration
from phr.auth import clients
from phr.auth.clients import Credentials, NewClient
from phr.clock import now_ms
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import organisations
from phr.people.organisations import Member
from phr.people.people import NewPerson
from tests.real.installation import VENDOR, Installation

DESKTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
TEAM = administration.DEMO_TEAM


@dataclass(frozen=True, slots=True)
class Somebody:
    id: str
    login: str
    password: str
    factor: str | None = None  # the secret of a second factor
    device: str | None = None

    @classmethod
    def citizen(cls, house: Installation, name: str) -> Somebody:
        """With a cuff, the demo team for a family doctor, and a login."""
        draft = NewPerson(zone="Asia/Shanghai", name=name, is_demo=True)
        person = administration.create_person(house.operator, draft)["person_id"]
        made = administration.give_demo_login(house.operator, person)
        device = f"cuff-{secrets.token_hex(4)}"
        new = NewDevice(vendor=VENDOR, name=device, format="phr-v1", bindings=(("", person),))
        devices.create_device(house.operator.database, new, now_ms())
        return cls(person, made["login"], made["password"], device=device)

    @classmethod
    def doctor(cls, house: Installation) -> Somebody:
        """In the demo clinic's team, which is made where it is missing."""
        database, (clinic, _, team) = house.operator.database, TEAM.partition("/")
        if organisations.find_team(database, TEAM) is None:
            organisations.create(database, clinic, "Demo Clinic")
            organisations.create_team(database, clinic, team, "Demo Team")
        made = administration.create_doctor(house.operator, "陈医生", "Demo Clinic")
        organisations.put_member(database, Member(clinic, made["person_id"], "doctor", None), now_ms())
        organisations.join_team(database, TEAM, made["person_id"], now_ms())
        secret = re.search(r"secret=(\w+)", made["second_factor"]["uri"])
        assert secret
        return cls(made["person_id"], made["login"], made["password"], secret[1])

    @classmethod
    def operator(cls, house: Installation) -> Somebody:
        """Who runs the house."""
        made = administration.create_operator(house.operator, "李强")
        secret = re.search(r"secret=(\w+)", made["second_factor"]["uri"])
        assert secret
        return cls(made["person_id"], made["login"], made["password"], secret[1])

    def log_in(self, page: Page, url: str, *, ahead_s: int = 0) -> None:
        """``ahead_s``: by the code of a little later, where that of now was used."""
        page.goto(f"{url}/app/login")
        self.type_in(page, ahead_s=ahead_s)
        page.wait_for_url("**/app/**")

    def type_in(self, page: Page, *, ahead_s: int = 0) -> None:
        """At the login's page."""
        form = page.locator("form:has(input[name=password])").first
        form.locator("input[name=login]").fill(self.login)
        form.locator("input[name=password]").fill(self.password)
        if self.factor:
            form.locator("input[autocomplete=one-time-code]").fill(pyotp.TOTP(self.factor).at(time.time() + ahead_s))
        form.locator("button").first.click()

    def measures(self, house: Installation, systolic: int, diastolic: int, *, at_ms: int | None = None) -> None:
        """The cuff publishes over MQTT, and has its verdict when this returns. ``at_ms``: None is now."""
        assert self.device
        value = {"systolic": systolic, "diastolic": diastolic}
        reading = {"metric": "blood-pressure", "t": at_ms or now_ms(), "unit": "mm[Hg]", "value": value}
        name = secrets.token_hex(4)
        payload = json.dumps({"id": name, "readings": [reading]}).encode()
        house.gateway.send(self.device, payload, "application/vnd.phr.readings+json", name)


def vendor_client(house: Installation) -> Credentials:
    """What the vendor of the house's devices logs in with."""
    scope = ["vendor.read", "vendor.write"]
    return clients.create(house.operator.database, NewClient(name=VENDOR, scope=scope, vendor=VENDOR), now_ms())


def store(page: Page, url: str, readings: list[dict[str, object]]) -> None:
    """By the page's own way to the API, as who is logged in there."""
    page.goto(f"{url}/app/add")
    script = """async ([readings, token]) => {
      const answer = await fetch("/app/api/people/me/readings", { method: "POST",
      headers: { "Content-Type": "application/json", "X-Form-Token": token }, body: JSON.stringify({ readings }) });
      if (!answer.ok) throw new Error(await answer.text()); }"""
    token = page.get_attribute('meta[name="form-token"]', "content")
    for first in range(0, len(readings), 1_000):
        page.evaluate(script, [readings[first : first + 1_000], token])


def press(page: Page, key: str) -> None:
    """A key that the page's scripts listen to, not before they do."""
    page.wait_for_load_state()
    page.keyboard.press(key)


@contextmanager
def looking(
    chromium: Browser, size: dict[str, int] = DESKTOP, language: str = "zh-CN", **options: Any
) -> Iterator[Page]:
    """A page of a browser of its own; what its console complains of fails the test."""
    context = chromium.new_context(viewport=size, locale=language, **options)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith("Failed to load resource"):  # a status is no fault here
            complaints.append(said.text)

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", hear)
    try:
        yield page
    finally:
        context.close()
    assert not complaints
