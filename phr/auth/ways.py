"""The ways to log in at the browser: each asks for its fields and says who they prove."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from phr.auth import tries
from phr.database import Database
from phr.errors import AccessDenied
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import logins, second_factors
from phr.people.keyring import KeyDestroyed

LONGEST_ANSWER = 256


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form, as HTML names its type and what a browser may fill in."""

    name: str
    type: str
    autocomplete: str
    zh: str
    en: str
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    person: str
    amr: tuple[str, ...]  # by what (RFC 8176)


class FactorMissing(AccessDenied):
    """Who sees other people's records logs in with a second factor, and this one has none."""

    code = "factor-missing"


class Way(Protocol):
    """``name`` goes back with its form."""

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    def prove(self, database: Database, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        """Who it is, None where the answers prove nobody. Raises TooManyTries, FactorMissing."""
        ...


@dataclass(frozen=True, slots=True)
class Password:
    name: str = "password"
    fields: tuple[Field, ...] = (
        Field("login", "text", "username", "登录名", "Login name"),
        Field("password", "password", "current-password", "密码", "Password"),
        Field(
            "code",
            "text",
            "one-time-code",
            "动态验证码或恢复码（如已启用）",
            "One-time or recovery code, if you have one",
            False,
        ),
    )

    def prove(self, database: Database, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        login = answers["login"].strip().lower()
        key = f"login:{logins.token_of(database, login).hex()}"
        tries.begin(database, key, now_ms)  # counted before it is looked at, so that many at once are not more
        person = logins.verify(database, login, answers["password"])
        if person is None:
            return None
        try:
            amr = _by_second(database, person, answers["code"], now_ms)
        except KeyDestroyed:  # of somebody who is being erased
            return None
        if amr is None:
            return None
        tries.forget(database, key)
        return Proof(person, amr)


WAYS: Mapping[str, Way] = {way.name: way for way in (Password(),)}


def prove(database: Database, name: str, answers: Mapping[str, str], now_ms: int) -> Proof | None:
    """By the way of this name. Raises TooManyTries, FactorMissing."""
    way = WAYS.get(name)
    if way is None:
        return None
    given = {field.name: answers.get(field.name, "") for field in way.fields}
    if any(len(given[one.name]) > LONGEST_ANSWER or (one.is_required and not given[one.name]) for one in way.fields):
        return None
    return way.prove(database, given, now_ms)


def _by_second(database: Database, person: str, code: str, now_ms: int) -> tuple[str, ...] | None:
    """By what somebody is proven whose password was right (RFC 8176), None where their second factor is not."""
    if not second_factors.has(database, person):
        if second_factors.is_needed(database, person, now_ms):
            raise FactorMissing("this login needs a second factor and has none")
        return ("pwd",)
    used = second_factors.use(database, person, code, now_ms)
    if used == "recovery":
        zh = "您使用恢复码登录了一次；如非本人操作，请立即联系机构更换密码。"
        en = "A recovery code was used to log in as you. If that was not you, have your password changed at once."
        outbox.tell(database, Telling(f"recovery:{person}:{now_ms}", person, "recovery-code-used", zh, en), now_ms)
    return None if used is None else ("pwd", "otp", "mfa")
