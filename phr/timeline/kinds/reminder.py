"""A reminder as it happened: of what, and what became of it."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import choice, printed
from phr.timeline.kind import Kind


class Reminder(Schema):
    text = printed()
    about = fields.String(required=True, validate=validate.Length(1, 100))
    outcome = choice("shown", "done", "skipped", "snoozed", "missed", required=True)


KIND = Kind(name="reminder", category="care", zh="提醒", en="Reminder", schema=Reminder, is_written_by_record=True)
