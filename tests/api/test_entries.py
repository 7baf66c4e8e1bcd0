"""Notes made by hand, over HTTP."""

from typing import Any

import pytest

from phr.people import access
from phr.timeline import happened
from phr.timeline.happened import Happening
from tests.cast import T0, Cast, a_note

ENTRIES = "/v1/people/{owner}/entries"


def made(cast: Cast, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    return cast.send(cast.owner, "POST", ENTRIES, json=a_note(**changes), headers=headers or {})


def test_note_comes_back_as_written(cast: Cast) -> None:
    first = made(cast)
    assert first.status_code == 201
    found = cast.send(cast.owner, "GET", first.headers["Location"])
    assert found.json == first.json
    assert (found.json["text"], found.json["effective_at"]) == ("头晕", "2026-11-23T07:30:00+08:00")


def test_unknown_offset_stays_unknown(cast: Cast) -> None:
    assert made(cast, effective_at="2026-11-22T23:30:00Z").json["effective_at"] == "2026-11-22T23:30:00Z"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", ENTRIES), ("GET", ENTRIES), ("GET", f"{ENTRIES}/n1/history"), ("POST", f"{ENTRIES}/n1/restore")),
        *((method, f"{ENTRIES}/n1") for method in ("GET", "PATCH", "DELETE")),
    ],
)
def test_stranger_gets_nowhere(cast: Cast, method: str, path: str) -> None:
    made(cast, id="n1")
    answer = cast.send(cast.stranger, method, path, json=a_note(), headers={"If-Match": "*"})
    assert answer.status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"


def test_relative_writes_and_the_note_says_who(cast: Cast) -> None:
    answer = cast.send(cast.relative, "POST", ENTRIES, json=a_note())
    assert answer.json["source"]["by"] == cast.relative


def test_same_key_is_the_same_note(cast: Cast) -> None:
    key = {"Idempotency-Key": "k1"}
    assert made(cast, key).json == made(cast, key).json
    assert made(cast, key, text="other").status_code == 409
    assert made(cast, {"Idempotency-Key": "k2"}).json["id"] != made(cast, key).json["id"]


@pytest.mark.parametrize(("length", "status"), [(1, 201), (255, 201), (256, 400)])
def test_key_has_a_greatest_length(cast: Cast, length: int, status: int) -> None:
    assert made(cast, {"Idempotency-Key": "k" * length}).status_code == status


