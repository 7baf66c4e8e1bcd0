"""The ways to log in at the browser: each asks for its fields and says who they prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from phr.auth import tries
from phr.database import Database
from phr.people import logins

LONGEST_ANSWER = 256


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form, as HTML names its type and what a browser may fill in."""

    name: str
    type: str
    autocomplete: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Proof:
    person: str
    amr: tuple[str, ...]  # by what (RFC 8176)


class Way(Protocol):
    """``name`` goes back with its form."""

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    def prove(self, database: Database, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        """Who it is, None where the answers prove nobody. Raises TooManyTries."""
        ...


@dataclass(frozen=True, slots=True)
class Password:
    name: str = "password"
    fields: tuple[Field, ...] = (
        Field("login", "text", "username", "登录名", "Login name"),
        Field("password", "password", "current-password", "密码", "Password"),
    )

    def prove(self, database: Database, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        login = answers["login"].strip().lower()
        key = f"login:{logins.token_of(database, login).hex()}"
        tries.begin(database, key, now_ms)  # counted before it is looked at, so that many at once are not more
        person = logins.verify(database, login, answers["password"])
        if person is None:
            return None
        tries.forget(database, key)
        return Proof(person, ("pwd",))


WAYS: Mapping[str, Way] = {way.name: way for way in (Password(),)}


def prove(database: Database, name: str, answers: Mapping[str, str], now_ms: int) -> Proof | None:
    """By the way of this name. Raises TooManyTries."""
    way = WAYS.get(name)
    if way is None:
        return None
    given = {field.name: answers.get(field.name, "") for field in way.fields}
    if any(not 0 < len(one) <= LONGEST_ANSWER for one in given.values()):
        return None
    return way.prove(database, given, now_ms)
