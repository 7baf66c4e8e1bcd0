"""Questions to specialists and their answers, beside the grants that let them look."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint, g
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, caller, returns, takes
from phr.api.grant_shapes import LONGEST_TOLD, ReferralTold, is_referral, referral_json
from phr.api.installation import database
from phr.clock import now_ms
from phr.errors import NotFound
from phr.people import granting, grants
from phr.people.grants import SPECIALIST, Grant

blueprint = Blueprint("referrals", __name__)


class AnswerBody(Schema):
    answer = fields.String(required=True, validate=validate.Length(1, LONGEST_TOLD))


class ReferralsTold(TypedDict):
    referrals: list[ReferralTold]


@blueprint.get("/v1/people/<person>/referrals")
@access("referrals.read", by_period=True)
@returns()
def list_referrals(person: str) -> ReferralsTold:
    """All of them; a specialist gets what is asked of them."""
    now = now_ms()
    found = [one for one in granting.of_person(database(), person) if is_referral(one) and _concerns(one)]
    return {"referrals": [referral_json(one, grants.told(database(), one), now) for one in found]}


@blueprint.post("/v1/people/<person>/referrals/<grant>/answer")
@access("referrals.write")
@takes(AnswerBody)
@returns()
def answer_referral(person: str, grant: str, body: dict[str, Any]) -> ReferralTold:
    now, found = now_ms(), granting.find(database(), person, grant)
    if found.grantee != caller().subject or not is_referral(found) or found.state(now) != "accepted":
        raise NotFound("no such question to you")
    answered = granting.answer(database(), found, body["answer"])
    return referral_json(answered, grants.told(database(), answered), now)


def _concerns(one: Grant) -> bool:
    return g.permission.line.role != SPECIALIST or one.grantee == caller().subject
