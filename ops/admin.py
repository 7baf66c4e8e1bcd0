"""`python app.py admin …`: parses a command, runs it, prints JSON; errors on standard error, exit status 1."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from ops import (
    admin_archive,
    admin_devices,
    admin_erase,
    admin_keys,
    admin_organisations,
    admin_qr,
    admin_rates,
    administration,
)
from ops.administration import Operator, Printed, TokenWish
from phr.auth.clients import DEVICE_CODE, WECHAT_CODE, NewClient
from phr.auth.tokens import GREATEST_LIFE_S
from phr.clock import now_ms
from phr.config import Settings
from phr.formats.building import ItemRefused, parse_time
from phr.intake.devices import NewDevice
from phr.people import directory
from phr.people.people import NewPerson

SHORT_GRANTS = {"device_code": DEVICE_CODE, "wechat_code": WECHAT_CODE}
Run = Callable[[Operator, argparse.Namespace], Printed]


class Parser(argparse.ArgumentParser):
    """argparse ends with 2; the contract says 1."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: {message}\n")


def main(argv: list[str], settings: Settings) -> int:
    """The exit status; what the command gives is printed as one JSON object."""
    wished = parser().parse_args(argv)
    if hasattr(wished, "alone"):  # wants no record
        return administration.printing_alone(settings, wished.alone)
    return administration.printing(settings, lambda record: wished.run(Operator(settings, record, now_ms()), wished))


def parser() -> Parser:
    """All admin commands, each with ``run``."""
    root = Parser(prog="app.py admin")
    things = root.add_subparsers(required=True, metavar="THING")
    _people(things)
    _vendors(things)
    _clients(things)
    _factors(things)
    admin_keys.add(things)
    admin_organisations.add(things)
    admin_erase.add(things)
    admin_archive.add(things)
    _verb(things, "feed", "restart", lambda operator, _: administration.restart_feed(operator))
    return root


def _people(things: Any) -> None:
    verbs = things.add_parser("person").add_subparsers(required=True, metavar="VERB")
    found = verbs.add_parser("find", help="ids by one of: a part of a name or of its pinyin, a phone, a number")
    found.set_defaults(run=_find_people)
    by = found.add_mutually_exclusive_group(required=True)
    person = verbs.add_parser("create")
    person.set_defaults(run=_create_person)
    for one in (by, person):
        one.add_argument("--name")
        one.add_argument("--phone")
        one.add_argument("--identity-number")
    person.add_argument("--birth-date", type=date.fromisoformat, metavar="D")
    person.add_argument("--sex", choices=("female", "male", "other", "unknown"))
    person.add_argument("--timezone", metavar="TZ")
    person.add_argument(
        "--demo", action="store_true", help="made to be looked at: a login, and a support grant for operators"
    )
    died = verbs.add_parser("died", help="freezes what the person granted; --undo where the report was wrong")
    died.set_defaults(run=_report_death)
    died.add_argument("person")
    day = died.add_mutually_exclusive_group(required=True)
    day.add_argument("--on", type=date.fromisoformat, metavar="D")
    day.add_argument("--undo", action="store_true")
    doctor = _verb(things, "doctor", "create", _create_doctor)
    doctor.add_argument("--name", required=True)
    doctor.add_argument("--organisation", required=True)
    operator = _verb(things, "operator", "create", _create_operator)
    operator.add_argument("--name", required=True)
    guardian = _verb(things, "guardian", "create", _create_guardian)
    guardian.add_argument("child")
    guardian.add_argument("guardian")
    guardian.add_argument("--reason", required=True, help="what proved it, kept as the grant's purpose")
    zone = _verb(things, "zone", "set", _set_zone)
    zone.add_argument("person")
    zone.add_argument("zone")
    zone.add_argument("--since", type=_moment, metavar="RFC3339")
    token = things.add_parser("token")
    token.set_defaults(run=_issue_token)
    token.add_argument("--person", required=True)
    token.add_argument("--reason", required=True)
    token.add_argument("--scope")
    token.add_argument("--ttl", type=int, default=GREATEST_LIFE_S, metavar="SECONDS")


