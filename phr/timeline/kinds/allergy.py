"""An allergy or intolerance and what it did (words: FHIR R4 AllergyIntolerance)."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import choice, codes, printed
from phr.timeline.kind import Kind


class Reaction(Schema):
    text = printed()
    severity = choice("mild", "moderate", "severe")


class Allergy(Schema):
    text = printed()
    codes = codes("atc", "drug-cn", "rxnorm", "snomed", "icd-10", "icd-10-cn")
    type = choice("allergy", "intolerance")
    substance = choice("food", "medication", "environment", "biologic")
    criticality = choice("low", "high", "unable-to-assess")
    status = choice("active", "inactive", "resolved")
    reactions = fields.List(fields.Nested(Reaction), validate=validate.Length(1, 20))
    note = printed(required=False, longest=2_000)


KIND = Kind(name="allergy", category="allergies", zh="过敏", en="Allergy", schema=Allergy)
