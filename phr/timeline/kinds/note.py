"""A note: words, and nothing else."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import LONGEST_TEXT, printed
from phr.timeline.kind import Kind


class Note(Schema):
    text = printed(longest=LONGEST_TEXT)


KIND = Kind(name="note", category="notes", zh="手记", en="Note", schema=Note)
