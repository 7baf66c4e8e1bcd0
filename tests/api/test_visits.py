"""A form comes prepared, is filled in, confirmed by a doctor, and goes out with the official names and codes."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from phr.care.followup import months_after
from phr.clock import now_ms, rfc3339, to_datetime
from phr.people import grants, organisations, people
from phr.people.grants import FAMILY_DOCTOR
from phr.people.organisations import Member
from phr.plans import finishing, visits
from tests.api.test_plans import CATEGORIES
from tests.cast import Cast, a_clinic, a_grant
from tests.telling import tells

PLANS = "/v1/people/{owner}/plans"
TODAY = to_datetime(now_ms(), 480).date()
HOUR_MS = 3_600_000
WELL = {"mode": "1", "systolic": 128, "diastolic": 78, "adverse-reaction": "1", "complication": "1"}
HIGH = WELL | {"systolic": 152, "diastolic": 94}


@pytest.fixture
def doctor(cast: Cast) -> str:
    (doctor,) = a_clinic(cast.database, organisations.DOCTOR)
    some = {"kind": FAMILY_DOCTOR, "categories": CATEGORIES, "verbs": ("read", "write")}
    grants.create(cast.database, a_grant(cast.owner, doctor, **some))
    return doctor


def enrolled(cast: Cast, doctor: str, programme: str = "hypertension") -> str:
    starts_on = (TODAY - timedelta(days=200)).isoformat()
    made = cast.send(doctor, "POST", PLANS, json={"programme": programme, "starts_on": starts_on})
    return f"{made.headers['Location']}/visits"


def prepared(cast: Cast, doctor: str, place: str, days_ago: int = 0) -> Any:
    answer = cast.send(doctor, "POST", place, json={"on": (TODAY - timedelta(days=days_ago)).isoformat()})
    assert answer.status_code == 201, answer.json
    return answer.json


def at(one: Any) -> str:
    return f"/v1/people/{{owner}}/visits/{one['id']}"


def changed(cast: Cast, doctor: str, one: Any, method: str = "PATCH", verb: str = "", **body: Any) -> Any:
    return cast.send(doctor, method, f"{at(one)}{verb}", json=body, headers={"If-Match": f'"{one["version"]}"'})


def confirmed(cast: Cast, doctor: str, place: str, items: dict[str, Any], days_ago: int = 0, **more: Any) -> Any:
    """A visit from the prepared form to the doctor's word, with what the rules propose."""
    one = changed(cast, doctor, prepared(cast, doctor, place, days_ago), items=items | more.pop("also", {}), **more)
    assert one.status_code == 200, one.json
    answer = changed(cast, doctor, one.json, "POST", "/confirm", accept_proposal=True)
    assert answer.status_code == 200, answer.json
    return answer.json


def value(one: Any, key: str) -> Any:
    return next((item["value"], item["how"]) for item in one["items"] if item["key"] == key)


def lived(cast: Cast) -> None:
    """Weight and height, a week of pressures in pairs, smoking, and two medicines."""
    now = now_ms()
    readings = [
        {"id": "w", "metric": "weight", "t": rfc3339(now - 48 * HOUR_MS, 480), "value": 68, "unit": "kg"},
        {"id": "h", "metric": "height", "t": rfc3339(now - 48 * HOUR_MS, 480), "value": 165, "unit": "cm"},
    ]
    for number in range(7):
        day_ms = (now + 8 * HOUR_MS) // (24 * HOUR_MS) * 24 * HOUR_MS - 8 * HOUR_MS - number * 24 * HOUR_MS
        for part, hour in enumerate((7, 7, 20, 20)):
            t = day_ms + hour * HOUR_MS + part * 60_000
            if t < now:
                pressure = {"systolic": 138, "diastolic": 84}
                one = {"id": f"p{number}-{part}", "metric": "blood-pressure", "t": rfc3339(t, 480)}
                readings.append(one | {"value": pressure, "unit": "mm[Hg]"})
    sent = cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json={"readings": readings})
    assert sent.json["stored"] == len(readings)  # type: ignore[index]
    entries = [
        {"kind": "exposure", "text": "吸烟", "to": "smoking", "status": "current"}
        | {"amount": {"value": 10, "unit": "支", "per": "day"}},
        {"kind": "medication", "text": "氨氯地平", "dose": {"value": 5, "unit": "mg"}, "times_a_day": 1},
        {"kind": "medication", "text": "停用的药", "status": "stopped"},
    ]
    for entry in entries:
        body = entry | {"effective_at": "2026-01"}
        assert cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=body).status_code == 201


