"""A check-up (体检): one report of many results, in the sections that it was printed in."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import LONGEST_TEXT, entry_id, printed, results
from phr.timeline.filed import file, words
from phr.timeline.kind import Kind


class Section(Schema):
    text = printed()
    items = results(200)
    conclusion = printed(required=False, longest=2_000)


class CheckUp(Schema):
    text = printed()
    sections = fields.List(fields.Nested(Section), required=True, validate=validate.Length(1, 60))
    conclusion = printed(required=False, longest=LONGEST_TEXT)
    advice = printed(required=False, longest=LONGEST_TEXT)
    document = entry_id()
    file = file()
    words = words()


KIND = Kind(name="check-up", category="results", zh="体检", en="Check-up", schema=CheckUp)
