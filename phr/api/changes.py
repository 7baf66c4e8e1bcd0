"""What has changed in a record, for phones that were away: entries one by one, readings by span."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr import syncing
from phr.api.deciding import access_by_category, returns, takes
from phr.api.entry_shapes import entry_json
from phr.api.installation import database
from phr.clock import now_ms, rfc3339
from phr.feed.feed import EntryChange
from phr.syncing import LONGEST_CURSOR, Item, Reader
from phr.timeline.entry import Entry
from phr.vocabulary.sight import Sight

blueprint = Blueprint("changes", __name__)


class ChangesQuery(Schema):
    since = fields.String(load_default=None, validate=validate.Length(1, LONGEST_CURSOR))
    limit = fields.Integer(load_default=200, validate=validate.Range(1, 1_000))


@blueprint.get("/v1/people/<person>/changes")
@access_by_category("read", by_period=True)
@takes(ChangesQuery, location="query")
@returns()
def show_changes(person: str, sight: Sight, query: dict[str, Any]) -> dict[str, Any]:
    reader = Reader(person, sight, now_ms())
    since = query["since"]
    cursor = syncing.resumed(database(), reader, since) if since else syncing.begin(database(), reader)
    page = syncing.page(database(), reader, cursor, query["limit"])
    items = [item_json(one) for one in page.items]
    return {"person": person, "changes": items, "next_since": page.next.text(), "has_more": page.has_more}


def item_json(item: Item) -> dict[str, Any]:
    """A change as phones read it, in pages and in streams."""
    if isinstance(item, Entry):
        shown = {"id": item.id, "version": item.version, "is_deleted": False, "entry": entry_json(item)}
        return {"kind": "entry"} | shown
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
