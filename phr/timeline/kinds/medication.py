"""A medicine that somebody is to take, takes or took; its period is the entry's own."""

from __future__ import annotations

from marshmallow import Schema, fields

from phr.timeline.coding import Quantity, choice, codes, printed, whole
from phr.timeline.kind import Kind


class Medication(Schema):
    text = printed()
    codes = codes("atc", "drug-cn", "rxnorm", "snomed")
    form = printed(required=False, longest=100)
    dose = fields.Nested(Quantity)
    times_a_day = whole(1, 24)
    instructions = printed(required=False, longest=1_000)
    route = printed(required=False, longest=100)
    reason = printed(required=False)
    status = choice("intended", "active", "on-hold", "completed", "stopped", "not-taken")
    note = printed(required=False, longest=2_000)


KIND = Kind(name="medication", category="medications", zh="用药", en="Medication", schema=Medication)
