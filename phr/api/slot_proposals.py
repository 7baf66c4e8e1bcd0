"""Slots of a shared device: proposed by one who has it, accepted or declined by whose they would be."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr import amending
from phr.api.deciding import access, returns, takes
from phr.api.installation import database, installation
from phr.clock import At, now_ms, rfc3339, to_datetime
from phr.intake import inbox, proposals
from phr.intake.proposals import Offer, Proposal, State
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import people
from phr.people.grants import OWNERS_ALONE
from phr.readings.void import Act

blueprint = Blueprint("slot_proposals", __name__)


class OfferBody(Schema):
    slot = fields.String(required=True, validate=validate.Length(0, 32))
    person = fields.String(required=True, validate=validate.Regexp(r"[a-z2-7]{20}\Z"))


class AnswerBody(Schema):
    """``earlier``: what the slot measured before is theirs too, as far as nobody has answered for it."""

    answer = fields.String(required=True, validate=validate.OneOf(("accept", "decline")))
    earlier = fields.Boolean(load_default=True, truthy={True}, falsy={False})


class ProposalTold(TypedDict):
    """``by``: who has the device; ``person``: whose the slot would be."""

    id: str
    device: str
    slot: str
    by: str
    person: str
    at: At
    state: State


class ProposalsTold(TypedDict):
    slot_proposals: list[ProposalTold]


class DeclinedTold(TypedDict):
    device: str
    slot: str


class AcceptedTold(DeclinedTold):
    """``stored``: how many of the slot's earlier readings are in the record now."""

    since: At
    stored: int


@blueprint.post("/v1/people/<person>/devices/<vendor_slug>/<device>/slots")
@access("devices.write", categories=(OWNERS_ALONE,))
@takes(OfferBody)
@returns(status=201)
def propose_slot(person: str, vendor_slug: str, device: str, body: dict[str, Any]) -> ProposalTold:
    """The other is told, once a day and device, whatever is proposed and taken back on that day."""
    now, offer = now_ms(), Offer(f"{vendor_slug}/{device}", body["slot"], person, body["person"])
    made = proposals.propose(database(), offer, now)
    if people.is_there(database(), offer.person):
        outbox.tell(database(), _told(offer, now), now)
    return _proposal(made)


@blueprint.get("/v1/people/<person>/slot-proposals")
@access("devices.read", categories=(OWNERS_ALONE,))
@returns()
def list_proposals(person: str) -> ProposalsTold:
    return {"slot_proposals": [_proposal(one) for one in proposals.concerning(database(), person)]}


@blueprint.post("/v1/people/<person>/slot-proposals/<proposal>")
@access("devices.write", categories=(OWNERS_ALONE,))
@takes(AnswerBody)
@returns()
def answer_proposal(person: str, proposal: str, body: dict[str, Any]) -> DeclinedTold | AcceptedTold:
    """Bound first, earlier readings recorded second: after a crash in between the same answer is sent again."""
    if body["answer"] == "decline":
        declined = proposals.decline(database(), person, proposal)
        return {"device": declined.offer.device, "slot": declined.offer.slot}
    accepted, binding = proposals.accept(database(), person, proposal)
    stored = _give_earlier(accepted.offer) if body["earlier"] else 0
    since = rfc3339(binding.since_ms or accepted.at_ms)
    return {"device": accepted.offer.device, "slot": binding.slot, "since": since, "stored": stored}


@blueprint.delete("/v1/people/<person>/slot-proposals/<proposal>")
@access("devices.write", categories=(OWNERS_ALONE,))
@returns(status=204)
def take_proposal_back(person: str, proposal: str) -> None:
    proposals.take_back(database(), person, proposal)


def _give_earlier(offer: Offer) -> int:
    """The slot's open questions, answered "mine"; how many readings that stored."""
    now = now_ms()
    asked = inbox.answer_slot(database(), offer.person, (offer.device, offer.slot), now)
    rows = [row for _, row in asked]
    verdicts = amending.give(installation().recorder(), database(), rows, Act(offer.person, "slot accepted", now))
    for (ask, _), verdict in zip(asked, verdicts, strict=True):
        if verdict.rejected:
            inbox.reopen(database(), offer.person, ask)
    return sum(one.stored for one in verdicts)


def _told(offer: Offer, now: int) -> Telling:
    """Names neither the device nor who proposes: others may see the screen."""
    return Telling(
        key=f"slot-proposed:{offer.person}:{offer.device}:{to_datetime(now).date()}",
        person=offer.person,
        kind="slot-proposed",
        message_zh="有人邀请您共用一台设备，请在“设备”中查看并决定。",
        message_en="Somebody offers you a place on a shared device; look under devices and decide.",
    )


def _proposal(one: Proposal) -> ProposalTold:
    return {
        "id": one.id,
        "device": one.offer.device,
        "slot": one.offer.slot,
        "by": one.offer.by,
        "person": one.offer.person,
        "at": rfc3339(one.at_ms),
        "state": one.state,
    }
