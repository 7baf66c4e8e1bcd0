"""How often somebody has come in this minute, counted together by all processes: a storage for ``limits``.

Collection ``rate_counts``: _id  digest of who and at what; count, ends_at_ms, expires_at
"""

from __future__ import annotations

import hashlib
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


class RateCounts(Storage):
    """Windows of fixed length, each begun by the first who comes. ``database`` gives that of the current request.

    The MongoDB storage of ``limits`` would open connections of its own, for writes that wait for a majority.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - as `limits` declares it

    def __init__(self, uri: str | None = None, *, database: Callable[[], Database], **options: Any) -> None:
        super().__init__(uri, **options)
        self._database = database

    @property
    def base_exceptions(self) -> type[Exception]:
        return PyMongoError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The count in this window with ``amount`` added; ``expiry``: s that a window lasts which begins now."""
        now = now_ms()
        is_on = {"$gt": ["$ends_at_ms", now]}
        ends_at_ms = now + expiry * 1000
        counted: Document = {
            "count": {"$cond": [is_on, {"$add": ["$count", amount]}, amount]},
            "ends_at_ms": {"$cond": [is_on, "$ends_at_ms", ends_at_ms]},
            "expires_at": to_datetime(ends_at_ms) + KEPT,
        }

        def count() -> int:
            after = ReturnDocument.AFTER
            row = self._counts().find_one_and_update(
                {"_id": _id(key)}, [{"$set": counted}], upsert=True, return_document=after
            )
            assert row is not None  # it was upserted
            return int(row["count"])

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
        return self._counts().delete_many({}).deleted_count

    def clear(self, key: str) -> None:
        self._counts().delete_one({"_id": _id(key)})

    def _row(self, key: str) -> Document | None:
        return self._counts().find_one({"_id": _id(key)})

    def _counts(self) -> Collection[Document]:
        return self._database()[COUNTS].with_options(write_concern=QUICK)


def ensure_indexes(database: Database) -> None:
    database[COUNTS].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _id(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
