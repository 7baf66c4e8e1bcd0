"""`admin organisation …`: organisations, who works in them, their teams, their residents."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ops.administration import Operator, Printed
from phr.formats.building import ItemRefused, parse_time
from phr.people import hours, organisations, resident_import
from phr.people.organisations import ROLES, Member


def add(things: Any) -> None:
    verbs = things.add_parser("organisation").add_subparsers(required=True, metavar="VERB")
    create = _verb(verbs, "create", _create)
    create.add_argument("organisation", help="its slug")
    create.add_argument("--name", required=True, help="as people and entries name it")
    member = _verb(verbs, "member", _put_member)
    member.add_argument("organisation")
    member.add_argument("person")
    member.add_argument("--role", required=True, choices=ROLES)
    member.add_argument("--until", type=_moment, metavar="RFC3339", help="of a deputy, who has to have one")
    leave = _verb(verbs, "leave", _remove_member)
    leave.add_argument("organisation")
    leave.add_argument("person")
    team = _verb(verbs, "team", _create_team)
    team.add_argument("organisation")
    team.add_argument("team")
    team.add_argument("--name", default="")
    worked = _verb(verbs, "hours", _set_hours)
    worked.add_argument("organisation")
    worked.add_argument("team")
    worked.add_argument("hours", nargs="*", metavar="1-5=08:00-17:30", help="a shift of the week; none: the usual")
    worked.add_argument("--zone", default=organisations.CLOCK, metavar="TZ")
    duty = _verb(verbs, "duty", _set_duty)
    duty.add_argument("organisation")
    duty.add_argument("team")
    duty.add_argument("person", help="a doctor of the team")
    duty.add_argument(
        "hours", nargs="*", metavar="1-7=00:00-24:00", help="shifts of the week, a night is two; none: never"
    )
    for name, run in (("join", _join), ("part", _part)):
        one = _verb(verbs, name, run)
        one.add_argument("organisation")
        one.add_argument("team")
        one.add_argument("person")
    residents = _verb(verbs, "import", _import)
    residents.add_argument("organisation")
    residents.add_argument("file", type=Path, help=f"CSV with {', '.join(resident_import.COLUMNS)}")
    residents.add_argument("--dry-run", action="store_true", help="says what would be, and every fault")


def _verb(verbs: Any, name: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = verbs.add_parser(name)
    command.set_defaults(run=run)
    return command


def _create(operator: Operator, wished: argparse.Namespace) -> Printed:
    made = organisations.create(operator.database, wished.organisation, wished.name)
    return {"organisation": made.slug, "name": made.name}


def _put_member(operator: Operator, wished: argparse.Namespace) -> Printed:
    member = Member(wished.organisation, wished.person, wished.role, wished.until)
    organisations.put_member(operator.database, member, operator.now_ms)
    return {"organisation": member.organisation, "person": member.person, "role": member.role}


def _remove_member(operator: Operator, wished: argparse.Namespace) -> Printed:
    organisations.remove_member(operator.database, wished.organisation, wished.person)
    return {"organisation": wished.organisation, "person": wished.person, "role": None}


def _create_team(operator: Operator, wished: argparse.Namespace) -> Printed:
    made = organisations.create_team(operator.database, wished.organisation, wished.team, wished.name)
    return {"team": made.id, "grantee": made.grantee}


def _set_hours(operator: Operator, wished: argparse.Namespace) -> Printed:
    team = f"{wished.organisation}/{wished.team}"
    made = organisations.set_hours(operator.database, team, wished.hours, wished.zone)
    return {"team": made.id, "hours": [str(one) for one in made.shifts or hours.USUAL], "zone": made.zone}


def _set_duty(operator: Operator, wished: argparse.Namespace) -> Printed:
    team = f"{wished.organisation}/{wished.team}"
    shifts = organisations.set_duty(operator.database, team, wished.person, wished.hours, operator.now_ms)
    return {"team": team, "person": wished.person, "duty": [str(one) for one in shifts]}


def _join(operator: Operator, wished: argparse.Namespace) -> Printed:
    team = f"{wished.organisation}/{wished.team}"
    organisations.join_team(operator.database, team, wished.person, operator.now_ms)
    return _team(operator, team)


def _part(operator: Operator, wished: argparse.Namespace) -> Printed:
    team = f"{wished.organisation}/{wished.team}"
    organisations.leave_team(operator.database, team, wished.person)
    return _team(operator, team)


def _team(operator: Operator, team: str) -> Printed:
    return {"team": team, "members": organisations.people_of_team(operator.database, team)}


def _import(operator: Operator, wished: argparse.Namespace) -> Printed:
    wish = resident_import.Wish(
        organisations.require(operator.database, wished.organisation).slug,
        operator.settings.timezone,
        f"operator:{operator.settings.operator}"[:64],
        is_dry=wished.dry_run,
    )
    source = resident_import.Source(wished.file.name, wished.file.read_bytes())
    found = resident_import.run(operator.database, source, wish, operator.now_ms)
    return asdict(found) | {"existing": len(found.existing)}


def _moment(text: str) -> int:
    try:
        return parse_time(text, "")[0]
    except ItemRefused as error:
        raise argparse.ArgumentTypeError(error.detail) from error
