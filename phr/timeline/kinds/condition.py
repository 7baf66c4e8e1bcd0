"""A condition: what somebody has or had, as said or as diagnosed (states: FHIR R4 condition-clinical, -ver-status)."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import choice, codes, printed
from phr.timeline.kind import Kind


class Condition(Schema):
    text = printed()
    codes = codes("icd-10", "icd-10-cn", "icd-11", "snomed")
    status = choice("active", "recurrence", "relapse", "inactive", "remission", "resolved")
    verification = choice("unconfirmed", "provisional", "differential", "confirmed", "refuted")
    severity = choice("mild", "moderate", "severe")
    stage = printed(required=False, longest=100)
    body_site = printed(required=False, longest=100)
    note = printed(required=False, longest=2_000)


KIND = Kind(name="condition", category="conditions", zh="疾病与诊断", en="Condition", schema=Condition)
