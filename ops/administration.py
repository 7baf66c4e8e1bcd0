"""What an operator can do, each as a function that gives what the command prints."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from pymongo.errors import PyMongoError

from ingest import broker, credentials
from phr.auth import clients, scopes, tokens
from phr.auth.clients import NewClient
from phr.auth.keys import signing_key
from phr.clock import rfc3339
from phr.config import Settings
from phr.database import Database, connect, ping
from phr.errors import AccessDenied, AlreadyThere, InputInvalid, PhrError, ServerUnavailable
from phr.feed import feed
from phr.intake import bindings, devices, enrolment
from phr.intake.device import Binding, Device
from phr.intake.devices import NewDevice
from phr.notices import outbox
from phr.passwords import new_password
from phr.people import (
    access,
    deaths,
    grants,
    guardians,
    keyring,
    logins,
    master_keys,
    organisations,
    people,
    second_factors,
)
from phr.people.access_lines import Line
from phr.people.grants import EVERYTHING, FAMILY_DOCTOR, SUPPORT, NewGrant
from phr.people.people import NewPerson
from phr.readings import rezoning

Printed = dict[str, Any]
OPERATOR_CLIENT = "admin"
DEMO_TEAM = "demo-clinic/demo"  # made at the first start, so that a doctor has somebody to look at
VENDOR_SCOPES = ("vendor.read", "vendor.write")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    person: str
    reason: str
    scope: str | None = None  # None: all scopes on a person's record
    life_s: int = tokens.GREATEST_LIFE_S


@dataclass(frozen=True, slots=True)
class Operator:
    """Who administers what, and when."""

    settings: Settings
    database: Database
    now_ms: int


def printing(settings: Settings, work: Callable[[Database], Any]) -> int:
    """Prints as one JSON object what the work on the open record gives; or, in one line, why it gave nothing."""

    def printed(database: Database) -> int:
        sys.stdout.write(json.dumps(work(database), ensure_ascii=False) + "\n")
        return 0

    return working(settings, printed)


def printing_alone(settings: Settings, work: Callable[[Settings], Any]) -> int:
    """The same of work that needs no record."""
    try:
        sys.stdout.write(json.dumps(work(settings), ensure_ascii=False) + "\n")
    except PhrError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    return 0


def working(settings: Settings, work: Callable[[Database], int]) -> int:
    """The exit status that the work on the open record gives; or says, in one line, why it gave none."""
    try:
        database = open_record(settings)
        with database.client:
            return work(database)
    except PhrError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    except (PyMongoError, OSError) as error:
        sys.stderr.write(f"that did not work: {error}\n")
        return 1


def open_record(settings: Settings) -> Database:
    """The running installation's database. Raises ServerUnavailable with what to do."""
    if settings.mongodb_uri is None:
        raise ServerUnavailable("no database is running: start `make run` first, or set PHR_MONGODB_URI")
    keyring.use(master_keys.load(settings))
    database = connect(settings.mongodb_uri, settings.mongodb_database)
    ping(database)
    keyring.check(database)
    return database


def create_person(operator: Operator, draft: NewPerson) -> Printed:
    """{"person_id"}; a demo person grants the operators support, and the demo team, if there is one, what it needs.

    Raises InputInvalid.
    """
    person = people.create(operator.database, draft)
    if draft.is_demo:
        grants.create(operator.database, _support(person.id, operator.now_ms))
        if organisations.find_team(operator.database, DEMO_TEAM):
            grants.create(operator.database, _care(person.id, operator.now_ms))
    return {"person_id": person.id}


def give_demo_login(operator: Operator, person: str) -> Printed:
    """{"login", "password"}; for nobody but a demo person, since who makes a login could use it."""
    if not people.require(operator.database, person).is_demo:
        raise InputInvalid("only demo people are given a login by operators", "/person")
    login, password = f"demo-{secrets.token_hex(3)}", new_password(12)
    logins.create(operator.database, login, password, person)
    return {"login": login, "password": password}


def create_doctor(operator: Operator, name: str, organisation: str) -> Printed:
    """{"person_id", "login", "password", "second_factor"}. Raises InputInvalid."""
    zone = operator.settings.timezone
    draft = NewPerson(zone=zone, name=name, roles=("doctor",), organisation=organisation)
    return _with_login(operator, draft, "doctor")


