"""The latest reading of each metric, over all its sources, by the time of measurement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from phr.clock import DAY_MS
from phr.database import Database, Document
from phr.readings.columns import ABSENT
from phr.readings.columnwise import EXTRA_KEYS
from phr.readings.raw import Stretch, bucket_start_ms, stretches
from phr.readings.spans import bucket_start_text, span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.sight import ALL, Period

_AT_ONCE = 4  # buckets a metric brings at first: devices that measure the same at the same time are few
_FIELDS = {"c": 1, "runs": 1, "d": 1, "m": 1}
_FIRST_MS = -700_000 * DAY_MS  # of the year 53
_NAMES = {stored: name for name, stored in EXTRA_KEYS.items()}


@dataclass(frozen=True, slots=True)
class Latest:
    """``values`` and ``extra`` as in a Run: stored integers by component, what only some readings have by name."""

    metric: Metric
    device: str
    t_ms: int
    offset_min: int | None
    values: Mapping[str, int]
    extra: Mapping[str, Any]


def latest(database: Database, person: str, metrics: Mapping[str, Metric], within: Period = ALL) -> list[Latest]:
    """One reading a metric, of those that may be seen, in order of the metrics' keys; metrics without are left out."""
    found = _latest(database, person, metrics)
    if within.is_all:
        return found
    seen = (one if within.holds(one.t_ms) else _latest_within(database, person, one.metric, within) for one in found)
    return [one for one in seen if one is not None]


def _latest(database: Database, person: str, metrics: Mapping[str, Metric]) -> list[Latest]:
    rows = database.sources.find({"p": person}, {"m": 1}, batch_size=1_000)
    sources = Counter(row["m"] for row in rows if row["m"] in metrics)
    found: dict[str, list[Document]] = defaultdict(list)
    for document in _last_buckets(database, person, sources):
        found[document["m"]].append(document)
    return [_latest_of(database, metrics[key], found[key], sources[key]) for key in sorted(found)]


def _last_buckets(database: Database, person: str, sources: Mapping[str, int]) -> Iterable[Document]:
    """The last few buckets of every metric in one question: thirty of them took four times as long."""
    branches = [_branch(f"{person}:{key}", min(count, _AT_ONCE)) for key, count in sources.items()]
    if not branches:
        return ()
    others = [{"$unionWith": {"coll": "readings", "pipeline": branch}} for branch in branches[1:]]
    return database.readings.aggregate([*branches[0], *others], batchSize=1_000)


def _branch(prefix: str, count: int) -> list[Document]:
    return [{"$match": _filled(prefix)}, {"$sort": {"_id": -1}}, {"$limit": count}, {"$project": _FIELDS}]


def _filled(prefix: str) -> Document:
    """The buckets that hold something: one of which all was voided is empty. ';' follows ':'."""
    return {"_id": {"$gte": f"{prefix}:", "$lt": f"{prefix};"}, "c": {"$gt": {}}}


def _latest_of(database: Database, metric: Metric, documents: list[Document], sources: int) -> Latest:
    """Buckets are cut alike for every device, so the latest reading lies in one of those that begin last."""
    last = max(documents, key=itemgetter("_id"))
    begin = last["_id"].removesuffix(f":{last['d']}")
    beginning_last = [document for document in documents if document["_id"].startswith(f"{begin}:")]
    if len(beginning_last) == _AT_ONCE < sources:
        beginning_last = list(database.readings.find(_filled(begin), _FIELDS))
    return max((_last_in(document, metric) for document in beginning_last), key=lambda one: (one.t_ms, one.device))


def _latest_within(database: Database, person: str, metric: Metric, within: Period) -> Latest | None:
    """By going back from the end of what may be seen, bucket by bucket."""
    if within.until_ms is None:
        return None  # the latest of all lies before it begins
    span, prefix = span_of(metric), f"{person}:{metric.key}"
    from_ms = _FIRST_MS if within.from_ms is None else within.from_ms
    first = bucket_start_text(from_ms // span.bucket_ms * span.bucket_ms)
    last = bucket_start_text((within.until_ms - 1) // span.bucket_ms * span.bucket_ms)
    wanted = {"_id": {"$gte": f"{prefix}:{first}:", "$lt": f"{prefix}:{last};"}}
    rows = database.readings.find(wanted, _FIELDS, sort=[("_id", -1)])
    for _, documents in groupby(rows, key=lambda document: bucket_start_ms(document["_id"])):
        parts = [
            part
            for document in documents
            for stretch in stretches(document, metric)
            if (part := stretch.cut(from_ms, within.until_ms))
        ]
        if parts:
            return max((_last_of(part, metric) for part in parts), key=lambda one: (one.t_ms, one.device))
    return None


def _last_in(document: Document, metric: Metric) -> Latest:
    number = max(document["c"], key=int)
    (stretch,) = stretches(document | {"c": {number: document["c"][number]}}, metric)
    return _last_of(stretch, metric)


def _last_of(stretch: Stretch, metric: Metric) -> Latest:
    last = stretch.t.size - 1
    run = stretch.runs[0 if stretch.run is None else int(stretch.run[last])]
    values = {name: int(column[last]) for name, column in stretch.values.items() if column[last] != ABSENT}
    extra = {_NAMES[name]: value for name, value in stretch.extras.get(str(last), {}).items()}
    return Latest(metric, stretch.device, int(stretch.t[last]), run[0], values, extra)
