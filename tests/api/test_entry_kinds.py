"""Entries of every kind over HTTP, and who sees which of them."""

from typing import Any

import pytest

from phr.people import access, grants, seals
from phr.timeline import entries
from phr.timeline.kinds import kinds
from tests.cast import T0, Cast, a_grant
from tests.timeline.test_kinds import EXAMPLES

ENTRIES = "/v1/people/{owner}/entries"
BY_HAND = sorted(name for name, kind in kinds().items() if not kind.is_written_by_record)


def sent(cast: Cast, kind: str, who: str = "", **changes: Any) -> Any:
    body = {"kind": kind, **EXAMPLES[kind], "effective_at": "2026-11-23T07:30:00+08:00"} | changes
    return cast.send(who or cast.owner, "POST", ENTRIES, json=body)


def listed(cast: Cast, query: str = "", who: str = "") -> list[str]:
    answer = cast.send(who or cast.owner, "GET", ENTRIES + query)
    return [one["kind"] for one in answer.json["entries"]]


@pytest.mark.parametrize("kind", BY_HAND)
def test_kind_comes_back_as_written(cast: Cast, kind: str) -> None:
    first = sent(cast, kind)
    assert first.status_code == 201
    assert first.json.items() >= EXAMPLES[kind].items()
    assert cast.send(cast.owner, "GET", first.headers["Location"]).json == first.json


@pytest.mark.parametrize("kind", sorted(set(kinds()) - set(BY_HAND)))
def test_what_the_record_writes_nobody_writes_by_hand(cast: Cast, kind: str) -> None:
    answer = sent(cast, kind)
    assert (answer.status_code, answer.json["pointer"]) == (400, "/kind")


@pytest.mark.parametrize(
    ("told", "shown", "day"),
    [
        ("1987", "1987", "1987-01-01"),
        ("2003年春", "spring 2003", "2003-03-01"),
        ("1990-05-06", "1990-05-06", "1990-05-06"),
    ],
)
def test_time_stays_as_imprecise_as_it_was_told(cast: Cast, told: str, shown: str, day: str) -> None:
    assert sent(cast, "condition", effective_at=told, effective_until="2024").json["effective_at"] == shown
    (line,) = cast.send(cast.owner, "GET", "/v1/people/{owner}/timeline").json["lines"]
    assert (line["effective_at"], line["effective_until"], line["day"]) == (shown, "2024", day)


def test_period_is_ended_and_opened_again(cast: Cast) -> None:
    place = sent(cast, "medication", effective_at="2020", effective_until="2021").headers["Location"]
    opened = cast.send(cast.owner, "PATCH", place, json={"effective_until": None}, headers={"If-Match": '"1"'})
    assert "effective_until" not in opened.json
    refused = cast.send(cast.owner, "PATCH", place, json={"effective_until": "2019"}, headers={"If-Match": '"2"'})
    assert (refused.status_code, refused.json["pointer"]) == (400, "/effective_until")


def test_patch_keeps_what_it_does_not_name_and_takes_away_what_is_null(cast: Cast) -> None:
    place = sent(cast, "condition", severity="mild").headers["Location"]
    changes = {"status": "resolved", "severity": None}
    patched = cast.send(cast.owner, "PATCH", place, json=changes, headers={"If-Match": '"1"'}).json
    assert (patched["text"], patched["status"], "severity" in patched) == ("2型糖尿病", "resolved", False)


@pytest.mark.parametrize(
    ("changes", "pointer"), [({"status": "odd"}, "/status"), ({"kind": "note"}, "/kind"), ({"score": 1}, "/score")]
)
def test_bad_patch_is_pointed_at(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    place = sent(cast, "condition").headers["Location"]
    answer = cast.send(cast.owner, "PATCH", place, json=changes, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_fault_deep_inside_is_pointed_at(cast: Cast) -> None:
    answer = sent(cast, "laboratory", items=[{"text": "血糖", "value": "high"}])
    assert (answer.status_code, answer.json["pointer"]) == (400, "/items/0/value")


def test_score_is_worked_out_again_when_an_answer_changes(cast: Cast) -> None:
    first = sent(cast, "questionnaire")
    assert (first.json["score"], first.json["severity"], first.json["needs_review"]) == (9, "mild", True)
    changes = {"answers": [0] * 9}
    place = first.headers["Location"]
    second = cast.send(cast.owner, "PATCH", place, json=changes, headers={"If-Match": '"1"'}).json
    assert (second["score"], second["severity"], second["needs_review"]) == (0, "minimal", False)


@pytest.mark.parametrize(
    ("query", "kinds_shown"), [("?kinds=condition", ["condition"]), ("?kinds=note,allergy", ["allergy"])]
)
def test_kinds_are_chosen(cast: Cast, query: str, kinds_shown: list[str]) -> None:
    for kind in ("condition", "allergy"):
        sent(cast, kind)
    assert listed(cast, query) == kinds_shown


@pytest.mark.parametrize(("source", "count"), [("hand", 1), ("import", 0), ("import:i1", 0), ("record", 0)])
def test_source_is_chosen(cast: Cast, source: str, count: int) -> None:
    sent(cast, "condition")
    assert len(listed(cast, f"?source={source}")) == count


@pytest.mark.parametrize("query", ["?kinds=weather", "?source=elsewhere", "?odd=1"])
def test_bad_query_is_refused(cast: Cast, query: str) -> None:
    assert cast.send(cast.owner, "GET", ENTRIES + query).status_code == 400


def test_reader_sees_only_what_was_granted_and_nothing_tells_of_the_rest(cast: Cast) -> None:
    sent(cast, "condition")
    hidden = sent(cast, "condition", codes=[{"system": "icd-10", "code": "F32.1"}]).headers["Location"]
    sent(cast, "questionnaire")
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("conditions", "notes")))
    assert listed(cast, who=cast.stranger) == ["condition"]
    assert cast.send(cast.stranger, "GET", hidden).status_code == 404
    assert listed(cast, "?kinds=questionnaire", cast.stranger) == []


