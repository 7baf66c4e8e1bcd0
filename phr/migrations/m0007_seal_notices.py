"""What notices say, and the values that raised them, stood in the clear; it is sealed with their person's key."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo import DeleteOne, UpdateOne

from phr.database import Database, Document
from phr.notices import outbox

BATCH = 200
_SAID = ("zh", "en", "values", "unit", "targets")


def run(database: Database) -> Iterator[int]:
    """Words of reminders are neutral and stay; a notice to a person who was erased goes."""
    wanted = {"sealed": {"$exists": False}, "zh": {"$exists": True}, "rule": {"$not": {"$regex": "^reminder-"}}}
    while batch := list(database["notices"].find(wanted, limit=BATCH)):
        database["notices"].bulk_write([_sealed(database, row) for row in batch], ordered=False)
        yield len(batch)


def _sealed(database: Database, row: Document) -> UpdateOne | DeleteOne:
    text = {name: row[name] for name in _SAID if name in row}
    fields = outbox.sealed(database, row["person"], row["_id"], text)
    if fields is None:
        return DeleteOne({"_id": row["_id"]})
    urgency = {"urgency": row["severity"]} if row["severity"] else {}
    return UpdateOne({"_id": row["_id"]}, {"$set": fields | urgency, "$unset": dict.fromkeys(_SAID, "")})
