"""Raw readings out of their buckets, in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from phr import together
from phr.clock import DAY_MS, HOUR_MS
from phr.database import Database, Document
from phr.readings.columns import ABSENT, IntArray, unpack, unpack_increasing
from phr.readings.spans import bucket_start_text, span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import DURATION

# The offset in minutes that a person's clocks had at an instant, from the dated history of their zones.
OffsetAt = Callable[[int], int]
# Milliseconds since 1970: from the first (inclusive) to the second (exclusive).
Between = tuple[int, int]

QUARTER_MS = 15 * 60_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
SHORT = 4  # buckets of each source, that are asked for together with what others want
BATCH = 200  # buckets fetched in one go: a page that is full after a few should not wait for thousands


@dataclass(frozen=True, slots=True)
class Lane:
    """One metric of one person, and how their clocks stood."""

    database: Database
    person: str
    metric: Metric
    offset_at: OffsetAt

    @property
    def prefix(self) -> str:
        """How the ids of its buckets and summaries begin."""
        return f"{self.person}:{self.metric.key}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings of one chunk, in order of (t, seq). Columns have equal length."""

    device: str
    t: IntArray
    seq: IntArray | None  # None: all zero
    values: dict[str, IntArray]  # stored integers, ABSENT where the component is missing
    run: IntArray | None  # None: all in run 0
    runs: list[list[Any]]  # the bucket's runs: [offset, unit, origin, batch, first arrival, last arrival]
    extras: dict[str, dict[str, Any]]  # by index as text; keys on disk (phr.readings.chunk.EXTRA_KEYS)

    def cut(self, low_ms: int, high_ms: int) -> Stretch | None:
        """The part with low <= t < high."""
        if low_ms <= self.t[0] and self.t[-1] < high_ms:
            return self
        low, high = np.searchsorted(self.t, (low_ms, high_ms))
        return self.part(int(low), int(high))

    def part(self, low: int, high: int) -> Stretch | None:
        """The readings with these indices."""
        if low == 0 and high == self.t.size:
            return self
        if low >= high:
            return None
        extras = {str(int(i) - low): x for i, x in self.extras.items() if low <= int(i) < high}
        seq = None if self.seq is None else self.seq[low:high]
        run = None if self.run is None else self.run[low:high]
        values = {name: column[low:high] for name, column in self.values.items()}
        return Stretch(self.device, self.t[low:high], seq, values, run, self.runs, extras)

    def offsets(self, offset_at: OffsetAt) -> IntArray:
        """Minutes from UTC of each reading: as sent, else by the person's zone at that instant."""
        known = [run[0] for run in self.runs]
        if self.run is None and known[0] is not None:
            return np.full(self.t.size, known[0], np.int64)
        run = np.zeros(self.t.size, np.int64) if self.run is None else self.run
        if None not in known:
            return np.array(known, np.int64)[run]
        offsets = np.array([0 if offset is None else offset for offset in known], np.int64)[run]
        unknown = np.isin(run, [i for i, offset in enumerate(known) if offset is None])
        if unknown.any():
            offsets[unknown] = zone_offsets(self.t[unknown], offset_at)
        return offsets

    def day_instants(self, metric: Metric) -> IntArray:
        """The instant that names each reading's day: its start, or its end for what ends on the day it belongs to."""
        if metric.day_of != "end" or DURATION not in self.values:
            return self.t
        lengths = self.values[DURATION]
        return self.t + np.where(lengths == ABSENT, 0, lengths)


