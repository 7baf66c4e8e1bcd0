"""Login names and passwords."""

from typing import Literal

import pytest
from argon2 import PasswordHasher

from phr.database import Database
from phr.errors import AlreadyThere, InputInvalid
from phr.people import logins

PERSON = "a" * 20


def test_right_password_gives_the_person(database: Database) -> None:
    logins.create(database, "dr.wang", "correct horse", PERSON)
    assert logins.verify(database, "dr.wang", "correct horse") == PERSON


@pytest.mark.parametrize(("login", "password"), [("dr.wang", "wrong"), ("nobody", "correct horse"), ("dr.wang", "")])
def test_wrong_name_or_password_gives_nobody(database: Database, login: str, password: str) -> None:
    logins.create(database, "dr.wang", "correct horse", PERSON)
    assert logins.verify(database, login, password) is None


def test_password_is_stored_as_argon2_only(database: Database) -> None:
    logins.create(database, "dr.wang", "correct horse", PERSON)
    row = database["logins"].find_one()
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")
    assert "correct" not in str(row)
    assert "wang" not in str(row)


def test_login_can_not_be_taken_twice(database: Database) -> None:
    logins.create(database, "dr.wang", "a", PERSON)
    with pytest.raises(AlreadyThere):
        logins.create(database, "dr.wang", "b", PERSON)


@pytest.mark.parametrize("login", ["ab", "Dr", "a b c", "x" * 65])
def test_name_that_is_none_is_refused(database: Database, login: str) -> None:
    with pytest.raises(InputInvalid):
        logins.create(database, login, "a", PERSON)


@pytest.mark.parametrize("login", ["dr.wang", "nobody"])
def test_known_and_unknown_name_cost_one_hash_each(
    database: Database, monkeypatch: pytest.MonkeyPatch, login: str
) -> None:
    logins.create(database, "dr.wang", "correct horse", PERSON)
    verified: list[str] = []
    made: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            verified.append(str(hash))
            return super().verify(hash, password)

        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            made.append(str(password))
            return super().hash(password, salt=salt)

    monkeypatch.setattr(logins, "HASHER", Counting())
    logins._nobodys_hash.cache_clear()
    assert logins.verify(database, login, "wrong") is None
    assert [one.split("$")[3] for one in verified] == ["m=65536,t=3,p=4"]
    assert made == ["nobody's"]
