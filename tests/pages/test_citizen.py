"""A citizen's pages: what they show, and what their forms do to the record."""

from __future__ import annotations

import re

import pytest

from phr.clock import now_ms, rfc3339
from phr.education import progress
from phr.education.library import library
from phr.people import grants
from tests.api.test_devices import BOX, code
from tests.cast import a_clinic, a_grant
from tests.pages.visitor import Visitor

__all__ = ["code"]

PAGES = (
    *("/app/today", "/app/add", "/app/devices", "/app/reminders", "/app/learn", "/app/learn/falls-of-elders"),
    "/app/courses/young-mothers",
    *("/app/sharing", "/app/looked", "/app/more", "/app/notices", "/app/doctor", "/app/mine", "/app/look"),
    *("/app/notices/settings", "/app/learn/topics", "/app/learn/effect"),
    *("/app/people/me", "/app/people/me/report"),
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_there_in_both_languages(visitor: Visitor, language: str) -> None:
    visitor.get(f"/look/{language}")
    visitor.log_in()
    for path in PAGES:
        page = visitor.get(path)
        assert page.status_code == 200, path
        assert page.headers["Content-Language"] == {"zh": "zh-CN", "en": "en"}[language]
        assert {"zh": ">健康档案</a>", "en": ">Health record</a>"}[language] in page.text, path


def test_nobody_sees_a_page_without_a_login(visitor: Visitor) -> None:
    for path in PAGES:
        answer = visitor.get(path)
        assert answer.status_code == 303, path
        assert answer.location.startswith("/app/login?next=")


def test_strangers_record_is_not_there(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get(f"/app/people/{visitor.cast.stranger}")
    assert page.status_code == 200  # an empty frame: it tells nothing, not even whether there is such a record
    assert "stranger" not in page.text
    nobody = visitor.get("/app/people/aaaaaaaaaaaaaaaaaaaa")
    assert nobody.status_code == 200


def test_values_come_in_the_units_that_one_chose(visitor: Visitor) -> None:
    cast = visitor.cast
    value = {"systolic": 135, "diastolic": 90}
    readings = [
        {"metric": "blood-pressure", "t": rfc3339(now_ms(), 480), "unit": "mm[Hg]", "value": value, "id": "b1"},
        {"metric": "glucose-capillary", "t": rfc3339(now_ms(), 480), "unit": "mmol/L", "value": 6.1, "id": "g1"},
    ]
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json={"readings": readings}).status_code == 200
    visitor.log_in()
    page = visitor.get("/app/today").text
    assert "135/90" in page
    assert "6.1" in page
    visitor.send(visitor.get("/app/look"), "/app/look", pressure="kPa", glucose="mgdl", language="en", size="large")
    page = visitor.get("/app/today").text
    assert "18.0/12.0" in page
    assert ">110 <" in page
    assert 'class="large"' in page


def test_reminder_is_made_done_and_ended(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get("/app/reminders")
    form = {"kind": "medication", "text": "降压药", "days": "daily", "time": "08:00", "starts_on": "2026-01-01"}
    assert visitor.send(page, "/app/reminders", **form).status_code == 303
    page = visitor.get("/app/reminders")
    assert "降压药" in page.text
    (made,) = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/reminders").json["reminders"]  # type: ignore[index]
    assert (made["times"], made["rrule"]) == (["08:00"], "FREQ=DAILY")
    assert visitor.send(page, f"/app/reminders/{made['id']}/end").status_code == 303
    assert "降压药" not in visitor.get("/app/reminders").text


def test_form_that_can_not_be_says_why_and_loses_nothing(visitor: Visitor) -> None:
    visitor.log_in()
    refused = visitor.send(visitor.get("/app/reminders"), "/app/reminders", kind="medication", text="x", time="25:00")
    assert refused.status_code == 400
    assert "25:00" in refused.text


def test_grant_is_given_looked_at_and_taken_back(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get("/app/sharing")
    stranger = visitor.cast.stranger
    given = visitor.send(page, "/app/sharing", grantee=stranger, kind="relative", category="readings", days="30")
    assert given.status_code == 303, given.text
    found = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/grants?state=accepted").json["grants"]  # type: ignore[index]
    (grant,) = [one for one in found if one["grantee"] == stranger]
    assert grant["categories"] == ["readings"]
    assert visitor.cast.send(stranger, "GET", "/v1/people/{owner}/overview").status_code == 200
    preview = visitor.get(f"/app/sharing/{grant['id']}")
    assert preview.status_code == 200
    assert visitor.send(preview, f"/app/sharing/{grant['id']}/revoke").status_code == 303
    assert visitor.cast.send(stranger, "GET", "/v1/people/{owner}/overview").status_code == 403
    looked = visitor.get("/app/looked")
    assert looked.status_code == 200
    assert "card" in looked.text


def test_consent_is_withdrawn_and_given_again(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get("/app/sharing")
    assert visitor.send(page, "/app/consents/research", consent="no").status_code == 303
    state = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/consents/research").json["decisions"]  # type: ignore[index]
    assert state[0]["state"] == "refused"
    assert visitor.send(page, "/app/consents/research", consent="yes").status_code == 303
    state = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/consents/research").json["decisions"]  # type: ignore[index]
    assert "given" in {one["state"] for one in state}


def test_export_is_fetched_as_a_file(visitor: Visitor) -> None:
    visitor.log_in()
    made = visitor.send(visitor.get("/app/mine"), "/app/mine/exports", format="pdf")
    assert made.status_code == 303, made.text
    file = visitor.get(made.location)
    assert file.status_code == 200
    assert file.data.startswith(b"%PDF")


def test_erasure_wants_the_number_and_can_be_taken_back(visitor: Visitor) -> None:
    visitor.log_in()
    refused = visitor.send(visitor.get("/app/mine"), "/app/mine/erasure", confirm="me")
    assert refused.status_code == 400
    asked = visitor.send(visitor.get("/app/mine"), "/app/mine/erasure", confirm=visitor.cast.owner)
    assert asked.status_code == 303
    page = visitor.get("/app/mine")
    assert "/app/mine/erasure/cancel" in page.text
    assert visitor.send(page, "/app/mine/erasure/cancel").status_code == 303
    assert "/app/mine/erasure/cancel" not in visitor.get("/app/mine").text


def test_what_needs_a_login_of_now_asks_for_one(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.log_in()
    page = visitor.get("/app/mine")
    monkeypatch.setattr("phr.api.deciding.now_ms", lambda: now_ms() + 6 * 60_000)
    answer = visitor.send(page, "/app/mine/exports", format="pdf")
    assert answer.status_code == 303
    assert "fresh=1" in answer.location


def test_relative_is_invited_by_a_code_that_is_shown_once(visitor: Visitor) -> None:
    visitor.log_in()
    made = visitor.send(visitor.get("/app/sharing"), "/app/sharing/invitations", category="notes", days="30")
    code = re.search(r"<code>([A-Z]{4}-[A-Z]{4}-[A-Z]{4})</code>", made.text)
    assert code, made.text
    assert code[1] not in visitor.get("/app/sharing").text
    path, body = "/v1/people/me/received-grants/by-code", {"code": code[1]}
    assert visitor.cast.send(visitor.cast.stranger, "POST", path, json=body).status_code == 201


def test_code_of_another_is_used_on_the_page(visitor: Visitor) -> None:
    text = {"version": 1, "language": "en"}
    path, body = f"/v1/people/{visitor.cast.stranger}/grants/invitations", {"kind": "relative", "text": text}
    made = visitor.cast.send(visitor.cast.stranger, "POST", path, json=body).json
    visitor.log_in()
    used = visitor.send(visitor.get("/app/sharing"), "/app/sharing/by-code", code=made["code"])  # type: ignore[index]
    assert (used.status_code, visitor.cast.stranger in visitor.get("/app/sharing").text) == (303, True)


def test_operators_are_let_in_on_the_page(visitor: Visitor) -> None:
    visitor.log_in()
    assert visitor.send(visitor.get("/app/sharing"), "/app/sharing", kind="support", days="1").status_code == 303
    found = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/grants?state=accepted").json["grants"]  # type: ignore[index]
    assert [one["grantee"] for one in found if one["kind"] == "support"] == ["support"]


def test_browser_is_seen_among_my_data_and_forgotten_there(visitor: Visitor) -> None:
    visitor.log_in()
    page, cast = visitor.get("/app/mine"), visitor.cast
    (place,) = re.findall(r"/app/mine/browsers/[^/]+/forget", page.text)
    assert visitor.send(page, place).status_code == 303
    assert cast.database["known_devices"].count_documents({"person": cast.owner}) == 0
    assert "/app/mine/browsers/" not in visitor.get("/app/mine").text


def test_last_days_are_written_in_the_units_that_one_chose(visitor: Visitor) -> None:
    cast = visitor.cast
    reading = {"metric": "blood-pressure", "t": rfc3339(now_ms() - 60_000, 480), "unit": "mm[Hg]"}
    readings = [
        reading | {"value": {"systolic": 135, "diastolic": 90}, "id": "b1"},
        reading | {"t": rfc3339(now_ms() - 60_000 - 40 * 86_400_000, 480), "value": {"systolic": 111, "diastolic": 70}},
    ]
    readings[1]["id"] = "b2"
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json={"readings": readings})
    visitor.log_in()
    visitor.send(visitor.get("/app/look"), "/app/look", pressure="kPa", language="en")
    found = visitor.get("/app/kept")
    assert found.status_code == 200
    assert found.json
    assert [line[1:] for line in found.json["lines"]] == [["Blood pressure panel", "18.0/12.0 kPa"]]
    assert visitor.another().get("/app/kept").status_code == 303


def test_script_hears_that_a_login_is_wanted_and_loses_no_form(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.log_in()
    page = visitor.get("/app/mine")
    monkeypatch.setattr("phr.api.deciding.now_ms", lambda: now_ms() + 6 * 60_000)
    for path, form, said in (
        ("/app/mine/exports", {"form_token": "old"}, "form-too-old"),
        (
            "/app/mine/exports",
            {"form_token": re.search(r'form-token" content="([^"]+)', page.text)[1]},
            "login-too-old",
        ),  # type: ignore[index]
    ):
        answer = visitor.browser.post(path, base_url=visitor.issuer, data=form, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json) == (401, {"code": said})
    answer = visitor.another().browser.post(path, base_url=visitor.issuer, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json) == (401, {"code": "not-logged-in"})


def test_form_that_is_sent_again_makes_one_reminder(visitor: Visitor) -> None:
    visitor.log_in()
    token = re.search(r'form-token" content="([^"]+)', visitor.get("/app/reminders").text)
    assert token
    form = {"kind": "medication", "text": "降压药", "days": "daily", "time": "08:00", "form_token": token[1]}
    for key, count in (("a", 1), ("a", 1), ("b", 2)):
        answer = visitor.browser.post(
            "/app/reminders", base_url=visitor.issuer, data=form, headers={"Idempotency-Key": key}
        )
        assert answer.status_code == 303
        made = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/reminders").json["reminders"]  # type: ignore[index]
        assert len(made) == count


def test_channels_are_added_chosen_and_taken_away(visitor: Visitor) -> None:
    visitor.log_in()
    cast = visitor.cast
    place = "/app/notices/settings"

    def kept() -> dict[str, object]:
        found = cast.send(cast.owner, "GET", "/v1/people/{owner}/notice-preferences").json
        assert found
        return found

    added = visitor.send(visitor.get(place), "/app/notices/addresses", channel="email", email="li@example.org")
    assert added.status_code == 303, added.text
    page = visitor.get(place)
    (address,) = re.findall(r"/app/notices/addresses/([^/]+)/proof", page.text)
    wrong = visitor.send(page, f"/app/notices/addresses/{address}/proof", code="000000")
    assert wrong.status_code >= 400
    assert 'name="kind" value="lesson"' not in page.text  # nothing is to be chosen before it is proved
    cast.database["notice_addresses"].update_one({"_id": address}, {"$set": {"state": "active"}})
    page = visitor.get(place)
    for is_on in (False, True):
        assert visitor.send(page, place, what="kind", kind="lesson", channel="email").status_code == 303
        assert ("email" in kept()["kinds"]["lesson"]) is is_on  # type: ignore[index]
        assert "email" in kept()["kinds"]["alert"]  # type: ignore[index]
    assert visitor.send(page, place, what="quiet", **{"from": "22:30", "to": "06:30"}).status_code == 303
    assert kept()["quiet"] == {"from": "22:30", "to": "06:30"}
    assert visitor.send(page, place, what="digest", at="18:00").status_code == 303
    assert visitor.send(page, place, what="no-quiet").status_code == 303
    assert (kept()["quiet"], kept()["digest_at"]) == (None, "18:00")
    assert visitor.send(page, f"/app/notices/addresses/{address}/remove").status_code == 303
    assert "/proof" not in visitor.get(place).text
    assert "/remove" not in visitor.get(place).text


def test_topic_is_switched_off_and_on(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get("/app/learn/topics")
    topic, other = re.findall(r'action="/app/learn/topics/([\w-]+)"', page.text)[:2]
    for off in ([topic], [topic, other], [other]):
        change = {topic, other} if off == [topic, other] else {topic}
        changed = other if change == {topic, other} else topic
        assert visitor.send(page, f"/app/learn/topics/{changed}").status_code == 303
        found = visitor.cast.send(visitor.cast.owner, "GET", "/v1/people/{owner}/lessons/topics").json
        assert found
        assert sorted(one["topic"] for one in found["topics"] if one["is_off"]) == sorted(off)


def test_what_went_with_reading_is_told_in_ones_units_and_with_what_it_is_not(visitor: Visitor) -> None:
    cast = visitor.cast
    day = 86_400_000
    readings = [
        {
            "metric": "blood-pressure",
            "t": rfc3339(now_ms() - back * day, 480),
            "unit": "mm[Hg]",
            "value": {"systolic": 150 if back > 10 else 135, "diastolic": 90},
            "id": f"b{back}",
        }
        for back in (14, 12, 4, 2)
    ]
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json={"readings": readings})
    visitor.log_in()
    assert "card" in visitor.get("/app/learn/effect").text
    progress.read(cast.database, cast.owner, "less-salt", now_ms() - 8 * day)
    visitor.send(visitor.get("/app/look"), "/app/look", pressure="kPa", language="en")
    page = visitor.get("/app/learn/effect").text
    assert "It does not say that the article did it" in page
    assert re.search(r"<strong>20\.0/12\.0</strong> kPa", page), page
    assert re.search(r"<strong>18\.0/12\.0</strong> kPa", page)


def test_lesson_of_a_plan_is_shown_until_it_is_finished(visitor: Visitor) -> None:
    cast = visitor.cast
    (doctor,) = a_clinic(cast.database, "doctor")
    grants.create(
        cast.database,
        a_grant(cast.owner, "team:clinic/blue", kind="family-doctor", verbs=("read", "write"), purpose="care"),
    )
    body = {"programme": "hypertension", "starts_on": "2026-01-01", "lessons": [{"lesson": "less-salt"}]}
    made = cast.send(doctor, "POST", "/v1/people/{owner}/plans", json=body)
    assert made.status_code == 201, made.text
    visitor.log_in()
    for path in ("/app/doctor", "/app/learn"):
        assert "未读" in visitor.get(path).text, path
    visitor.get("/app/learn/less-salt")
    assert "未读" not in visitor.get("/app/doctor").text
    (row,) = library().articles["zh", "less-salt"].quiz
    cast.send(
        cast.owner, "POST", "/v1/people/{owner}/lessons/less-salt/answers", json={"id": "a", "answers": [row.right]}
    )
    assert "医生让您学的" not in visitor.get("/app/learn").text
    assert "已完成" in visitor.get("/app/doctor").text
    assert "蓝" in visitor.get("/app/sharing").text or "Blue" in visitor.get("/app/sharing").text


def test_report_is_in_the_units_that_one_chose(visitor: Visitor) -> None:
    cast = visitor.cast
    readings = [
        {
            "metric": "blood-pressure",
            "t": rfc3339(now_ms() - day * 86_400_000 - hour * 3_600_000, 480),
            "unit": "mm[Hg]",
            "value": {"systolic": 150, "diastolic": 90},
            "id": f"b{day}-{hour}",
        }
        for day in range(8)
        for hour in (1, 12)
    ]
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json={"readings": readings})
    visitor.log_in()
    visitor.send(visitor.get("/app/look"), "/app/look", pressure="kPa", language="en")
    page = visitor.get("/app/people/me/report").text
    assert "<td>20.0</td><td>12.0</td>" in page
    assert "mmHg" not in page


def held_of(visitor: Visitor, **changes: object) -> str:
    """A temperature that can't be taken as it came, at its page."""
    item = {"metric": "body-temperature", "t": rfc3339(now_ms(), 480), "value": 98.6, "unit": "Cel"} | changes
    body = {"device": "phone", "readings": [item]}
    visitor.cast.send(visitor.cast.owner, "POST", "/v1/people/{owner}/readings", json=body)
    page = visitor.get("/app/devices")
    (place,) = set(re.findall(r"/app/devices/held/[^/\"]+", page.text))
    return place


def test_reading_in_the_wrong_unit_is_put_right_by_its_owner(visitor: Visitor) -> None:
    visitor.log_in()
    place = held_of(visitor)
    page = visitor.get("/app/devices")
    assert "98.6 Cel" in page.text
    wrong = visitor.send(page, f"{place}/correct", unit="K")
    assert wrong.status_code == 400
    assert "不对" in wrong.text
    assert visitor.send(page, f"{place}/correct", unit="[degF]").status_code == 303
    assert "/app/devices/held/" not in visitor.get("/app/devices").text
    assert ">37.0 " in visitor.get("/app/today").text


def test_reading_of_a_time_to_come_is_given_its_time_or_thrown_away(visitor: Visitor) -> None:
    visitor.log_in()
    late = {"t": rfc3339(now_ms() + 86_400_000, 480), "value": 36.6}
    place = held_of(visitor, **late)
    page = visitor.get("/app/devices")
    assert "/correct" not in page.text
    then = rfc3339(now_ms() - 3_600_000, 480)[:16]
    assert visitor.send(page, f"{place}/restamp", t=then).status_code == 303
    assert ">36.6 " in visitor.get("/app/today").text
    place = held_of(visitor, **(late | {"value": 39.9}))
    assert visitor.send(visitor.get("/app/devices"), f"{place}/discard").status_code == 303
    assert "/app/devices/held/" not in visitor.get("/app/devices").text
    assert "39.9" not in visitor.get("/app/today").text


def test_claim_that_fails_says_why(visitor: Visitor, code: str) -> None:
    visitor.log_in()
    page = visitor.get("/app/devices")
    for device, typed, why in (
        (BOX, "AAAA-AAAA-AAAA-AAAA", "设备编号或绑定码不对"),
        ("acme/nothing", code, "设备编号或绑定码不对"),
        (BOX, code, "请先用设备测一次"),
    ):
        answer = visitor.send(page, "/app/devices", device=device, code=typed)
        assert answer.status_code in (404, 409), answer.text
        assert why in answer.text


def test_phone_is_not_offered_what_the_installation_can_not_do(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.get("/app/notices/settings").text
    assert "push.js" not in page
    assert 'id="push"' not in page
