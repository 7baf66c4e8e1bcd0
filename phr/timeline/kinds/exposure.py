"""How somebody lives and what they are exposed to, over the entry's period."""

from __future__ import annotations

from marshmallow import Schema, fields

from phr.timeline.coding import Quantity, choice, codes, printed
from phr.timeline.kind import Kind


class Amount(Quantity):
    per = choice("day", "week", "month", "year")


class Exposure(Schema):
    text = printed()
    codes = codes("loinc", "snomed")
    to = choice(
        *("smoking", "alcohol", "diet", "salt", "exercise", "pm2.5", "occupation", "noise", "radiation", "other"),
        required=True,
    )
    status = choice("never", "former", "current")
    amount = fields.Nested(Amount)
    note = printed(required=False, longest=2_000)


KIND = Kind(name="exposure", category="lifestyle", zh="生活方式与暴露", en="Lifestyle and exposure", schema=Exposure)
