"""What is said in an entry, checked by its kind's schema and completed by what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from phr.timeline.categories import SENSITIVE
from phr.timeline.coding import choice, entry_id, printed
from phr.timeline.kind import Content, Kind

HOW = ("sensed", "self-reported", "professional")


class Provenance(Schema):
    """Who or what recorded it: how, by whom, with which device, at which organisation, from which document entry."""

    how = choice(*HOW, required=True)
    by = printed(required=False, longest=200)
    device = printed(required=False, longest=200)
    organisation = printed(required=False, longest=200)
    document = entry_id()


class SensitiveField(fields.List[str]):
    """Categories that the author wants an entry kept under besides those that it has by itself."""

    def __init__(self, **changes: Any) -> None:
        one = fields.String(validate=validate.OneOf(SENSITIVE))
        super().__init__(one, validate=validate.Length(0, len(SENSITIVE)), **changes)


def checked(kind: Kind, said: Mapping[str, Any]) -> Content:
    """What the entry will hold. Raises marshmallow's ValidationError with all that is wrong with it."""
    loaded: dict[str, Any] = kind.schema().load(dict(said), unknown=RAISE)
    return kind.completed(loaded)


def patched(kind: Kind, content: Content, changes: Mapping[str, Any]) -> Content:
    """The content with new values, None taking one away (RFC 7396, one level deep). Raises as ``checked``."""
    said = {name: value for name, value in content.items() if name in kind.schema().fields}
    merged = said | dict(changes)
    return checked(kind, {name: value for name, value in merged.items() if value is not None})
