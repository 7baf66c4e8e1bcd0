"""A document: what it is called, what sort it is, and the words in it."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import choice, codes, printed, whole
from phr.timeline.kind import Kind

LONGEST_WORDS = 100_000


class File(Schema):
    """What the record found when it took the file in; the id opens a file of this very entry or none."""

    id = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z"))
    name = printed(required=False, longest=255)
    media_type = printed(longest=100)
    bytes = whole(1, 2**31, required=True)
    sha256 = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    pages = whole(1, 2**31)
    notes = fields.List(choice("script", "password", "no-text", "text-not-read"), validate=validate.Length(0, 4))


class Document(Schema):
    text = printed()
    codes = codes("loinc")
    type = choice(
        "report", "prescription", "discharge", "referral", "certificate", "consent", "letter", "image", "other"
    )
    words = printed(required=False, longest=LONGEST_WORDS)
    file = fields.Nested(File)


KIND = Kind(name="document", category="documents", zh="文档", en="Document", schema=Document)
