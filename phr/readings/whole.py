"""All readings of a person, bucket by bucket, as an archive has them; and put back as they were into an empty place.

A bucket that was put back carries ``a`` = [the import that did it, the version that it had then].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pymongo import UpdateOne

from phr.database import Database, Document, write_new
from phr.feed import landings
from phr.readings import store
from phr.readings.spans import bucket_id
from phr.readings.telling import Line, LineInvalid, bucket, told
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

AT_ONCE = 16  # buckets of up to 16 MB
FIELDS = ("runs", "c", "w", "h", "l", "b")

Outcome = Literal["stored", "duplicate", "taken"]  # taken: the place holds other readings, which stay


@dataclass(frozen=True, slots=True)
class Place:
    """Whose record buckets go into, and the name of the import that brings them."""

    database: Database
    person: str
    mark: str
    now_ms: int


def lines(database: Database, person: str) -> Iterator[tuple[Metric, Line]]:
    """Every bucket with readings, those of a metric together, in order of time; a few are in memory at once."""
    after = f"{person}:"
    while True:
        within: Document = {"_id": {"$gt": after, "$lt": f"{person};"}}  # ';' follows ':'
        found = list(database.readings.find(within, sort=[("_id", 1)], limit=AT_ONCE))
        for document in found:
            if document.get("c") or document.get("w"):
                metric = vocabulary().metrics[document["m"]]
                yield metric, told(document, metric)
        if len(found) < AT_ONCE:
            return
        after = found[-1]["_id"]


def put(place: Place, metric: Metric, found: Sequence[Line]) -> list[Outcome]:
    """What became of each; safe to repeat. Raises LineInvalid, then nothing is written."""
    rows = _rows(place, metric, found)
    there = _there(place, rows)
    store.note_sources(place.database, {(place.person, metric.key, line.device) for line in found})
    writes, keys = [], []
    for (key, fields), line in zip(rows.items(), found, strict=True):
        before = there.get(key)
        if before is None or not (before.get("c") or before.get("w")):
            version = before["v"] if before else 0
            writes.append(_write(place, key, version, fields | {"d": line.device, "m": metric.key}))
            keys.append((key, version + 1))
    lost = write_new(place.database.readings, writes).there if writes else frozenset()
    if written := [one for number, one in enumerate(keys) if number not in lost]:
        landings.note(place.database, written, place.now_ms)
    again = _there(place, [key for key, _ in keys if key not in dict(written)])
    return [
        "stored" if key in dict(written) else _outcome((again | there).get(key), line, metric)
        for key, line in zip(rows, found, strict=True)
    ]


def weigh(place: Place, metric: Metric, found: Sequence[Line]) -> list[Outcome]:
    """What ``put`` would say, with nothing written. Raises LineInvalid."""
    rows = _rows(place, metric, found)
    there = _there(place, rows)
    return [_outcome(there.get(key), line, metric) for key, line in zip(rows, found, strict=True)]


def take_back(place: Place) -> int:
    """Empties the buckets that the import put there and nobody has changed since; how many readings went."""
    gone = 0
    for row in place.database.readings.find({"p": place.person, "a.0": place.mark}):
        line = told(row, vocabulary().metrics[row["m"]])
        if row["v"] != row["a"][1]:
            continue
        sets = {"c": {}, "v": row["v"] + 1, "dirty": bucket(line, vocabulary().metrics[row["m"]])["dirty"]}
        sets |= {"dirty_since": row.get("dirty_since", place.now_ms)}
        unset = dict.fromkeys(("w", "h", "l", "b", "a"), "")
        guard = {"_id": row["_id"], "v": row["v"]}
        if place.database.readings.update_one(guard, {"$set": sets, "$unset": unset}).matched_count:
            landings.note(place.database, [(row["_id"], row["v"] + 1)], place.now_ms)
            gone += len(line)
    return gone


def standing(place: Place) -> int:
    """How many readings stand in the buckets that the import has put there."""
    found = place.database.readings.find({"p": place.person, "a.0": place.mark})
    return sum(len(told(row, vocabulary().metrics[row["m"]])) for row in found)


def ensure_indexes(database: Database) -> None:
    database.readings.create_index(
        [("p", 1), ("a.0", 1)], name="archive", partialFilterExpression={"a": {"$exists": True}}
    )


def _rows(place: Place, metric: Metric, found: Sequence[Line]) -> dict[str, Document]:
    rows = {bucket_id(place.person, metric.key, line.start, line.device): bucket(line, metric) for line in found}
    if len(rows) < len(found):
        raise LineInvalid("/start", "a span of a device that was there before")
    return rows


def _there(place: Place, keys: Sequence[str] | dict[str, Document]) -> dict[str, Document]:
    if not keys:
        return {}
    return {row["_id"]: row for row in place.database.readings.find({"_id": {"$in": list(keys)}})}


def _write(place: Place, key: str, version: int, fields: Document) -> UpdateOne:
    """Guarded by the version, as every write of a bucket is."""
    own = {"p": place.person, "a": [place.mark, version + 1], "dirty_since": place.now_ms, "v": version + 1}
    return UpdateOne({"_id": key, "v": version}, {"$set": fields | own}, upsert=True, hint="_id_")


def _outcome(there: Document | None, line: Line, metric: Metric) -> Outcome:
    if there is None or not (there.get("c") or there.get("w")):
        return "stored"
    return "duplicate" if told(there, metric) == line else "taken"
