"""Lessons over HTTP: answered once, coming again when it is time, finished in the timeline, nobody else's business."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms, rfc3339
from phr.education import learners, progress
from phr.education.learners import Push
from phr.education.library import library
from phr.education.progress import Answered
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import grants, processing
from tests.cast import T0, Cast, a_clinic, a_grant

LESSON, COURSE = "less-salt", "first-steps-high-pressure"
PATH = f"/v1/people/{{owner}}/lessons/{LESSON}/answers"
DAY_MS = 86_400_000
FOR_EVERYBODY = {"moving-by-age", "your-record-is-yours", "your-family-doctor-team"}
AFTER_THESE = {"reading-a-check-up-report", "sleeping-well"}  # for everybody, too, where there is room
AT_65 = {"falls-of-elders", "exercise-for-elders"}


def right() -> int:
    (row,) = library().articles["zh", LESSON].quiz
    return row.right


def wrong() -> int:
    return 1 - right() if right() < 2 else 0


def said(cast: Cast, answer: int, name: str = "a1", who: str = "") -> Any:
    body = {"id": name, "answers": [answer]}
    return cast.send(who or cast.owner, "POST", PATH, json=body)


def lessons(cast: Cast) -> dict[str, Any]:
    found: dict[str, Any] = cast.send(cast.owner, "GET", "/v1/people/{owner}/lessons").json
    return found


def test_courses_are_for_everybody_and_give_no_answer_away(cast: Cast) -> None:
    found = cast.http.get("/v1/education/courses?language=en").json
    assert found
    assert {one["course"] for one in found["courses"]} >= {COURSE, "first-steps-diabetes"}
    one = cast.http.get(f"/v1/education/courses/{COURSE}").json
    assert one
    assert one["lessons"][0]["lesson"] == "measuring-blood-pressure"
    for lesson in one["lessons"]:
        assert set(lesson["questions"][0]) == {"ask", "answers"}
        assert lesson["minutes"] <= 3
        assert "<" not in lesson["audio_text"]
    assert cast.http.get("/v1/education/courses/nothing").status_code == 404


def test_wrong_answer_says_why_and_comes_again_soon(cast: Cast) -> None:
    told = said(cast, wrong()).json
    assert told["questions"][0]["is_right"] is False
    assert told["questions"][0]["why"]
    assert told["finished_at"] is None
    (one,) = lessons(cast)["lessons"]
    assert one["due_at"] < _in(1)
    (course,) = [one for one in lessons(cast)["courses"] if one["course"] == COURSE]
    assert (course["begun"], course["finished"], course["known_before_percent"]) == (1, 0, 0)


def test_right_answer_finishes_it_and_stands_in_the_timeline_once(cast: Cast) -> None:
    said(cast, wrong())
    assert said(cast, right(), "a2").json["finished_at"]
    said(cast, right(), "a3")
    page = cast.send(cast.owner, "GET", "/v1/people/{owner}/timeline?kinds=lesson").json
    assert page
    (line,) = page["lines"]
    assert (line["lesson"], line["outcome"]) == (LESSON, "finished")
    (course,) = [one for one in lessons(cast)["courses"] if one["course"] == COURSE]
    assert (course["finished"], course["known_before_percent"], course["known_now_percent"]) == (1, 0, 100)


def test_lesson_of_professionals_is_no_citizens(cast: Cast) -> None:
    (nurse,) = a_clinic(cast.database, "nurse")
    slug = "staff-diabetes-whom"
    body = {"id": "a1", "answers": [row.right for row in library().articles["zh", slug].quiz]}
    for who, status in ((cast.owner, 404), (nurse, 200)):
        path = f"/v1/people/me/lessons/{slug}"
        assert cast.send(who, "POST", f"{path}/read").status_code == status
        assert cast.send(who, "POST", f"{path}/answers", json=body).status_code == status
    # A lesson that both are taught begins the course of professionals for them alone.
    begun = {}
    for who in (cast.owner, nurse):
        cast.send(who, "POST", "/v1/people/me/lessons/feet-in-diabetes/read")
        found = cast.send(who, "GET", "/v1/people/me/lessons").json
        assert found
        begun[who] = {one["course"]: one["begun"] for one in found["courses"]}
    assert "staff-diabetes" not in begun[cast.owner]
    assert begun[nurse]["staff-diabetes"] == 2


def test_answer_that_is_sent_again_changes_nothing(cast: Cast) -> None:
    first = said(cast, wrong()).json
    again = said(cast, right()).json  # under the same id: it is the first that counts
    assert again["due_at"] == first["due_at"]
    assert again["finished_at"] is None


def test_right_answers_come_ever_later(cast: Cast) -> None:
    at, gaps = T0, []
    for number in range(5):
        found = progress.answer(cast.database, cast.owner, LESSON, Answered(f"x{number}", (True,), at))
        assert found.due_ms
        gaps.append(found.due_ms - at)
        at = found.due_ms
    assert gaps == sorted(gaps)
    assert gaps[-1] > 20 * DAY_MS
    lapsed = progress.answer(cast.database, cast.owner, LESSON, Answered("y", (False,), at))
    assert lapsed.due_ms
    assert lapsed.due_ms - at < DAY_MS
    assert lapsed.is_finished  # once finished it stays so; it only comes again


def test_answers_of_two_phones_at_once_are_both_kept(cast: Cast) -> None:
    progress.answer(cast.database, cast.owner, LESSON, Answered("p1", (False,), T0 + 10))
    later = progress.answer(cast.database, cast.owner, LESSON, Answered("p2", (True,), T0))  # whose clock is behind
    assert later.heard == ("p1", "p2")
    assert later.first == (False,)


def test_certificate_comes_with_the_last_lesson_and_is_the_same_each_time(cast: Cast) -> None:
    path = "/v1/people/{owner}/certificates"
    for number, slug in enumerate(("childrens-vaccines", "low-mood")):
        assert cast.send(cast.owner, "GET", path).json == {"certificates": []}
        (row,) = library().articles["zh", slug].quiz
        body = {"id": f"c{number}", "answers": [row.right]}
        assert (
            cast.send(cast.owner, "POST", f"/v1/people/{{owner}}/lessons/{slug}/answers", json=body).status_code == 200
        )
    (one,) = cast.send(cast.owner, "GET", path).json["certificates"]  # type: ignore[index]
    assert (one["course"], one["name"]) == ("young-mothers", "owner")
    assert cast.send(cast.owner, "GET", path).json == {"certificates": [one]}


def test_read_is_noted_the_first_time(cast: Cast) -> None:
    path = f"/v1/people/{{owner}}/lessons/{LESSON}/read"
    first = cast.send(cast.owner, "POST", path).json
    assert first
    assert first["read_at"]
    assert cast.send(cast.owner, "POST", path).json == first


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"id": "a", "answers": []}, "/answers"),
        ({"id": "a", "answers": [0, 0]}, "/answers"),
        ({"id": "a", "answers": [9]}, "/answers/0"),
        ({"id": "a", "answers": ["0"]}, "/answers/0"),
        ({"id": "a b", "answers": [0]}, "/id"),
        ({"answers": [0]}, "/id"),
        ({"id": "a", "answers": [0], "language": "fr"}, "/language"),
    ],
)
def test_bad_answer_names_its_field(cast: Cast, body: dict[str, Any], pointer: str) -> None:
    refused = cast.send(cast.owner, "POST", PATH, json=body)
    assert refused.status_code == 400
    assert refused.json
    assert (
        refused.json["errors"][0]["pointer"] == pointer
        if "errors" in refused.json
        else refused.json["pointer"] == pointer
    )
    assert lessons(cast)["lessons"] == []


def test_unknown_lesson_is_not_there(cast: Cast) -> None:
    body = {"id": "a", "answers": [0]}
    for slug in ("no-such", "../x", "less-salt.md"):
        path = f"/v1/people/{{owner}}/lessons/{slug}/answers"
        assert cast.send(cast.owner, "POST", path, json=body).status_code == 404


def test_nobody_else_sees_what_somebody_learns(cast: Cast) -> None:
    said(cast, right())
    for who in (cast.stranger, cast.doctor):
        assert cast.send(who, "GET", "/v1/people/{owner}/lessons").status_code == 403
        assert said(cast, right(), who=who).status_code == 403
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind="family-doctor", categories=("care",)))
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/lessons").status_code == 200
    assert said(cast, right(), "b", who=cast.stranger).status_code == 403  # who may read may not answer
    (row,) = cast.database["lessons"].find()
    assert LESSON not in str(row)


def _in(days: int) -> str:

    return rfc3339(now_ms() + days * DAY_MS)


def suggested(cast: Cast, who: str = "") -> dict[str, str]:
    found = cast.send(who or cast.owner, "GET", "/v1/people/{owner}/lessons/suggested?language=en").json
    assert found, found
    return {one["lesson"]: one["why"]["en"] for one in found["suggested"]}


def has(cast: Cast, code: str, since: str = "2020") -> None:
    body = {"kind": "condition", "text": "x", "effective_at": since, "codes": [{"system": "icd-10", "code": code}]}
    answer = cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=body)
    assert answer.status_code == 201, answer.text


def test_what_concerns_somebody_is_suggested_with_why(cast: Cast) -> None:
    assert "moving-by-age" in suggested(cast)
    assert suggested(cast)["falls-of-elders"] == "It is for people of 65 and more."  # born in 1958
    has(cast, "I10")
    assert suggested(cast)["less-salt"] == "High blood pressure stands in your record."


def test_pregnancy_is_a_reason_while_it_lasts(cast: Cast) -> None:
    has(cast, "Z34")
    assert "being-pregnant" not in suggested(cast)  # of 2020
    has(cast, "Z34", rfc3339(now_ms() - 90 * DAY_MS, 0))
    assert suggested(cast)["being-pregnant"] == "Your record says that you are pregnant."


def test_what_happened_counts_for_more(cast: Cast) -> None:
    reading = {"metric": "blood-pressure", "t": rfc3339(now_ms(), 480), "unit": "mm[Hg]", "id": "b1"}
    body = {"readings": [reading | {"value": {"systolic": 192, "diastolic": 124}}]}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body)
    found = suggested(cast)
    assert next(iter(found)) == "measuring-blood-pressure"
    assert found["less-salt"] == "Your blood pressure was beyond its line lately."


def test_three_mornings_beyond_the_line_say_so(cast: Cast) -> None:
    cast.database["people"].update_one({"_id": cast.owner}, {"$set": {"zones": [{"since_ms": None, "zone": "UTC"}]}})
    has(cast, "I10")
    morning = now_ms() // DAY_MS * DAY_MS - DAY_MS + 7 * 3_600_000
    for ago in range(3):
        reading = {
            "metric": "blood-pressure",
            "t": rfc3339(morning - ago * DAY_MS, 0),
            "unit": "mm[Hg]",
            "id": f"m{ago}",
        }
        body = {"readings": [reading | {"value": {"systolic": 138, "diastolic": 80}}]}
        assert "135/85" not in str(suggested(cast))
        assert cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body).status_code == 200
    why = suggested(cast)["measuring-blood-pressure"]
    assert why.startswith("Your last 3 mornings were at or above 135/85 mmHg (")


def test_who_refuses_to_be_evaluated_is_suggested_nothing_of_their_values(cast: Cast) -> None:
    has(cast, "I10")
    processing.refuse(cast.database, cast.owner, processing.EVALUATION, cast.owner, now_ms())
    assert set(suggested(cast)) == AT_65 | FOR_EVERYBODY


def test_app_that_was_let_in_for_care_alone_hears_of_no_disease(cast: Cast) -> None:
    has(cast, "F32.9")
    token = {"Authorization": f"Bearer {cast.token(cast.owner, 'care.read')}"}
    found = cast.send(cast.owner, "GET", "/v1/people/{owner}/lessons/suggested", headers=token).json
    assert found
    assert {one["lesson"] for one in found["suggested"]} == FOR_EVERYBODY | AFTER_THESE


def topics(cast: Cast, who: str = "") -> Any:
    return cast.send(who or cast.owner, "GET", "/v1/people/{owner}/lessons/topics?language=en")


def turn_off(cast: Cast, *names: str, version: str = "0", who: str = "") -> Any:
    match = {"If-Match": f'"{version}"'}
    return cast.send(
        who or cast.owner, "PUT", "/v1/people/{owner}/lessons/topics", json={"off": list(names)}, headers=match
    )


def test_topic_that_is_off_is_suggested_no_more_until_it_is_on(cast: Cast) -> None:
    assert "falls-of-elders" in suggested(cast)
    assert turn_off(cast, "elders").status_code == 200
    assert "falls-of-elders" not in suggested(cast)
    found = topics(cast)
    assert [one["topic"] for one in found.json["topics"] if one["is_off"]] == ["elders"]
    assert found.headers["ETag"] == '"1"'
    assert turn_off(cast, version="0").status_code == 412
    assert turn_off(cast, version="1").status_code == 200
    assert "falls-of-elders" in suggested(cast)


def test_topic_that_there_is_not_is_named(cast: Cast) -> None:
    refused = turn_off(cast, "elders", "no-such")
    assert refused.status_code == 400
    assert "/off/1" in refused.text


def test_topics_are_the_owners_to_choose(cast: Cast) -> None:
    for who in (cast.stranger, cast.doctor):
        assert topics(cast, who).status_code == 403
        assert turn_off(cast, "elders", who=who).status_code == 403


def test_what_was_pushed_says_when_and_ends_when_it_is_read(cast: Cast) -> None:
    push = Push(1, "falls-of-elders", T0, "x", "x", ("care",))
    learners.push(cast.database, cast.owner, lambda _: push, T0, T0)
    outbox.tell(cast.database, Telling(f"lesson:{cast.owner}:1", cast.owner, "lesson-suggested", "x", "x"), T0)
    found = cast.send(cast.owner, "GET", "/v1/people/{owner}/lessons/suggested").json["suggested"]  # type: ignore[index]
    assert {one["lesson"]: one["told_at"] for one in found}["falls-of-elders"] == rfc3339(T0)
    cast.send(cast.owner, "POST", "/v1/people/{owner}/lessons/falls-of-elders/read")
    inbox = cast.send(cast.owner, "GET", "/v1/people/{owner}/notices").json
    assert inbox
    assert [one["read_at"] is not None for one in inbox["notices"]] == [True]


def test_what_was_read_lately_is_not_suggested_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.send(cast.owner, "POST", "/v1/people/{owner}/lessons/falls-of-elders/read")
    assert "falls-of-elders" not in suggested(cast)
    (row,) = progress.of_person(cast.database, cast.owner)
    assert row.read_ms
    monkeypatch.setattr("phr.api.lessons.now_ms", lambda: row.read_ms + 30 * DAY_MS + 1)
    assert "falls-of-elders" in suggested(cast)


def test_suggestion_tells_nobody_of_a_disease_that_they_may_not_see(cast: Cast) -> None:
    has(cast, "F32.9")
    assert "low-mood" in suggested(cast)
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind="family-doctor", categories=("care",)))
    assert set(suggested(cast, cast.stranger)) == FOR_EVERYBODY | AFTER_THESE
    grants.create(
        cast.database,
        a_grant(cast.owner, cast.doctor, kind="family-doctor", categories=("care", "conditions", "profile")),
    )
    seen = suggested(cast, cast.doctor)
    assert "falls-of-elders" in seen
    assert "low-mood" not in seen
