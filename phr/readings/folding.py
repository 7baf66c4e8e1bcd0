"""Brings summaries up to date with their buckets, away from the hot path; any number of folders may run at once.

Order is what makes it right: the documents of years and of slices are read (with their version), then the raw readings,
then those documents are written at the version read, then what was made of them is forgotten (views, kept_rows), then
the feed is told of the buckets, and only then is a bucket's flag cleared, at the version it had when it was listed.
Whoever loses a race leaves the flag and the work to the next round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from pymongo import UpdateOne

from phr.database import Database, Document, write_new
from phr.feed import feed
from phr.readings import changed, kept_rows, kept_slices, views
from phr.readings.raw import Lane, OffsetAt
from phr.readings.slices import is_dense
from phr.readings.stats import Stats
from phr.readings.summaries import computed, to_date
from phr.vocabulary.metric import Metric

# A bucket that is being written is left alone for a while: its readers compute today from raw anyway.
QUIET_MS = 5 * 60_000
BUCKETS_A_ROUND = 1_000


def fold_some(
    database: Database,
    metrics: dict[str, Metric],
    offset_of: Callable[[str], OffsetAt],
    before_ms: int,
) -> int:
    """Folds a round of buckets that have been dirty since before ``before_ms``; how many it cleared.

    ``offset_of(person)`` gives the history of their clocks. Zero: nothing is left to do, or others were faster.
    """
    rows = database.readings.find(
        {"dirty_since": {"$lte": before_ms}},
        {"p": 1, "m": 1, "d": 1, "v": 1, "dirty": 1},
        sort=[("dirty_since", 1)],
        limit=BUCKETS_A_ROUND,
    )
    by_source: dict[tuple[str, str, str], list[Document]] = defaultdict(list)
    for row in rows:
        by_source[row["p"], row["m"], row["d"]].append(row)
    folded: list[Document] = []
    for (person, metric, device), buckets in by_source.items():
        if _fold_source(Lane(database, person, metrics[metric], offset_of(person)), device, buckets):
            folded += buckets
    if not folded:
        return 0
    versions = ((bucket["_id"], bucket["v"]) for bucket in folded)
    feed.spans_changed(database, changed.of_buckets(metrics, versions))
    clears = [UpdateOne({"_id": b["_id"], "v": b["v"]}, {"$unset": {"dirty": "", "dirty_since": ""}}) for b in folded]
    return database.readings.bulk_write(clears, ordered=False).modified_count


def backlog(database: Database) -> int:
    """How many buckets have summaries that are behind."""
    return database.readings.count_documents({"dirty_since": {"$exists": True}}, hint="to_fold")


def _fold_source(lane: Lane, device: str, buckets: list[Document]) -> bool:
    """True when the summaries know the buckets at their versions; False when another folder was faster."""
    days = {day for bucket in buckets for day in bucket["dirty"]}
    years = {to_date(day).year for day in days}
    keys = {year: f"{lane.prefix}:{year:04}:{device}" for year in years}
    summaries = lane.database.summaries
    found = {row["y"]: row for row in summaries.find({"_id": {"$in": list(keys.values())}}, {"y": 1, "v": 1})}
    of_slices = kept_slices.folding(lane, device, days) if is_dense(lane.metric) else []
    of_days = computed(lane, {device: days})
    writes = []
    for year, key in sorted(keys.items()):
        fresh = {day: of_days.get((day, device)) for day in days if to_date(day).year == year}
        document = found.get(year)
        update = _year_update(document, fresh)
        update["$setOnInsert"] = {"p": lane.person, "m": lane.metric.key, "y": year, "d": device}
        writes.append(UpdateOne({"_id": key, "v": document["v"] if document else 0}, update, upsert=True))
    if of_slices and write_new(lane.database.hours, of_slices).there:
        return False
    if write_new(summaries, writes).there:
        return False
    views.forget(lane, device, days)
    kept_rows.forget(lane, days)
    return True


def _year_update(document: Document | None, fresh: dict[int, Stats | None]) -> dict[str, Any]:
    """Sets the fresh days of a year, and removes those that are empty now."""
    sets: dict[str, Any] = {"v": (document["v"] if document else 0) + 1}
    unsets: dict[str, str] = {}
    for day, stats in fresh.items():
        field = to_date(day).strftime("days.%m.%d")
        if stats is None:
            unsets[field] = ""
        else:
            sets[field] = stats.to_doc()
    return {"$set": sets} | ({"$unset": unsets} if unsets else {})
