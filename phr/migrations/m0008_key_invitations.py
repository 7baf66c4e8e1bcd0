"""Invitations to join a login, whose codes of 51 bits could be found from their plain hashes, get keyed tokens."""

from __future__ import annotations

from collections.abc import Iterator

from phr.database import Database, insert_new
from phr.people.joining import INVITATIONS, keyed

BATCH = 500


def run(database: Database) -> Iterator[int]:
    """``_id`` was the hash, text; the codes that people have been given go on being good."""
    while rows := list(database[INVITATIONS].find({"_id": {"$type": "string"}}).limit(BATCH)):
        insert_new(database, INVITATIONS, [row | {"_id": keyed(database, row["_id"])} for row in rows])
        yield database[INVITATIONS].delete_many({"_id": {"$in": [row["_id"] for row in rows]}}).deleted_count
