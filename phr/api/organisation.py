"""The organisation that somebody works in: its people, its teams, its contracts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from phr.api.contracts import contract_json
from phr.api.deciding import access, caller, returns, takes
from phr.api.grant_shapes import TextSeen, grant_json
from phr.api.installation import database
from phr.clock import now_ms, rfc3339
from phr.errors import AccessDenied, NotFound
from phr.people import access as deciding
from phr.people import contracts, deaths, granting, grants, organisations, people
from phr.people.access_lines import Line
from phr.people.granting import Consent
from phr.people.grants import SHARING, Grant
from phr.people.organisations import OFFICER, Member

blueprint = Blueprint("organisation", __name__)


class AnswerBody(Schema):
    answer = fields.String(required=True, validate=validate.OneOf(("accept", "decline")))
    text = fields.Nested(TextSeen)

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("answer") == "accept" and "text" not in data:
            raise ValidationError({"text": ["consent is given to a text that was shown"]})


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


@blueprint.get("/v1/organisation/requests")
@access("organisation.read")
@returns()
def list_requests(member: Member) -> dict[str, Any]:
    """What relatives ask of residents who were reported dead; for the privacy officer."""
    now = _hold_to_officer(member)
    return {"requests": [_request(one, now) for one in deaths.requests(database(), member.organisation, now)]}


@blueprint.post("/v1/organisation/requests/<grant>")
@access("organisation.write")
@takes(AnswerBody)
@returns()
def answer_request(member: Member, grant: str, body: dict[str, Any]) -> dict[str, Any]:
    now = _hold_to_officer(member)
    for asked in deaths.requests(database(), member.organisation, now):
        if asked.id == grant:
            return _request(_answered(asked, body, now), now)
    raise NotFound("no such request")


def _answered(asked: Grant, body: dict[str, Any], now: int) -> Grant:
    line = Line(
        at_ms=now,
        who=caller().subject,
        client_id=caller().client_id,
        act=None,
        role=OFFICER,
        grant=asked.id,
        person=asked.person,
        verb="write",
        categories=(SHARING,),
        about=f"{body['answer']} the request of a relative",
        outcome="allowed",
    )
    deciding.record(database(), line)
    if body["answer"] == "decline":
        return granting.decline(database(), asked, now)
    consent = Consent(caller().subject, body["text"]["version"], body["text"]["language"])
    return deaths.accept(database(), asked, consent, now)


def _request(one: Grant, now: int) -> dict[str, Any]:
    return grant_json(one, now) | {"told": grants.told(database(), one)}


def _hold_to_officer(member: Member) -> int:
    """The present instant. Raises AccessDenied for others than the privacy officer."""
    if member.role != OFFICER:
        raise AccessDenied("this is for the privacy officer")
    return now_ms()


def _member(one: Member, known: people.Person | None) -> dict[str, Any]:
    until = None if one.until_ms is None else rfc3339(one.until_ms)
    return {"person": one.person, "name": known.name if known else None, "role": one.role, "until": until}
