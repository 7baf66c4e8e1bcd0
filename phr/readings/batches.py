"""A batch of readings (an import) as a whole: what stands of it, and how it is taken back.

Taking back is not voiding: what the batch stored is gone as if it had never come, and what it replaced returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from phr.database import Database, Document
from phr.errors import ServerUnavailable
from phr.feed import landings
from phr.readings.chunk import decode_rows, encode_rows
from phr.readings.columns import unpack
from phr.readings.dirty import days_of, mark_dirty
from phr.readings.raw import bucket_start_ms
from phr.readings.revisions import Key, Line, Row, past_row
from phr.readings.spans import span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

MAX_TRIES = 60
CHUNK_FIELDS = ("c", "w")  # what stands, and what was voided

Replacement = tuple[Document, int, int]  # the update, how many readings went, how many returned


@dataclass(frozen=True, slots=True)
class Standing:
    """``readings``: how many stand in the record (or are voided) because of the batch; ``replaced``: of them, those
    that took another value's place.
    """

    readings: int = 0
    replaced: int = 0


def standing(database: Database, person: str, batch: str) -> Standing:
    """What stands of a batch, counted in the buckets themselves."""
    readings = replaced = 0
    for document in database.readings.find({"p": person, "b": batch}):
        own = _own_runs(document, batch)
        for field in CHUNK_FIELDS:
            readings += sum(_count(chunk, own) for chunk in document.get(field, {}).values())
        if document.get("h"):
            ours = {key for field in CHUNK_FIELDS for key, row in _rows(document, field).items() if row.run in own}
            replaced += len(ours & {(line["t"], line["q"]) for line in document["h"] if line["r"] not in own})
    return Standing(readings, replaced)


def take_back(
    database: Database, person: str, batch: str, now_ms: int, *, tell: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Takes a batch out of a person's record; ``tell(gone, returned)`` after each bucket. Safe to repeat.

    Raises ServerUnavailable, PyMongoError; then some buckets are done and the next call does the rest.
    """
    for key in _keys(database, person, batch):
        tell(*_take_back_one(database, key, batch, now_ms))


def _keys(database: Database, person: str, batch: str) -> Iterator[str]:
    for row in database.readings.find({"p": person, "b": batch}, {"_id": 1}):
        yield row["_id"]


def _take_back_one(database: Database, key: str, batch: str, now_ms: int) -> tuple[int, int]:
    """Guarded by the version like every write; who loses reads again."""
    for _ in range(MAX_TRIES):
        document = database.readings.find_one({"_id": key, "b": batch})
        if document is None:
            return 0, 0
        update, gone, returned = _without(document, batch, now_ms)
        if database.readings.update_one({"_id": key, "v": document["v"]}, update).matched_count:
            landings.note(database, [(key, document["v"] + 1)], now_ms)
            return gone, returned
    raise ServerUnavailable("a bucket is written by others faster than it can be read")


def _without(document: Document, batch: str, now_ms: int) -> Replacement:
    """The bucket without the batch. Its run stays as a name that nothing has, so that the others keep their numbers."""
    metric = vocabulary().metrics[document["m"]]
    own = _own_runs(document, batch)
    kept = [line for line in document.get("h", ()) if line["r"] not in own]
    sets: Document = {}
    unsets: Document = {"b": ""}
    touched: list[tuple[int, Row]] = []
    gone = returned = 0
    for field in CHUNK_FIELDS:
        for number in document.get(field, {}):
            base_ms = _base_ms(document, metric, number)
            rows = decode_rows(document[field][number], base_ms)
            ours = [key for key, row in rows.items() if row.run in own]
            if not ours:
                continue
            for key in ours:
                touched.append((key[0], rows.pop(key)))
                before = _pop_last(kept, key)
                if before is not None:
                    rows[key] = before
                    touched.append((key[0], before))
                    returned += 1
            gone += len(ours)
            if rows:
                sets[f"{field}.{number}"] = encode_rows(rows, base_ms)
            else:
                unsets[f"{field}.{number}"] = ""
    return _update(document, sets, unsets, kept, touched, own, now_ms), gone, returned


def _update(  # noqa: PLR0913, PLR0917 - the parts of one change
    document: Document,
    sets: Document,
    unsets: Document,
    kept: list[Line],
    touched: list[tuple[int, Row]],
    own: set[int],
    now_ms: int,
) -> Document:
    runs = [[*run[:3], None, *run[4:]] if number in own else run for number, run in enumerate(document["runs"])]
    sets |= {"runs": runs, "v": document["v"] + 1}
    if others := sorted({run[3] for run in runs if run[3]}):
        sets["b"] = others
        del unsets["b"]
    if len(kept) < len(document.get("h", ())):
        sets["h"] = kept
    if touched:
        days = days_of(vocabulary().metrics[document["m"]], touched, document["runs"])
        mark_dirty(sets, document, days, now_ms)
    return {"$set": sets} | ({"$unset": unsets} if unsets else {})


def _pop_last(lines: list[Line], key: Key) -> Row | None:
    """What the reading held last, before the batch; it leaves the history, since it stands again."""
    for index in range(len(lines) - 1, -1, -1):
        if (lines[index]["t"], lines[index]["q"]) == key:
            return past_row(lines.pop(index))
    return None


def _own_runs(document: Document, batch: str) -> set[int]:
    return {number for number, run in enumerate(document["runs"]) if run[3] == batch}


def _count(chunk: dict[str, Any], own: set[int]) -> int:
    if "r" not in chunk:
        return int(chunk["n"]) if 0 in own else 0
    return int(np.isin(unpack(chunk["r"]), list(own)).sum())


def _rows(document: Document, field: str) -> dict[Key, Row]:
    metric = vocabulary().metrics[document["m"]]
    found: dict[Key, Row] = {}
    for number, chunk in document.get(field, {}).items():
        found |= decode_rows(chunk, _base_ms(document, metric, number))
    return found


def _base_ms(document: Document, metric: Metric, number: str) -> int:
    return bucket_start_ms(document["_id"]) + int(number) * span_of(metric).chunk_ms
