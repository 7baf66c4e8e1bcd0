"""A visit, an admission, a tele-consultation: with whom, why, and what came of it."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import LONGEST_TEXT, choice, codes, printed
from phr.timeline.kind import Kind


class Diagnosis(Schema):
    text = printed()
    codes = codes("icd-10", "icd-10-cn", "icd-11", "snomed")


class Encounter(Schema):
    text = printed()
    codes = codes("snomed")
    type = choice("visit", "admission", "emergency", "tele-consultation", "home-visit", "follow-up", required=True)
    department = printed(required=False, longest=200)
    practitioner = printed(required=False, longest=200)
    reason = printed(required=False, longest=2_000)
    diagnoses = fields.List(fields.Nested(Diagnosis), validate=validate.Length(1, 50))
    outcome = printed(required=False, longest=LONGEST_TEXT)
    status = choice("planned", "in-progress", "finished", "cancelled")


KIND = Kind(name="encounter", category="encounters", zh="就诊", en="Encounter", schema=Encounter)
