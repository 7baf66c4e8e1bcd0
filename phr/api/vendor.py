"""What a vendor sees of its own: devices and what was rejected. Never whose a device is."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint

from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import PageQuery
from phr.clock import rfc3339
from phr.intake import devices, rejections
from phr.intake.devices import Device
from phr.intake.rejections import KeptRejection

blueprint = Blueprint("vendor", __name__)


@blueprint.get("/v1/vendor/devices")
@access("vendor.read")
@takes(PageQuery, location="query")
@returns()
def list_devices(vendor: str, query: dict[str, Any]) -> dict[str, Any]:
    found = devices.of_vendor(database(), vendor, query["limit"] + 1, query["cursor"] or "")
    shown = found[: query["limit"]]
    next_cursor = shown[-1].ref if len(found) > len(shown) else None
    return {"devices": [shown_device(one) for one in shown], "next_cursor": next_cursor}


@blueprint.get("/v1/vendor/rejections")
@access("vendor.read")
@takes(PageQuery, location="query")
@returns()
def list_rejections(vendor: str, query: dict[str, Any]) -> dict[str, Any]:
    page = rejections.recent(database(), vendor, query["limit"], query["cursor"])
    return {"rejections": [_rejection(row) for row in page.rows], "next_cursor": page.next_cursor}


def shown_device(device: Device) -> dict[str, Any]:
    """What its vendor sees of a device."""
    return {
        "device": device.ref,
        "model": device.model,
        "format": device.format,
        "is_bound": any(binding.until_ms is None for binding in device.bindings),
        "is_suspended": device.is_suspended,
        "is_retired": device.is_retired,
    }


def _rejection(row: KeptRejection) -> dict[str, Any]:
    return {
        "device": row.device,
        "topic": row.topic,
        "received_at": rfc3339(row.received_at_ms),
        "rejected_count": row.rejected_count,
        "rejected": [{"path": one.path, "code": one.code, "detail": one.detail} for one in row.rejections],
        "payload_base64": base64.b64encode(row.payload).decode(),
        "payload_bytes": row.payload_bytes,
    }
