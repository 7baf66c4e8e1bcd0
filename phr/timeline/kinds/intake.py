"""A medicine taken or left out, once."""

from __future__ import annotations

from marshmallow import Schema, fields

from phr.timeline.coding import Quantity, choice, codes, entry_id, printed
from phr.timeline.kind import Kind


class Intake(Schema):
    text = printed()
    codes = codes("atc", "drug-cn", "rxnorm", "snomed")
    medication = entry_id()
    dose = fields.Nested(Quantity)
    status = choice("taken", "skipped", required=True)
    reason = printed(required=False)


KIND = Kind(name="intake", category="medications", zh="服药", en="Intake of a medicine", schema=Intake)
