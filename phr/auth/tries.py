"""Tries at what could be guessed: after some in a row each further one has to wait, longer each time.

Collection ``login_tries``: _id  what is tried, a keyed hash where it names somebody; count, until_ms, expires_at
"""

from __future__ import annotations

from datetime import timedelta

from pymongo import ReturnDocument

from phr.clock import to_datetime
from phr.database import Database
from phr.errors import TooManyTries

TRIES = "login_tries"
FREE = 5
FIRST_WAIT_MS, LONGEST_WAIT_MS = 10_000, 300_000  # whoever knows a name can lock it: for minutes, not for a day
KEPT = timedelta(hours=1)


def begin(database: Database, key: str, now_ms: int) -> None:
    """Counts a try. Raises TooManyTries where it comes too early."""
    row = database[TRIES].find_one({"_id": key})
    if row is not None and row["until_ms"] > now_ms:
        raise TooManyTries("too many tries: wait a little", -(-(row["until_ms"] - now_ms) // 1000))
    changed = database[TRIES].find_one_and_update(
        {"_id": key},
        {"$inc": {"count": 1}, "$set": {"expires_at": to_datetime(now_ms) + KEPT}, "$setOnInsert": {"until_ms": 0}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert changed is not None  # it was upserted
    over = changed["count"] - FREE
    if over >= 0:
        wait_ms = min(FIRST_WAIT_MS << min(over, 10), LONGEST_WAIT_MS)
        database[TRIES].update_one({"_id": key}, {"$max": {"until_ms": now_ms + wait_ms}})


def forget(database: Database, key: str) -> None:
    """It was right: nothing is held against it."""
    database[TRIES].delete_one({"_id": key})


def ensure_indexes(database: Database) -> None:
    database[TRIES].create_index("expires_at", name="expiry", expireAfterSeconds=0)
