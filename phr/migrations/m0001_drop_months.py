"""Summaries kept months beside their days: nobody reads them any more, what is shown is remembered in ``views``."""

from __future__ import annotations

from collections.abc import Iterator

from phr.database import Database

BATCH = 500


def run(database: Database) -> Iterator[int]:
    """The version is raised, so that a folder that read the old form writes nothing by it."""
    old, gone = {"months": {"$exists": True}}, {"$unset": {"months": ""}, "$inc": {"v": 1}}
    while ids := [row["_id"] for row in database.summaries.find(old, {"_id": 1}, limit=BATCH)]:
        yield database.summaries.update_many(old | {"_id": {"$in": ids}}, gone).modified_count