def test_form_comes_prepared_and_what_must_be_measured_is_empty(cast: Cast, doctor: str) -> None:
    lived(cast)
    one = prepared(cast, doctor, enrolled(cast, doctor))
    assert value(one, "weight") == (68.0, "record")
    assert value(one, "bmi") == (25.0, "record")
    assert value(one, "smoking") == (10.0, "record")
    assert value(one, "medicines") == ("氨氯地平，每次 5 mg，每日 1 次", "record")
    assert {key for key in ("mode", "systolic", "diastolic", "class", "next-on") if key in one["missing"]} == {
        *("mode", "systolic", "diastolic", "class", "next-on")
    }
    home = one["home"]["pressure"]
    assert (home["values"], home["limit"]) == (
        {"systolic": 138.0, "diastolic": 84.0},
        {"systolic": 135, "diastolic": 85},
    )
    assert home["is_high"] is True
    assert one["proposal"]["class"] is None


def test_home_average_becomes_the_visits_own_by_hand_alone(cast: Cast, doctor: str) -> None:
    lived(cast)
    one = prepared(cast, doctor, enrolled(cast, doctor))
    adopted = changed(cast, doctor, one, adopt=["systolic", "diastolic"]).json
    assert (value(adopted, "systolic"), value(adopted, "diastolic")) == ((138.0, "adopted"), (84.0, "adopted"))
    assert adopted["proposal"]["class"] == "1"
    assert [goal["is_met"] for goal in adopted["target"]] == [False, False]


def test_nothing_is_adopted_where_there_is_not_enough(cast: Cast, doctor: str) -> None:
    one = prepared(cast, doctor, enrolled(cast, doctor))
    assert changed(cast, doctor, one, adopt=["systolic"]).json["pointer"] == "/adopt/0"


def test_controlled_visit_books_the_next_quarter_and_stands_in_the_timeline(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor)
    one = confirmed(cast, doctor, place, WELL)
    next_on = months_after(TODAY, 3).isoformat()
    assert (value(one, "class"), value(one, "next-on")) == (("1", "proposed"), (next_on, "proposed"))
    plan = cast.send(cast.owner, "GET", place.removesuffix("/visits")).json
    assert (plan["visits"]["due_on"], plan["visits"]["face_to_face_this_year"]) == (next_on, 1)  # type: ignore[index]
    entry = cast.send(cast.owner, "GET", f"/v1/people/{{owner}}/entries/visit-{one['id']}").json
    assert "收缩压：128" in entry["outcome"]  # type: ignore[index]
    row = cast.database["entries"].find_one({"id": f"visit-{one['id']}"})
    assert row is not None
    assert (row["retained_by"], row["effective_ms"] <= now_ms()) == ("社区卫生服务中心", True)
    assert cast.send(cast.owner, "GET", "/v1/people/{owner}/tasks").json == {"tasks": []}


