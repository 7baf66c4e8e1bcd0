"""The ways to log in at the browser: each asks for its fields and says who they prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from phr.auth import ceremonies, known_devices, phone_codes, texts, tries
from phr.auth.ceremonies import Asking, Party
from phr.auth.texts import Texts
from phr.database import Database
from phr.errors import AccessDenied, InputInvalid
from phr.feed import positions
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import access, directory, joining, logins, people, seals, second_factors
from phr.people.access_lines import Line
from phr.people.grants import LOGINS
from phr.people.joining import Invitation
from phr.people.keyring import KeyDestroyed
from phr.people.people import Person

LONGEST_ANSWER = 256
HERE = "pages"  # what stands for a client where a person acts at a page of ours


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form, as HTML names its type and what a browser may fill in."""

    name: str
    type: str
    autocomplete: str
    zh: str
    en: str
    is_required: bool = True
    longest: int = LONGEST_ANSWER


@dataclass(frozen=True, slots=True)
class Proof:
    person: str
    amr: tuple[str, ...]  # by what (RFC 8176)


class FactorMissing(AccessDenied):
    """Who sees other people's records logs in with a second factor, and this one has none."""

    code = "factor-missing"


class SecondMissing(AccessDenied):
    """The first factor was right; the second one, which this person has, was not there or wrong."""

    code = "second-factor-missing"


class ProofMissing(AccessDenied):
    """Numbers are shared, and handed to strangers: a code opens no record that has something in it at a new device."""

    code = "proof-missing"


class CodeSent(Exception):
    """A code is on its way, if the number is anybody's."""


@dataclass(frozen=True, slots=True)
class At:
    """Where somebody logs in: at which device and browser, how a code could reach them, for whom passkeys are."""

    database: Database
    device: str | None = None
    texts: Texts | None = None
    cookie: str | None = None
    party: Party | None = None


