"""What is half written in the console: its writer's alone, sealed, gone once it is sent or its record is."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from pages import sittings
from pages.application import create
from pages.mounting import mounted
from phr.auth import page_drafts
from phr.clock import now_ms
from phr.people import grants, logins, second_factors
from phr.people.keyring import destroy
from tests.cast import Cast, a_clinic, a_grant
from tests.pages.visitor import PASSWORD, Visitor

QUESTION = "心电图要不要复查"


@pytest.fixture
def doctor(cast: Cast, application: Flask, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """At work beside a colleague ("liwei") of the same team, which the owner lets look after them."""
    grants.create(
        cast.database,
        a_grant(cast.owner, "team:clinic/blue", kind="family-doctor", verbs=("read", "write"), purpose="care"),
    )
    for login, person in zip(("chen", "liwei"), a_clinic(cast.database, "doctor", "nurse"), strict=True):
        logins.create(cast.database, login, PASSWORD, person)
    monkeypatch.setattr(second_factors, "is_needed", lambda *_: False)  # has tests of its own
    visitor = Visitor.of(cast, mounted(application, lambda: create(application)))
    visitor.log_in("chen", "/app/")
    return visitor


def page_of(visitor: Visitor) -> str:
    return f"/app/people/{visitor.cast.owner}"


def keep(visitor: Visitor, form: str, *values: tuple[str, Any], page: str = "") -> TestResponse:
    """As the page's script does."""
    place = page or page_of(visitor)
    token = re.search(r'name="form-token" content="([^"]+)"', visitor.get("/app/look").text)
    headers = {sittings.FORM_HEADER: token[1]} if token else {}
    body = {"page": place, "form": form, "values": list(values)}
    return visitor.browser.post("/app/drafts", base_url=visitor.issuer, json=body, headers=headers)


def asked(visitor: Visitor) -> TestResponse:
    return keep(visitor, f"{page_of(visitor)}/referrals", ("specialist", "spec-17"), ("question", QUESTION))


def told(visitor: Visitor) -> str:
    """What the page gives its script."""
    found = re.search(r'data-drafts="([^"]*)"', visitor.get(page_of(visitor)).text)
    assert found
    return found[1].encode().decode("unicode_escape")


def rows(visitor: Visitor) -> list[dict[str, Any]]:
    return list(visitor.cast.database[page_drafts.DRAFTS].find())


def test_writer_finds_it_again_and_nobody_else_does(doctor: Visitor) -> None:
    assert asked(doctor).status_code == 204
    assert QUESTION in told(doctor)
    colleague = doctor.another()
    colleague.log_in("liwei")
    assert told(colleague) == "[]"
    assert "Half written" not in colleague.get("/app/panel?").text
    assert page_of(doctor) in re.findall(r'name="page" value="([^"]+)"', doctor.get("/app/panel").text)


def test_it_is_sealed_with_the_key_of_whose_record_it_is_about(doctor: Visitor) -> None:
    asked(doctor)
    (row,) = rows(doctor)
    assert QUESTION.encode() not in bytes(row["values"])
    assert row["owner"] == doctor.cast.owner
    destroy(doctor.cast.database, doctor.cast.owner, now_ms())
    assert page_drafts.of_page(doctor.cast.database, row["person"], row["page"], now_ms()) == []


def test_sent_form_is_no_draft_any_more_and_a_refused_one_still_is(doctor: Visitor) -> None:
    targets = f"{page_of(doctor)}/targets"
    keep(doctor, targets, ("why", "年老体弱"))
    page = doctor.get(page_of(doctor))
    refused = doctor.send(page, targets, target="metric.weight", limit="-5", why="年老体弱")
    assert refused.status_code >= 400
    assert len(rows(doctor)) == 1
    assert doctor.send(page, targets, target="metric.weight", limit="70", why="年老体弱").status_code == 303
    assert rows(doctor) == []


def test_emptied_form_is_no_draft_any_more(doctor: Visitor) -> None:
    asked(doctor)
    keep(doctor, f"{page_of(doctor)}/referrals")
    assert rows(doctor) == []


def test_newer_words_take_the_place_of_older_ones(doctor: Visitor) -> None:
    asked(doctor)
    keep(doctor, f"{page_of(doctor)}/referrals", ("question", "胸痛"))
    assert "胸痛" in told(doctor)
    assert QUESTION not in told(doctor)


def test_what_is_half_written_can_be_thrown_away(doctor: Visitor) -> None:
    asked(doctor)
    doctor.send(doctor.get("/app/panel"), "/app/drafts/drop", page=page_of(doctor))
    assert rows(doctor) == []


def test_draft_is_kept_for_a_week(doctor: Visitor) -> None:
    asked(doctor)
    (row,) = rows(doctor)
    week = round(page_drafts.KEPT.total_seconds() * 1000)
    ends = round(row["expires_at"].timestamp() * 1000)
    args = doctor.cast.database, row["person"], row["page"]
    assert abs(ends - now_ms() - week) < 60_000
    assert page_drafts.of_page(*args, ends - 1)
    assert page_drafts.of_page(*args, ends) == []


def test_reason_of_an_emergency_is_kept_with_the_writers_own_key(doctor: Visitor) -> None:
    assert keep(doctor, "/app/clinic/emergencies", ("reason", "昏迷"), page="/app/clinic").status_code == 204
    (row,) = rows(doctor)
    assert row["owner"] == row["person"]


@pytest.mark.parametrize(
    ("form", "page"),
    [
        ("/app/nothing", "/app/panel"),
        ("/app/panel", "/app/panel"),  # takes no form
        ("/app/people/nobody/referrals", "/app/panel"),
        ("/app/clinic/emergencies", "https://evil.example/"),
        ("/app/clinic/emergencies", "/app/" + "x" * 512),
    ],
)
def test_form_or_page_that_is_not_ours_keeps_nothing(doctor: Visitor, form: str, page: str) -> None:
    assert keep(doctor, form, ("question", QUESTION), page=page).status_code in (400, 404)
    assert rows(doctor) == []
    assert doctor.cast.database["data_keys"].find_one({"_id": "nobody"}) is None


def test_citizens_and_strangers_keep_no_draft_here(doctor: Visitor) -> None:
    owner = doctor.another()
    assert asked(owner).status_code in (401, 303)
    owner.log_in("owner")
    assert asked(owner).status_code == 404
    assert rows(doctor) == []
