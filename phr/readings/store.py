"""The bucket store: readings land here once, whatever is delivered twice, late or at the same time by two workers.

One document a bucket (person, metric, device, span), collection ``readings``:
    _id    person:metric:start:device        p, m, d  the same, apart
    v      version; every write is guarded by the version it read
    runs   [[offset_min | null, unit | null, origin, batch | null, first arrival, last arrival, clock, late], ...]
           clock: ms added to the times that the device stated; late: it came long after it was measured; both
           missing where neither is so
    dirty  local days whose summaries are out of date, dirty_since the arrival that made the first of them so;
           both missing when none is (partial indexes, touched only when that changes)
    c      {chunk number: chunk}             see phr.readings.chunk
    h      revisions: what a reading held before it was corrected
    w      {chunk number: chunk of what was voided}, l  who did it; see phr.readings.void
    b      the batches that its runs name, missing when none does (partial index; see phr.readings.batches)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pymongo import ASCENDING, UpdateOne

from phr.database import Database, Document, write_new
from phr.errors import ServerUnavailable
from phr.feed import landings
from phr.readings.arriving import RUNS_CAP, Arrival, Touched, merge_bucket, touched_buckets
from phr.readings.chunk import Outcome

__all__ = ["MAX_TRIES", "RUNS_CAP", "Arrival", "ensure_indexes", "note_sources", "weigh", "write"]

MAX_TRIES = 60
# Read, merged and written together. The more, the longer another worker can be in between; the fewer, the more often
# the journal is waited for.
BUCKETS_AT_ONCE = 250


def ensure_indexes(database: Database) -> None:
    is_dirty = {"dirty_since": {"$exists": True}}
    database.readings.create_index(
        [("p", ASCENDING), ("m", ASCENDING), ("dirty_since", ASCENDING)], name="dirty", partialFilterExpression=is_dirty
    )
    database.readings.create_index("dirty_since", name="to_fold", partialFilterExpression=is_dirty)
    database.readings.create_index(
        [("p", ASCENDING), ("b", ASCENDING)], name="batch", partialFilterExpression={"b": {"$exists": True}}
    )
    database.summaries.create_index([("p", ASCENDING), ("y", ASCENDING)], name="person_year")
    database.sources.create_index([("p", ASCENDING), ("m", ASCENDING)], name="person_metric")


def write(database: Database, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Stores the arrivals and says what became of each; the outcome's indices are those of the arrival's run.

    Safe to repeat from the top: what is there already counts as duplicate. Raises PyMongoError when the database
    fails, ServerUnavailable when other writers win every time.
    """
    if not arrivals:
        return []
    touched = touched_buckets(arrivals)
    outcomes = [Outcome() for _ in arrivals]
    for _ in range(MAX_TRIES):
        lost: dict[str, Touched] = {}
        for group in _groups(touched):
            lost |= _write_once(database, arrivals, group, outcomes)
        if not lost:
            return outcomes
        touched = lost
    raise ServerUnavailable(f"{len(touched)} buckets are written by others faster than they can be read")


def _groups(touched: dict[str, Touched]) -> Iterator[dict[str, Touched]]:
    """A few buckets at a time, from anywhere on: two workers with readings of the same people then seldom meet."""
    keys = list(touched)
    begin = random.randrange(len(keys))  # noqa: S311 - nobody's secret
    keys = keys[begin:] + keys[:begin]
    for low in range(0, len(keys), BUCKETS_AT_ONCE):
        yield {key: touched[key] for key in keys[low : low + BUCKETS_AT_ONCE]}


def weigh(database: Database, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """What ``write`` would say of the arrivals, with nothing written."""
    touched = touched_buckets(arrivals)
    outcomes = [Outcome() for _ in arrivals]
    found = _read(database, touched)
    for key, bucket in touched.items():
        for number, outcome in merge_bucket(found.get(key), bucket, arrivals)[1]:
            _add(outcomes[number], outcome)
    return outcomes


def _write_once(
    database: Database, arrivals: Sequence[Arrival], touched: dict[str, Touched], outcomes: list[Outcome]
) -> dict[str, Touched]:
    """Reads, merges and writes each bucket; the buckets that somebody else wrote in between are left."""
    found = _read(database, touched)
    writes: list[UpdateOne] = []
    written: dict[str, int] = {}  # id: version
    results: dict[str, list[tuple[int, Outcome]]] = {}
    for key, bucket in touched.items():
        document = found.get(key)
        change, results[key] = merge_bucket(document, bucket, arrivals)
        if change:
            version = document["v"] if document else 0
            guard = {"_id": key, "v": version}
            # The hint spares the server choosing a plan, which costs as much as the write itself.
            writes.append(UpdateOne(guard, _update(bucket, version, change), upsert=True, hint="_id_"))
            written[key] = version + 1
    # Before the buckets: a crash in between then leaves a source without readings, never readings without a source.
    new = [touched[key] for key in written if key not in found]
    note_sources(database, {(one.person, one.metric.key, one.device) for one in new})
    lost = _bulk(database, writes, list(written))
    if landed := [one for one in written.items() if one[0] not in lost]:
        arrived = (arrivals[number].arrived_at_ms for bucket in touched.values() for number, *_ in bucket.parts)
        landings.note(database, landed, max(arrived))
    for key, per_arrival in results.items():
        if key not in lost:
            for number, outcome in per_arrival:
                _add(outcomes[number], outcome)
    return {key: touched[key] for key in lost}


def _read(database: Database, touched: dict[str, Touched]) -> dict[str, Document]:
    numbers = {number for bucket in touched.values() for _, number, _, _ in bucket.parts}
    wanted = {"v": 1, "runs": 1, "dirty": 1, "dirty_since": 1, "h": 1} | {
        f"{field}.{number}": 1 for number in numbers for field in "cw"
    }
    rows = database.readings.find({"_id": {"$in": list(touched)}}, wanted, batch_size=10_000)
    return {row["_id"]: row for row in rows}


def note_sources(database: Database, sources: Iterable[tuple[str, str, str]]) -> None:
    """Keeps the list of which device measures what for whom (person, metric, device); a new bucket may be its first."""
    upserts = [
        UpdateOne({"_id": f"{p}:{m}:{d}"}, {"$setOnInsert": {"p": p, "m": m, "d": d}}, upsert=True)
        for p, m, d in sources
    ]
    if upserts:
        database.sources.bulk_write(upserts, ordered=False)


def _update(bucket: Touched, version: int, change: dict[str, Any]) -> dict[str, Any]:
    update: dict[str, Any] = {"$set": change | {"v": version + 1}}
    if version == 0:
        update["$setOnInsert"] = {"p": bucket.person, "m": bucket.metric.key, "d": bucket.device}
    return update


def _bulk(database: Database, writes: list[UpdateOne], keys: list[str]) -> set[str]:
    """Writes what nobody else wrote meanwhile; the keys of the others."""
    return {keys[index] for index in write_new(database.readings, writes).there} if writes else set()


def _add(total: Outcome, part: Outcome) -> None:
    total.stored += part.stored
    total.duplicate += part.duplicate
    total.corrected += part.corrected
    total.refused += part.refused
    total.voided += part.voided
