"""A person's devices: claimed by code and a fresh reading, listed, given up."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr import amending
from phr.api.deciding import ME, access, returns, takes
from phr.api.installation import database, installation
from phr.api.shapes import At
from phr.clock import now_ms, rfc3339
from phr.intake import claims, devices
from phr.intake.claims import Claim
from phr.intake.device import Device
from phr.intake.owner import VENDORS_DEVICE
from phr.people.grants import OWNERS_ALONE
from phr.readings.void import Act

blueprint = Blueprint("devices", __name__)


class ClaimBody(Schema):
    device = fields.String(required=True, validate=validate.Regexp(rf"^{VENDORS_DEVICE.pattern}\Z"))
    code = fields.String(required=True, validate=validate.Length(1, 64))
    slot = fields.String(load_default=None, validate=validate.Length(0, 32))


class SlotQuery(Schema):
    slot = fields.String(load_default="", validate=validate.Length(0, 32))


class ClaimedTold(TypedDict):
    """``stored``: how many of the readings that were waiting are in the record now."""

    device: str
    slot: str
    since: At
    stored: int


class SlotTold(TypedDict):
    slot: str
    since: At | None
    until: At | None


class DeviceTold(TypedDict):
    """``slots``: the person's own; ``taken_slots``: those that others have."""

    device: str
    state: str
    slots: list[SlotTold]
    taken_slots: list[str]


class DevicesTold(TypedDict):
    devices: list[DeviceTold]


class GivenUpTold(TypedDict):
    """``claim_code``: for whoever has the device next; shown once."""

    claim_code: str | None


@blueprint.post("/v1/devices/claim", defaults={"person": ME})
@access("devices.write", categories=(OWNERS_ALONE,))
@takes(ClaimBody)
@returns(status=201)
def claim_device(person: str, body: dict[str, Any]) -> ClaimedTold:
    """Bound first, the fresh reading recorded second: after a crash in between the same claim is sent again."""
    now = now_ms()
    claimed = claims.claim(database(), Claim(body["device"], body["code"].strip().upper(), person, body["slot"]), now)
    act = Act(person, "claimed", now)
    verdicts = amending.give(installation().recorder(), database(), claimed.readings, act)
    amending.settle_given(database(), claimed.readings, now)
    return {
        "device": claimed.device.ref,
        "slot": claimed.slot,
        "since": rfc3339(claimed.since_ms),
        "stored": sum(one.stored for one in verdicts),
    }


@blueprint.get("/v1/people/<person>/devices")
@access("devices.read")
@returns()
def list_persons_devices(person: str) -> DevicesTold:
    return {"devices": [_device(one, person) for one in devices.of_person(database(), person)]}


@blueprint.delete("/v1/people/<person>/devices/<vendor_slug>/<device>")
@access("devices.write", categories=(OWNERS_ALONE,))
@takes(SlotQuery, location="query")
@returns()
def give_up_device(person: str, vendor_slug: str, device: str, query: dict[str, Any]) -> GivenUpTold:
    """Readings from before stay; with the new code the device can be handed on."""
    code = claims.release(database(), f"{vendor_slug}/{device}", (query["slot"], person), now_ms())
    return {"claim_code": code}


def _device(device: Device, person: str) -> DeviceTold:
    """Of slots that others have only that they are taken."""
    own = [one for one in device.bindings if one.person == person]
    taken = [one for one in device.bindings if one.person != person and one.until_ms is None]
    is_bound = any(one.until_ms is None for one in own)
    return {
        "device": device.ref,
        "state": "suspended" if device.is_suspended else "bound" if is_bound else "given-up",
        "slots": [
            {
                "slot": one.slot,
                "since": None if one.since_ms is None else rfc3339(one.since_ms),
                "until": None if one.until_ms is None else rfc3339(one.until_ms),
            }
            for one in own
        ],
        "taken_slots": sorted(one.slot for one in taken) if is_bound else [],
    }
