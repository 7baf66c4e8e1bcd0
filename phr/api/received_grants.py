"""What others have granted somebody, what that person asks others for, and gives up."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, caller, returns, takes
from phr.api.grant_shapes import PERSON, AskedBody, GrantTold, draft_of, grant_json
from phr.api.grants import GrantsTold
from phr.api.installation import database
from phr.auth import tries
from phr.clock import now_ms
from phr.errors import NotFound
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import access as deciding
from phr.people import granting, grants, people
from phr.people.access_lines import Line
from phr.people.grants import SHARING, Grant

blueprint = Blueprint("received_grants", __name__)

TAKEN_UP = "took up an invitation"


class ProposalBody(AskedBody):
    """``grantee``: the specialist that a family doctor asks for; else one asks for oneself."""

    person = fields.String(required=True, validate=validate.Regexp(PERSON))


class CodeBody(Schema):
    code = fields.String(required=True, validate=validate.Length(1, 64))


@blueprint.get("/v1/people/<person>/received-grants")
@access("grants.read")
@returns()
def list_received(person: str) -> GrantsTold:
    now = now_ms()
    return {"grants": [grant_json(one, now) for one in granting.to_grantee(database(), person, now)]}


@blueprint.post("/v1/people/<person>/received-grants")
@access("grants.write")
@takes(ProposalBody)
@returns(status=201)
def propose_grant(person: str, body: dict[str, Any]) -> GrantTold:
    """Asks somebody for a grant; they are told, and it waits for their word."""
    now, whose = now_ms(), people.find(database(), body["person"])
    if whose is None:
        raise NotFound("there is no such record")
    draft = draft_of(whose, body | {"grantee": body["grantee"] or person})
    made = granting.propose(database(), draft, person, now)
    outbox.tell(database(), _told(made.person, made.id), now)
    return grant_json(made, now)


@blueprint.post("/v1/people/<person>/received-grants/by-code")
@access("grants.write")
@takes(CodeBody)
@returns(status=201)
def take_up_invitation(person: str, body: dict[str, Any]) -> GrantTold:
    """The grant that a code stands for, once; its owner is told, and it stands in their access log."""
    now = now_ms()
    tries.begin(database(), f"grant-code:{person}", now)
    invited = granting.by_code(database(), body["code"], person, now)
    deciding.record(database(), _line(invited, person, now))
    outbox.tell(database(), _told_of_code(invited), now)  # who comes in has been told of before
    taken = granting.take_up(database(), invited, person, now)
    tries.forget(database(), f"grant-code:{person}")
    return grant_json(taken, now)


@blueprint.delete("/v1/people/<person>/received-grants/<grant>")
@access("grants.write")
@returns(status=204)
def give_up_grant(person: str, grant: str) -> None:
    """Ends what one holds, or takes back what one has asked for."""
    now = now_ms()
    for one in granting.to_grantee(database(), person, now):
        if one.id == grant and one.state(now) == "proposed":
            granting.decline(database(), one, now)
        elif one.id == grant and one.grantee == person:
            grants.revoke(database(), one.id, now, person)
        elif one.id == grant:
            break
        else:
            continue
        return
    raise NotFound("no such grant")


def _told(person: str, grant: str) -> Telling:
    return Telling(
        key=f"grant-proposed:{grant}",
        person=person,
        kind="grant-proposed",
        message_zh="有人请求查看您的健康档案，请在“授权”中查看并决定。",
        message_en="Somebody asks to see your record; look under grants and decide.",
    )


def _told_of_code(invited: Grant) -> Telling:
    return Telling(
        key=f"grant-taken-up:{invited.id}",
        person=invited.person,
        kind="grant-taken-up",
        message_zh="有人用您的邀请码获得了授权，请在“授权”中查看；如非本人意愿，可随时收回。",
        message_en="Somebody came with a code of yours and holds a grant now; look under grants.",
    )


def _line(invited: Grant, who: str, now: int) -> Line:
    return Line(
        at_ms=now,
        who=who,
        client_id=caller().client_id,
        act=caller().act,
        role=invited.kind,
        grant=invited.id,
        person=invited.person,
        verb="write",
        categories=(SHARING,),
        about=TAKEN_UP,
        outcome="allowed",
    )