def create_operator(operator: Operator, name: str) -> Printed:
    """{"person_id", "login", "password", "second_factor"}: for the operator's page; a login that sees no record."""
    return _with_login(
        operator, NewPerson(zone=operator.settings.timezone, name=name, roles=(people.OPERATOR,)), "operator"
    )


def enrol_factor(operator: Operator, person: str) -> Printed:
    """{"uri", "recovery_codes"}: in place of the second factor that the person had. Raises NotFound."""
    made = second_factors.enrol(operator.database, people.require(operator.database, person).id, operator.now_ms)
    return {"uri": made.uri, "recovery_codes": list(made.recovery_codes)}


def create_guardian(operator: Operator, child: str, guardian: str, reason: str) -> Printed:
    """{"grant", "until", "then"}: all of a child's record to its 14th birthday, and then most of it to the 18th."""
    categories = (*scopes.scopes()["timeline.read"].categories, "profile")
    wanted = guardians.Appointment(child, guardian, reason, categories)
    made = guardians.appoint(operator.database, wanted, operator.now_ms)
    told = [{"grant": one.id, "until": rfc3339(one.until_ms or 0)} for one in made]
    return told[0] | {"then": told[1] if len(told) > 1 else None}


def report_death(operator: Operator, person: str, died_on: date | None) -> Printed:
    """{"person_id", "died_on"}; None: the report was wrong. Raises NotFound, InputInvalid."""
    if died_on is None:
        deaths.take_back(operator.database, person)
    else:
        deaths.report(operator.database, person, died_on, operator.now_ms)
    return {"person_id": person, "died_on": died_on and died_on.isoformat()}


def issue_token(operator: Operator, wish: TokenWish) -> Printed:
    """{"access_token", "expires_in"}; logged and told to the owner before it is given out.

    Raises AccessDenied without the person's live support grant, InputInvalid.
    """
    scope = scopes.check(wish.scope.split() if wish.scope else scopes.people_scopes())
    if not wish.reason.strip() or not 0 < wish.life_s <= tokens.GREATEST_LIFE_S:
        raise InputInvalid(f"a token needs a reason and lives for 1 to {tokens.GREATEST_LIFE_S} s")
    _record_use(operator, wish)
    claims = tokens.Claims(
        issuer=tokens.issuer_of(operator.settings),
        sub=wish.person,
        client_id=OPERATOR_CLIENT,
        scope=scope,
        life_s=wish.life_s,
        act=operator.settings.operator,
        auth_time_s=operator.now_ms // 1000,  # the operator is at the machine now, and has said why
    )
    token = tokens.sign(signing_key(operator.settings), claims, operator.now_ms)
    return {"access_token": token, "expires_in": wish.life_s}


def create_vendor(operator: Operator, slug: str) -> Printed:
    """The vendor with its OAuth client and its MQTT login. Raises InputInvalid, AlreadyThere."""
    if slug in broker.RESERVED_USERS:
        raise AlreadyThere(f"{slug} is a name that the server itself uses")
    devices.create_vendor(operator.database, slug, operator.now_ms)
    draft = NewClient(name=slug, scope=VENDOR_SCOPES, vendor=slug)
    client = clients.create(operator.database, draft, operator.now_ms)
    password = _give_mqtt_login(operator, slug, None)
    return {
        "vendor": slug,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "mqtt_username": broker.mqtt_username(slug),
        "mqtt_password": password,
    }


def create_device(operator: Operator, draft: NewDevice) -> Printed:
    """The device with its MQTT login and claim code. Raises InputInvalid, NotFound, AlreadyThere."""
    made = enrolment.enrol(operator.database, [draft], operator.now_ms)[0]
    credentials.sync(operator.database, operator.settings.data_dir)
    return {**made.as_json()}


def create_client(operator: Operator, draft: NewClient) -> Printed:
    """{"client_id"} and, of one that has a secret, "client_secret". Raises InputInvalid."""
    made = clients.create(operator.database, draft, operator.now_ms)
    secret = {} if made.client_secret is None else {"client_secret": made.client_secret}
    return {"client_id": made.client_id} | secret


