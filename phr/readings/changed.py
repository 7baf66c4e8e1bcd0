"""Which readings have changed, told by span: a bucket at its version, or a whole year of a source for who begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from phr.database import Database, Document
from phr.feed.feed import SpanChange
from phr.feed.positions import MAJORITY
from phr.readings.raw import bucket_start_ms
from phr.readings.spans import span_of
from phr.readings.summaries import to_day, window
from phr.vocabulary.metric import Metric


def of_buckets(metrics: Mapping[str, Metric], versions: Iterable[tuple[str, int]]) -> list[SpanChange]:
    """The spans of buckets by (id, version)."""
    found = []
    for key, version in versions:
        person, metric, _, device = key.split(":", 3)
        start_ms = bucket_start_ms(key)
        end_ms = start_ms + span_of(metrics[metric]).bucket_ms
        found.append(SpanChange(person, metric, device, start_ms, end_ms, version))
    return found


def unsettled(database: Database, metrics: Mapping[str, Metric], person: str, limit: int) -> list[SpanChange]:
    """Spans that have changed and are not in the feed yet: folding tells of each before it clears its bucket's flag.

    At most ``limit``: it only makes a phone hear earlier, since each comes with a position once it is folded.
    """
    query = {"p": person, "dirty_since": {"$exists": True}}
    readings = database.readings.with_options(read_concern=MAJORITY)
    rows = readings.find(query, {"v": 1}, sort=[("m", 1), ("dirty_since", 1)], limit=limit, hint="dirty")
    return of_buckets(metrics, ((row["_id"], row["v"]) for row in rows))


def years(
    database: Database, metrics: Mapping[str, Metric], person: str, after: str, limit: int
) -> list[tuple[str, SpanChange]]:
    """(id, span) of the folded years of each source after an id: with the unsettled, all readings there are.

    The span holds every instant that can belong to the local year.
    """
    query = {"_id": {"$gt": after or f"{person}:", "$lt": f"{person};"}}
    summaries = database.summaries.with_options(read_concern=MAJORITY)
    rows = summaries.find(query, {"m": 1, "y": 1, "d": 1, "v": 1}, sort=[("_id", 1)], limit=limit)
    return [(row["_id"], _year(metrics, person, row)) for row in rows]


def _year(metrics: Mapping[str, Metric], person: str, row: Document) -> SpanChange:
    first, last = (to_day(date(row["y"], *on)) for on in ((1, 1), (12, 31)))
    return SpanChange(person, row["m"], row["d"], *window(metrics[row["m"]], first, last), row["v"])
