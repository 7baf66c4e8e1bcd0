"""A doctor sets a limit for one person, says why, and whoever may see it sees who did."""

from __future__ import annotations

from typing import Any

import pytest

from phr.people import grants, organisations
from phr.people.grants import FAMILY_DOCTOR
from tests.cast import Cast, a_clinic, a_grant

TARGETS = "/v1/people/{owner}/targets"
ONE = f"{TARGETS}/rule.glucose-low"
FACTS = "/v1/people/{owner}/care-facts"


@pytest.fixture
def doctor(cast: Cast) -> str:
    """With a grant on care."""
    (doctor,) = a_clinic(cast.database, organisations.DOCTOR)
    some = {"kind": FAMILY_DOCTOR, "categories": ("care", "readings", "conditions"), "verbs": ("read", "write")}
    grants.create(cast.database, a_grant(cast.owner, doctor, **some))
    return doctor


def put(cast: Cast, who: str, limit: Any = 4.4, version: int | None = None, path: str = ONE) -> Any:
    headers = {"If-Match": f'"{version}"'} if version else {}
    return cast.send(who, "PUT", path, json={"limit": limit, "why": "独居，易低血糖"}, headers=headers)


def test_target_says_who_and_why_and_keeps_its_history(cast: Cast, doctor: str) -> None:
    assert put(cast, doctor).json["limit"] == 4.4
    assert put(cast, doctor, 4.2, 1).headers["ETag"] == '"2"'
    (shown,) = cast.send(cast.owner, "GET", TARGETS).json["targets"]  # type: ignore[index]
    assert (shown["by"], shown["why"], shown["limit"], shown["unit"]) == (doctor, "独居，易低血糖", 4.2, "mmol/L")
    versions = cast.send(cast.owner, "GET", f"{ONE}/history").json["versions"]  # type: ignore[index]
    assert [one["limit"] for one in versions] == [4.2, 4.4]
    assert put(cast, doctor, None, 2).status_code == 200
    assert cast.send(cast.owner, "GET", TARGETS).json == {"targets": []}


def test_change_names_the_version_that_was_read(cast: Cast, doctor: str) -> None:
    put(cast, doctor)
    assert put(cast, doctor, 4.0).status_code == 428
    assert put(cast, doctor, 4.0, 7).status_code == 412


@pytest.mark.parametrize(
    ("path", "limit", "code"),
    [
        (ONE, 999, "input-invalid"),
        (ONE, "4.4", "input-invalid"),
        (f"{TARGETS}/rule.none", 4.4, "not-found"),
        (f"{TARGETS}/nonsense", 4.4, "not-found"),
        (f"{TARGETS}/metric.blood-pressure", 130, "not-found"),
    ],
)
def test_what_can_not_be_a_target_is_refused(cast: Cast, doctor: str, path: str, limit: Any, code: str) -> None:
    assert put(cast, doctor, limit, path=path).json["code"] == code


def test_only_a_professional_sets_targets(cast: Cast) -> None:
    assert [put(cast, who).status_code for who in (cast.owner, cast.relative, cast.stranger)] == [403, 403, 403]


def test_target_that_tells_of_a_mind_needs_more_than_care(cast: Cast, doctor: str) -> None:
    assert put(cast, doctor, 12, path=f"{TARGETS}/metric.phq9-total").status_code == 403


def test_who_enters_facts_and_who_sees_which(cast: Cast, doctor: str) -> None:
    body = {"lives_high": True, "pregnant_until": None, "best": {"pef": 480}}
    assert cast.send(cast.owner, "PUT", FACTS, json=body).status_code == 200
    pregnant = {"id": "p1", "kind": "condition", "text": "妊娠", "codes": [{"system": "icd-10", "code": "Z34.0"}]}
    pregnant |= {"effective_at": "2026-11"}
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=pregnant).status_code == 201
    seen = [cast.send(who, "GET", FACTS).json for who in (cast.owner, doctor)]
    assert [one["is_pregnant"] for one in seen] == [True, None]  # type: ignore[index]
    assert [one["best"] for one in seen] == [{"pef": 480.0}] * 2  # type: ignore[index]
    assert cast.send(cast.stranger, "GET", FACTS).status_code == 403
    assert cast.send(doctor, "PUT", FACTS, json=body | {"pregnant_until": "2026-12-24"}).status_code == 403
