"""A clinic's pages: follow-ups handed on and marked as sent, residents imported after a look at the file."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from werkzeug.test import TestResponse

from pages import sittings
from phr.api import emergencies
from phr.auth.tokens import TWO_FACTORS
from phr.clock import now_ms, to_datetime
from phr.people import contracts, directory, people
from phr.people.contracts import NewContract
from phr.people.people import Change
from tests.pages.test_work import doctor
from tests.pages.visitor import Visitor

__all__ = ["doctor"]

NUMBER = "11010519491231002X"
HEADER = "name,identity_number,phone,birth_date,sex,team,starts_on,ends_on"
ROW = f"李秀英,{NUMBER},13800138000,1949-12-31,female,,,"


def confirmed(doctor: Visitor) -> None:
    """A follow-up of the owner's that its doctor stands by."""
    person = doctor.cast.owner
    page = doctor.get(f"/app/people/{person}")
    doctor.send(page, f"/app/people/{person}/plans", programme="hypertension")
    (plan,) = set(re.findall(r"/plans/([\w-]+)/visits", doctor.get(f"/app/people/{person}").text))
    prepared = doctor.send(page, f"/app/people/{person}/plans/{plan}/visits")
    form = doctor.get(prepared.location)
    sent = doctor.send(form, prepared.location, act="confirm", systolic="152", diastolic="94", mode="1")
    assert sent.status_code == 303, sent.text


def uploaded(doctor: Visitor, act: str, *rows: str, **more: Any) -> TestResponse:
    file = (io.BytesIO("\n".join((HEADER, *rows)).encode()), "residents.csv")
    page = doctor.get("/app/clinic/residents")
    return doctor.send(page, "/app/clinic/residents", act=act, **({"file": file} | more))


def test_confirmed_follow_ups_are_handed_on_and_marked(doctor: Visitor) -> None:
    confirmed(doctor)
    page = doctor.get("/app/clinic/forms")
    assert page.status_code == 200, page.text
    (visit,) = re.findall(r'name="visit" value="([^"]+)"', page.text)
    assert visit.startswith(f"{doctor.cast.owner}/")
    sheet = openpyxl.load_workbook(io.BytesIO(doctor.get("/app/clinic/forms/file?format=xlsx").data)).worksheets[0]
    assert sheet.cell(1, 1).value == "姓名"
    assert sheet.cell(2, 1).value == "owner"
    forms = doctor.get("/app/clinic/forms/file?format=json").json
    assert forms
    assert [one["姓名"] for one in forms["forms"]] == ["owner"]
    marked = doctor.send(page, "/app/clinic/forms/sent", act="ticked", visit=visit, to="区域平台", number="A7")
    assert marked.status_code == 303
    assert 'name="visit"' not in doctor.get("/app/clinic/forms").text
    sent = doctor.get("/app/clinic/forms?sent=true").text
    assert "区域平台 A7" in sent


def test_doctor_opens_an_emergency_and_is_told_how_long_it_is_seen(
    doctor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergencies, "acr_of", lambda _: TWO_FACTORS)  # has tests of its own
    people.patch(doctor.cast.database, doctor.cast.owner, Change(fields={"identity_number": NUMBER}))
    page = doctor.get("/app/clinic")
    unknown = doctor.send(page, "/app/clinic/emergencies", identity="E12345678", reason="昏迷，叫不醒")
    opened = doctor.send(page, "/app/clinic/emergencies", identity=NUMBER, reason="昏迷，叫不醒")
    assert (unknown.status_code, opened.status_code) == (403, 303), unknown.text
    assert opened.location == f"/app/emergencies/{doctor.cast.owner}"
    (grant,) = doctor.cast.database["grants"].find({"kind": "break-glass"})
    until = to_datetime(grant["until_ms"]).astimezone(ZoneInfo("Asia/Shanghai"))  # the doctor's
    assert re.search(rf"可查看至 .*{until:%H:%M}。", doctor.get(opened.location).text)


def test_day_that_is_none_is_said_and_a_citizen_sees_no_forms(doctor: Visitor) -> None:
    assert doctor.get("/app/clinic/forms?from=2026-13-01&to=2026-12-31").status_code == 400
    citizen = doctor.another()
    citizen.log_in()
    for path in ("/app/clinic/forms", "/app/clinic/forms/file"):
        assert citizen.get(path).status_code == 403


def test_file_is_looked_at_before_it_is_imported(doctor: Visitor) -> None:
    looked = uploaded(doctor, "try", ROW)
    assert "新居民 1 人" in looked.text
    assert directory.find_by_identity_number(doctor.cast.database, NUMBER) == []
    assert "没有发现错误" in looked.text
    assert "已导入" in uploaded(doctor, "import", ROW).text
    assert len(directory.find_by_identity_number(doctor.cast.database, NUMBER)) == 1
    assert "已登记 1 人" in uploaded(doctor, "import", ROW).text


def test_faults_are_listed_by_line_and_column(doctor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ROW.replace("13800138000", "1")
    assert re.search(r"<td>2</td><td><code>phone</code></td>", uploaded(doctor, "try", bad).text)
    refused = uploaded(doctor, "import", bad)
    assert refused.status_code == 422
    assert "不是有效的电话号码" in refused.text
    assert "已导入" not in refused.text
    assert "不是 UTF-8" in uploaded(doctor, "import", file=(io.BytesIO("王芳".encode("gbk")), "residents.csv")).text
    assert uploaded(doctor, "try", file=(io.BytesIO(b""), "")).status_code == 422
    monkeypatch.setitem(sittings.LARGER, "clinic.import_residents", 10_000)
    large = uploaded(doctor, "try", "x" * 20_000)
    assert large.status_code == 413
    assert "Traceback" not in large.text


def test_contracts_name_residents_and_teams_and_rules_are_read_as_they_will_be_said(doctor: Visitor) -> None:
    cast = doctor.cast
    staff = cast.database["members"].find_one({"role": "doctor"})
    assert staff
    today = to_datetime(now_ms()).date()
    until = today + timedelta(days=365)
    draft = NewContract(person=cast.owner, team="clinic/blue", starts_on=today, ends_on=until)
    contracts.make(cast.database, draft, staff["person"], now_ms())
    page = doctor.get("/app/clinic/contracts").text
    assert f'<a href="/app/people/{cast.owner}">owner</a>' in page
    assert "蓝队" in page
    rules = doctor.get("/app/clinic/rules").text
    assert "〔测得的值〕" in rules
    assert "{" not in re.sub(r"<script.*?</script>", "", rules)