def test_twice_uncontrolled_is_referred_and_followed_up_in_two_weeks(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor)
    first = confirmed(cast, doctor, place, HIGH, days_ago=14)
    assert (value(first, "class")[0], value(first, "referral-reason")[0]) == ("2", None)
    second = confirmed(cast, doctor, place, HIGH, also={"referral-to": "县医院 心内科"})
    assert value(second, "referral-reason")[0] == ["1"]
    (task,) = cast.send(doctor, "GET", "/v1/people/{owner}/tasks").json["tasks"]  # type: ignore[index]
    in_two_weeks = (TODAY + timedelta(days=14)).isoformat()
    assert (task["reasons"], task["is_ordered"], task["is_urgent"], task["due_on"]) == (
        ["1"],
        True,
        False,
        in_two_weeks,
    )
    closing = f"/v1/people/{{owner}}/tasks/{task['id']}/close"
    closed = cast.send(doctor, "POST", closing, json={"outcome": "已就诊，调整用药"}, headers={"If-Match": '"1"'})
    assert closed.json["state"] == "closed"  # type: ignore[index]
    plan = cast.send(doctor, "GET", place.removesuffix("/visits")).json
    assert (plan["visits"]["due_on"], plan["visits"]["why"]) == (in_two_weeks, "two-weeks-after-referral")  # type: ignore[index]


@pytest.mark.parametrize(
    ("items", "more"),
    [(WELL | {"systolic": 182}, {}), (WELL, {"signs": ["blurred-vision"]})],
    ids=["value", "red flag"],
)
def test_danger_is_referred_at_once(cast: Cast, doctor: str, items: Any, more: Any) -> None:
    confirmed(cast, doctor, enrolled(cast, doctor), items, also={"referral-to": "急诊"}, **more)
    (task,) = cast.send(doctor, "GET", "/v1/people/{owner}/tasks").json["tasks"]  # type: ignore[index]
    assert (task["reasons"], task["is_urgent"]) == (["9"], True)


def test_referral_that_the_doctor_leaves_out_still_asks_why(cast: Cast, doctor: str) -> None:
    one = prepared(cast, doctor, enrolled(cast, doctor))
    items = WELL | {"complication": "2", "class": "4", "next-on": (TODAY + timedelta(days=14)).isoformat()}
    one = changed(cast, doctor, one, items=items).json
    assert one["proposal"]["referral_reasons"] == ["3"]
    assert changed(cast, doctor, one, "POST", "/confirm").status_code == 200
    (task,) = cast.send(doctor, "GET", "/v1/people/{owner}/tasks").json["tasks"]  # type: ignore[index]
    assert (task["reasons"], task["is_ordered"]) == (["3"], False)


def test_doctor_changes_what_was_proposed(cast: Cast, doctor: str) -> None:
    one = confirmed(cast, doctor, enrolled(cast, doctor), HIGH, also={"class": "1"})
    assert (one["proposal"]["class"], value(one, "class")) == ("2", ("1", "said"))


@pytest.mark.parametrize(
    ("items", "pointer"),
    [
        ({}, "/items/mode"),
        ({"mode": "1"}, "/items/class"),
        ({"mode": "1", "class": "1"}, "/items/next-on"),
        ({"mode": "1", "class": "1", "next-on": "2999-01-01"}, "/items/systolic"),
        (WELL | {"class": "1", "next-on": "2020-01-01"}, "/items/next-on"),
        (HIGH | {"class": "2", "next-on": "2999-01-01", "referral-reason": ["1"]}, "/items/referral-to"),
    ],
)
def test_form_is_not_confirmed_before_it_is_whole(cast: Cast, doctor: str, items: Any, pointer: str) -> None:
    one = changed(cast, doctor, prepared(cast, doctor, enrolled(cast, doctor)), items=items).json
    answer = changed(cast, doctor, one, "POST", "/confirm")
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_confirmed_form_is_reopened_to_be_corrected_and_sent_on_again(cast: Cast, doctor: str) -> None:
    one = confirmed(cast, doctor, enrolled(cast, doctor), WELL)
    assert changed(cast, doctor, one, items={"systolic": 130}).status_code == 400
    one = changed(cast, doctor, one, "POST", "/sent", to="省平台", number="A1").json
    assert one["sent"]["number"] == "A1"
    one = changed(cast, doctor, one, "POST", "/reopen").json
    assert (one["state"], one["sent"], one["doctor"]) == ("prepared", None, None)
    one = changed(cast, doctor, one, items={"systolic": 131}).json
    one = changed(cast, doctor, one, "POST", "/confirm").json
    entry = cast.send(cast.owner, "GET", f"/v1/people/{{owner}}/entries/visit-{one['id']}").json
    assert "收缩压：131" in entry["outcome"]  # type: ignore[index]


