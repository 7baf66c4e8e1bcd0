"""Reminders over HTTP: made once, changed by version, said done, seen by who may see all they are made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from phr.clock import EPOCH, now_ms
from phr.people import grants
from phr.reminders import ticking
from tests.cast import Cast, a_grant

PATH = "/v1/people/{owner}/reminders"
DAILY = {"kind": "lesson", "about": "salt", "text": "少盐", "rrule": "FREQ=DAILY", "starts_on": "2026-01-01"}


def daily(**changes: Any) -> dict[str, Any]:
    return DAILY | {"times": ["08:00"]} | changes


def pill(cast: Cast, entry: str = "med-1", **changes: Any) -> dict[str, Any]:
    """A reminder of a medicine whose entry is there."""
    said = {"kind": "medication", "id": entry, "effective_at": "2026", "text": "氨氯地平"} | changes
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=said).status_code == 201
    return daily(kind="medication", about=entry, text=None)


def made(cast: Cast, body: dict[str, Any], who: str | None = None, **request: Any) -> dict[str, Any]:
    answer = cast.send(who or cast.owner, "POST", PATH, json=body, **request)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[no-any-return]


def soon() -> str:
    """The first slot that comes, in Shanghai."""
    local = EPOCH.replace(tzinfo=None) + timedelta(milliseconds=now_ms() + 8 * 3_600_000)
    today = local.replace(hour=8, minute=0, second=0, microsecond=0)
    return (today if today > local else today + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")


def test_made_it_has_an_address_and_says_when_it_is_next(cast: Cast) -> None:
    answer = cast.send(cast.owner, "POST", PATH, json=daily(quiet={"from": "22:00", "until": "07:00"}))
    body = answer.json
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    assert body["quiet"] == {"from": "22:00", "until": "07:00"}  # type: ignore[index]
    assert body["window_min"] == 1_440  # type: ignore[index]
    shown = cast.send(cast.owner, "GET", answer.headers["Location"])
    assert shown.json == body
    listed = cast.send(cast.owner, "GET", PATH)
    assert listed.json == {"reminders": [body]}


def test_sent_again_with_its_key_it_is_one(cast: Cast) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert made(cast, daily(), headers=headers)["id"] == made(cast, daily(), headers=headers)["id"]
    other = cast.send(cast.owner, "POST", PATH, json=daily(times=["09:00"]), headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "already-there")  # type: ignore[index]


def test_changed_and_ended_by_version(cast: Cast) -> None:
    place = f"{PATH}/{made(cast, daily())['id']}"
    assert cast.send(cast.owner, "PATCH", place, json={"times": ["09:00"]}).status_code == 428
    changed = cast.send(cast.owner, "PATCH", place, json={"times": ["09:00"]}, headers={"If-Match": '"1"'})
    assert (changed.json["times"], changed.json["text"]) == (["09:00"], "少盐")  # type: ignore[index]
    for method, version, status in (("PATCH", 1, 412), ("DELETE", 1, 412), ("DELETE", 2, 204), ("GET", 2, 404)):
        body = {"json": {}} if method == "PATCH" else {}
        answer = cast.send(cast.owner, method, place, headers={"If-Match": f'"{version}"'}, **body)
        assert answer.status_code == status, method


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"rrule": "FREQ=SECONDLY"}, "/rrule"),
        ({"times": ["25:00"]}, "/times/0"),
        ({"kind": "measurement", "about": "mood-ring"}, "/about"),
        ({"kind": "medication", "about": "no-such-entry"}, "/about"),
        ({"ends_on": "2025-01-01"}, "/ends_on"),
    ],
)
def test_what_can_not_be_names_its_field(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    answer = cast.send(cast.owner, "POST", PATH, json=daily(**changes))
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)  # type: ignore[index]


def test_done_is_said_once_and_the_repeat_hears_already_taken(cast: Cast) -> None:
    place = f"{PATH}/{made(cast, pill(cast))['id']}/occurrences/{soon()}"
    first = cast.send(cast.owner, "POST", f"{place}/done", json={"intake": {"dose": {"value": 5, "unit": "mg"}}})
    assert (first.status_code, first.json["already"]) == (200, False)  # type: ignore[index]
    again = cast.send(cast.owner, "POST", f"{place}/skip", json={"intake": {}})
    assert again.json["message"] == {"zh": "这次已经服过药了", "en": "already taken"}  # type: ignore[index]
    assert again.json["occurrence"] == first.json["occurrence"]  # type: ignore[index]
    listed = cast.send(cast.owner, "GET", "/v1/people/{owner}/entries?kinds=intake").json
    (intake,) = listed["entries"]  # type: ignore[index]
    assert (intake["text"], intake["medication"], intake["status"]) == ("氨氯地平", "med-1", "taken")


@pytest.mark.parametrize(
    ("at", "body", "status"),
    [
        ("2026-01-01", {}, 404),
        ("2026-01-01T08:01", {}, 404),
        ("2025-12-31T08:00", {}, 404),
        ("2199-01-01T08:00", {}, 400),
        ("9999-12-31T08:00", {}, 404),
        ("0001-01-01T08:00", {}, 404),
        ("soon", {"at": "2026-01-01T00:00:00Z"}, 400),
        ("soon", {"at": "2199-01-01T00:00:00Z"}, 400),
        ("soon", {"intake": {}}, 400),
    ],
)
def test_what_was_never_asked_is_not_done(cast: Cast, at: str, body: dict[str, Any], status: int) -> None:
    place = f"{PATH}/{made(cast, daily())['id']}/occurrences/{soon() if at == 'soon' else at}/done"
    assert cast.send(cast.owner, "POST", place, json=body).status_code == status


def test_what_is_planned_stands_beside_what_was_asked(cast: Cast) -> None:
    reminder = made(cast, daily())["id"]
    later = now_ms() + 2 * 86_400_000
    cast.database["reminders"].update_one({"_id": reminder}, {"$set": {"due_ms": later - 86_400_000}})
    ticking.tell_some(cast.database, later)
    cast.send(cast.owner, "POST", f"{PATH}/{reminder}/occurrences/{soon()}/done", json={})
    found = cast.send(cast.owner, "GET", f"{PATH}/occurrences").json["occurrences"]  # type: ignore[index]
    states = [one["state"] for one in found]
    assert states[0] == "done"
    assert states[-1] == "planned"
    assert len({one["at"] for one in found}) == len(found) >= 7
    assert found[0]["planned_at"].endswith("T08:00:00+08:00")


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "from=2026-01-01T00:00:00Z&to=2026-04-04T00:00:00Z",
        "from=9999-12-01T00:00:00Z&to=9999-12-31T23:59:59Z",
    ],
)
def test_a_time_too_long_or_too_far_off_is_refused(cast: Cast, query: str) -> None:
    made(cast, daily())
    assert cast.send(cast.owner, "GET", f"{PATH}/occurrences?{query}").status_code == 400


@pytest.mark.parametrize("day", ["1900-01-01", "2200-12-31"])
def test_adherence_of_the_ends_of_the_calendar_is_none(cast: Cast, day: str) -> None:
    found = cast.send(cast.owner, "GET", f"{PATH}/adherence?from={day}&to={day}")
    assert found.json["total"]["asked"] == 0  # type: ignore[index]


def test_adherence_is_of_the_days_asked_for(cast: Cast) -> None:
    reminder = made(cast, daily())["id"]
    assert cast.send(cast.owner, "POST", f"{PATH}/{reminder}/occurrences/{soon()}/done", json={}).status_code == 200
    day = soon()[:10]
    found = cast.send(cast.owner, "GET", f"{PATH}/adherence?from={day}&to={day}").json
    one = {"asked": 1, "done": 1, "skipped": 0, "missed": 0, "open": 0, "done_percent": 100.0}
    assert found["total"] == one  # type: ignore[index]
    assert found["days"] == [{"day": day, **one}]  # type: ignore[index]
    assert cast.send(cast.owner, "GET", f"{PATH}/adherence?from={day}&to=2026-01-01").status_code == 400


def test_a_medicine_for_the_mind_is_seen_by_who_may_see_it_alone(cast: Cast) -> None:
    body = pill(cast, "med-2", text="舍曲林", codes=[{"system": "atc", "code": "N06AB06"}])
    reminder = made(cast, body)
    assert set(reminder["categories"]) == {"care", "medications", "mental"}
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("care", "medications")))
    assert cast.send(cast.stranger, "GET", PATH).json == {"reminders": []}
    assert cast.send(cast.stranger, "GET", f"{PATH}/{reminder['id']}").status_code == 404
    assert cast.send(cast.stranger, "GET", f"{PATH}/occurrences").json["occurrences"] == []  # type: ignore[index]
    assert len(cast.send(cast.relative, "GET", PATH).json["reminders"]) == 1  # type: ignore[index]


def test_a_medicine_that_is_called_sensitive_later_takes_its_reminder_along(cast: Cast) -> None:
    reminder = made(cast, pill(cast))["id"]
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("care", "medications")))
    place = f"{PATH}/{reminder}/occurrences/{soon()}/done"
    assert cast.send(cast.owner, "POST", place, json={}).status_code == 200
    seen = [cast.send(cast.stranger, "GET", f"{PATH}/{reminder}").status_code]
    entry = {"json": {"sensitive": ["mental"]}, "headers": {"If-Match": '"1"'}}
    assert cast.send(cast.owner, "PATCH", "/v1/people/{owner}/entries/med-1", **entry).status_code == 200
    seen.append(cast.send(cast.stranger, "GET", f"{PATH}/{reminder}").status_code)
    assert seen == [200, 404]
    occurrences = cast.send(cast.stranger, "GET", f"{PATH}/occurrences").json["occurrences"]  # type: ignore[index]
    assert occurrences == []
    ticking.follow_up(cast.database, now_ms())
    row = cast.database["entries"].find_one({"kind": "reminder"})
    assert row is not None
    assert set(row["categories"]) == {"care", "medications", "mental"}


def test_who_may_only_read_changes_nothing(cast: Cast) -> None:
    reminder = made(cast, daily())["id"]
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("care",)))
    for method, path in (("POST", PATH), ("POST", f"{PATH}/{reminder}/occurrences/{soon()}/done")):
        assert cast.send(cast.stranger, method, path, json=daily() if path == PATH else {}).status_code == 403


def test_there_is_an_end_to_how_many(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phr.reminders.schedules.MOST_OF_PERSON", 1)
    made(cast, daily())
    assert cast.send(cast.owner, "POST", PATH, json=daily()).status_code == 400
