"""What others have granted somebody, what that person asks others for, and gives up."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from marshmallow import fields, validate

from phr.api.deciding import access, returns, takes
from phr.api.grant_shapes import PERSON, AskedBody, draft_of, grant_json
from phr.api.installation import database
from phr.clock import now_ms
from phr.errors import NotFound
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import granting, grants, people

blueprint = Blueprint("received_grants", __name__)


class ProposalBody(AskedBody):
    """``grantee``: the specialist that a family doctor asks for; else one asks for oneself."""

    person = fields.String(required=True, validate=validate.Regexp(PERSON))


@blueprint.get("/v1/people/<person>/received-grants")
@access("grants.read")
@returns()
def list_received(person: str) -> dict[str, Any]:
    now = now_ms()
    return {"grants": [grant_json(one, now) for one in granting.to_grantee(database(), person, now)]}


@blueprint.post("/v1/people/<person>/received-grants")
@access("grants.write")
@takes(ProposalBody)
@returns(status=201)
def propose_grant(person: str, body: dict[str, Any]) -> dict[str, Any]:
    """Asks somebody for a grant; they are told, and it waits for their word."""
    now, whose = now_ms(), people.find(database(), body["person"])
    if whose is None:
        raise NotFound("there is no such record")
    draft = draft_of(whose, body | {"grantee": body["grantee"] or person})
    made = granting.propose(database(), draft, person, now)
    outbox.tell(database(), _told(made.person, made.id), now)
    return grant_json(made, now)


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
