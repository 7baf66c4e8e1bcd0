"""Something that a device did or met: whose it became, its clock corrected, low battery, a new firmware, an error."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import choice, printed
from phr.timeline.kind import Kind


class DeviceEvent(Schema):
    text = printed()
    text_en = printed(required=False)
    device = fields.String(required=True, validate=validate.Length(1, 200))
    event = choice(
        "claimed",
        "given-up",
        "clock-corrected",
        "clock-right",
        "retired",
        "online",
        "offline",
        "battery-low",
        "firmware",
        "error",
        "other",
        required=True,
    )


KIND = Kind(name="device-event", category="devices", zh="设备事件", en="Device event", schema=DeviceEvent)
