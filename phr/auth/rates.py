"""How often somebody has come in this minute, counted together by all processes: a storage for ``limits``.

Collection ``rate_counts``: _id  digest of who and at what; count, ends_at_ms, expires_at
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from limits.storage import Storage
from pymongo import ReturnDocument, WriteConcern
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from phr.clock import now_ms, to_datetime
from phr.database import Database, Document

COUNTS = "rate_counts"
SCHEME = "phr"
# A count that is lost with a server's crash lets somebody come a few times more: not worth the wait for a journal.
QUICK = WriteConcern(w=1, j=False)
KEPT = timedelta(minutes=1)
# Who comes often is counted this part of the count in advance by each process, for a thirtieth of the time at the
# database and a limit that may be reached as much too early. Below this count each one is written.
IN_ADVANCE = 32
MOST_KEYS = 10_000
LOCKS = 64


class Ahead:
    """What a process has counted in advance: by key the next number, the last, and when the window ends."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[int, int, int]] = {}
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def lock_of(self, key: str) -> threading.Lock:
        """So that of many threads at one key one asks the database, and the others have what it brings."""
        return self._locks[hash(key) % LOCKS]

    def keep(self, key: str, numbers: tuple[int, int, int]) -> None:
        if len(self.taken) >= MOST_KEYS:
            self.taken.clear()
        self.taken[key] = numbers


class RateCounts(Storage):
    """Windows of fixed length, each begun by the first who comes. ``database`` and ``ahead``: of the current request.

    The MongoDB storage of ``limits`` would open connections of its own, for writes that wait for a majority.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - as `limits` declares it

    def __init__(
        self, uri: str | None = None, *, database: Callable[[], Database], ahead: Callable[[], Ahead], **options: Any
    ) -> None:
        super().__init__(uri, **options)
        self._database, self._ahead = database, ahead

    @property
    def base_exceptions(self) -> type[Exception]:
        return PyMongoError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The count in this window with ``amount`` added; ``expiry``: s that a window lasts which begins now."""
        now, ahead = now_ms(), self._ahead()
        with ahead.lock_of(key):
            following, last, ends_at_ms = ahead.taken.get(key, (1, 0, 0))
            if ends_at_ms <= now:
                following, last = 1, 0
            if following + amount - 1 > last:
                more = amount + last // IN_ADVANCE
                last, ends_at_ms = self._counted(key, more, now, now + expiry * 1000)
                following = last - more + 1
            ahead.keep(key, (following + amount, last, ends_at_ms))
            return following + amount - 1

    def _counted(self, key: str, amount: int, now: int, until_ms: int) -> tuple[int, int]:
        """The count with ``amount`` added, and when its window ends; where one begins now, ``until_ms``."""
        is_on = {"$gt": ["$ends_at_ms", now]}
        counted: Document = {
            "count": {"$cond": [is_on, {"$add": ["$count", amount]}, amount]},
            "ends_at_ms": {"$cond": [is_on, "$ends_at_ms", until_ms]},
            "expires_at": to_datetime(until_ms) + KEPT,
        }

        def count() -> tuple[int, int]:
            after = ReturnDocument.AFTER
            row = self._counts().find_one_and_update(
                {"_id": _id(key)}, [{"$set": counted}], upsert=True, return_document=after
            )
            assert row is not None  # it was upserted
            return int(row["count"]), int(row["ends_at_ms"])

        try:
            return count()
        except DuplicateKeyError:  # two first ones at once
            return count()

    def get(self, key: str) -> int:
        row = self._row(key)
        return int(row["count"]) if row and row["ends_at_ms"] > now_ms() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in s since 1970."""
        row = self._row(key)
        return (row["ends_at_ms"] if row else now_ms()) / 1000

    def check(self) -> bool:
        self._counts().find_one({}, {"_id": 1})
        return True

    def reset(self) -> int:
        self._ahead().taken.clear()
        return self._counts().delete_many({}).deleted_count

    def clear(self, key: str) -> None:
        self._ahead().taken.pop(key, None)
        self._counts().delete_one({"_id": _id(key)})

    def _row(self, key: str) -> Document | None:
        return self._counts().find_one({"_id": _id(key)})

    def _counts(self) -> Collection[Document]:
        return self._database()[COUNTS].with_options(write_concern=QUICK)


def ensure_indexes(database: Database) -> None:
    database[COUNTS].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _id(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
