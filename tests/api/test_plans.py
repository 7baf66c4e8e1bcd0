"""A doctor enrols somebody in a programme; who may see the disease sees the plan, and reminders follow it."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms
from phr.education.library import library
from phr.people import grants, organisations, people, seals
from phr.people.grants import FAMILY_DOCTOR
from phr.people.organisations import Member
from phr.plans import asking, plans
from phr.plans.facts import facts_of
from tests.cast import T0, Cast, a_clinic, a_grant, a_person

PLANS = "/v1/people/{owner}/plans"
CATEGORIES = ("care", "conditions", "encounters", "lifestyle", "medications", "readings", "results")


@pytest.fixture
def doctor(cast: Cast) -> str:
    (doctor,) = a_clinic(cast.database, organisations.DOCTOR)
    some = {"kind": FAMILY_DOCTOR, "categories": CATEGORIES, "verbs": ("read", "write")}
    grants.create(cast.database, a_grant(cast.owner, doctor, **some))
    return doctor


def enrolled(cast: Cast, who: str, programme: str = "hypertension", **said: Any) -> Any:
    return cast.send(who, "POST", PLANS, json={"programme": programme, "starts_on": "2026-11-01"} | said)


def reminders(cast: Cast) -> list[tuple[str, str, str]]:
    found = cast.send(cast.owner, "GET", "/v1/people/{owner}/reminders").json["reminders"]  # type: ignore[index]
    return sorted((one["kind"], one["about"], one["rrule"]) for one in found)


def test_enrolling_gives_the_programmes_measurements_visits_and_reminders(cast: Cast, doctor: str) -> None:
    made = enrolled(cast, doctor)
    assert made.status_code == 201
    assert made.json["measurements"] == [
        {"metric": "blood-pressure", "every_days": None, "weekdays": [1, 4], "times": ["07:30"]}
    ]
    assert (made.json["visits"]["due_on"], made.json["visits"]["why"]) == ("2027-02-01", "quarterly")
    assert reminders(cast) == [
        ("measurement", "blood-pressure", "FREQ=WEEKLY;BYDAY=MO,TH"),
        ("visit", made.json["id"], "FREQ=DAILY;COUNT=1"),
    ]
    facts = facts_of(cast.database, [cast.owner], now_ms())[cast.owner]
    assert (facts.programmes, facts.diagnoses) == ({"hypertension"}, {"hypertension"})


def test_change_keeps_history_and_reminders_follow(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor).headers["Location"]
    medicine = {"id": "m1", "kind": "medication", "text": "氨氯地平", "effective_at": "2026-01"}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=medicine)
    changes = {
        "measurements": [],
        "medications": [{"entry": "m1", "every_days": 1, "times": ["08:00"]}],
        "next_on": "2027-01-04",
    }
    assert cast.send(doctor, "PATCH", place, json=changes).status_code == 428
    changed = cast.send(doctor, "PATCH", place, json=changes, headers={"If-Match": '"1"'})
    assert (changed.json["visits"]["due_on"], changed.json["visits"]["why"]) == ("2027-01-04", "agreed")  # type: ignore[index]
    assert [one[:2] for one in reminders(cast)] == [("medication", "m1"), ("visit", changed.json["id"])]  # type: ignore[index]
    versions = cast.send(cast.owner, "GET", f"{place}/history").json["versions"]  # type: ignore[index]
    assert [len(one["medications"]) for one in versions] == [1, 0]


def test_plan_that_ends_asks_for_nothing_and_may_begin_anew(cast: Cast, doctor: str) -> None:
    made = enrolled(cast, doctor)
    assert enrolled(cast, doctor).json["code"] == "already-there"
    place = made.headers["Location"]
    assert cast.send(doctor, "DELETE", place, headers={"If-Match": '"1"'}).json["state"] == "ended"  # type: ignore[index]
    assert reminders(cast) == []
    assert facts_of(cast.database, [cast.owner], now_ms())[cast.owner].programmes == frozenset()
    assert cast.send(doctor, "PATCH", place, json={}, headers={"If-Match": '"2"'}).status_code == 400
    again = enrolled(cast, doctor)
    assert (again.json["id"], again.json["version"]) == (made.json["id"], 3)


def test_team_loses_sight_with_the_grant_and_the_record_keeps_the_plan(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor).headers["Location"]
    cast.database["grants"].update_many({"grantee": doctor}, {"$set": {"revoked_at_ms": T0}})
    assert cast.send(doctor, "GET", place).status_code == 403
    assert cast.send(cast.owner, "GET", place).json["state"] == "active"  # type: ignore[index]


def test_only_professionals_enrol_and_a_mind_needs_more_than_care(cast: Cast, doctor: str) -> None:
    assert [enrolled(cast, who).status_code for who in (cast.owner, cast.relative, cast.stranger)] == [403] * 3
    assert enrolled(cast, doctor, "depression").status_code == 403
    cast.database["grants"].update_many({"grantee": doctor}, {"$set": {"categories": ["*"]}})
    place = enrolled(cast, doctor, "depression").headers["Location"]
    cast.database["grants"].update_many({"grantee": doctor}, {"$set": {"categories": list(CATEGORIES)}})
    assert cast.send(doctor, "GET", place).status_code == 404
    assert cast.send(doctor, "GET", PLANS).json == {"plans": []}
    assert len(cast.send(cast.owner, "GET", PLANS).json["plans"]) == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"programme": "none"}, "/programme"),
        ({"ends_on": "2026-10-31"}, "/ends_on"),
        ({"measurements": [{"metric": "none", "every_days": 1, "times": ["08:00"]}]}, "/measurements/0/metric"),
        ({"measurements": [{"metric": "weight", "every_days": 1, "times": ["25:00"]}]}, "/measurements/0/times"),
        ({"medications": [{"entry": "none", "every_days": 1, "times": ["08:00"]}]}, "/medications/0/entry"),
    ],
)
def test_plan_that_can_not_be_is_refused_by_its_field(cast: Cast, doctor: str, said: Any, pointer: str) -> None:
    answer = enrolled(cast, doctor, **said)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_reminders_of_a_plan_that_a_crash_left_alone_are_settled_later(
    cast: Cast, doctor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(asking, "settle", lambda *_: None)
        enrolled(cast, doctor)
    assert reminders(cast) == []
    later = now_ms() + asking.PATIENCE_MS + 1
    plan = asking.unsettled(cast.database, later)
    assert plan is not None
    asking.settle(cast.database, plan, None, later)
    assert [one[0] for one in reminders(cast)] == ["measurement"]
    assert asking.unsettled(cast.database, later) is None


def test_the_row_of_a_plan_does_not_tell_of_the_disease(cast: Cast, doctor: str) -> None:
    enrolled(cast, doctor, note="血压控制不佳")
    row = cast.database[plans.COLLECTION].find_one({})
    assert not any(word in str(row) for word in ("hypertension", "血压", "blood-pressure"))


def test_programme_without_a_form_is_visited_on_the_day_that_was_agreed(cast: Cast, doctor: str) -> None:
    made = enrolled(cast, doctor, "copd", next_on="2027-03-01")
    assert made.json["visits"] is None
    assert ("visit", made.json["id"], "FREQ=DAILY;COUNT=1") in reminders(cast)
    row = cast.database[plans.COLLECTION].find_one({})
    assert row is not None
    assert row["due_on"] == "2027-03-01"


def lesson_of(answer: Any) -> dict[str, Any]:
    (one,) = answer.json["lessons"]
    return dict(one)


def test_doctor_prescribes_a_lesson_and_sees_whether_it_was_read_and_finished(cast: Cast, doctor: str) -> None:
    made = enrolled(cast, doctor, lessons=[{"lesson": "less-salt", "starts_on": "2026-11-02"}])
    assert lesson_of(made) == {
        "lesson": "less-salt",
        "title": {"zh": "少吃盐，从厨房开始", "en": library().articles["en", "less-salt"].title},
        "starts_on": "2026-11-02",
        "read_at": None,
        "answered_at": None,
        "finished_at": None,
    }
    assert ("lesson", "less-salt", "FREQ=DAILY;COUNT=1") in reminders(cast)
    place, lesson = made.headers["Location"], "/v1/people/{owner}/lessons/less-salt"
    cast.send(cast.owner, "POST", f"{lesson}/read")
    seen = lesson_of(cast.send(doctor, "GET", place))
    assert (seen["read_at"] is not None, seen["finished_at"]) == (True, None)
    (row,) = library().articles["zh", "less-salt"].quiz
    cast.send(cast.owner, "POST", f"{lesson}/answers", json={"id": "a", "answers": [row.right]})
    assert lesson_of(cast.send(doctor, "GET", place))["finished_at"]


def test_lesson_that_is_taken_away_reminds_no_more_and_others_go_on(cast: Cast, doctor: str) -> None:
    some = [{"lesson": slug, "starts_on": "2026-11-02"} for slug in ("less-salt", "measuring-blood-pressure")]
    place = enrolled(cast, doctor, lessons=some).headers["Location"]
    change = {"headers": {"If-Match": '"1"'}, "json": {"lessons": [{"lesson": "measuring-blood-pressure"}]}}
    assert lesson_of(cast.send(doctor, "PATCH", place, **change))["starts_on"] == "2026-11-02"  # as it was
    assert [about for kind, about, _ in reminders(cast) if kind == "lesson"] == ["measuring-blood-pressure"]
    cast.send(doctor, "DELETE", place, headers={"If-Match": '"2"'})
    assert reminders(cast) == []


@pytest.mark.parametrize(
    ("lessons", "pointer"),
    [
        ([{"lesson": "no-such"}], "/lessons/0/lesson"),
        ([{"lesson": "staff-diabetes-whom"}], "/lessons/0/lesson"),  # is for professionals
        ([{"lesson": "less-salt"}, {"lesson": "../x"}], "/lessons/1/lesson"),
        ([{"lesson": "less-salt"}, {"lesson": "less-salt"}], "/lessons"),
        ([{"lesson": "less-salt", "starts_on": "soon"}], "/lessons/0/starts_on"),
        ([{"lesson": "less-salt"}] * 21, "/lessons"),
    ],
)
def test_lesson_that_can_not_be_prescribed_is_named(
    cast: Cast, doctor: str, lessons: list[dict[str, Any]], pointer: str
) -> None:
    refused = enrolled(cast, doctor, lessons=lessons)
    assert refused.status_code == 400
    assert f'"{pointer}"' in refused.text


def test_lesson_gives_no_disease_away_and_is_not_taken_away_unseen(cast: Cast, doctor: str) -> None:
    place = enrolled(cast, doctor).headers["Location"]
    match = {"If-Match": '"1"'}
    body = {"lessons": [{"lesson": "low-mood"}]}
    assert cast.send(doctor, "PATCH", place, json=body, headers=match).status_code == 403  # may not see mental data
    everything = {"kind": FAMILY_DOCTOR, "categories": (*CATEGORIES, "mental"), "verbs": ("read", "write")}
    psychiatrist = people.create(cast.database, a_person(name="陈")).id
    organisations.put_member(cast.database, Member("clinic", psychiatrist, organisations.DOCTOR, None), T0)
    grants.create(cast.database, a_grant(cast.owner, psychiatrist, **everything))
    assert lesson_of(cast.send(psychiatrist, "PATCH", place, json=body, headers=match))["lesson"] == "low-mood"
    assert cast.send(doctor, "GET", place).json["lessons"] == []  # type: ignore[index]
    cast.send(doctor, "PATCH", place, json={"lessons": [{"lesson": "less-salt"}]}, headers={"If-Match": '"2"'})
    kept = cast.send(psychiatrist, "GET", place).json["lessons"]  # type: ignore[index]
    assert [one["lesson"] for one in kept] == ["low-mood", "less-salt"]
    theirs = cast.send(doctor, "GET", "/v1/people/{owner}/reminders").json["reminders"]  # type: ignore[index]
    assert "low-mood" not in {one["about"] for one in theirs}


def test_plan_of_before_has_no_lessons(cast: Cast, doctor: str) -> None:
    made = enrolled(cast, doctor)
    row = cast.database["plans"].find_one({"person": cast.owner})
    assert row
    place = f"plans.{made.json['id']}.1"
    body = seals.unseal(cast.database, cast.owner, place, row["sealed"])
    del body["teaching"]
    sealed = seals.seal(cast.database, cast.owner, place, body)
    cast.database["plans"].update_one({"_id": row["_id"]}, {"$set": {"sealed": sealed}})
    assert cast.send(doctor, "GET", made.headers["Location"]).json["lessons"] == []  # type: ignore[index]
