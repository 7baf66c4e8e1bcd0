"""A consent that staff took down says in which organisation, since its papers are for that organisation's officer."""

from __future__ import annotations

from collections.abc import Iterator

from phr.database import Database, Document
from phr.people.contracts import COLLECTION

BATCH = 500
UNPLACED: Document = {"assisted.by": {"$exists": True}, "assisted.organisation": {"$exists": False}}


def run(database: Database) -> Iterator[int]:
    """That of the contract, else where who took it down works; "" where neither is known any more."""
    while rows := list(database["grants"].find(UNPLACED, {"assisted.by": 1}).limit(BATCH)):
        for row in rows:
            contract = database[COLLECTION].find_one({"grant": row["_id"]}, {"organisation": 1})
            found = contract or database["members"].find_one({"person": row["assisted"]["by"]}, {"organisation": 1})
            said = {"assisted.organisation": found["organisation"] if found else ""}
            database["grants"].update_one({"_id": row["_id"]}, {"$set": said})
        yield len(rows)
