"""The latest reading of each metric, over all its sources, by the time of measurement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from phr.database import Database, Document
from phr.readings.columns import ABSENT
from phr.readings.columnwise import EXTRA_KEYS
from phr.readings.raw import stretches
from phr.vocabulary.metric import Metric

_AT_ONCE = 4  # buckets a metric brings at first: devices that measure the same at the same time are few
_FIELDS = {"c": 1, "runs": 1, "d": 1, "m": 1}
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


def latest(database: Database, person: str, metrics: Mapping[str, Metric]) -> list[Latest]:
    """One reading a metric, in order of the metrics' keys; metrics without one are left out."""
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


def _last_in(document: Document, metric: Metric) -> Latest:
    number = max(document["c"], key=int)
    (stretch,) = stretches(document | {"c": {number: document["c"][number]}}, metric)
    last = stretch.t.size - 1
    run = stretch.runs[0 if stretch.run is None else int(stretch.run[last])]
    values = {name: int(column[last]) for name, column in stretch.values.items() if column[last] != ABSENT}
    extra = {_NAMES[name]: value for name, value in stretch.extras.get(str(last), {}).items()}
    return Latest(metric, stretch.device, int(stretch.t[last]), run[0], values, extra)
