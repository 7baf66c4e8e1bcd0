"""Word of readings that have just landed, for those who are looking: fast, short-lived, and nobody's only source.

Collection ``landings``, a row a flush: b ids of buckets, v their versions, at. A row that is lost costs a stream its
haste and a phone nothing: the feed tells of every bucket once it is folded.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymongo import WriteConcern

from phr.clock import to_datetime
from phr.database import Database

LANDINGS = "landings"
LIFE_S = 600
BUCKETS_A_ROW = 20_000
_HASTY = WriteConcern(w=1, j=False)


def note(database: Database, buckets: Sequence[tuple[str, int]], now_ms: int) -> None:
    """Tells that these buckets, by id, are at these versions now."""
    rows = database[LANDINGS].with_options(write_concern=_HASTY)
    for low in range(0, len(buckets), BUCKETS_A_ROW):
        part = buckets[low : low + BUCKETS_A_ROW]
        keys, versions = [key for key, _ in part], [version for _, version in part]
        rows.insert_one({"b": keys, "v": versions, "at": to_datetime(now_ms)})


def ensure_indexes(database: Database) -> None:
    database[LANDINGS].create_index("at", name="expiry", expireAfterSeconds=LIFE_S)