def test_two_grants_together_show_what_both_cover(cast: Cast) -> None:
    sent(cast, "condition", codes=[{"system": "icd-10", "code": "F32.1"}])
    for category in ("conditions", "mental"):
        grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=(category,)))
    assert listed(cast, who=cast.stranger) == ["condition"]
    assert len(access.log_of(cast.database, cast.owner, 1)[0].grant.split(",")) == 2


@pytest.mark.parametrize(("kind", "status"), [("note", 201), ("condition", 403)])
def test_writer_writes_only_what_was_granted_and_the_try_is_logged(cast: Cast, kind: str, status: int) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("notes",), verbs=("write",)))
    assert sent(cast, kind, cast.stranger).status_code == status
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert line.outcome == ("allowed" if status == 201 else "refused")


def test_writer_can_not_lift_an_entry_out_of_his_reach(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("notes",), verbs=("write",)))
    place = sent(cast, "note").headers["Location"]
    changes = {"sensitive": ["mental"]}
    assert cast.send(cast.stranger, "PATCH", place, json=changes, headers={"If-Match": '"1"'}).status_code == 403


@pytest.mark.parametrize(
    ("scope", "kinds_shown"),
    [("notes.read", []), ("conditions.read", ["condition"]), ("timeline.read", ["condition"]), ("readings.read", [])],
)
def test_token_opens_the_categories_of_its_scopes(cast: Cast, scope: str, kinds_shown: list[str]) -> None:
    sent(cast, "condition")
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, scope)}"}
    assert listed_with(cast, headers) == kinds_shown


def listed_with(cast: Cast, headers: dict[str, str]) -> list[str]:
    answer = cast.http.get(f"/v1/people/{cast.owner}/entries", headers=headers)
    return [one["kind"] for one in answer.json["entries"]]


@pytest.mark.parametrize("scope", ["profile.read", "overview.read", "notes.write"])
def test_token_of_other_scopes_opens_no_entries(cast: Cast, scope: str) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, scope)}"}
    answer = cast.http.get(f"/v1/people/{cast.owner}/entries", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (403, "scope-missing")


def as_professional(cast: Cast) -> dict[str, str]:
    fields = {"roles": ["doctor"], "organisation": "社区卫生服务中心"}
    cast.database["people"].update_one({"_id": cast.doctor}, {"$set": fields})
    wide = a_grant(cast.owner, cast.doctor, categories=("conditions",), verbs=("read", "write"), from_ms=T0 - 1)
    grants.create(cast.database, wide)
    return {"how": "professional", "organisation": "社区卫生服务中心"}


def test_professional_speaks_as_one_and_nobody_else_does(cast: Cast) -> None:
    told = as_professional(cast)
    assert sent(cast, "condition", cast.doctor, provenance=told).json["provenance"] == told
    assert sent(cast, "condition", provenance=told).json["pointer"] == "/provenance/how"


@pytest.mark.parametrize(("method", "status"), [("PATCH", 200), ("DELETE", 204)])
def test_what_a_professional_wrote_its_organisation_alone_changes(cast: Cast, method: str, status: int) -> None:
    told = as_professional(cast)
    place = sent(cast, "condition", cast.doctor, provenance=told).headers["Location"]
    changed = {"json": {"status": "resolved"}, "headers": {"If-Match": '"1"'}}
    assert cast.send(cast.owner, method, place, **changed).status_code == 403
    assert cast.send(cast.doctor, method, place, **changed).status_code == status


def test_what_a_professional_wrote_is_sealed_for_the_organisation(cast: Cast) -> None:
    """The owner's key is gone, and who keeps the entry opens it; the API shows an erased record to nobody."""
    place = sent(cast, "condition", cast.doctor, provenance=as_professional(cast)).headers["Location"]
    seals.destroy(cast.database, cast.owner, T0)
    kept = entries.find(cast.database, cast.owner, place.rpartition("/")[2])
    assert kept.content["text"] == "2型糖尿病"
    assert cast.send(cast.doctor, "GET", place).status_code == 403
