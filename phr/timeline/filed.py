"""The file that an entry may carry, and the words in it; what a kind that has them says of them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import choice, printed, whole
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


def file() -> fields.Nested:
    return fields.Nested(File)


def words() -> fields.String:
    """The text of the file, by which it is found; or what somebody typed from a picture."""
    return printed(required=False, longest=LONGEST_WORDS)


def has_file(kind: Kind) -> bool:
    """True for a kind whose entries may carry one."""
    return "file" in kind.schema().fields
