"""A turn in a life: birth of a child, a move, a loss."""

from __future__ import annotations

from marshmallow import Schema

from phr.timeline.coding import LONGEST_TEXT, choice, printed
from phr.timeline.kind import Kind


class LifeEvent(Schema):
    text = printed(longest=LONGEST_TEXT)
    event = choice(
        *(
            "birth",
            "school",
            "work",
            "retirement",
            "marriage",
            "separation",
            "child",
            "loss",
            "move",
            "accident",
            "other",
        )
    )


KIND = Kind(name="life-event", category="notes", zh="人生事件", en="Life event", schema=LifeEvent)