def test_only_a_doctor_of_the_organisation_confirms(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor)
    one = changed(cast, doctor, prepared(cast, doctor, place), items=WELL).json
    organisations.put_member(cast.database, Member("clinic", doctor, organisations.NURSE, None), now_ms())
    assert changed(cast, doctor, one, "POST", "/confirm", accept_proposal=True).status_code == 403
    assert changed(cast, cast.owner, one, items=WELL).status_code == 403
    assert changed(cast, cast.stranger, one, items=WELL).status_code == 403
    assert cast.send(cast.owner, "GET", at(one)).status_code == 200


def test_telephone_does_not_count_towards_the_four(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor)
    confirmed(cast, doctor, place, WELL | {"mode": "3"})
    plan = cast.send(doctor, "GET", place.removesuffix("/visits")).json
    assert plan["visits"]["face_to_face_this_year"] == 0  # type: ignore[index]
    assert plan["visits"]["due_on"] == months_after(TODAY - timedelta(days=200), 3).isoformat()  # type: ignore[index]


def test_diabetes_is_classed_by_the_fasting_value(cast: Cast, doctor: str) -> None:
    one = prepared(cast, doctor, enrolled(cast, doctor, "diabetes"))
    one = changed(cast, doctor, one, items={"fasting-glucose": 7.4, "systolic": 128, "diastolic": 78}).json
    assert one["proposal"]["class"] == "2"
    assert {goal["item"]: goal["is_met"] for goal in one["target"]}["fasting-glucose"] is False


def test_goal_that_the_doctor_has_set_stands_on_the_form(cast: Cast, doctor: str) -> None:
    target = "/v1/people/{owner}/targets/metric.blood-pressure.systolic"
    assert cast.send(doctor, "PUT", target, json={"limit": 145, "why": "体弱"}).status_code == 200
    one = changed(cast, doctor, prepared(cast, doctor, enrolled(cast, doctor)), items=WELL).json
    goal = next(one for one in one["target"] if one["item"] == "systolic")
    assert (goal["below"], goal["why"], goal["source"], goal["is_met"]) == (145.0, "体弱", "personal", True)


