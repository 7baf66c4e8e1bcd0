"""A document: its file, what it is called, what sort it is, and the words in it."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import choice, codes, printed
from phr.timeline.filed import file, words
from phr.timeline.kind import Kind

TYPES = ("report", "prescription", "discharge", "referral", "certificate", "consent", "letter", "image", "other")


class Document(Schema):
    text = printed()
    codes = codes("loinc")
    type = choice(*TYPES)
    file = file()
    words = words()


KIND = Kind(name="document", category="documents", zh="文档", en="Document", schema=Document)
