"""Residents of an organisation from a CSV file, by who works there: looked at first, then taken in as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from flask import Blueprint, request
from marshmallow import Schema, fields

from phr.api.deciding import access, caller, returns, speaks, takes
from phr.api.installation import database, installation
from phr.api.shapes import Words
from phr.clock import now_ms
from phr.errors import AccessDenied
from phr.people import access as deciding
from phr.people import resident_import
from phr.people.access_lines import Line
from phr.people.organisations import PROFESSIONS, Member
from phr.people.resident_import import Fault, Source, Wish

blueprint = Blueprint("residents", __name__)

LARGEST_BYTES = 2 * 1024 * 1024
NAME = "residents.csv"
PROFILE = "profile"


class ImportQuery(Schema):
    """``dry_run``: only says what would be, with every fault."""

    dry_run = fields.Boolean(load_default=False)


class FaultTold(TypedDict):
    line: int
    column: str
    detail: str
    words: Words


class ImportTold(TypedDict):
    """How many are new and how many were there; contracts wait for consent, or were left to who has one."""

    created: int
    existing: int
    contracts: int
    contracts_left: int
    faults: list[FaultTold]


@blueprint.post("/v1/organisation/residents")
@access("organisation.write")
@takes(ImportQuery, location="query")
@returns()
@speaks("text/csv")
def import_residents(member: Member, query: dict[str, Any]) -> ImportTold:
    """UTF-8, a heading of some of name, identity_number, phone, birth_date, sex, team, starts_on, ends_on.

    A file with a fault in it is refused as a whole; sent again it changes nothing. That somebody is registered already
    stands in their access log.
    """
    if member.role not in PROFESSIONS:
        raise AccessDenied("this is for who looks after residents")
    request.max_content_length = LARGEST_BYTES
    wish = Wish(member.organisation, installation().settings.timezone, member.person, is_dry=query["dry_run"])
    found = resident_import.run(database(), Source(NAME, request.get_data(cache=False)), wish, now_ms())
    _log(member, found.existing)
    return {
        "created": found.created,
        "existing": len(found.existing),
        "contracts": found.contracts,
        "contracts_left": found.contracts_left,
        "faults": [_fault(one) for one in found.faults],
    }


def _fault(one: Fault) -> FaultTold:
    words: Words = {"zh": one.zh, "en": one.detail}
    return {"line": one.line, "column": one.column, "detail": one.detail, "words": words}


def _log(member: Member, people: Iterable[str]) -> None:
    for person in people:
        line = Line(
            at_ms=now_ms(),
            who=member.person,
            client_id=caller().client_id,
            act=None,
            role=member.role,
            grant=None,
            person=person,
            verb="read",
            categories=(PROFILE,),
            about="POST organisation/residents",
            outcome="allowed",
        )
        deciding.record(database(), line)