def test_same_client_made_id_is_the_same_note(cast: Cast) -> None:
    assert [made(cast, id="n1").status_code, made(cast, id="n1").status_code] == [201, 201]
    assert made(cast, id="n1", text="other").status_code == 409


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 201), (10_000, 201), (10_001, 400)])
def test_text_has_a_greatest_length(cast: Cast, length: int, status: int) -> None:
    assert made(cast, text="字" * length).status_code == status


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"effective_at": "2026-11-23T07:30:00"}, "/effective_at"),
        ({"effective_at": "yesterday"}, "/effective_at"),
        ({"effective_at": None}, "/effective_at"),
        ({"kind": "weather"}, "/kind"),
        ({"kind": "alert"}, "/kind"),
        ({"kind": "allergy", "type": "dislike"}, "/type"),
        ({"effective_until": "1987"}, "/effective_until"),
        ({"effective_at": "1987-13"}, "/effective_at"),
        ({"provenance": {"how": "professional"}}, "/provenance/how"),
        ({"provenance": {"how": "guessed"}}, "/provenance/how"),
        ({"sensitive": ["weather"]}, "/sensitive/0"),
        ({"version": 2}, "/version"),
        ({"text": 5}, "/text"),
        ({"id": "a b"}, "/id"),
        ({"id": "a\n"}, "/id"),
        ({"odd": 1}, "/odd"),
    ],
)
def test_bad_field_is_pointed_at(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    answer = made(cast, **changes)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_change_keeps_the_old_version(cast: Cast) -> None:
    etag = made(cast, id="n1").headers["ETag"]
    answer = cast.send(cast.owner, "PATCH", f"{ENTRIES}/n1", json={"text": "好了"}, headers={"If-Match": etag})
    assert (answer.json["text"], answer.json["version"]) == ("好了", 2)
    (change, _) = cast.send(cast.owner, "GET", f"{ENTRIES}/n1/history").json["changes"]
    assert (change["before"]["text"], change["after"]["text"], change["action"]) == ("头晕", "好了", "changed")


def test_second_change_of_the_same_version_is_refused(cast: Cast) -> None:
    match = {"If-Match": made(cast, id="n1").headers["ETag"]}
    answers = [
        cast.send(cast.owner, "PATCH", f"{ENTRIES}/n1", json={"text": text}, headers=match) for text in ("a", "b")
    ]
    assert [answer.status_code for answer in answers] == [200, 412]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_change_must_say_which_version(cast: Cast, method: str) -> None:
    made(cast, id="n1")
    assert cast.send(cast.owner, method, f"{ENTRIES}/n1", json={}).status_code == 428


def test_deleted_note_leaves_a_tombstone_without_its_text(cast: Cast) -> None:
    match = {"If-Match": made(cast, id="n1").headers["ETag"]}
    assert cast.send(cast.owner, "DELETE", f"{ENTRIES}/n1", headers=match).status_code == 204
    assert cast.send(cast.owner, "GET", f"{ENTRIES}/n1").status_code == 404
    assert cast.send(cast.owner, "GET", ENTRIES).json["entries"] == []
    tombstone = cast.database["entries"].find_one({"id": "n1"})
    assert tombstone is not None
    assert (tombstone["is_deleted"], tombstone["body"]) == (True, None)


def test_deleted_note_does_not_come_back_by_a_repeated_request(cast: Cast) -> None:
    match = {"If-Match": made(cast, id="n1").headers["ETag"]}
    cast.send(cast.owner, "DELETE", f"{ENTRIES}/n1", headers=match)
    assert made(cast, id="n1").status_code == 409


def test_pages_give_every_note_once_newest_first(cast: Cast) -> None:
    for hour in (7, 9, 8, 8, 8):
        made(cast, effective_at=f"2026-11-23T{hour:02}:00:00+08:00")
    seen: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = cast.send(cast.owner, "GET", f"{ENTRIES}?limit=2{cursor and '&cursor=' + cursor}").json
        seen, cursor = seen + page["entries"], page["next_cursor"]
    assert [note["effective_at"][11:13] for note in seen] == ["09", "08", "08", "08", "07"]
    assert len({note["id"] for note in seen}) == 5


def test_span_takes_its_beginning_and_not_its_end(cast: Cast) -> None:
    for hour in ("07", "08", "09"):
        made(cast, effective_at=f"2026-11-23T{hour}:00:00+08:00")
    span = "?from=2026-11-23T07:00:00%2B08:00&to=2026-11-23T09:00:00+08:00"
    assert len(cast.send(cast.owner, "GET", ENTRIES + span).json["entries"]) == 2


@pytest.mark.parametrize(("limit", "status"), [(0, 400), (1, 200), (500, 200), (501, 400), ("x", 400)])
def test_limit_has_its_bounds(cast: Cast, limit: object, status: int) -> None:
    assert cast.send(cast.owner, "GET", f"{ENTRIES}?limit={limit}").status_code == status


def test_cursor_of_no_list_is_refused(cast: Cast) -> None:
    assert cast.send(cast.owner, "GET", f"{ENTRIES}?cursor=x").status_code == 400


def test_note_of_another_person_is_not_found_under_ones_own_name(cast: Cast) -> None:
    made(cast, id="n1")
    assert cast.send(cast.stranger, "GET", "/v1/people/me/entries/n1").status_code == 404


def test_what_the_record_wrote_is_not_changed_but_may_go(cast: Cast) -> None:
    event = {"text": "电量低", "device": "acme/cuff-1", "event": "battery-low"}
    happened.put(cast.database, [Happening("k", cast.owner, "device-event", T0, event)], T0)
    path = f"{ENTRIES}/{happened.entry_id('k')}"
    assert cast.send(cast.owner, "PATCH", path, json={"text": "x"}, headers={"If-Match": "*"}).status_code == 403
    assert cast.send(cast.owner, "DELETE", path, headers={"If-Match": "*"}).status_code == 204
