"""Invitations of an earlier version are found by their codes, and no more by who tries out what is stored."""

from __future__ import annotations

import pytest

from phr.clock import to_datetime
from phr.database import Database
from phr.migrations import m0008_key_invitations
from phr.passwords import hash_of
from phr.people import joining
from phr.people.joining import INVITATIONS, Invitation
from tests.cast import T0

WANG = "a" * 20
CODES = ["BCDF-GHJK-LMNP", "CDFG-HJKL-MNPQ", "DFGH-JKLM-NPQR"]


@pytest.fixture
def old(database: Database) -> list[str]:
    kept = {"person": WANG, "organisation": "clinic", "by": "b" * 20, "is_proven": True, "made_at_ms": T0}
    ends_at = to_datetime(4_000_000_000_000)  # so far off that the database takes nothing away as over
    hashes = [hash_of(code.replace("-", "")) for code in CODES]
    database[INVITATIONS].insert_many([kept | {"_id": one, "ends_at": ends_at} for one in hashes])
    return hashes


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_codes_go_on_being_good_though_it_is_cut_off(
    database: Database, old: list[str], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m0008_key_invitations, "BATCH", 1)
    begun = m0008_key_invitations.run(database)
    assert [next(begun) for _ in range(rounds)] == [1] * rounds
    assert sum(m0008_key_invitations.run(database)) == len(CODES) - rounds
    found = [joining.find(database, code, T0) for code in CODES]
    assert [one.person for one in found if one] == [WANG] * len(CODES)
    assert database[INVITATIONS].count_documents({"_id": {"$in": old}}) == 0


def test_cut_off_between_its_two_writes_it_doubles_nothing(database: Database, old: list[str]) -> None:
    row = database[INVITATIONS].find_one({"_id": old[0]})
    assert row is not None
    database[INVITATIONS].insert_one(row | {"_id": joining.keyed(database, old[0])})
    list(m0008_key_invitations.run(database))
    assert database[INVITATIONS].count_documents({}) == len(CODES)


def test_new_ones_it_leaves_alone(database: Database) -> None:
    code, _ = joining.invite(database, Invitation("", WANG, "clinic", "b" * 20, False), T0)
    before = database[INVITATIONS].find_one()
    assert list(m0008_key_invitations.run(database)) == []
    assert database[INVITATIONS].find_one() == before
    assert joining.find(database, code, T0) is not None


def test_plain_hash_is_not_stored(database: Database) -> None:
    code, _ = joining.invite(database, Invitation("", WANG, "clinic", "b" * 20, False), T0)
    assert hash_of(code.replace("-", "")) not in str(database[INVITATIONS].find_one())