def set_zone(operator: Operator, person: str, zone: str, since_ms: int | None) -> Printed:
    """The person's zone from an instant on, from now without one. Raises NotFound, InputInvalid."""
    moment = operator.now_ms if since_ms is None else since_ms
    changed = people.change_zone(operator.database, person, zone, moment)
    rezoning.settle(operator.database, changed, operator.now_ms)
    return {"person_id": person, "timezones": [[one.since_ms, one.zone] for one in changed.zones]}


def restart_feed(operator: Operator) -> Printed:
    """{"epoch"}: every phone reads its records from the start; for after a restore, which takes positions back."""
    feed.begin_anew(operator.database)
    return {"epoch": feed.epoch(operator.database)}


def begin_binding(operator: Operator, ref: str, slot: str, person: str, since_ms: int | None) -> Printed:
    """The device with the slot bound; without an instant: since ever the first time, else from now."""
    if since_ms is None:
        return _bindings(bindings.bind_from_now(operator.database, ref, slot, person, operator.now_ms))
    return _bindings(bindings.bind(operator.database, ref, Binding(slot, person, since_ms, None)))


def end_binding(operator: Operator, ref: str, slot: str, at_ms: int | None) -> Printed:
    """The device with the slot's binding ended, now or at an instant. Raises NotFound."""
    return _bindings(bindings.unbind(operator.database, ref, slot, operator.now_ms if at_ms is None else at_ms))


def _with_login(operator: Operator, draft: NewPerson, kind: str) -> Printed:
    person = people.create(operator.database, draft)
    login, password = f"{kind}-{secrets.token_hex(3)}", new_password(12)
    logins.create(operator.database, login, password, person.id)
    factor = enrol_factor(operator, person.id)
    return {"person_id": person.id, "login": login, "password": password, "second_factor": factor}


def _support(person: str, now_ms: int) -> NewGrant:
    return NewGrant(
        person=person,
        grantee=SUPPORT,
        kind=SUPPORT,
        categories=(EVERYTHING,),
        verbs=("read", "write"),
        purpose="a demo person, made to be looked at",
        from_ms=now_ms,
    )


def _care(person: str, now_ms: int) -> NewGrant:
    return NewGrant(
        person=person,
        grantee=f"{organisations.TEAM}{DEMO_TEAM}",
        kind=FAMILY_DOCTOR,
        categories=(EVERYTHING,),
        verbs=("read", "write"),
        purpose="a demo person, made to be looked at",
        from_ms=now_ms,
    )


def _record_use(operator: Operator, wish: TokenWish) -> None:
    """The line in the access log, allowed or refused, and the notice to the owner."""
    grant = access.live_support(operator.database, wish.person, operator.now_ms)
    line = Line(
        at_ms=operator.now_ms,
        who=wish.person,
        client_id=OPERATOR_CLIENT,
        act=operator.settings.operator,
        role=SUPPORT if grant else "none",
        grant=grant.id if grant else None,
        person=wish.person,
        verb="token",
        categories=tuple(sorted(grant.categories)) if grant else (),
        about=f"operator's token: {wish.reason}"[:200],
        outcome="allowed" if grant else "refused",
    )
    access.record(operator.database, line)
    if grant is None:
        raise AccessDenied("no such person, or no live support grant of theirs")
    key = f"support:{wish.person}:{operator.now_ms}:{secrets.token_hex(4)}"
    who = operator.settings.operator
    telling = outbox.Telling(
        key=key,
        person=wish.person,
        kind="support-access",
        message_zh=f"运维人员 {who} 依据您的支持授权取得了临时访问权限，原因：{wish.reason}",
        message_en=f"Operator {who} took temporary access under your support grant, reason: {wish.reason}",
    )
    outbox.tell(operator.database, telling, operator.now_ms)


def _give_mqtt_login(operator: Operator, vendor: str, device: str | None) -> str:
    password = new_password()
    username = broker.mqtt_username(vendor, device)
    credentials.put_credential(operator.database, username, broker.password_hash(password), vendor, device)
    credentials.sync(operator.database, operator.settings.data_dir)
    return password


def _bindings(device: Device) -> Printed:
    rows = [[one.slot, one.person, one.since_ms, one.until_ms] for one in device.bindings]
    return {"device": device.ref, "bindings": rows}
