"""People and logins that an earlier version wrote in the clear are sealed, and are who they were."""

from __future__ import annotations

from datetime import date

import pytest

from phr.database import Database
from phr.migrations import m0002_seal_people
from phr.people import directory, logins, people
from tests.cast import a_person


@pytest.fixture
def plain(database: Database) -> list[str]:
    """Ids of three people as an earlier version wrote them, the first of whom has a login."""
    ids = [one.id for one in people.create_many(database, [a_person() for _ in range(3)])]
    clear = {"$set": {"name": "李娜", "birth_on": "1960-02-29"}, "$unset": {"sealed": "", "found_by": ""}}
    database["people"].update_many({}, clear)
    logins.create(database, "dr.li", "correct horse", ids[0])
    row = database["logins"].find_one_and_delete({}) or {}
    database["logins"].insert_one(row | {"_id": "dr.li"})
    return ids


def test_people_are_sealed_batch_by_batch_and_found(
    database: Database, plain: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(m0002_seal_people, "BATCH", 2)
    assert list(m0002_seal_people.run(database)) == [2, 1, 1]
    assert list(m0002_seal_people.run(database)) == []
    assert "李娜" not in str(list(database["people"].find()))
    read = people.find_many(database, plain).values()
    assert {(one.name, one.birth_on) for one in read} == {("李娜", date(1960, 2, 29))}
    assert set(directory.find_by_name(database, "ln")) == set(plain)


def test_login_still_opens(database: Database, plain: list[str]) -> None:
    list(m0002_seal_people.run(database))
    assert logins.verify(database, "dr.li", "correct horse") == plain[0]
    assert "dr.li" not in str(list(database["logins"].find()))


def test_migration_cut_off_between_its_two_writes_goes_on(database: Database, plain: list[str]) -> None:
    row = database["logins"].find_one({}) or {}
    database["logins"].insert_one(row | {"_id": logins.token_of(database, "dr.li")})
    list(m0002_seal_people.run(database))
    assert database["logins"].count_documents({}) == 1
    assert logins.verify(database, "dr.li", "correct horse") == plain[0]
