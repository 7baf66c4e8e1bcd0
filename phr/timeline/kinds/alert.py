"""An alert as it happened: which rule met which metric, and how severe it is. Made of readings, and seen like them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import printed, whole
from phr.timeline.kind import Kind

LONGEST = 2_000


class Alert(Schema):
    text = printed(longest=LONGEST)
    text_en = printed(required=False, longest=LONGEST)
    rule = fields.String(required=True, validate=validate.Length(1, 100))
    rule_version = whole(1, 1_000_000)
    severity = whole(1, 4, required=True)
    metric = fields.String(validate=validate.Length(1, 64))
    notice = fields.String(validate=validate.Length(1, 200))
    guideline = printed(required=False)  # where the limit is from
    reviewed = fields.Boolean()  # False: no clinician has signed the rule, and whoever shows the alert says so


KIND = Kind(name="alert", category="readings", zh="警示", en="Alert", schema=Alert, is_written_by_record=True)
