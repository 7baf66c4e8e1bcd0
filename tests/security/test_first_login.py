"""A resident whom a clinic has registered comes to their record for the first time, by phone: the whole way, over HTTP.

Imported from a CSV file, put under contract before staff, given a code for the document in their hand; then SMS and
code at a phone that was never here, SMS alone at the same one from then on, and nothing at another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from phr.auth import browsers, texts
from phr.clock import now_ms, to_datetime
from phr.people import directory, people
from phr.people.people import Change
from tests.cast import Cast
from tests.ops.test_admin import Admin, home, run
from tests.security.browser import Browser, a_browser, an_app
from tests.security.test_phone_login import Sent, at_once

__all__ = ["home", "run"]

NUMBER, PHONE = "11010519491231002X", "13800138000"  # GB 11643-1999, appendix A
HEADER = "name,identity_number,phone,birth_date,sex,team,starts_on,ends_on"
STAFF_SCOPE = "organisation.read organisation.write contracts.read contracts.write"
OWN_SCOPE = "profile.read notes.read access-log.read"
SHOWN = {"version": 1, "language": "zh"}


@dataclass
class Clinic:
    """Its doctor, logged in with two factors, and the resident, who has a phone and nothing else."""

    cast: Cast
    sent: Sent
    run: Admin
    token: str
    resident: str

    def staff(self, path: str, **body: Any) -> TestResponse:
        where, headers = path.format(resident=self.resident), {"Authorization": f"Bearer {self.token}"}
        return self.cast.http.post(where, json=body, headers=headers)

    def consent(self) -> None:
        path = f"/v1/people/{self.resident}/contracts"
        listed: Any = self.cast.http.get(path, headers={"Authorization": f"Bearer {self.token}"}).json
        (made,) = listed["contracts"]
        taken = self.staff(f"{path}/{made['id']}/consent", how="tablet-signature", evidence="file 7", text=SHOWN)
        assert taken.status_code == 200, taken.text

    def invite(self, **changes: Any) -> TestResponse:
        body = {"person": self.resident, "identity_number": NUMBER} | changes
        return self.staff("/v1/organisation/login-invitations", **{k: v for k, v in body.items() if v is not None})

    def code(self) -> str:
        self.consent()
        return str(self.invite().json["code"])  # type: ignore[index]

    def phone(self) -> Phone:
        app = an_app(self.cast, scope=OWN_SCOPE.split())
        browser = Browser(self.cast, app, self.cast.http.application.test_client(), asked={"scope": OWN_SCOPE})
        return Phone(browser, self.sent)


@dataclass
class Phone:
    browser: Browser
    sent: Sent

    def come_in(self, invitation: str = "", **form: str) -> TestResponse:
        """The page after a code by SMS, typed with what else there is."""
        fixed = {"way": "phone", "phone": "138 0013 8000", "step": "log-in"}
        self.browser.send(self.browser.open(), code="", **fixed)
        typed = {"code": self.sent.code(), "invitation": invitation} | fixed | form
        return self.browser.send(self.browser.open(), **typed)

    def token(self, answer: TestResponse) -> str:
        """What the app gets once the resident has allowed it."""
        assert answer.status_code == 303, answer.text
        allowed = self.browser.send(self.browser.http.get(answer.location), step="allow")
        code = re.search(r"[?&]code=([^&]+)", allowed.location)
        assert code, allowed.location
        return str(self.browser.redeem(code[1]).json["access_token"])  # type: ignore[index]


@pytest.fixture
def clinic(browser: Browser, run: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    cast, sent = browser.cast, Sent()
    monkeypatch.setattr(cast.http.application.extensions["phr_oauth"], "texts", sent)
    monkeypatch.setattr(texts, "soon", at_once)
    doctor = _a_clinic_with_a_doctor(run)
    until = (date.today() + timedelta(days=300)).isoformat()  # noqa: DTZ011
    file = tmp_path / "residents.csv"
    row = f"王芳,{NUMBER},138 0013 8000,1949-12-31,female,blue,2026-01-01,{until}"
    file.write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    assert run("organisation", "import", "clinic", str(file), "--dry-run")[1]["faults"] == []
    assert run("organisation", "import", "clinic", str(file))[1]["created"] == 1
    (resident,) = directory.find_by_identity_number(cast.database, NUMBER)
    app = an_app(cast, scope=STAFF_SCOPE.split())
    at_work = replace(a_browser(cast, app), login=doctor["login"], password=doctor["password"])
    uri = doctor["second_factor"]["uri"]
    at_work.code_typed = pyotp.parse_uri(uri).now()  # type: ignore[attr-defined]
    token = at_work.tokens(scope=STAFF_SCOPE)["access_token"]
    return Clinic(cast, sent, run, token, resident)


def _a_clinic_with_a_doctor(run: Admin) -> Any:
    run("organisation", "create", "clinic", "--name", "社区卫生服务中心")
    run("organisation", "team", "clinic", "blue", "--name", "蓝队")
    doctor = run("doctor", "create", "--name", "陈医生", "--organisation", "社区卫生服务中心")[1]
    run("organisation", "member", "clinic", doctor["person_id"], "--role", "doctor")
    run("organisation", "join", "clinic", "blue", doctor["person_id"])
    return doctor


def test_code_of_the_phone_alone_opens_nothing(clinic: Clinic) -> None:
    clinic.consent()
    answer = clinic.phone().come_in()
    assert (answer.status_code, "邀请码" in answer.text or "document" in answer.text) == (403, True)
    assert clinic.cast.database[browsers.SESSIONS].find_one({"person": clinic.resident}) is None


def test_with_the_clinics_code_the_resident_reads_their_own_record(clinic: Clinic) -> None:
    phone = clinic.phone()
    token = phone.token(phone.come_in(clinic.code()))
    headers = {"Authorization": f"Bearer {token}"}
    shown: Any = clinic.cast.http.get("/v1/people/me", headers=headers).json
    assert (shown["id"], shown["name"]) == (clinic.resident, "王芳")
    lines: Any = clinic.cast.http.get("/v1/people/me/access-log", headers=headers).json
    words = [one["words"]["en"] for one in lines["lines"]]
    assert "You logged in at a new device by phone and a clinic's code" in words
    assert any("code to join a login" in one for one in words)
    told = {row["rule"] for row in clinic.cast.database["notices"].find({"person": clinic.resident})}
    assert {"consent-taken-down", "login-added"} <= told


def test_from_then_on_the_phone_alone_does_at_this_device_and_at_no_other(clinic: Clinic) -> None:
    phone = clinic.phone()
    assert phone.come_in(clinic.code()).status_code == 303
    assert [phone.come_in().status_code, clinic.phone().come_in().status_code] == [303, 403]


def test_clinics_code_is_good_once(clinic: Clinic) -> None:
    code = clinic.code()
    assert [clinic.phone().come_in(code).status_code for _ in range(2)] == [303, 403]


def test_clinics_code_without_the_phones_is_none(clinic: Clinic) -> None:
    phone, code = clinic.phone(), clinic.code()
    assert phone.come_in(code, code="000000").status_code == 403
    assert phone.come_in(code).status_code == 303  # the invitation is not used up by that


def test_code_that_was_given_without_a_document_does_not_do(clinic: Clinic) -> None:
    clinic.consent()
    code = clinic.invite(identity_number=None).json["code"]  # type: ignore[index]
    assert clinic.phone().come_in(code).status_code == 403


def test_code_for_somebody_else_does_not_do(clinic: Clinic) -> None:
    """Nor does it for who has the number now: the resident's is another."""
    code, database = clinic.code(), clinic.cast.database
    people.patch(database, clinic.resident, Change(fields={"phone": "13900139000"}))
    people.patch(database, clinic.cast.stranger, Change(fields={"phone": PHONE}))
    assert clinic.phone().come_in(code).status_code == 403


def test_no_code_is_given_before_the_resident_consents_nor_for_another_number(clinic: Clinic) -> None:
    before = clinic.invite().status_code
    clinic.consent()
    assert (before, clinic.invite(identity_number="440524188001010014").status_code) == (403, 400)


def test_clinics_code_that_is_over_is_none(clinic: Clinic) -> None:
    code = clinic.code()
    clinic.cast.database["login_invitations"].update_many({}, {"$set": {"ends_at": to_datetime(now_ms())}})
    assert clinic.phone().come_in(code).status_code == 403
