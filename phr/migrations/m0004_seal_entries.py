"""Notes that an earlier version wrote in the clear, and their older versions, are sealed and found by tokens."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo import UpdateOne

from phr.database import Database, Document
from phr.timeline.effective import Effective, instant
from phr.timeline.entry import TOMBSTONE, Draft, said

BATCH = 200
_GONE = ("content", "offset_min", "created_as")


def run(database: Database) -> Iterator[int]:
    """``content`` and ``offset_min`` stood beside the rest; a tombstone had empty content."""
    for name in ("entries", "entry_history"):
        while batch := list(database[name].find({"content": {"$exists": True}}, limit=BATCH)):
            writes = [_sealed(database, row) for row in batch]
            yield database[name].bulk_write(writes, ordered=False).modified_count


def _sealed(database: Database, row: Document) -> UpdateOne:
    at = Effective(instant(row["effective_ms"], row["offset_min"]))
    fields = said(database, row["person"], row["id"], Draft(kind=row["kind"], content=row["content"], effective=at))
    if row["is_deleted"]:
        fields |= TOMBSTONE
    same = {"_id": row["_id"], "content": {"$exists": True}, "version": row["version"]}
    return UpdateOne(same, {"$set": fields, "$unset": dict.fromkeys(_GONE, "")})