def test_form_goes_out_with_official_names_and_codes(cast: Cast, doctor: str) -> None:
    one = confirmed(cast, doctor, enrolled(cast, doctor), WELL, also={"symptoms": ["2", "10"], "other-signs": "=1+1"})
    told = cast.send(doctor, "GET", f"{at(one)}/form").json
    items = {item["name"]: item for item in told["items"]}  # type: ignore[index]
    assert (items["此次随访分类"]["value"], items["此次随访分类"]["words"]) == ("1", "1 控制满意")
    assert items["症状"]["value"] == ["2", "10"]
    assert (told["姓名"], told["随访医生"]) == (None, "陈 doctor")  # type: ignore[index]
    assert cast.send(cast.owner, "GET", f"{at(one)}/form").json["姓名"] == "owner"  # type: ignore[index]
    cast.database["grants"].update_many({"grantee": doctor}, {"$push": {"categories": "profile"}})
    assert cast.send(doctor, "GET", f"{at(one)}/form").json["姓名"] == "owner"  # type: ignore[index]
    page = cast.send(doctor, "GET", f"{at(one)}/form?format=html")
    assert "高血压患者随访服务记录表" in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_batch_is_a_sheet_with_a_row_a_visit_of_those_whom_one_may_see(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor)
    confirmed(cast, doctor, place, WELL, days_ago=100, also={"other-signs": "=1+1"})
    one = confirmed(cast, doctor, place, WELL)
    changed(cast, doctor, one, "POST", "/sent", to="省平台")

    def asked(**query: str) -> Any:
        days = {"from": (TODAY - timedelta(days=365)).isoformat(), "to": TODAY.isoformat()}
        headers = {"Authorization": f"Bearer {cast.token(doctor, 'organisation.read')}"}
        return cast.http.get("/v1/organisation/visits", query_string=days | query, headers=headers)

    book = load_workbook(BytesIO(asked(format="xlsx").data))
    head, *rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert len(rows) == 2
    row = dict(zip(head, rows[0], strict=True))
    assert (row["收缩压（mmHg）"], row["随访方式"], row["体征：其他"]) == (128, "1", "=1+1")
    assert book.worksheets[0].cell(2, head.index("体征：其他") + 1).data_type == "s"
    assert ("高血压患者随访服务记录表", "随访方式", "2", "家庭") in set(book["值域代码"].iter_rows(values_only=True))
    assert len(asked(sent="false").json["forms"]) == 1
    cast.database["grants"].update_many({"grantee": doctor}, {"$set": {"revoked_at_ms": 1}})
    assert asked().json == {"forms": []}


class Died(Exception):
    pass


@pytest.mark.parametrize("step", ["_refer", "_enter"])
def test_what_follows_is_done_after_a_crash_and_once(
    cast: Cast, doctor: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = enrolled(cast, doctor)
    one = changed(cast, doctor, prepared(cast, doctor, place), items=WELL | {"complication": "2", "referral-to": "x"})

    def dying(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(finishing, step, dying)
        assert changed(cast, doctor, one.json, "POST", "/confirm", accept_proposal=True).status_code == 500
    later_ms = now_ms() + visits.PATIENCE_MS + 1
    found = visits.unfinished(cast.database, later_ms)
    assert found is not None
    for _ in range(2):
        finishing.finish(cast.database, found, later_ms)
    assert visits.unfinished(cast.database, later_ms) is None
    assert len(cast.send(doctor, "GET", "/v1/people/{owner}/tasks").json["tasks"]) == 1  # type: ignore[index]
    assert cast.database["entry_history"].count_documents({"id": f"visit-{found.id}"}) == 0
    assert cast.database["entries"].count_documents({"id": f"visit-{found.id}"}) == 1
    assert people.require(cast.database, cast.owner)


def test_the_row_of_a_form_tells_nothing_of_what_it_says(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor)
    confirmed(cast, doctor, place, HIGH | {"complication": "2", "other-signs": "下肢水肿", "referral-to": "县医院"})
    for collection in ("visits", "plans", "care_tasks"):
        row = str(cast.database[collection].find_one({}))
        assert not any(word in row for word in ("水肿", "县医院", "hypertension", "systolic"))
        assert not tells(row, "152")


@pytest.mark.parametrize(
    ("items", "days", "due"),
    [(WELL, 30, (30, "agreed")), (HIGH, 30, (14, "two-weeks")), (WELL, 300, (None, "quarterly"))],
)
def test_day_that_the_doctor_wrote_counts_where_it_is_sooner(
    cast: Cast, doctor: str, items: Any, days: int, due: tuple[int | None, str]
) -> None:
    place = enrolled(cast, doctor)
    confirmed(cast, doctor, place, items, also={"next-on": (TODAY + timedelta(days=days)).isoformat()})
    found = cast.send(doctor, "GET", place.removesuffix("/visits")).json["visits"]  # type: ignore[index]
    due_on = months_after(TODAY, 3) if due[0] is None else TODAY + timedelta(days=due[0])
    assert (found["due_on"], found["why"]) == (due_on.isoformat(), due[1])
