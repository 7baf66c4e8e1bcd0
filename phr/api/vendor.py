"""What a vendor sees of its own: devices and what was rejected. Never whose a device is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import fields, validate

from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import Base64, MomentField, PageQuery, Words
from phr.clock import At, rfc3339
from phr.intake import clock_words, devices, rejections, sightings, status
from phr.intake.device import Device
from phr.intake.rejections import KeptRejection, Sought
from phr.intake.status import Known, State
from phr.recording.delivery import RejectedTold

blueprint = Blueprint("vendor", __name__)


class StatusTold(TypedDict):
    """As the device says it itself; ``since``: None where nobody listened then. ``battery``: %."""

    state: State
    since: At | None
    battery: float | None
    firmware: str | None


class DeviceTold(TypedDict):
    """What an operator sees of a device."""

    device: str
    model: str | None
    format: str | None
    is_bound: bool
    is_suspended: bool
    is_retired: bool
    last_seen_at: At | None
    clock_offset_s: int
    status: StatusTold | None


class VendorsDeviceTold(DeviceTold):
    """What its vendor sees besides; ``clock``: what is wrong with it, in words."""

    clock: Words | None


class VendorsDevicesTold(TypedDict):
    devices: list[VendorsDeviceTold]
    next_cursor: str | None


class VendorsRejectionTold(TypedDict):
    """``excerpt``: the payload's beginning as text; ``payload_base64``: its first 4 KiB of ``payload_bytes``."""

    device: str
    topic: str
    received_at: At
    rejected_count: int
    rejected: list[RejectedTold]
    excerpt: str
    payload_base64: Base64
    payload_bytes: int


class VendorsRejectionsTold(TypedDict):
    rejections: list[VendorsRejectionTold]
    next_cursor: str | None


class RejectionsQuery(PageQuery):
    device = fields.String(load_default=None, validate=validate.Length(1, 100))  # "cuff-7" or "vendor/cuff-7"
    code = fields.String(load_default=None, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
    from_ = MomentField(data_key="from", load_default=None)
    to = MomentField(load_default=None)


@blueprint.get("/v1/vendor/devices")
@access("vendor.read")
@takes(PageQuery, location="query")
@returns()
def list_devices(vendor: str, query: dict[str, Any]) -> VendorsDevicesTold:
    found = devices.of_vendor(database(), vendor, query["limit"] + 1, query["cursor"] or "")
    shown = found[: query["limit"]]
    next_cursor = shown[-1].ref if len(found) > len(shown) else None
    return {"devices": shown_devices(shown), "next_cursor": next_cursor}


@blueprint.get("/v1/vendor/rejections")
@access("vendor.read")
@takes(RejectionsQuery, location="query")
@returns()
def list_rejections(vendor: str, query: dict[str, Any]) -> VendorsRejectionsTold:
    sought = sought_by(query, vendor)
    page = rejections.recent(database(), vendor, query["limit"], query["cursor"], sought=sought)
    return {"rejections": [_rejection(row) for row in page.rows], "next_cursor": page.next_cursor}


def sought_by(query: dict[str, Any], vendor: str | None) -> Sought:
    """What a query asks for; a device without its vendor's name is this vendor's."""
    device, since, until = query["device"], query["from_"], query["to"]
    return Sought(
        device=device if device is None or vendor is None or "/" in device else f"{vendor}/{device}",
        code=query["code"],
        from_ms=since.t_ms if since else None,
        to_ms=until.t_ms if until else None,
    )


def shown_devices(found: Sequence[Device]) -> list[VendorsDeviceTold]:
    """What their vendor sees of devices."""
    refs = [one.ref for one in found]
    known, seen = status.of_devices(database(), refs), sightings.last_seen(database(), refs)
    return [_device(one, known.get(one.ref), seen.get(one.ref)) for one in found]


def _device(device: Device, known: Known | None, seen_at_ms: int | None) -> VendorsDeviceTold:
    words = clock_words.of_clock(device.ref, device.clock)
    return {
        "device": device.ref,
        "model": device.model,
        "format": device.format,
        "is_bound": any(binding.until_ms is None for binding in device.bindings),
        "is_suspended": device.is_suspended,
        "is_retired": device.is_retired,
        "last_seen_at": None if seen_at_ms is None else rfc3339(seen_at_ms),
        "clock_offset_s": round(device.clock.offset_ms / 1000),
        "clock": {"zh": words.zh, "en": words.en} if words else None,
        "status": _status(known) if known else None,
    }


def _status(known: Known) -> StatusTold:
    return {
        "state": known.state,
        "since": None if known.since_ms is None else rfc3339(known.since_ms),
        "battery": known.battery,
        "firmware": known.firmware,
    }


def _rejection(row: KeptRejection) -> VendorsRejectionTold:
    return {
        "device": row.device,
        "topic": row.topic,
        "received_at": rfc3339(row.received_at_ms),
        "rejected_count": row.rejected_count,
        "rejected": [{"path": one.path, "code": one.code, "detail": one.detail} for one in row.rejections],
        "excerpt": row.excerpt,
        "payload_base64": base64.b64encode(row.payload).decode(),
        "payload_bytes": row.payload_bytes,
    }
