"""Names, birth dates and login names that an earlier version wrote in the clear are sealed, or become tokens."""

from __future__ import annotations

from collections.abc import Iterator

from phr.database import Database, insert_new
from phr.people import logins, people
from phr.people.people import Change

BATCH = 200


def run(database: Database) -> Iterator[int]:
    """``people`` had name and birth_on beside the rest, ``logins`` the name as its _id."""
    while batch := list(database["people"].find({"sealed": {"$exists": False}}, {"_id": 1}, limit=BATCH)):
        for row in batch:
            people.patch(database, row["_id"], Change())  # whatever is written is sealed
        yield len(batch)
    while rows := list(database["logins"].find({"_id": {"$type": "string"}}, limit=BATCH)):
        insert_new(database, "logins", [row | {"_id": logins.token_of(database, row["_id"])} for row in rows])
        yield database["logins"].delete_many({"_id": {"$in": [row["_id"] for row in rows]}}).deleted_count
