"""What entries said before: every version that was replaced, and what changed from one to the next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pymongo import DESCENDING
from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.errors import NotFound
from phr.timeline.entry import Entry, from_row, from_rows
from phr.vocabulary.sight import Sight


@dataclass(frozen=True, slots=True)
class Change:
    """From one version (None: there was none) to the next; who, when and from where stand in ``after``."""

    before: Entry | None
    after: Entry

    @property
    def action(self) -> str:
        if self.after.is_deleted:
            return "deleted"
        if self.before is None:
            return "created"
        if self.before.is_hidden != self.after.is_hidden:
            return "hidden" if self.after.is_hidden else "shown"
        return "restored" if self.before.is_deleted else "changed"


def keep(database: Database, session: ClientSession, row: Document) -> None:
    """Stores a version that is about to be replaced."""
    database["entry_history"].insert_one(row | {"_id": f"{row['_id']}:{row['version']}"}, session=session)


def latest(database: Database, person: str, entry_id: str) -> Entry:
    """The present version, of a deleted entry too. Raises NotFound where there never was one."""
    row = database["entries"].find_one({"_id": f"{person}:{entry_id}"})
    if row is None:
        raise NotFound("no such entry")
    return from_row(database, row)


def changes(database: Database, current: Entry, limit: int, below: int | None = None) -> list[Change]:
    """At most so many changes up to the present version, newest first; ``below``: only to versions before that."""
    newest = current.version if below is None else min(current.version, below - 1)
    wanted = {"person": current.person, "id": current.id, "version": {"$lte": newest, "$gte": newest - limit}}
    rows = database["entry_history"].find(wanted).sort("version", DESCENDING)
    found = {one.version: one for one in [*from_rows(database, rows), current]}
    versions = range(newest, max(0, newest - limit), -1)
    return [Change(found.get(version - 1), found[version]) for version in versions]


def version(database: Database, current: Entry, number: int | None) -> Entry:
    """An earlier version (None: the last one that was not deleted). Raises NotFound."""
    return from_row(database, row_of(database, current, number))


def row_of(database: Database, current: Entry, number: int | None) -> Document:
    """As ``version``, as it is stored."""
    wanted: Document = {"person": current.person, "id": current.id, "is_deleted": False}
    if number is not None:
        wanted["version"] = number
    row = database["entry_history"].find_one(wanted, sort=[("version", DESCENDING)])
    if row is None:
        raise NotFound("no such version to go back to")
    return row


def ever_seen(database: Database, person: str, entry_ids: Collection[str], sight: Sight) -> set[str]:
    """Those of the entries of which some version, the present one too, stood where the sight reaches."""
    asked: Document = {"person": person, "id": {"$in": sorted(entry_ids)}}
    shown = {"id": 1, "categories": 1, "effective_ms": 1}
    present = {"_id": {"$in": [f"{person}:{one}" for one in sorted(entry_ids)]}}
    rows = [*database["entries"].find(present, shown), *database["entry_history"].find(asked, shown)]
    return {row["id"] for row in rows if sight.sees(row["categories"], row["effective_ms"])}


def first_said_as(database: Database, session: ClientSession, row: Document) -> Any:
    """What the first version of an entry was told apart by."""
    first = (
        row if row["version"] == 1 else database["entry_history"].find_one({"_id": f"{row['_id']}:1"}, session=session)
    )
    return first and first["said_as"]


def ensure_indexes(database: Database) -> None:
    database["entry_history"].create_index([("person", 1), ("id", 1), ("version", 1)], name="entry")
