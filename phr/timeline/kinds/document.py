"""A document: what it is called, what sort it is, and the words in it."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import choice, codes, printed
from phr.timeline.kind import Kind

LONGEST_WORDS = 100_000


class Document(Schema):
    text = printed()
    codes = codes("loinc")
    type = choice(
        "report", "prescription", "discharge", "referral", "certificate", "consent", "letter", "image", "other"
    )
    words = printed(required=False, longest=LONGEST_WORDS)


KIND = Kind(name="document", category="documents", zh="文档", en="Document", schema=Document)