def zone_offsets(t: IntArray, offset_at: OffsetAt) -> IntArray:
    """Minutes from UTC of each instant.

    Clocks change on a quarter of an hour; a zone that a person moved to can begin at any instant.
    """
    quarters, where = np.unique(t // QUARTER_MS, return_inverse=True)
    first = np.array([offset_at(int(at) * QUARTER_MS) for at in quarters], np.int64)
    offsets = first[where]
    last = np.array([offset_at(int(at + 1) * QUARTER_MS - 1) for at in quarters], np.int64)
    for index in np.flatnonzero((first != last)[where]):
        offsets[index] = offset_at(int(t[index]))
    return offsets


def read(lane: Lane, between: Between, device: str | None = None) -> Iterator[Stretch]:
    """Every stretch with low <= t < high, bucket by bucket: in order of time within a device."""
    for document in find_buckets(lane, between, device):
        for stretch in stretches(document, lane.metric):
            if part := stretch.cut(*between):
                yield part


def find_buckets(lane: Lane, between: Between, device: str | None = None) -> Iterator[Document]:
    span = span_of(lane.metric)
    low_ms, high_ms = between
    first = bucket_start_text(low_ms // span.bucket_ms * span.bucket_ms)
    last = bucket_start_text((high_ms - 1) // span.bucket_ms * span.bucket_ms)
    prefix = lane.prefix
    wanted = _Wanted(lane.database, f"{prefix}:{first}:", f"{prefix}:{last};", device)  # ';' follows ':'
    if high_ms - low_ms <= SHORT * span.bucket_ms:
        return iter(together.of(lane.database, wanted, _of_all))
    return _found(lane.database, wanted.query)


class _Wanted(NamedTuple):
    """Buckets with low <= _id < high; of the one device, where it is named."""

    database: Database
    low: str
    high: str
    device: str | None

    @property
    def query(self) -> Document:
        query: Document = {"_id": {"$gte": self.low, "$lt": self.high}}
        return query if self.device is None else query | {"d": self.device}

    def has(self, document: Document) -> bool:
        return self.low <= document["_id"] < self.high and self.device in (None, document["d"])


def _of_all(asked: Sequence[_Wanted]) -> list[list[Document]]:
    """Of each what it wants. Nobody changes what they are given: it may be another's as well."""
    queries = [one.query for one in dict.fromkeys(asked)]
    found = list(_found(asked[0].database, queries[0] if len(queries) == 1 else {"$or": queries}))
    return [[document for document in found if one.has(document)] for one in asked]


def _found(database: Database, query: Document) -> Iterator[Document]:
    return iter(database.readings.find(query, {"c": 1, "runs": 1, "d": 1}, sort=[("_id", 1)], batch_size=BATCH))


def reach(lane: Lane) -> Between:
    """From the first bucket's beginning to the last one's end; nothing where there is none."""
    query = {"_id": {"$gte": f"{lane.prefix}:", "$lt": f"{lane.prefix};"}}  # ';' follows ':'
    first, last = (lane.database.readings.find_one(query, {"_id": 1}, sort=[("_id", order)]) for order in (1, -1))
    if first is None or last is None:
        return 0, 0
    return bucket_start_ms(first["_id"]), bucket_start_ms(last["_id"]) + span_of(lane.metric).bucket_ms


def stretches(document: Document, metric: Metric) -> Iterator[Stretch]:
    """The chunks of a bucket document in order of time."""
    span = span_of(metric)
    start_ms = bucket_start_ms(document["_id"])
    for number in sorted(document["c"], key=int):
        yield _decoded(document, document["c"][number], start_ms + int(number) * span.chunk_ms)


def bucket_start_ms(key: str) -> int:
    """The inverse of phr.readings.spans.bucket_id, as far as the start."""
    text = key.split(":", 3)[2]
    day = date(int(text[:4]), int(text[4:6]), int(text[6:8])).toordinal() - _EPOCH_ORDINAL
    return day * DAY_MS + int(text[9:11]) * HOUR_MS


def _decoded(document: Document, chunk: Document, base_ms: int) -> Stretch:
    column = chunk.get("v")
    names = {} if column is None else {"": column} if isinstance(column, bytes) else column
    return Stretch(
        document["d"],
        unpack_increasing(chunk["t"]) + base_ms,
        unpack(chunk["q"]) if "q" in chunk else None,
        {name: unpack(data) for name, data in names.items()},
        unpack(chunk["r"]) if "r" in chunk else None,
        document["runs"],
        chunk.get("x", {}),
    )
