"""What has changed in a record, for phones that were away: entries one by one, readings by span."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr import syncing
from phr.api.deciding import access_by_category, returns, takes
from phr.api.entry_shapes import EntryTold, entry_json
from phr.api.installation import database
from phr.clock import At, now_ms, rfc3339
from phr.feed.feed import EntryChange
from phr.syncing import LONGEST_CURSOR, Item, Reader
from phr.timeline.entry import Entry
from phr.vocabulary.sight import Sight

blueprint = Blueprint("changes", __name__)


class ChangesQuery(Schema):
    since = fields.String(load_default=None, validate=validate.Length(1, LONGEST_CURSOR))
    limit = fields.Integer(load_default=200, validate=validate.Range(1, 1_000))


class EntryChangeTold(TypedDict):
    """An entry as it is now."""

    kind: Literal["entry"]
    id: str
    version: int
    is_deleted: Literal[False]
    entry: EntryTold


class EntryGoneTold(TypedDict):
    """Of an entry that is deleted, or no longer to be seen."""

    kind: Literal["entry"]
    id: str
    version: int
    is_deleted: Literal[True]


_Span = TypedDict("_Span", {"from": At, "to": At})  # words of the language


class SpanTold(_Span):
    """Readings of one metric and device over [from, to): to be read again where ``version`` has grown."""

    kind: Literal["readings"]
    metric: str
    device: str
    version: int


ItemTold = EntryChangeTold | EntryGoneTold | SpanTold


class SinceTold(TypedDict):
    person: str
    changes: list[ItemTold]
    next_since: str
    has_more: bool


@blueprint.get("/v1/people/<person>/changes")
@access_by_category("read", by_period=True)
@takes(ChangesQuery, location="query")
@returns()
def show_changes(person: str, sight: Sight, query: dict[str, Any]) -> SinceTold:
    reader = Reader(person, sight, now_ms())
    since = query["since"]
    cursor = syncing.resumed(database(), reader, since) if since else syncing.begin(database(), reader)
    page = syncing.page(database(), reader, cursor, query["limit"])
    items = [item_json(one) for one in page.items]
    return {"person": person, "changes": items, "next_since": page.next.text(), "has_more": page.has_more}


def item_json(item: Item) -> ItemTold:
    """A change as phones read it, in pages and in streams."""
    if isinstance(item, Entry):
        entry = entry_json(item)
        return {"kind": "entry", "id": item.id, "version": item.version, "is_deleted": False, "entry": entry}
    if isinstance(item, EntryChange):
        return {"kind": "entry", "id": item.entry, "version": item.version, "is_deleted": True}
    return {
        "kind": "readings",
        "metric": item.metric,
        "device": item.device,
        "from": rfc3339(item.from_ms),
        "to": rfc3339(item.to_ms),
        "version": item.version,
    }
