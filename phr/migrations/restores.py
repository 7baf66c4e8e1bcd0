"""A restore that is under way, or was cut off: until it is through, nobody may be served from what is there."""

from __future__ import annotations

from phr.clock import now_ms
from phr.database import Database

COLLECTION = "restores"  # one document while a restore is under way
_ID = "under-way"


def begin(database: Database, backup: str) -> None:
    database[COLLECTION].replace_one({"_id": _ID}, {"backup": backup, "began_ms": now_ms()}, upsert=True)


def end(database: Database) -> None:
    database[COLLECTION].delete_one({"_id": _ID})


def under_way(database: Database) -> str | None:
    """What to tell whoever wants to be served; None where nothing stands in the way."""
    row = database[COLLECTION].find_one({"_id": _ID})
    return f"the restore of {row['backup']} is not through; let it end, or run it again" if row else None
