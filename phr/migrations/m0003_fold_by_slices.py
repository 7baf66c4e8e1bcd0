"""Dense metrics are kept by slice as well: whatever was folded before is folded anew, which makes its slices."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo import UpdateOne

from phr.clock import DAY_MS
from phr.database import Database, Document
from phr.readings.raw import bucket_start_ms
from phr.readings.slices import is_dense
from phr.readings.spans import span_of
from phr.vocabulary.metrics import vocabulary

BATCH = 500


def run(database: Database) -> Iterator[int]:
    """Marks every local day that a bucket can have as behind; what is marked twice is folded once more."""
    dense = [key for key, metric in vocabulary().metrics.items() if is_dense(metric)]
    last = ""
    while True:
        wanted = {"_id": {"$gt": last}, "m": {"$in": dense}}
        batch = list(database.readings.find(wanted, {"m": 1}, sort=[("_id", 1)], limit=BATCH))
        if not batch:
            return
        last = batch[-1]["_id"]
        yield database.readings.bulk_write([_marked(row) for row in batch], ordered=False).modified_count


def _marked(row: Document) -> UpdateOne:
    start_ms = bucket_start_ms(row["_id"])
    end_ms = start_ms + span_of(vocabulary().metrics[row["m"]]).bucket_ms
    days = list(range(start_ms // DAY_MS - 1, end_ms // DAY_MS + 2))
    behind = {"$addToSet": {"dirty": {"$each": days}}, "$min": {"dirty_since": 0}, "$inc": {"v": 1}}
    return UpdateOne({"_id": row["_id"]}, behind)
