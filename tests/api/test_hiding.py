"""An owner hides what a professional wrote: from all but themselves and the organisation that wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from phr.clock import now_ms
from phr.interchange.exporters import Asked, find_format
from phr.people import grants
from phr.timeline import whole
from tests.cast import Cast, a_grant

PERSON = "/v1/people/{owner}"
OWN, OTHER = "社区卫生服务中心", "市医院"
WRITTEN = {
    "kind": "condition",
    "id": "c1",
    "text": "2型糖尿病",
    "codes": [{"system": "icd-10", "code": "E11.9"}],
    "effective_at": "2020",
    "provenance": {"how": "professional"},
}
LISTS = {"/entries?text=糖尿病": "entries", "/entries?code=E11": "entries", "/timeline": "lines", "/changes": "changes"}


def become(cast: Cast, person: str, organisation: str | None) -> None:
    if organisation:
        fields = {"roles": ["doctor"], "organisation": organisation}
        cast.database["people"].update_one({"_id": person}, {"$set": fields})
    wide = a_grant(cast.owner, person, categories=("conditions", "notes"), verbs=("read", "write"))
    grants.create(cast.database, wide)


@pytest.fixture
def hidden(cast: Cast) -> Cast:
    """The doctor wrote c1, and it is hidden; a doctor elsewhere (the stranger) and the relative may see conditions."""
    become(cast, cast.doctor, OWN)
    become(cast, cast.stranger, OTHER)
    assert cast.send(cast.doctor, "POST", f"{PERSON}/entries", json=WRITTEN).status_code == 201
    assert act(cast, "hide", 1).json["hidden"] is True
    return cast


def act(cast: Cast, verb: str, version: int, who: str | None = None) -> Any:
    headers = {"If-Match": f'"{version}"'}
    return cast.send(who or cast.owner, "POST", f"{PERSON}/entries/c1/{verb}", headers=headers)


def listed(cast: Cast, who: str, path: str) -> list[dict[str, Any]]:
    lines = cast.send(who, "GET", PERSON + path).json[LISTS[path]]
    found = [one.get("entry", one) for one in lines]
    return [one for one in found if one.get("id") == "c1"]


@pytest.mark.parametrize("path", LISTS)
def test_others_hear_nothing_of_it_and_its_organisation_and_owner_see_it_marked(hidden: Cast, path: str) -> None:
    for other in (hidden.relative, hidden.stranger):
        assert listed(hidden, other, path) == []
    for own in (hidden.owner, hidden.doctor):
        assert [one["hidden"] for one in listed(hidden, own, path)] == [True]


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/history"), ("PATCH", ""), ("DELETE", "")])
def test_it_is_not_found_by_others(hidden: Cast, method: str, path: str) -> None:
    for other in (hidden.relative, hidden.stranger):
        answer = hidden.send(other, method, f"{PERSON}/entries/c1{path}", json={}, headers={"If-Match": "*"})
        assert answer.status_code == 404


def test_who_has_it_on_a_phone_hears_that_it_is_gone_and_then_that_it_is_there(cast: Cast) -> None:
    become(cast, cast.doctor, OWN)
    cast.send(cast.doctor, "POST", f"{PERSON}/entries", json=WRITTEN)

    since = news(cast, None)[1]
    act(cast, "hide", 1)
    gone, since = news(cast, since)
    assert [(one["id"], one["is_deleted"]) for one in gone] == [("c1", True)]
    act(cast, "show", 2)
    assert [one["entry"]["text"] for one in news(cast, since)[0]] == ["2型糖尿病"]


def news(cast: Cast, since: str | None) -> tuple[list[Any], str]:
    """What the relative's phone hears, and where it stands then."""
    found: list[Any] = []
    while True:
        asked = {} if since is None else {"since": since}
        body = cast.send(cast.relative, "GET", f"{PERSON}/changes", query_string=asked).json
        found, since = found + body["changes"], body["next_since"]
        if not body["has_more"]:
            return found, str(since)


def test_history_says_who_hid_it(hidden: Cast) -> None:
    changes = hidden.send(hidden.doctor, "GET", f"{PERSON}/entries/c1/history").json["changes"]
    assert [(one["action"], one["source"]["by"]) for one in changes] == [
        ("hidden", hidden.owner),
        ("created", hidden.doctor),
    ]


def test_its_organisation_changes_it_and_it_stays_hidden(hidden: Cast) -> None:
    body, headers = {"status": "resolved"}, {"If-Match": '"2"'}
    assert hidden.send(hidden.doctor, "PATCH", f"{PERSON}/entries/c1", json=body, headers=headers).json["hidden"]
    headers = {"If-Match": '"3"'}
    path = f"{PERSON}/entries/c1/restore"
    assert hidden.send(hidden.doctor, "POST", path, json={"version": 1}, headers=headers).json["hidden"]
    assert "hidden" not in act(hidden, "show", 4).json


@pytest.mark.parametrize("verb", ["hide", "show"])
def test_nobody_else_hides_or_shows(hidden: Cast, verb: str) -> None:
    assert act(hidden, verb, 2, hidden.doctor).status_code == 403
    assert act(hidden, verb, 2, hidden.relative).status_code == 404


def test_what_the_owner_wrote_is_not_hidden(cast: Cast) -> None:
    cast.send(cast.owner, "POST", f"{PERSON}/entries", json=WRITTEN | {"provenance": {"how": "self-reported"}})
    assert act(cast, "hide", 1).status_code == 400


def test_the_owner_writes_a_note_beside_it(hidden: Cast) -> None:
    note = {"kind": "note", "text": "不同意", "about": "c1", "effective_at": "2020"}
    assert hidden.send(hidden.owner, "POST", f"{PERSON}/entries", json=note).json["about"] == "c1"


def test_it_stays_in_the_archive_and_out_of_what_is_handed_on(hidden: Cast) -> None:
    ((line, _),) = [one for one in whole.versions(hidden.database, hidden.owner) if one[0].version == 2]
    assert line.categories == ["conditions", f"hidden:{OWN}"]
    asked = Asked(hidden.database, hidden.owner, now_ms())
    assert b"E11.9" not in b"".join(find_format("ips").write(asked))
