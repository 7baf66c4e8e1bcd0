"""An operation, a treatment, an examination that was carried out."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import choice, codes, printed
from phr.timeline.kind import Kind


class Procedure(Schema):
    text = printed()
    codes = codes("icd-9-cm-3", "snomed", "loinc")
    reason = printed(required=False)
    body_site = printed(required=False, longest=100)
    practitioner = printed(required=False, longest=200)
    outcome = printed(required=False, longest=2_000)
    status = choice("planned", "in-progress", "completed", "stopped", "not-done")
    note = printed(required=False, longest=2_000)


KIND = Kind(name="procedure", category="procedures", zh="手术与操作", en="Procedure", schema=Procedure)
