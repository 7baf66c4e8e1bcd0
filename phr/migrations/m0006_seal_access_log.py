"""Lines that an earlier version wrote into the access log are numbered and sealed, and wait to be linked."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pymongo import UpdateOne

from phr.database import Database, Document
from phr.people.access_lines import LOG, SALT_BYTES, Place, key_of, line_of, sealed

BATCH = 500
BEFORE = "before"  # the writer of all that was written before lines had writers


def run(database: Database) -> Iterator[int]:
    """Lines had no w, n, salt and mac; those of erased people had expires_at, which the chains see to now."""
    if "expires" in database[LOG].index_information():
        database[LOG].drop_index("expires")
    key = key_of(database)
    last = database[LOG].find_one({"w": BEFORE}, {"n": 1}, sort=[("n", -1)])
    number = last["n"] if last else 0
    while rows := list(database[LOG].find({"mac": {"$exists": False}}).sort("at_ms", 1).limit(BATCH)):
        changes = [_change(key, row, Place(BEFORE, at, ())) for at, row in enumerate(rows, start=number + 1)]
        number += len(rows)
        yield database[LOG].bulk_write(changes).modified_count


def _change(key: bytes, row: Document, place: Place) -> UpdateOne:
    new = sealed(key, line_of(row), place, os.urandom(SALT_BYTES))
    told = {name: new[name] for name in ("w", "n", "salt", "mac")} | {"open": True}
    return UpdateOne({"_id": row["_id"]}, {"$set": told, "$unset": {"expires_at": ""}})
