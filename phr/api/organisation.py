"""The organisation that somebody works in: its people, its teams, its contracts."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from phr.api import recency
from phr.api.contracts import ContractTold, contract_json
from phr.api.deciding import access, caller, returns, takes
from phr.api.grant_shapes import GrantTold, TextSeen, grant_json
from phr.api.installation import database
from phr.api.shapes import one_of
from phr.clock import At, now_ms, rfc3339
from phr.errors import AccessDenied, NotFound
from phr.people import access as deciding
from phr.people import contracts, deaths, granting, grants, organisations, people
from phr.people.access import Ask
from phr.people.access_lines import Line
from phr.people.granting import Consent
from phr.people.grants import SHARING, Grant
from phr.people.organisations import OFFICER, ROLES, Member

blueprint = Blueprint("organisation", __name__)

PROFILE = "profile"


class AnswerBody(Schema):
    answer = fields.String(required=True, validate=validate.OneOf(("accept", "decline")))
    text = fields.Nested(TextSeen)

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("answer") == "accept" and "text" not in data:
            raise ValidationError({"text": ["consent is given to a text that was shown"]})


class MemberTold(TypedDict):
    """``until``: of who leaves."""

    person: str
    name: str | None
    role: Annotated[str, one_of(*ROLES)]
    until: At | None


class TeamTold(TypedDict):
    team: str
    name: str
    members: list[str]


class OrganisationTold(TypedDict):
    organisation: str
    name: str
    members: list[MemberTold]
    teams: list[TeamTold]


class NamedContractTold(ContractTold):
    name: str | None


class NamedContractsTold(TypedDict):
    contracts: list[NamedContractTold]


class RequestTold(GrantTold):
    """``told``: "note" and the like, as far as something was said."""

    told: dict[str, str]


class RequestsTold(TypedDict):
    requests: list[RequestTold]


@blueprint.get("/v1/organisation")
@access("organisation.read")
@returns()
def show_organisation(member: Member) -> OrganisationTold:
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
def list_organisations_contracts(member: Member) -> NamedContractsTold:
    """``name``: of residents whom the caller looks after and may see the profile of; it stands in their access log."""
    now = now_ms()
    found = contracts.of_organisation(database(), member.organisation, now)
    sights = deciding.residents(database(), caller(), (PROFILE,), now)
    seen = {person for person, resident in sights.items() if PROFILE in resident.sight}
    shown = {one.person: (sights[one.person], (PROFILE,)) for one in found if one.person in seen}
    written = deciding.record_shown(database(), caller(), shown, "GET organisation/contracts", now)
    known = people.find_many(database(), shown)
    written.result()
    return {
        "contracts": [
            {**contract_json(one, now), "name": known[one.person].name if one.person in known else None}
            for one in found
        ]
    }


@blueprint.get("/v1/organisation/requests")
@access("organisation.read")
@returns()
def list_requests(member: Member) -> RequestsTold:
    """What relatives ask of residents who were reported dead; for the privacy officer."""
    now = hold_to_officer(member)
    return {"requests": [_request(one, now) for one in deaths.requests(database(), member.organisation, now)]}


@blueprint.post("/v1/organisation/requests/<grant>")
@access("organisation.write")
@takes(AnswerBody)
@returns()
def answer_request(member: Member, grant: str, body: dict[str, Any]) -> RequestTold:
    """To accept, which opens the record, wants a login of the last five minutes; to decline does not."""
    now = hold_to_officer(member)
    if body["answer"] == "accept":
        recency.hold_to(database(), caller(), now)
    for asked in deaths.requests(database(), member.organisation, now):
        if asked.id == grant:
            return _request(_answered(asked, body, now), now)
    raise NotFound("no such request")


def hold_to_officer(member: Member) -> int:
    """The present instant. Raises AccessDenied for others than the privacy officer."""
    if member.role != OFFICER:
        raise AccessDenied("this is for the privacy officer")
    return now_ms()


def officers_line(ask: Ask, grant: str, now: int) -> Line:
    """What the owner's access log says of the privacy officer who asks."""
    return Line(
        at_ms=now,
        who=caller().subject,
        client_id=caller().client_id,
        act=None,
        role=OFFICER,
        grant=grant,
        person=ask.person,
        verb=ask.verb,
        categories=ask.categories,
        about=ask.about,
        outcome="allowed",
    )


def _answered(asked: Grant, body: dict[str, Any], now: int) -> Grant:
    ask = Ask(asked.person, "write", (SHARING,), f"{body['answer']} the request of a relative")
    deciding.record(database(), officers_line(ask, asked.id, now))
    if body["answer"] == "decline":
        return granting.decline(database(), asked, now)
    consent = Consent(caller().subject, body["text"]["version"], body["text"]["language"])
    return deaths.accept(database(), asked, consent, now)


def _request(one: Grant, now: int) -> RequestTold:
    return {**grant_json(one, now), "told": grants.told(database(), one)}


def _member(one: Member, known: people.Person | None) -> MemberTold:
    until = None if one.until_ms is None else rfc3339(one.until_ms)
    return {"person": one.person, "name": known.name if known else None, "role": one.role, "until": until}
