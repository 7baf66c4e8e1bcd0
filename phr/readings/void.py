"""Takes readings out of a record and gives them back exactly as they were; who did it, when and why is kept.

In the bucket's document:
    w  {chunk number: chunk}: what was voided, stored as it stood; a later delivery of it counts as duplicate
    l  one line an act, oldest first: k "void" or "restore", a author, r reason, at, t and q the columns of its keys
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from bson import encode

from phr.database import Database, Document
from phr.errors import PhrError, ServerUnavailable
from phr.feed import landings
from phr.readings.chunk import decode_rows, encode_rows
from phr.readings.columns import pack, pack_increasing, unpack, unpack_increasing
from phr.readings.columnwise import ChunkDoc
from phr.readings.dirty import days_of, mark_dirty
from phr.readings.raw import bucket_start_ms
from phr.readings.revisions import Key, Row
from phr.readings.spans import bucket_id, bucket_start_text, span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

LOG_BYTES = 256 * 1024  # what the lines of a bucket may weigh
MAX_TRIES = 60

Rows = dict[Key, Row]


class VoidedTooOften(PhrError):
    """More acts than a bucket keeps lines of."""

    code: ClassVar[str] = "voided-too-often"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Source:
    """One metric of one person from one device."""

    person: str
    metric: Metric
    device: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Readings by their keys, or (None) all with low <= t < high."""

    keys: frozenset[Key] | None
    between: tuple[int, int] = (0, 0)

    def holds(self, key: Key) -> bool:
        return self.between[0] <= key[0] < self.between[1] if self.keys is None else key in self.keys


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, why, and when."""

    author: str
    reason: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Done:
    """``keys``: all the wanted that are now as they were to be; ``changed``: how many of them were not before."""

    keys: tuple[Key, ...]
    changed: int


@dataclass(frozen=True, slots=True)
class _Way:
    """From which field of a bucket to which other, which readings, and by whom."""

    fields: tuple[str, str]
    wanted: Wanted
    act: Act


@dataclass(slots=True)
class _Bucket:
    """A bucket taken apart: what stands and what was voided, chunk by chunk."""

    document: Document
    metric: Metric

    def base_ms(self, number: str) -> int:
        return bucket_start_ms(self.document["_id"]) + int(number) * span_of(self.metric).chunk_ms

    def rows(self, field: str, number: str) -> Rows:
        found: ChunkDoc | None = self.document.get(field, {}).get(number)
        return decode_rows(found, self.base_ms(number)) if found else {}

    def numbers(self) -> list[str]:
        return sorted({*self.document["c"], *self.document.get("w", ())}, key=int)


def void(database: Database, source: Source, wanted: Wanted, act: Act) -> Done:
    """Takes the wanted readings out; safe to repeat. Raises VoidedTooOften, ServerUnavailable, PyMongoError."""
    return _change_all(database, source, _Way(("c", "w"), wanted, act))


def restore(database: Database, source: Source, wanted: Wanted, act: Act) -> Done:
    """Gives the wanted readings back exactly as they stood; safe to repeat. Raises as ``void``."""
    return _change_all(database, source, _Way(("w", "c"), wanted, act))


def standing(database: Database, source: Source, wanted: Wanted) -> Iterable[tuple[list[list[Any]], Rows]]:
    """The wanted readings that stand in the record, with the runs that their numbers name, bucket by bucket."""
    for document in database.readings.find({"_id": {"$in": bucket_ids(database, source, wanted)}}, sort=[("_id", 1)]):
        bucket = _Bucket(document, source.metric)
        rows = {k: row for n in bucket.numbers() for k, row in bucket.rows("c", n).items() if wanted.holds(k)}
        if rows:
            yield document["runs"], rows


def taken_out(
    database: Database, source: Source, wanted: Wanted
) -> Iterable[tuple[list[list[Any]], Rows, dict[Key, str]]]:
    """As ``standing``, of those that were taken out, with the reason that was given last for each."""
    for document in database.readings.find({"_id": {"$in": bucket_ids(database, source, wanted)}}, sort=[("_id", 1)]):
        bucket, start_ms = _Bucket(document, source.metric), bucket_start_ms(document["_id"])
        rows = {k: row for n in bucket.numbers() for k, row in bucket.rows("w", n).items() if wanted.holds(k)}
        if rows:
            lines = [line for line in document.get("l", ()) if line["k"] == "void"]
            yield document["runs"], rows, {key: line["r"] for line in lines for key in keys_of(line, start_ms)}


def keys_of(line: Document, start_ms: int) -> Iterable[Key]:
    """The readings that a line is about."""
    return zip((unpack_increasing(line["t"]) + start_ms).tolist(), unpack(line["q"]).tolist(), strict=True)


def sources_of(database: Database, device: str) -> list[Source]:
    """Whose records the device has written, metric by metric. Reads the whole list of sources: for operators only."""
    known = vocabulary().metrics
    rows = database.sources.find({"d": device}).sort("_id", 1)
    return [Source(row["p"], known[row["m"]], device) for row in rows if row["m"] in known]


def _change_all(database: Database, source: Source, way: _Way) -> Done:
    keys = bucket_ids(database, source, way.wanted)
    parts = [_change_one(database, key, source.metric, way) for key in keys]
    return Done(tuple(sorted(key for part in parts for key in part.keys)), sum(part.changed for part in parts))


def bucket_ids(database: Database, source: Source, wanted: Wanted) -> list[str]:
    """The buckets that can hold them."""
    bucket_ms = span_of(source.metric).bucket_ms
    if wanted.keys is not None:
        starts = {t // bucket_ms * bucket_ms for t, _ in wanted.keys}
        return sorted(bucket_id(source.person, source.metric.key, start, source.device) for start in starts)
    first, last = (bucket_start_text(t // bucket_ms * bucket_ms) for t in (wanted.between[0], wanted.between[1] - 1))
    prefix = f"{source.person}:{source.metric.key}"
    within = {"_id": {"$gte": f"{prefix}:{first}:", "$lt": f"{prefix}:{last};"}, "d": source.device}
    return [row["_id"] for row in database.readings.find(within, {"_id": 1}, sort=[("_id", 1)])]


def _change_one(database: Database, key: str, metric: Metric, way: _Way) -> Done:
    """Guarded by the version like every write; who loses reads again."""
    for _ in range(MAX_TRIES):
        document = database.readings.find_one({"_id": key})
        if document is None:
            return Done((), 0)
        update, done = _moved(_Bucket(document, metric), way)
        if not done.changed:
            return done
        if database.readings.update_one({"_id": key, "v": document["v"]}, update).matched_count:
            landings.note(database, [(key, document["v"] + 1)], way.act.now_ms)
            return done
    raise ServerUnavailable("a bucket is written by others faster than it can be read")


def _moved(bucket: _Bucket, way: _Way) -> tuple[Document, Done]:
    """The update that moves the wanted rows from one field to the other, and what it comes to."""
    sets: Document = {}
    unsets: Document = {}
    keys: list[Key] = []
    gone: Rows = {}
    for number in bucket.numbers():
        here, there = (bucket.rows(field, number) for field in way.fields)
        picked = {key: row for key, row in here.items() if way.wanted.holds(key)}
        keys += [*picked, *(key for key in there if way.wanted.holds(key))]
        if not picked:
            continue
        gone |= picked
        left = {key: row for key, row in here.items() if key not in picked}
        for field, rows in zip(way.fields, (left, there | picked), strict=True):
            if rows:
                sets[f"{field}.{number}"] = encode_rows(rows, bucket.base_ms(number))
            else:
                unsets[f"{field}.{number}"] = ""
    if gone:
        sets |= {
            "l": _lines(bucket, "void" if way.fields[0] == "c" else "restore", gone, way.act),
            "v": bucket.document["v"] + 1,
        }
        days = days_of(bucket.metric, ((t, row) for (t, _), row in gone.items()), bucket.document["runs"])
        mark_dirty(sets, bucket.document, days, way.act.now_ms)
    return {"$set": sets} | ({"$unset": unsets} if unsets else {}), Done(tuple(keys), len(gone))


def _lines(bucket: _Bucket, kind: str, rows: Rows, act: Act) -> list[Document]:
    keys, start_ms = sorted(rows), bucket_start_ms(bucket.document["_id"])
    line = {"k": kind, "a": act.author, "r": act.reason, "at": act.now_ms}
    line |= {"t": pack_increasing([t - start_ms for t, _ in keys]), "q": pack([q for _, q in keys])}
    lines = [*bucket.document.get("l", ()), line]
    if len(encode({"l": lines})) > LOG_BYTES:
        raise VoidedTooOften("these readings were taken out and given back more often than is kept")
    return lines
