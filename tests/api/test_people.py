"""The profile over HTTP."""

from typing import Any

import pytest

from phr.people import access, people
from tests.cast import Cast


def test_me_and_the_own_id_are_the_same_record(cast: Cast) -> None:
    me = cast.send(cast.owner, "GET", "/v1/people/me")
    assert me.json == cast.send(cast.owner, "GET", "/v1/people/{owner}").json
    assert (me.json["name"], me.json["birth_date"], me.json["timezone"]) == ("owner", "1958-03-01", "Asia/Shanghai")


def test_unchanged_profile_is_not_sent_again_and_yet_logged(cast: Cast) -> None:
    etag = cast.send(cast.owner, "GET", "/v1/people/me").headers["ETag"]
    answer = cast.send(cast.owner, "GET", "/v1/people/me", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert len(access.log_of(cast.database, cast.owner, 10)) == 2


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_stranger_learns_nothing_not_even_whether_the_person_exists(cast: Cast, method: str) -> None:
    seen = cast.send(cast.stranger, method, "/v1/people/{owner}", json={})
    unseen = cast.send(cast.stranger, method, f"/v1/people/{people.new_id()}", json={})
    assert (seen.status_code, seen.json) == (403, unseen.json)
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"


def test_relative_with_a_grant_reads_it(cast: Cast) -> None:
    assert cast.send(cast.relative, "GET", "/v1/people/{owner}").status_code == 200


def test_doctor_with_readings_only_does_not_see_the_profile(cast: Cast) -> None:
    assert cast.send(cast.doctor, "GET", "/v1/people/{owner}").status_code == 403


def changed(cast: Cast, body: dict[str, Any], etag: str | None = None) -> Any:
    etag = etag or cast.send(cast.owner, "GET", "/v1/people/me").headers["ETag"]
    return cast.send(cast.owner, "PATCH", "/v1/people/me", json=body, headers={"If-Match": etag})


def test_patch_changes_what_it_names_and_gives_a_new_etag(cast: Cast) -> None:
    first = changed(cast, {"name": "李雷", "sex": "male"})
    assert (first.status_code, first.json["name"], first.json["birth_date"]) == (200, "李雷", "1958-03-01")
    assert changed(cast, {"birth_date": None}, first.headers["ETag"]).json["birth_date"] is None


def test_new_timezone_is_added_to_the_history(cast: Cast) -> None:
    answer = changed(cast, {"timezone": "Europe/Berlin"})
    assert [row["timezone"] for row in answer.json["timezones"]] == ["Asia/Shanghai", "Europe/Berlin"]


def test_patch_of_an_older_version_is_refused(cast: Cast) -> None:
    assert changed(cast, {"name": "x"}, '"0"').status_code == 412


def test_patch_must_say_which_version(cast: Cast) -> None:
    assert cast.send(cast.owner, "PATCH", "/v1/people/me", json={"name": "x"}).status_code == 428


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "n" * 201}, "/name"),
        ({"birth_date": "1958-02-30"}, "/birth_date"),
        ({"sex": "x"}, "/sex"),
        ({"timezone": "Mars/Base"}, "/zone"),
        ({"roles": ["doctor"]}, "/roles"),
        ({"id": "x"}, "/id"),
    ],
)
def test_bad_field_is_pointed_at(cast: Cast, body: dict[str, Any], pointer: str) -> None:
    answer = changed(cast, body)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_all_faults_are_told_at_once(cast: Cast) -> None:
    faults = changed(cast, {"name": "", "sex": "x"}).json["errors"]
    assert {fault["pointer"] for fault in faults} == {"/name", "/sex"}
