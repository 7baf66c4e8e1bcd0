"""Rules are listed with who signed them; a doctor signs, and nobody else."""

from __future__ import annotations

import pytest

from phr.care.rules import rules
from phr.people import organisations
from tests.cast import Cast, a_clinic

RULE = "potassium-out-of-range"
SIGN = f"/v1/care/rules/{RULE}/sign"


@pytest.fixture
def staff(cast: Cast) -> list[str]:
    return a_clinic(cast.database, organisations.DOCTOR, organisations.NURSE)


def ask(cast: Cast, who: str, method: str, path: str, scope: str):
    return cast.http.open(path, method=method, headers={"Authorization": f"Bearer {cast.token(who, scope)}"})


def test_doctor_signs_with_their_name_and_the_rule_speaks(cast: Cast, staff: list[str]) -> None:
    before = ask(cast, staff[0], "GET", "/v1/care/rules", "organisation.read").json
    assert RULE in before["silent_emergency_rules"]
    assert {one["reviewed_by"] for one in before["rules"]} == {None}
    assert len(before["rules"]) == len(rules().all)
    signed = ask(cast, staff[0], "POST", SIGN, "care-rules.sign")
    assert (signed.json["reviewed_by"], signed.json["is_active"]) == ("陈 doctor", True)
    after = ask(cast, staff[0], "GET", "/v1/care/rules", "organisation.read").json
    assert RULE not in after["silent_emergency_rules"]
    assert ask(cast, staff[0], "DELETE", SIGN, "care-rules.sign").status_code == 204
    assert ask(cast, staff[0], "GET", "/v1/care/rules", "organisation.read").json == before


@pytest.mark.parametrize(("number", "scope", "status"), [(1, "care-rules.sign", 403), (0, "organisation.write", 403)])
def test_nobody_but_a_doctor_with_the_scope_signs(
    cast: Cast, staff: list[str], number: int, scope: str, status: int
) -> None:
    assert ask(cast, staff[number], "POST", SIGN, scope).status_code == status


def test_stranger_neither_reads_nor_signs(cast: Cast) -> None:
    assert ask(cast, cast.stranger, "GET", "/v1/care/rules", "organisation.read").status_code == 403
    assert ask(cast, cast.stranger, "POST", SIGN, "care-rules.sign").status_code == 403


def test_rule_that_there_is_not_is_called_so(cast: Cast, staff: list[str]) -> None:
    answer = ask(cast, staff[0], "POST", "/v1/care/rules/none/sign", "care-rules.sign")
    assert (answer.status_code, answer.json["code"]) == (404, "rule-unknown")


def test_programmes_are_listed_and_one_without_limits_says_so(cast: Cast, staff: list[str]) -> None:
    found = ask(cast, staff[0], "GET", "/v1/care/programmes", "organisation.read").json["programmes"]
    by_id = {one["programme"]: one for one in found}
    assert set(by_id) == {one.id for one in rules().programmes}
    assert (by_id["hypertension"]["has_form"], by_id["hypertension"]["note"]) == (True, None)
    bare = next(one for one in found if not one["has_limits"])
    assert "no limits from a source" in bare["note"]["en"]
