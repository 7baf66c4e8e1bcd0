"""Slots of a shared device that one who has it proposes to somebody, to whom they belong once that person accepts.

Collection ``slot_proposals``, a row a proposal, gone 30 days after its last change:
    _id  random        device, slot, by, person, at_ms        state        expires_at
Whether the other person exists is not asked, so that nobody learns it.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Literal

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.errors import AlreadyThere, NotFound
from phr.intake import bindings, devices
from phr.intake.device import Binding, Device
from phr.intake.households import holders

State = Literal["open", "accepted", "declined"]
COLLECTION = "slot_proposals"
MOST_OPEN = 16  # of one device; no cuff or scale has more users
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Offer:
    """Which slot of which device, by whom, to whom."""

    device: str
    slot: str
    by: str
    person: str


@dataclass(frozen=True, slots=True)
class Proposal:
    id: str
    offer: Offer
    at_ms: int
    state: State


def propose(database: Database, offer: Offer, now_ms: int) -> Proposal:
    """The proposal, open; the same again is the one that is there.

    Raises NotFound where the proposer does not have the device, AlreadyThere for a slot that is taken or proposed.
    """
    device = devices.find(database, offer.device)
    if device is None or offer.by not in holders(device.bindings):
        raise NotFound("no such device of this person")
    _refuse_taken(device, offer.slot)
    there = database[COLLECTION].find_one({**asdict(offer), "state": "open"})
    if there is not None:
        return _proposal(there)
    if database[COLLECTION].count_documents({"device": offer.device, "state": "open"}) >= MOST_OPEN:
        raise AlreadyThere(f"{MOST_OPEN} slots of this device wait for an answer")
    row = asdict(offer) | {"_id": secrets.token_urlsafe(12), "at_ms": now_ms, "state": "open"}
    try:
        database[COLLECTION].insert_one(row | {"expires_at": to_datetime(now_ms) + KEPT})
    except DuplicateKeyError as error:
        raise AlreadyThere("this slot is proposed to somebody", "/slot") from error
    return _proposal(row)


def concerning(database: Database, person: str) -> list[Proposal]:
    """What waits for the person's answer, and what the person has proposed; latest first."""
    wanted = {"$or": [{"person": person, "state": "open"}, {"by": person}]}
    return [_proposal(row) for row in database[COLLECTION].find(wanted).sort([("at_ms", -1), ("_id", 1)])]


def accept(database: Database, person: str, proposal_id: str) -> tuple[Proposal, Binding]:
    """The accepted proposal and the binding that it began, from its making on; safe to repeat while that lasts.

    Raises NotFound, also where the proposer has left the device, and AlreadyThere where the slot was taken.
    """
    found = _find(database, {"_id": proposal_id, "person": person, "state": {"$ne": "declined"}})

    def bound(device: Device, session: ClientSession) -> tuple[Binding, ...]:
        wanted = {"_id": proposal_id, "state": "open"}
        accepted = {"$set": {"state": "accepted"}}
        if not database[COLLECTION].update_one(wanted, accepted, session=session).matched_count:
            return device.bindings
        if found.offer.by not in holders(device.bindings):
            raise NotFound("who proposed it does not have this device any more")
        _refuse_taken(device, found.offer.slot)
        devices.require_all(database, "people", {person}, session)
        return (*device.bindings, _binding(device, found))

    device = bindings.rebind(database, found.offer.device, bound)
    for one in device.bindings:
        if (one.slot, one.person, one.until_ms) == (found.offer.slot, person, None):
            return found, one
    raise NotFound("no such proposal")


def decline(database: Database, person: str, proposal_id: str) -> Proposal:
    """The declined proposal; safe to repeat. Raises NotFound."""
    found = _find(database, {"_id": proposal_id, "person": person, "state": {"$ne": "accepted"}})
    wanted = {"_id": proposal_id, "state": {"$ne": "accepted"}}
    if not database[COLLECTION].update_one(wanted, {"$set": {"state": "declined"}}).matched_count:
        raise NotFound("no such proposal")
    return found


def take_back(database: Database, by: str, proposal_id: str) -> None:
    """Removes a proposal that nobody has accepted. Raises NotFound."""
    wanted = {"_id": proposal_id, "by": by, "state": {"$ne": "accepted"}}
    if not database[COLLECTION].delete_one(wanted).deleted_count:
        raise NotFound("no such proposal")


def ensure_indexes(database: Database) -> None:
    proposals = database[COLLECTION]
    is_open = {"state": "open"}
    proposals.create_index([("device", 1), ("slot", 1)], name="slot", unique=True, partialFilterExpression=is_open)
    proposals.create_index("person", name="person")
    proposals.create_index("by", name="by")
    proposals.create_index("expires_at", name="expires", expireAfterSeconds=0)


def _refuse_taken(device: Device, slot: str) -> None:
    if any(one.slot == slot and one.until_ms is None for one in device.bindings):
        raise AlreadyThere("somebody has this slot", "/slot")


def _binding(device: Device, proposal: Proposal) -> Binding:
    """From the proposal on, but not before the end of whoever had the slot before."""
    ends = [one.until_ms for one in device.bindings if one.slot == proposal.offer.slot and one.until_ms is not None]
    return Binding(proposal.offer.slot, proposal.offer.person, max([proposal.at_ms, *ends]), None)


def _find(database: Database, wanted: Document) -> Proposal:
    row = database[COLLECTION].find_one(wanted)
    if row is None:
        raise NotFound("no such proposal")
    return _proposal(row)


def _proposal(row: Document) -> Proposal:
    offer = Offer(row["device"], row["slot"], row["by"], row["person"])
    return Proposal(row["_id"], offer, row["at_ms"], row["state"])
