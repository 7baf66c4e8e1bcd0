"""A vaccination: which vaccine, which dose of how many, from which lot."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import DateText, choice, codes, printed, whole
from phr.timeline.kind import Kind


class Immunisation(Schema):
    text = printed()
    codes = codes("cvx", "vaccine-cn", "atc", "drug-cn", "snomed")
    against = fields.List(printed(longest=100), validate=validate.Length(1, 20))
    dose_number = whole(1, 20)
    series_doses = whole(1, 20)
    manufacturer = printed(required=False, longest=200)
    lot = printed(required=False, longest=64)
    expires_on = DateText()
    body_site = printed(required=False, longest=100)
    route = printed(required=False, longest=100)
    status = choice("completed", "not-done")
    note = printed(required=False, longest=2_000)


KIND = Kind(name="immunisation", category="immunisations", zh="预防接种", en="Immunisation", schema=Immunisation)
