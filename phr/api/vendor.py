"""What a vendor sees of its own: devices and what was rejected. Never whose a device is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from flask import Blueprint
from marshmallow import fields, validate

from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import MomentField, PageQuery
from phr.clock import rfc3339
from phr.intake import clock_words, devices, rejections, sightings, status
from phr.intake.device import Device
from phr.intake.rejections import KeptRejection, Sought
from phr.intake.status import Known

blueprint = Blueprint("vendor", __name__)


class RejectionsQuery(PageQuery):
    device = fields.String(load_default=None, validate=validate.Length(1, 100))  # "cuff-7" or "vendor/cuff-7"
    code = fields.String(load_default=None, validate=validate.Regexp(r"[a-z0-9-]{1,64}\Z"))
    from_ = MomentField(data_key="from", load_default=None)
    to = MomentField(load_default=None)


@blueprint.get("/v1/vendor/devices")
@access("vendor.read")
@takes(PageQuery, location="query")
@returns()
def list_devices(vendor: str, query: dict[str, Any]) -> dict[str, Any]:
    found = devices.of_vendor(database(), vendor, query["limit"] + 1, query["cursor"] or "")
    shown = found[: query["limit"]]
    next_cursor = shown[-1].ref if len(found) > len(shown) else None
    return {"devices": shown_devices(shown), "next_cursor": next_cursor}


@blueprint.get("/v1/vendor/rejections")
@access("vendor.read")
@takes(RejectionsQuery, location="query")
@returns()
def list_rejections(vendor: str, query: dict[str, Any]) -> dict[str, Any]:
    sought = _sought(vendor, query)
    page = rejections.recent(database(), vendor, query["limit"], query["cursor"], sought=sought)
    return {"rejections": [_rejection(row) for row in page.rows], "next_cursor": page.next_cursor}


def _sought(vendor: str, query: dict[str, Any]) -> Sought:
    device, since, until = query["device"], query["from_"], query["to"]
    return Sought(
        device=device if device is None or "/" in device else f"{vendor}/{device}",
        code=query["code"],
        from_ms=since.t_ms if since else None,
        to_ms=until.t_ms if until else None,
    )


def shown_devices(found: Sequence[Device]) -> list[dict[str, Any]]:
    """What their vendor sees of devices."""
    refs = [one.ref for one in found]
    known, seen = status.of_devices(database(), refs), sightings.last_seen(database(), refs)
    return [_device(one, known.get(one.ref), seen.get(one.ref)) for one in found]


def _device(device: Device, known: Known | None, seen_at_ms: int | None) -> dict[str, Any]:
    return {
        "device": device.ref,
        "model": device.model,
        "format": device.format,
        "is_bound": any(binding.until_ms is None for binding in device.bindings),
        "is_suspended": device.is_suspended,
        "is_retired": device.is_retired,
        "last_seen_at": None if seen_at_ms is None else rfc3339(seen_at_ms),
        "clock_offset_s": round(device.clock.offset_ms / 1000),
        "clock": words._asdict() if (words := clock_words.of_clock(device.ref, device.clock)) else None,
        "status": _status(known) if known else None,
    }


def _status(known: Known) -> dict[str, Any]:
    return {
        "state": known.state,
        "since": None if known.since_ms is None else rfc3339(known.since_ms),
        "battery": known.battery,
        "firmware": known.firmware,
    }


def _rejection(row: KeptRejection) -> dict[str, Any]:
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
