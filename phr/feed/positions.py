"""Positions in a person's feed, taken inside the transaction that makes the change: their order is commit order.

The head of a feed, collection ``feed_heads``: _id the person, n the last position. Who raises it holds it until the
transaction ends; a second writer of the same person conflicts, and tries again after. So no position becomes visible
after a higher one, which a phone would have passed for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from phr.database import Database, insert_new

HEADS = "feed_heads"
# Reads what no failover can take back: a position that was seen and then given to another change would hide it.
MAJORITY = ReadConcern("majority")


def take(database: Database, session: ClientSession, counts: Mapping[str, int]) -> dict[str, int]:
    """The first of so many positions in a row for each person. Raises a transient PyMongoError: run the work again."""
    raises = [UpdateOne({"_id": person}, {"$inc": {"n": counts[person]}}) for person in sorted(counts)]
    matched = database[HEADS].bulk_write(raises, session=session).matched_count
    if matched < len(counts):
        # Two transactions at once could not both make it: it is made outside, and seen by the next try.
        insert_new(database, HEADS, ({"_id": person, "n": 0} for person in counts))
        raise PyMongoError("a feed has just begun", error_labels=("TransientTransactionError",))
    rows = database[HEADS].find({"_id": {"$in": list(counts)}}, session=session)
    return {row["_id"]: row["n"] - counts[row["_id"]] + 1 for row in rows}


def last(database: Database, person: str) -> int:
    """The last position that was committed, 0 before the first."""
    head = database[HEADS].with_options(read_concern=MAJORITY).find_one({"_id": person})
    return int(head["n"]) if head else 0