class Way(Protocol):
    """``name`` goes back with its form."""

    @property
    def name(self) -> str: ...

    @property
    def fields(self) -> tuple[Field, ...]: ...

    def prove(self, at: At, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        """Who it is, None where the answers prove nobody. Raises as ``prove``."""
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

    def prove(self, at: At, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        database = at.database
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


@dataclass(frozen=True, slots=True)
class Phone:
    """First without a code, which is then sent; who shares the number says which of them it is by the birth date.

    At a new device a record with something in it opens with a clinic's invitation besides, which was given for an
    identity document.
    """

    name: str = "phone"
    fields: tuple[Field, ...] = (
        Field("phone", "tel", "tel", "手机号", "Phone number"),
        Field("code", "text", "one-time-code", "短信验证码（留空则发送）", "Code; leave empty to get one", False),
        Field("born", "date", "bday", "出生日期（多人共用号码时）", "Birth date, if the number is shared", False),
        Field(
            "second",
            "text",
            "one-time-code",
            "动态验证码或恢复码（如已启用）",
            "Code of your app, if you have one",
            False,
        ),
        Field(
            "invitation", "text", "off", "机构当面发放的邀请码（如有）", "Code that your clinic gave you, if any", False
        ),
    )

    def prove(self, at: At, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        try:
            phone = directory.normal_phone(answers["phone"])
        except InputInvalid:
            return None
        if not answers["code"]:
            self._send(at, phone, now_ms)
            raise CodeSent
        if not phone_codes.use(at.database, phone, answers["code"], now_ms):
            return None
        fitting = _of_phone(at.database, phone, answers["born"])
        invitation = joining.find(at.database, answers["invitation"], now_ms) if answers["invitation"] else None
        person = _known(at, fitting, now_ms) if invitation is None else _invited(fitting, invitation)
        if second_factors.is_needed(at.database, person, now_ms):
            raise FactorMissing("this login needs a second factor")
        try:
            amr = second(at.database, person, ("sms",), answers["second"], now_ms)
        except KeyDestroyed:  # of somebody who is being erased
            return None
        if invitation is not None:
            _use(at.database, invitation, now_ms)
        return Proof(person, amr)

    @staticmethod
    def _send(at: At, phone: str, now_ms: int) -> None:
        """To numbers that are somebody's; to be told so takes as long for others."""
        name = seals.lookup_tokens(at.database, "phone-tries", [phone])[0].hex()
        tries.begin(at.database, f"phone:{name}", now_ms)
        sender, code = at.texts, phone_codes.make(at.database, phone, now_ms)
        if sender is not None and directory.find_by_phone(at.database, phone):
            words = f"{code} 是您的健康档案登录验证码，5 分钟内有效，请勿告诉他人。"
            texts.soon(lambda: sender.send(phone, words))


@dataclass(frozen=True, slots=True)
class Passkey:
    """The page's script asks the authenticator and fills the one field in."""

    name: str = "passkey"
    fields: tuple[Field, ...] = (
        Field("assertion", "hidden", "off", "通行密钥", "Passkey", longest=ceremonies.LONGEST_ANSWER),
    )

    def prove(self, at: At, answers: Mapping[str, str], now_ms: int) -> Proof | None:
        if at.party is None or at.cookie is None:
            return None
        known = ceremonies.known(Asking(at.database, at.party, at.cookie), answers["assertion"], now_ms)
        if known is None:
            return None
        if known.is_verified:
            return Proof(known.person, PASSKEY_VERIFIED)
        if _wants_two(at.database, known.person, now_ms):
            raise FactorMissing("this login needs a second factor: a passkey that knows its person")
        return Proof(known.person, PASSKEY_TOUCHED)


# RFC 8176: a key that stays where it is, somebody was there, and with a finger, face or PIN that is two factors.
PASSKEY_TOUCHED = ("hwk", "user")
PASSKEY_VERIFIED = (*PASSKEY_TOUCHED, "mfa")
PASSWORD, PHONE, PASSKEY = Password(), Phone(), Passkey()


def offered(texts: Texts | None) -> tuple[Way, ...]:
    """The ways with a form of lines to fill in; by phone only where messages can be sent."""
    return (PASSWORD,) if texts is None else (PASSWORD, PHONE)


def prove(at: At, name: str, answers: Mapping[str, str], now_ms: int) -> Proof | None:
    """By the way of this name. Raises TooManyTries, FactorMissing, SecondMissing, ProofMissing, CodeSent."""
    way = next((one for one in (*offered(at.texts), PASSKEY) if one.name == name), None)
    if way is None:
        return None
    given = {field.name: answers.get(field.name, "") for field in way.fields}
    if any(len(given[one.name]) > one.longest or (one.is_required and not given[one.name]) for one in way.fields):
        return None
    return way.prove(at, given, now_ms)


def _wants_two(database: Database, person: str, now_ms: int) -> bool:
    """True for who has to log in with two factors, and for who has chosen to."""
    return second_factors.has(database, person) or second_factors.is_needed(database, person, now_ms)


def second(database: Database, person: str, first: tuple[str, ...], code: str, now_ms: int) -> tuple[str, ...]:
    """By what somebody is proven whose first factor was right. Raises SecondMissing where theirs is wrong or lacking.

    Who has chosen to have a second factor is asked it however they come; tries of it wait longer each time.
    """
    if not second_factors.has(database, person):
        return first
    if not code:
        raise SecondMissing("this login needs the second factor as well")
    key = f"second:{person}"
    tries.begin(database, key, now_ms)
    if not _uses(database, person, code, now_ms):
        raise SecondMissing("this is not the code that the app shows now, or it was used before")
    tries.forget(database, key)
    return (*first, "otp", "mfa")


def _uses(database: Database, person: str, code: str, now_ms: int) -> bool:
    """True for the right code, the first time; of a recovery code its person is told."""
    used = second_factors.use(database, person, code, now_ms)
    if used == "recovery":
        zh = "您使用恢复码登录了一次；如非本人操作，请立即联系机构更换登录方式。"
        en = "A recovery code was used to log in as you. If that was not you, have your login changed at once."
        outbox.tell(database, Telling(f"recovery:{person}:{now_ms}", person, "recovery-code-used", zh, en), now_ms)
    return used is not None


def _by_second(database: Database, person: str, code: str, now_ms: int) -> tuple[str, ...] | None:
    """By what somebody is proven whose password was right (RFC 8176), None where their second factor is not."""
    if not second_factors.has(database, person):
        if second_factors.is_needed(database, person, now_ms):
            raise FactorMissing("this login needs a second factor and has none")
        return ("pwd",)
    return ("pwd", "otp", "mfa") if _uses(database, person, code, now_ms) else None


def _of_phone(database: Database, phone: str, born: str) -> list[Person]:
    """Those whose number it is, of this birth date where one is given."""
    found = people.find_many(database, directory.find_by_phone(database, phone)).values()
    return [one for one in found if not born or (one.birth_on and one.birth_on.isoformat() == born)]


def _known(at: At, fitting: Sequence[Person], now_ms: int) -> str:
    """The one who was here before; else the one whose record is empty. Raises ProofMissing."""
    known = [one for one in fitting if known_devices.knows(at.database, at.device, one.id, now_ms)]
    known = known or [one for one in fitting if _is_empty(at.database, one)]
    if len(known) != 1:
        raise ProofMissing("log in here in another way first")
    return known[0].id


def _invited(fitting: Sequence[Person], invitation: Invitation) -> str:
    """The one whom staff gave the code for a document. Raises ProofMissing."""
    if not invitation.is_proven or invitation.person not in {one.id for one in fitting}:
        raise ProofMissing("this code is for somebody else, or was given without a document")
    return invitation.person


def _use(database: Database, invitation: Invitation, now_ms: int) -> None:
    """Uses the invitation up; noted and told before, since it opens a record. Raises ProofMissing."""
    line = Line(
        at_ms=now_ms,
        who=invitation.person,
        client_id=HERE,
        act=None,
        role="owner",
        grant=None,
        person=invitation.person,
        verb="write",
        categories=(LOGINS,),
        about="logged in by an invitation",
        outcome="allowed",
    )
    access.record(database, line)
    zh = "有人用机构发放的邀请码和您的手机号在一台新设备上登录了您的健康档案。如非本人操作，请立即联系机构。"
    en = "Somebody logged in at a new device, by your phone and a clinic's code. If that was not you, ask the clinic."
    key = f"invited-login:{invitation.id}"
    outbox.tell(database, Telling(key, invitation.person, "login-added", zh, en, urgency=3), now_ms)
    if not joining.use(database, invitation):
        raise ProofMissing("this code was used before")


def _is_empty(database: Database, person: Person) -> bool:
    return person.identity_number is None and not positions.last(database, person.id)
