"""Who put the time of a held reading right, when, from what to what and why: kept before the reading is recorded.

Collection ``restamps``, one row a held reading: _id is the held reading's key, so that two words about one reading are
never both taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymongo import DESCENDING

from phr.database import Database, Document, insert_new


@dataclass(frozen=True, slots=True)
class Restamp:
    key: str  # of the held reading
    person: str
    device: str
    by: str  # the person who said so
    client: str
    at_ms: int
    from_ms: int  # the device's own time
    to_ms: int
    why: str


def claim(database: Database, ones: Sequence[Restamp]) -> dict[str, int]:
    """The time that each reading gets, by key: the first word about it counts, also when the second came at once."""
    insert_new(database, "restamps", [_document(one) for one in ones])
    found = database["restamps"].find({"_id": {"$in": [one.key for one in ones]}}, {"to_ms": 1})
    return {row["_id"]: row["to_ms"] for row in found}


def withdraw(database: Database, one: Restamp) -> None:
    """The record did not take the reading at that time: another word may come."""
    database["restamps"].delete_one({"_id": one.key, "to_ms": one.to_ms})


def of_person(database: Database, person: str, limit: int) -> list[Restamp]:
    """Latest first."""
    found = database["restamps"].find({"person": person}).sort([("at_ms", DESCENDING), ("_id", 1)]).limit(limit)
    return [Restamp(**({"key": row.pop("_id")} | row)) for row in found]


def ensure_indexes(database: Database) -> None:
    database["restamps"].create_index([("person", 1), ("at_ms", -1), ("_id", 1)], name="person")


def _document(one: Restamp) -> Document:
    return {
        "_id": one.key,
        "person": one.person,
        "device": one.device,
        "by": one.by,
        "client": one.client,
        "at_ms": one.at_ms,
        "from_ms": one.from_ms,
        "to_ms": one.to_ms,
        "why": one.why,
    }
