"""At the clinic: a consent is taken down with its paper, by a login of now; who may see the paper fetches it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from pages import sittings
from phr.auth import page_drafts
from phr.clock import now_ms, rfc3339
from phr.people import logins, organisations
from phr.people.organisations import Member
from tests.pages.test_work import doctor
from tests.pages.visitor import PASSWORD, Visitor
from tests.timeline.papers import PNG

__all__ = ["doctor"]

ASSISTED = {"assisted.how": {"$exists": True}}


@pytest.fixture
def place(doctor: Visitor) -> str:
    """Of a contract that waits for the owner's word."""
    cast = doctor.cast
    who = cast.database["members"].find_one({"role": "doctor"})
    assert who
    until = rfc3339(now_ms() + 300 * 86_400_000, 480)[:10]
    body = {"team": "blue", "starts_on": "2026-01-01", "ends_on": until}
    made: Any = cast.send(who["person"], "POST", "/v1/people/{owner}/contracts", json=body).json
    return f"/app/clinic/contracts/{cast.owner}/{made['id']}"


def taken(doctor: Visitor, place: str, file: tuple[io.BytesIO, str] | None = None, **more: Any) -> TestResponse:
    page = doctor.get(place)
    action = re.search(rf'action="({place}/consents/[\w-]+)"', page.text)
    assert action, page.text
    said = {"kind": "family-doctor", "how": "tablet-signature", "evidence": "平板 2 号"} | more
    return doctor.send(page, action[1], **(said | ({"paper": file} if file else {})))


def scan(content: bytes = PNG) -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), "scan.png"


def test_consent_is_taken_down_with_its_paper_and_shown_to_who_took_it_down(doctor: Visitor, place: str) -> None:
    assert f'href="{place}"' in doctor.get("/app/clinic/contracts").text
    assert taken(doctor, place, scan()).location == place
    (paper,) = re.findall(r'href="(/app/clinic/consents/[^"]+)"', doctor.get(place).text)
    found = doctor.get(paper)
    assert (found.data, found.headers["Content-Disposition"].split(";")[0]) == (PNG, "attachment")
    assert found.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_owner_finds_the_paper_with_the_grant(doctor: Visitor, place: str) -> None:
    taken(doctor, place, scan())
    grant = doctor.cast.database["grants"].find_one(ASSISTED)
    assert grant
    owner = doctor.another()
    owner.log_in()
    page = owner.get(f"/app/sharing/{grant['_id']}")
    assert "平板 2 号" in page.text
    (paper,) = re.findall(r'href="(/app/sharing/[^"]+/papers/[^"]+)"', page.text)
    assert owner.get(paper).data == PNG


def test_paper_that_is_none_leaves_the_consent_and_says_why(doctor: Visitor, place: str) -> None:
    answer = taken(doctor, place, scan(b"<html>"))
    assert (answer.status_code, "扫描件或照片须为 JPEG、PNG 或 PDF" in answer.text) == (422, True)
    page = doctor.get(place)
    assert "没有保存签字文件的影像" in page.text
    (action,) = re.findall(r'action="([^"]+/papers)"', page.text)
    assert doctor.send(page, action, paper=scan()).location == place
    assert doctor.send(page, action).status_code == 422
    assert doctor.cast.database["consent_papers"].count_documents({}) == 1


def test_paper_without_a_witness_is_said_at_the_form(doctor: Visitor, place: str) -> None:
    assert taken(doctor, place, how="paper").status_code == 422


def test_who_logged_in_long_ago_is_asked_before_the_form_and_loses_nothing(
    doctor: Visitor, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = doctor.get(place)
    monkeypatch.setattr("pages.views.consenting.now_ms", lambda: now_ms() + 6 * 60_000)
    asked = doctor.get(place)
    assert (asked.status_code, "/consents/" in asked.text) == (200, False)
    assert "fresh=1" in asked.text
    monkeypatch.setattr("phr.api.deciding.now_ms", lambda: now_ms() + 6 * 60_000)
    (action,) = re.findall(rf'action="({place}/consents/[\w-]+)"', page.text)
    token = re.search(r'name="form-token" content="([^"]+)"', page.text)
    assert token
    draft = {"page": place, "form": action, "values": [["evidence", "x"]]}
    kept = doctor.browser.post(
        "/app/drafts", base_url=doctor.issuer, json=draft, headers={sittings.FORM_HEADER: token[1]}
    )
    assert kept.status_code == 204
    late = doctor.send(page, action, kind="family-doctor", how="sms-reply", evidence="x")
    assert (late.status_code, late.location.endswith("fresh=1")) == (303, True)
    assert place.replace("/", "%2F") in late.location
    assert doctor.cast.database["grants"].count_documents(ASSISTED) == 0
    assert doctor.cast.database[page_drafts.DRAFTS].count_documents({}) == 1


def test_elders_word_on_a_proxy_is_taken_down(doctor: Visitor, place: str) -> None:
    cast = doctor.cast
    taken(doctor, place)
    asked: Any = cast.send(
        cast.stranger, "POST", "/v1/people/me/received-grants", json={"person": cast.owner, "kind": "proxy"}
    )
    page = doctor.get(place)
    assert "stranger" in page.text
    path = f"{place}/consents/{asked.json['id']}"
    assert doctor.send(page, path, kind="proxy", how="sms-reply", evidence="x").location == place
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/grants").status_code == 200


def test_contract_that_is_not_there_says_so(doctor: Visitor, place: str) -> None:
    assert doctor.get(f"{place}x").status_code == 404


@pytest.fixture
def officer(doctor: Visitor) -> Visitor:
    cast = doctor.cast
    organisations.put_member(cast.database, Member("clinic", cast.relative, organisations.OFFICER, None), now_ms())
    logins.create(cast.database, "officer", PASSWORD, cast.relative)
    visitor = doctor.another()
    visitor.log_in("officer", "/app/clinic")
    return visitor


def test_officer_sees_the_papers(doctor: Visitor, place: str, officer: Visitor) -> None:
    taken(doctor, place, scan())
    (paper,) = re.findall(r'href="(/app/clinic/papers/[^"]+)"', officer.get("/app/clinic").text)
    assert officer.get(paper).data == PNG
    assert "/app/clinic/papers/" not in doctor.get("/app/clinic").text


def test_officer_answers_a_relative_of_the_dead_by_a_login_of_now(
    doctor: Visitor, place: str, officer: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = doctor.cast
    taken(doctor, place)
    contract, who = place.rpartition("/")[2], cast.database["members"].find_one({"role": "doctor"})
    assert who
    death = f"/v1/people/{cast.owner}/contracts/{contract}/death"
    assert cast.send(who["person"], "POST", death, json={"died_on": "2026-11-01"}).status_code == 200
    body = {"person": cast.owner, "kind": "relative", "note": "女儿"}
    asked: Any = cast.send(cast.stranger, "POST", "/v1/people/me/received-grants", json=body).json
    page = officer.get("/app/clinic")
    assert "女儿" in page.text
    path = f"/app/clinic/requests/{asked['id']}"
    with monkeypatch.context() as late:
        late.setattr("phr.api.organisation.now_ms", lambda: now_ms() + 6 * 60_000)
        answer = officer.send(page, path, answer="accept")
        assert (answer.status_code, answer.location.endswith("fresh=1")) == (303, True)
    assert officer.send(page, path, answer="accept").location == "/app/clinic"
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/timeline").status_code == 200
