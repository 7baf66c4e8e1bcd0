"""Consents that staff took down earlier come to say in which organisation."""

from __future__ import annotations

import pytest

from phr.database import Database
from phr.migrations import m0010_place_consents
from phr.people import grants, organisations
from phr.people.organisations import DOCTOR, Member
from tests.cast import T0, a_clinic, a_grant

BY_CONTRACT, BY_WORK, UNKNOWN = "c" * 20, "w" * 20, "u" * 20


@pytest.fixture
def taken(database: Database) -> Database:
    """Taken down by somebody who has moved since; by somebody at work; by somebody who is gone; given in the app."""
    (doctor,) = a_clinic(database, DOCTOR)
    organisations.create(database, "old", "旧诊所")
    by = {BY_CONTRACT: doctor, BY_WORK: doctor, UNKNOWN: "g" * 20}
    for grantee, who in by.items():
        made = grants.create(database, a_grant("p" * 20, grantee))
        database["grants"].update_one({"_id": made.id}, {"$set": {"assisted": {"how": "sms-reply", "by": who}}})
        if grantee == BY_CONTRACT:
            database["contracts"].insert_one({"_id": "k", "grant": made.id, "organisation": "old"})
    grants.create(database, a_grant("p" * 20, "a" * 20))
    organisations.put_member(database, Member("clinic", doctor, DOCTOR, None), T0)
    return database


def places(database: Database) -> dict[str, str | None]:
    return {row["grantee"]: (row.get("assisted") or {}).get("organisation") for row in database["grants"].find()}


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_they_are_placed_though_it_is_cut_off(taken: Database, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(m0010_place_consents, "BATCH", 1)
    begun = m0010_place_consents.run(taken)
    assert [next(begun) for _ in range(rounds)] == [1] * rounds
    assert sum(m0010_place_consents.run(taken)) == 3 - rounds
    assert places(taken) == {BY_CONTRACT: "old", BY_WORK: "clinic", UNKNOWN: "", "a" * 20: None}
