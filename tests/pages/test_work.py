"""A family doctor's morning by the pages: panel, resident, follow-up confirmed, the next one."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from pages.application import create
from pages.mounting import mounted
from phr.clock import now_ms, rfc3339
from phr.education import authoring
from phr.education.article import parsed
from phr.education.courses import courses
from phr.education.library import library
from phr.people import grants, logins, second_factors
from tests.cast import T0, Cast, a_clinic, a_grant
from tests.education.test_articles import text
from tests.pages.visitor import PASSWORD, Visitor


@pytest.fixture
def doctor(cast: Cast, application: Flask, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """At work in a clinic whose team the owner and the stranger let look after them."""
    (one,) = a_clinic(cast.database, "doctor")
    for person in (cast.owner, cast.stranger):
        grants.create(
            cast.database,
            a_grant(person, "team:clinic/blue", kind="family-doctor", verbs=("read", "write"), purpose="care"),
        )
    logins.create(cast.database, "chen", PASSWORD, one)
    monkeypatch.setattr(second_factors, "is_needed", lambda *_: False)  # has tests of its own
    visitor = Visitor.of(cast, mounted(application, lambda: create(application)))
    assert visitor.log_in("chen", "/app/").location == "/app/"
    assert visitor.get("/app/").location == "/app/panel"
    return visitor


def test_from_the_panel_to_a_confirmed_follow_up_and_on(doctor: Visitor) -> None:
    cast = doctor.cast
    panel = doctor.get("/app/panel")
    assert panel.status_code == 200, panel.text
    (address,) = re.findall(rf'href="(/app/people/{cast.owner}\?at=[^"]+)"', panel.text)
    page = doctor.get(address)
    assert page.status_code == 200
    assert "owner" in page.text
    assert doctor.send(page, f"/app/people/{cast.owner}/plans", programme="hypertension").status_code == 303
    (plan,) = set(re.findall(r"/plans/([\w-]+)/visits", doctor.get(address).text))
    prepared = doctor.send(page, f"/app/people/{cast.owner}/plans/{plan}/visits", at="")
    assert prepared.status_code == 303
    form = doctor.get(prepared.location)
    assert form.status_code == 200
    kept = doctor.send(form, prepared.location, act="keep", systolic="152", diastolic="94", mode="1")
    assert kept.status_code == 303, kept.text
    form = doctor.get(prepared.location)
    assert 'value="152.0"' in form.text
    confirmed = doctor.send(form, prepared.location, act="confirm", systolic="152", diastolic="94", mode="1")
    assert confirmed.status_code == 303, confirmed.text
    assert confirmed.location == f"/app/people/{cast.owner}"
    (visit,) = cast.send(cast.owner, "GET", f"/v1/people/{{owner}}/plans/{plan}/visits").json["visits"]  # type: ignore[index]
    assert visit["state"] == "confirmed"
    at = re.search(r"at=(.+)", address)
    assert at
    following = doctor.get(f"/app/panel/next?after={at[1]}")
    assert following.status_code == 303
    assert following.location.startswith(("/app/people/", "/app/panel"))


def test_draft_is_bound_to_its_resident_and_organisation(doctor: Visitor) -> None:
    cast = doctor.cast
    page = doctor.get(f"/app/people/{cast.owner}")
    doctor.send(page, f"/app/people/{cast.owner}/plans", programme="hypertension")
    (plan,) = set(re.findall(r"/plans/([\w-]+)/visits", doctor.get(f"/app/people/{cast.owner}").text))
    prepared = doctor.send(page, f"/app/people/{cast.owner}/plans/{plan}/visits")
    other = prepared.location.replace(cast.owner, cast.stranger)
    assert doctor.get(other).status_code == 404


def test_record_without_a_grant_shows_nothing(doctor: Visitor) -> None:
    for path in (f"/app/people/{doctor.cast.relative}/report", f"/app/people/{doctor.cast.relative}"):
        page = doctor.get(path)
        assert page.status_code == 200
        assert "relative" not in page.text.partition("<main")[2].partition("</h1>")[0]
    assert "relative" not in page.text.split("</header>")[1].split('class="console"')[0]
    prepared = doctor.send(
        page,
        f"/app/people/{doctor.cast.relative}/plans",
        programme="hypertension",
    )
    assert prepared.status_code == 403


def test_alert_is_seen_and_over(doctor: Visitor) -> None:
    cast = doctor.cast
    reading = {"metric": "blood-pressure", "t": rfc3339(now_ms(), 480), "unit": "mm[Hg]", "id": "b1"}
    body = {"readings": [reading | {"value": {"systolic": 192, "diastolic": 124}}]}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body)
    page = doctor.get(f"/app/people/{cast.owner}")
    assert "192/124 mmHg" in page.text.split('class="work"')[1]  # the rule's own words, with value and limit
    alerts = set(re.findall(r"/alerts/([\w:.-]+)/acknowledge", page.text))
    for one in alerts:
        assert doctor.send(page, f"/app/people/{cast.owner}/alerts/{one}/acknowledge").status_code == 303
        assert doctor.send(page, f"/app/people/{cast.owner}/alerts/{one}/resolve").status_code == 303
    found = cast.send(cast.owner, "GET", "/v1/people/{owner}/alerts?state=open").json["alerts"]  # type: ignore[index]
    assert alerts
    assert found == []


def test_target_is_set_changed_and_shown(doctor: Visitor) -> None:
    cast = doctor.cast
    page = doctor.get(f"/app/people/{cast.owner}")
    for limit in ("130", "135"):
        form = {"target": "metric.blood-pressure.systolic", "limit": limit, "why": "frail"}
        assert doctor.send(page, f"/app/people/{cast.owner}/targets", **form).status_code == 303
    (target,) = cast.send(cast.owner, "GET", "/v1/people/{owner}/targets").json["targets"]  # type: ignore[index]
    assert target["limit"] == 135
    assert "收缩压: 135 mmHg" in doctor.get(f"/app/people/{cast.owner}").text


def test_rule_is_signed_and_taken_back(doctor: Visitor) -> None:
    page = doctor.get("/app/clinic/rules")
    assert page.status_code == 200
    (rule, *_) = re.findall(r"/app/clinic/rules/([\w.-]+)/sign", page.text)
    assert doctor.send(page, f"/app/clinic/rules/{rule}/sign").status_code == 303
    page = doctor.get("/app/clinic/rules")
    assert f"/app/clinic/rules/{rule}/take-back" in page.text
    assert doctor.send(page, f"/app/clinic/rules/{rule}/take-back").status_code == 303


def test_clinic_page_shows_colleagues(doctor: Visitor) -> None:
    page = doctor.get("/app/clinic")
    assert page.status_code == 200
    assert "陈 doctor" in page.text


def test_citizen_has_no_panel(visitor: Visitor) -> None:
    visitor.log_in()
    of_staff = ("/app/clinic/courses", "/app/clinic/courses/staff-diabetes", "/app/clinic/lessons/low-sugar")
    of_staff += ("/app/aloud/clinic/lessons/low-sugar",)
    for path in ("/app/panel", "/app/clinic", "/app/clinic/rules", *of_staff):
        assert visitor.get(path).status_code == 403, path


def test_professionals_learn_at_their_clinics_page_and_get_a_certificate(doctor: Visitor) -> None:
    assert 'href="/app/clinic/courses"' in doctor.get("/app/clinic").text
    course = courses().find("staff-diabetes", is_staff=True)
    assert course.title["zh"] in doctor.get("/app/clinic/courses").text
    cast, page = doctor.cast, doctor.get(f"/app/clinic/courses/{course.slug}")
    (member,) = cast.database["members"].find({})
    for slug in course.lessons:
        assert f'href="/app/clinic/lessons/{slug}?course={course.slug}"' in page.text
        lesson = doctor.get(f"/app/clinic/lessons/{slug}?course={course.slug}")
        assert f'href="/app/clinic/courses/{course.slug}"' in lesson.text
        body = {"id": slug, "answers": [row.right for row in library().articles["zh", slug].quiz]}
        path = f"/v1/people/me/lessons/{slug}/answers"
        assert cast.send(member["person"], "POST", path, json=body).status_code == 200
    assert "陈 doctor" in doctor.get(f"/app/clinic/courses/{course.slug}").text  # the certificate
    assert "已完成 4/4" in doctor.get("/app/clinic/courses").text
    for path in ("/app/learn", f"/app/people/{cast.owner}"):
        assert "staff-" not in doctor.get(path).text, path
    assert doctor.get("/app/aloud/clinic/lessons/staff-diabetes-whom").content_type == "audio/mpeg"
    assert "/app/clinic/lessons/staff-diabetes-whom" in doctor.get("/app/clinic/articles").text


def test_lesson_is_prescribed_and_seen_to_be_done(doctor: Visitor) -> None:
    cast = doctor.cast
    page = doctor.get(f"/app/people/{cast.owner}")
    assert (
        doctor.send(page, f"/app/people/{cast.owner}/lessons", lesson="less-salt", on="2026-12-01").status_code == 303
    )
    assert "未完成" in doctor.get(f"/app/people/{cast.owner}").text
    (row,) = library().articles["zh", "less-salt"].quiz
    body = {"id": "a", "answers": [row.right]}
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/lessons/less-salt/answers", json=body).status_code == 200
    assert "已完成" in doctor.get(f"/app/people/{cast.owner}").text


def test_article_is_signed_in_the_language_that_it_was_read_in(doctor: Visitor) -> None:
    page = doctor.get("/app/clinic/articles")
    assert doctor.send(page, "/app/clinic/articles/less-salt/sign").status_code == 303
    assert "陈 doctor" in doctor.get("/app/clinic/articles").text
    for language, name in (("zh", "陈 doctor"), ("en", None)):
        found = doctor.cast.http.get(f"/v1/education/articles/less-salt?language={language}").json
        assert found
        assert found["reviewed_by"] == name
    assert doctor.send(page, "/app/clinic/articles/less-salt/take-back").status_code == 303


def test_draft_is_previewed_signed_and_published_in_the_console(doctor: Visitor) -> None:
    one = parsed("gargling", "zh", text(body="用盐水漱口。"))
    authoring.take(doctor.cast.database, one, ("ops", ""), T0)
    assert 'href="/app/clinic/drafts/gargling"' in doctor.get("/app/clinic/articles").text
    page = doctor.get("/app/clinic/drafts/gargling")
    for said in ("用盐水漱口。", "没有译文", "草稿", "未经临床医生审核"):
        assert said in page.text
    assert 'value="publish"' not in page.text
    for act in ("sign", "publish"):
        fields = {"act": act, "language": "zh", "version": one.version}
        assert doctor.send(page, "/app/clinic/drafts/gargling", **fields).status_code == 303
    assert doctor.cast.http.get("/v1/education/articles/gargling").status_code == 200
    assert "已发布" in doctor.get("/app/clinic/drafts/gargling").text
    fields = {"act": "withdraw", "language": "zh", "version": one.version}
    assert doctor.send(page, "/app/clinic/drafts/gargling", **fields).status_code == 303
    assert doctor.cast.http.get("/v1/education/articles/gargling").status_code == 404


def test_both_languages_stand_beside_each_other_and_odd_acts_are_refused(doctor: Visitor) -> None:
    page = doctor.get("/app/clinic/drafts/less-salt")
    assert page.text.count('<section class="card"') == 2
    assert doctor.send(page, "/app/clinic/drafts/less-salt", act="burn").status_code == 400
    assert doctor.get("/app/clinic/drafts/nothing").status_code == 404
