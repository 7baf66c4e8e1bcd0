"""The history of an entry and its restoring, over HTTP."""

from typing import Any

import pytest

from phr.people import access, grants
from tests.cast import Cast, a_grant, a_note

ENTRY = "/v1/people/{owner}/entries/n1"


def made(cast: Cast, **changes: Any) -> Any:
    return cast.send(cast.owner, "POST", "/v1/people/me/entries", json=a_note(id="n1", **changes))


def changed(cast: Cast, version: int, **changes: Any) -> Any:
    return cast.send(cast.owner, "PATCH", ENTRY, json=changes, headers={"If-Match": f'"{version}"'})


def history(cast: Cast, who: str = "", query: str = "") -> Any:
    return cast.send(who or cast.owner, "GET", f"{ENTRY}/history{query}")


def restored(cast: Cast, present: int, who: str = "", **body: Any) -> Any:
    headers = {"If-Match": f'"{present}"'}
    return cast.send(who or cast.owner, "POST", f"{ENTRY}/restore", json=body, headers=headers)


def test_history_tells_what_was_and_who_did_it(cast: Cast) -> None:
    made(cast)
    cast.send(cast.relative, "PATCH", ENTRY, json={"text": "好了"}, headers={"If-Match": '"1"'})
    latest, first = history(cast).json["changes"]
    assert (latest["action"], latest["before"]["text"], latest["after"]["text"]) == ("changed", "头晕", "好了")
    assert (latest["source"]["by"], latest["source"]["kind"]) == (cast.relative, "hand")
    assert (first["action"], first["before"], first["version"]) == ("created", None, 1)


def test_history_outlives_the_entry_and_gives_its_etag(cast: Cast) -> None:
    made(cast)
    cast.send(cast.owner, "DELETE", ENTRY, headers={"If-Match": '"1"'})
    answer = history(cast)
    assert (answer.json["changes"][0]["action"], answer.json["changes"][0]["after"]) == ("deleted", None)
    assert restored(cast, int(answer.headers["ETag"].strip('"'))).json["text"] == "头晕"


def test_history_has_pages(cast: Cast) -> None:
    made(cast)
    for version in (1, 2):
        changed(cast, version, text=str(version))
    page = history(cast, query="?limit=2").json
    rest = history(cast, query=f"?limit=2&cursor={page['next_cursor']}").json
    assert [one["version"] for one in page["changes"] + rest["changes"]] == [3, 2, 1]
    assert rest["next_cursor"] is None


def test_restore_must_name_the_present_version(cast: Cast) -> None:
    made(cast)
    changed(cast, 1, text="b")
    assert restored(cast, 1, version=1).status_code == 412
    assert restored(cast, 2, version=1).json["text"] == "头晕"
    assert cast.send(cast.owner, "POST", f"{ENTRY}/restore", json={}).status_code == 428


@pytest.mark.parametrize(
    ("body", "status"),
    [({"version": 7}, 404), ({"version": 0}, 400), ({"version": "1"}, 400), ({"odd": 1}, 400), ({}, 404)],
)
def test_version_to_go_back_to_must_be_there(cast: Cast, body: dict[str, Any], status: int) -> None:
    made(cast)
    assert restored(cast, 1, **body).status_code == status


def test_earlier_version_of_other_categories_is_hidden_from_who_may_not_see_it(cast: Cast) -> None:
    made(cast, sensitive=["mental"])
    changed(cast, 1, sensitive=[])
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("notes",), verbs=("read", "write")))
    assert history(cast, cast.stranger).json["changes"] == []
    assert restored(cast, 2, cast.stranger, version=1).status_code == 403
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.outcome, line.categories) == ("refused", ("mental", "notes"))


def test_entry_that_one_may_not_see_has_no_history(cast: Cast) -> None:
    made(cast, sensitive=["mental"])
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("notes",)))
    assert history(cast, cast.stranger).status_code == 404
