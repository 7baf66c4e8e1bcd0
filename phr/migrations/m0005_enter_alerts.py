"""Alerts that were raised before timelines told of them are to be entered; what is marked twice is entered once."""

from __future__ import annotations

from collections.abc import Iterator

from phr.database import Database

BATCH = 1_000


def run(database: Database) -> Iterator[int]:
    """Goes through the notices of rules by their keys."""
    last = ""
    while True:
        wanted = {"_id": {"$gt": last}, "rule_version": {"$exists": True}}
        keys = [row["_id"] for row in database["notices"].find(wanted, {"_id": 1}, sort=[("_id", 1)], limit=BATCH)]
        if not keys:
            return
        last = keys[-1]
        marked = database["notices"].update_many({"_id": {"$in": keys}}, {"$set": {"to_enter": True}})
        yield marked.modified_count
