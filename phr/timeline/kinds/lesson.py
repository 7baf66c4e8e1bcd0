"""A lesson as it happened: read, and how the quiz went."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from phr.timeline.coding import choice, printed, whole
from phr.timeline.kind import Kind


class Lesson(Schema):
    text = printed()
    lesson = fields.String(required=True, validate=validate.Length(1, 100))
    outcome = choice("offered", "opened", "finished", required=True)
    score_percent = whole(0, 100)


KIND = Kind(name="lesson", category="care", zh="健康课程", en="Lesson", schema=Lesson, is_written_by_record=True)
