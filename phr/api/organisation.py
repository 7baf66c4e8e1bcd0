"""The organisation that somebody works in: its people, its teams, its contracts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from phr.api.contracts import contract_json
from phr.api.deciding import access, returns
from phr.api.installation import database
from phr.clock import now_ms, rfc3339
from phr.people import contracts, organisations, people
from phr.people.organisations import Member

blueprint = Blueprint("organisation", __name__)


@blueprint.get("/v1/organisation")
@access("organisation.read")
@returns()
def show_organisation(member: Member) -> dict[str, Any]:
    """Names of colleagues; of residents there are none here."""
    now, found = now_ms(), organisations.require(database(), member.organisation)
    colleagues = organisations.members(database(), found.slug, now)
    known = people.find_many(database(), [one.person for one in colleagues])
    return {
        "organisation": found.slug,
        "name": found.name,
        "members": [_member(one, known.get(one.person)) for one in colleagues],
        "teams": [
            {
                "team": team.id.partition("/")[2],
                "name": team.name,
                "members": organisations.people_of_team(database(), team.id),
            }
            for team in organisations.teams(database(), found.slug)
        ],
    }


@blueprint.get("/v1/organisation/contracts")
@access("organisation.read")
@returns()
def list_organisations_contracts(member: Member) -> dict[str, Any]:
    now = now_ms()
    found = contracts.of_organisation(database(), member.organisation, now)
    return {"contracts": [contract_json(one, now) for one in found]}


def _member(one: Member, known: people.Person | None) -> dict[str, Any]:
    until = None if one.until_ms is None else rfc3339(one.until_ms)
    return {"person": one.person, "name": known.name if known else None, "role": one.role, "until": until}
