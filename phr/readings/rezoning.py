"""After a change of a person's zones: the days of readings that came without an offset may be other days now."""

from __future__ import annotations

from collections.abc import Iterable

from pymongo import UpdateOne

from phr.clock import DAY_MS
from phr.database import Database, Document
from phr.people import people
from phr.people.people import Person
from phr.readings.raw import bucket_start_ms
from phr.readings.spans import span_of
from phr.readings.summaries import LONGEST_PERIOD_MS
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

WRITES_A_ROUND = 500


def settle(database: Database, person: Person, now_ms: int) -> int:
    """Marks every day that the person's last change of zone can have moved; how many buckets that were.

    The wish to do so was stored with the change itself, so that whoever comes next (the scheduler, too) does what a
    crash left undone. Safe to repeat.
    """
    if person.unsettled_since_ms is None:
        return 0
    marked = _mark(database, person.id, person.unsettled_since_ms, now_ms)
    people.set_settled(database, person)
    return marked


def settle_one(database: Database, now_ms: int) -> bool:
    """Settles one person whose change was left unfinished; False where there is none."""
    person = people.find_unsettled(database)
    if person is None:
        return False
    settle(database, person, now_ms)
    return True


def _mark(database: Database, person: str, since_ms: int, now_ms: int) -> int:
    """A bucket that somebody writes meanwhile misses the version and is listed again in the next round."""
    marked = 0
    while True:
        writes = [_marking(row, since_ms, now_ms) for row in _unmarked(database, person, since_ms)]
        for low in range(0, len(writes), WRITES_A_ROUND):
            marked += database.readings.bulk_write(writes[low : low + WRITES_A_ROUND], ordered=False).modified_count
        if not writes:
            return marked


def _unmarked(database: Database, person: str, since_ms: int) -> Iterable[Document]:
    """Buckets with readings of unknown offset whose days are not all marked yet."""
    query = {"_id": {"$gte": f"{person}:", "$lt": f"{person};"}, "runs": {"$elemMatch": {"0": None}}}
    for row in database.readings.find(query, {"m": 1, "v": 1, "dirty": 1, "dirty_since": 1}, batch_size=1_000):
        if not _days(row, since_ms) <= set(row.get("dirty", ())):
            yield row


def _marking(row: Document, since_ms: int, now_ms: int) -> UpdateOne:
    fields = {
        "v": row["v"] + 1,
        "dirty": sorted(_days(row, since_ms).union(row.get("dirty", ()))),
        "dirty_since": row.get("dirty_since", now_ms),
    }
    return UpdateOne({"_id": row["_id"], "v": row["v"]}, {"$set": fields}, hint="_id_")


def _days(row: Document, since_ms: int) -> set[int]:
    """Every local day that a reading of the bucket from ``since_ms`` on can have belonged to, or belong to now."""
    metric: Metric = vocabulary().metrics[row["m"]]
    start_ms = bucket_start_ms(row["_id"])
    longest_ms = LONGEST_PERIOD_MS if metric.day_of == "end" else 0
    end_ms = start_ms + span_of(metric).bucket_ms + longest_ms
    if end_ms <= since_ms:
        return set()
    return set(range(max(start_ms, since_ms) // DAY_MS - 1, end_ms // DAY_MS + 2))
