"""A note: words, and the entry that they are about where there is one."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import LONGEST_TEXT, entry_id, printed
from phr.timeline.kind import Kind


class Note(Schema):
    text = printed(longest=LONGEST_TEXT)
    about = entry_id()


KIND = Kind(name="note", category="notes", zh="手记", en="Note", schema=Note)