def _vendors(things: Any) -> None:
    vendor_verbs = things.add_parser("vendor").add_subparsers(required=True, metavar="VERB")
    vendor = vendor_verbs.add_parser("create")
    vendor.set_defaults(run=_create_vendor)
    vendor.add_argument("slug")
    admin_rates.add(vendor_verbs, is_device=False)
    verbs = things.add_parser("device").add_subparsers(required=True, metavar="VERB")
    admin_devices.add_verbs(verbs)
    device = verbs.add_parser("create")
    device.set_defaults(run=_create_device)
    device.add_argument("vendor")
    device.add_argument("device")
    device.add_argument("--person")
    device.add_argument("--slot", default="")
    device.add_argument("--format")
    device.add_argument("--model")
    device.add_argument("--made-on", type=date.fromisoformat, metavar="D")
    admin_qr.add(verbs)
    admin_rates.add(verbs, is_device=True)
    verbs = things.add_parser("binding").add_subparsers(required=True, metavar="VERB")
    for name, run in (("begin", _begin_binding), ("end", _end_binding)):
        binding = verbs.add_parser(name)
        binding.set_defaults(run=run)
        binding.add_argument("vendor")
        binding.add_argument("device")
        binding.add_argument("--slot", default="")
        binding.add_argument("--at", type=_moment, metavar="RFC3339")
        if name == "begin":
            binding.add_argument("--person", required=True)


def _factors(things: Any) -> None:
    factor = _verb(things, "second-factor", "create", _create_factor)
    factor.add_argument("--person", required=True)


def _clients(things: Any) -> None:
    client = _verb(things, "client", "create", _create_client)
    client.add_argument("--name", required=True)
    client.add_argument("--grant", action="append", required=True, type=lambda text: SHORT_GRANTS.get(text, text))
    client.add_argument("--redirect-uri", action="append", default=[])
    client.add_argument("--scope", required=True)
    client.add_argument("--public", action="store_true", help="it runs on people's own machines and keeps no secret")
    client.add_argument("--jwks", type=_json_file, metavar="FILE", help="its public keys: it signs and has no secret")


def _verb(things: Any, thing: str, verb: str, run: Run) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = (
        things.add_parser(thing).add_subparsers(required=True, metavar="VERB").add_parser(verb)
    )
    command.set_defaults(run=run)
    return command


def _create_person(operator: Operator, wished: argparse.Namespace) -> Printed:
    draft = NewPerson(
        zone=wished.timezone or operator.settings.timezone,
        name=wished.name,
        phone=wished.phone,
        identity_number=wished.identity_number,
        birth_on=wished.birth_date,
        sex=wished.sex,
        is_demo=wished.demo,
    )
    made = administration.create_person(operator, draft)
    return made | (administration.give_demo_login(operator, made["person_id"]) if wished.demo else {})


def _find_people(operator: Operator, wished: argparse.Namespace) -> Printed:
    if wished.phone is not None:
        found = directory.find_by_phone(operator.database, wished.phone)
    elif wished.identity_number is not None:
        found = directory.find_by_identity_number(operator.database, wished.identity_number)
    else:
        found = directory.find_by_name(operator.database, wished.name)
    return {"person_ids": found}


def _create_doctor(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.create_doctor(operator, wished.name, wished.organisation)


def _create_operator(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.create_operator(operator, wished.name)


def _report_death(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.report_death(operator, wished.person, wished.on)


def _create_guardian(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.create_guardian(operator, wished.child, wished.guardian, wished.reason)


def _issue_token(operator: Operator, wished: argparse.Namespace) -> Printed:
    wish = TokenWish(person=wished.person, reason=wished.reason, scope=wished.scope, life_s=wished.ttl)
    return administration.issue_token(operator, wish)


def _set_zone(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.set_zone(operator, wished.person, wished.zone, wished.since)


def _create_vendor(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.create_vendor(operator, wished.slug)


def _create_device(operator: Operator, wished: argparse.Namespace) -> Printed:
    draft = NewDevice(
        vendor=wished.vendor,
        name=wished.device,
        format=wished.format,
        model=wished.model,
        made_on=wished.made_on,
        bindings=((wished.slot, wished.person),) if wished.person else (),
    )
    return administration.create_device(operator, draft)


def _begin_binding(operator: Operator, wished: argparse.Namespace) -> Printed:
    ref = f"{wished.vendor}/{wished.device}"
    return administration.begin_binding(operator, ref, wished.slot, wished.person, wished.at)


def _end_binding(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.end_binding(operator, f"{wished.vendor}/{wished.device}", wished.slot, wished.at)


def _create_factor(operator: Operator, wished: argparse.Namespace) -> Printed:
    return administration.enrol_factor(operator, wished.person)


def _create_client(operator: Operator, wished: argparse.Namespace) -> Printed:
    draft = NewClient(
        name=wished.name,
        scope=wished.scope.split(),
        grant_types=wished.grant,
        redirect_uris=wished.redirect_uri,
        jwks=wished.jwks,
        is_public=wished.public,
    )
    return administration.create_client(operator, draft)


def _moment(text: str) -> int:
    try:
        return parse_time(text, "")[0]
    except ItemRefused as error:
        raise argparse.ArgumentTypeError(error.detail) from error


def _json_file(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path} can't be read as JSON") from error
