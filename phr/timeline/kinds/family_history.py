"""What a relative has or had."""

from __future__ import annotations

from marshmallow import Schema, fields

from phr.timeline.coding import choice, codes, printed, whole
from phr.timeline.kind import Kind


class FamilyHistory(Schema):
    text = printed()
    codes = codes("icd-10", "icd-10-cn", "icd-11", "snomed")
    relation = choice(
        *("mother", "father", "sister", "brother", "daughter", "son", "grandmother", "grandfather", "aunt", "uncle"),
        *("cousin", "other"),
        required=True,
    )
    side = choice("maternal", "paternal")
    onset_age = whole(0, 130)
    is_deceased = fields.Boolean(truthy={True}, falsy={False})
    death_age = whole(0, 130)
    note = printed(required=False, longest=2_000)


KIND = Kind(name="family-history", category="family-history", zh="家族史", en="Family history", schema=FamilyHistory)
