"""Positions in a person's feed, taken inside the transaction that makes the change: their order is commit order.

The head of a feed, collection ``feed_heads``: _id the person, n the last position, s the position up to which it was
looked at by who watches over people, w true while there is more (sparse index). Who raises it holds it until the
transaction ends; a second writer of the same person conflicts, and tries again after. So no position becomes visible
after a higher one, which a phone would have passed for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from phr.database import Database, insert_new

HEADS = "feed_heads"
# Reads what no failover can take back: a position that was seen and then given to another change would hide it.
MAJORITY = ReadConcern("majority")


@dataclass(frozen=True, slots=True)
class Head:
    """The last position of a person's feed, and the one up to which it was looked at."""

    person: str
    last: int
    seen: int


def take(database: Database, session: ClientSession, counts: Mapping[str, int]) -> dict[str, int]:
    """The first of so many positions in a row for each person. Raises a transient PyMongoError: run the work again."""
    raises = [
        UpdateOne({"_id": person}, {"$inc": {"n": counts[person]}, "$set": {"w": True}}) for person in sorted(counts)
    ]
    matched = database[HEADS].bulk_write(raises, session=session).matched_count
    if matched < len(counts):
        # Two transactions at once could not both make it: it is made outside, and seen by the next try.
        insert_new(database, HEADS, ({"_id": person, "n": 0} for person in counts))
        raise PyMongoError("a feed has just begun", error_labels=("TransientTransactionError",))
    rows = database[HEADS].find({"_id": {"$in": list(counts)}}, session=session)
    return {row["_id"]: row["n"] - counts[row["_id"]] + 1 for row in rows}


def unseen(database: Database, limit: int) -> list[Head]:
    """Some heads that were raised since they were looked at."""
    rows = database[HEADS].with_options(read_concern=MAJORITY).find({"w": True}, limit=limit)
    return [Head(row["_id"], row["n"], row.get("s", 0)) for row in rows]


def set_seen(database: Database, heads: Iterable[Head]) -> None:
    """These were looked at as far as they say; one that was raised meanwhile stays unseen."""
    writes = [
        UpdateOne({"_id": one.person, "n": one.last}, {"$set": {"s": one.last}, "$unset": {"w": ""}}) for one in heads
    ]
    if writes:
        database[HEADS].bulk_write(writes, ordered=False)


def ensure_indexes(database: Database) -> None:
    database[HEADS].create_index("w", name="unseen", sparse=True)


def last(database: Database, person: str) -> int:
    """The last position that was committed, 0 before the first."""
    head = database[HEADS].with_options(read_concern=MAJORITY).find_one({"_id": person})
    return int(head["n"]) if head else 0
