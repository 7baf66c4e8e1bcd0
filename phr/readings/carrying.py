"""Takes the revisions of readings along to another person's bucket: what each held before it was corrected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from bson import encode

from phr.database import Database, Document
from phr.errors import PhrError, ServerUnavailable
from phr.readings.revisions import HISTORY_BYTES, HISTORY_CAP, Line
from phr.readings.spans import bucket_id, span_of
from phr.readings.store import MAX_TRIES, RUNS_CAP
from phr.readings.void import Source, Wanted, bucket_ids
from phr.vocabulary.reading import later_value

Runs = list[list[Any]]


class HistoryFull(PhrError):
    """The other bucket has no room for what these readings held before."""

    code: ClassVar[str] = "history-full"
    status: ClassVar[int] = 409


def carry(database: Database, source: Source, to: str, wanted: Wanted, shift_ms: int = 0) -> int:
    """Adds the wanted readings' revisions to the buckets of ``to``, which stand already; how many lines were new.

    ``shift_ms``: the readings stand so much later there. Each once, so safe to repeat. Raises HistoryFull,
    ServerUnavailable, PyMongoError.
    """
    found = database.readings.find({"_id": {"$in": bucket_ids(database, source, wanted)}}, {"h": 1, "runs": 1})
    count, bucket_ms = 0, span_of(source.metric).bucket_ms
    for document in found:
        lines = [line for line in document.get("h", ()) if wanted.holds((line["t"], line["q"]))]
        by_bucket: dict[int, list[Line]] = {}
        for line in lines:
            by_bucket.setdefault((line["t"] + shift_ms) // bucket_ms * bucket_ms, []).append(_later(line, shift_ms))
        for start_ms, there in by_bucket.items():
            key = bucket_id(to, source.metric.key, start_ms, source.device)
            count += _add(database, key, there, document["runs"])
    return count


def _later(line: Line, shift_ms: int) -> Line:
    later = line | {"t": line["t"] + shift_ms}
    extra = line.get("x", {})
    return later | ({"x": extra | {"v": later_value(extra["v"], shift_ms)}} if "v" in extra else {})


def said_at_ms(database: Database, source: Source, wanted: Wanted) -> dict[tuple[int, int], int]:
    """When the present word of each corrected reading was said."""
    found = database.readings.find({"_id": {"$in": bucket_ids(database, source, wanted)}}, {"h": 1})
    lines = (line for document in found for line in document.get("h", ()))
    return {(line["t"], line["q"]): int(line["by"]) for line in lines if wanted.holds((line["t"], line["q"]))}


def _add(database: Database, key: str, lines: Sequence[Line], runs: Runs) -> int:
    """Guarded by the version like every write; who loses reads again."""
    for _ in range(MAX_TRIES):
        document = database.readings.find_one({"_id": key}, {"h": 1, "runs": 1, "v": 1})
        if document is None:
            return 0  # nothing of this bucket stood there, so nothing of it moved
        fresh = _fresh(document, lines)
        if not fresh:
            return 0
        change = _with(document, fresh, runs)
        guard = {"_id": key, "v": document["v"]}
        if database.readings.update_one(guard, {"$set": change | {"v": document["v"] + 1}}).matched_count:
            return len(fresh)
    raise ServerUnavailable("a bucket is written by others faster than it can be read")


def _fresh(document: Document, lines: Sequence[Line]) -> list[Line]:
    there = [_said(line) for line in document.get("h", ())]
    return [line for line in lines if _said(line) not in there]


def _said(line: Line) -> tuple[Any, ...]:
    """A revision without the number of its run, which is the bucket's own."""
    return line["t"], line["q"], line["v"], line["by"], line.get("x")


def _with(document: Document, fresh: Sequence[Line], runs: Runs) -> Document:
    known: Runs = [list(run) for run in document["runs"]]
    history = [*document.get("h", ()), *(line | {"r": _run_number(known, runs[line["r"]])} for line in fresh)]
    if len(history) > HISTORY_CAP or len(encode({"h": history})) > HISTORY_BYTES or len(known) > RUNS_CAP:
        raise HistoryFull("the other record has no room for what these readings held before")
    return {"h": history, "runs": known}


def _run_number(known: Runs, run: list[Any]) -> int:
    """Of the run of the same kind and timing, put in where there is none."""
    for number, one in enumerate(known):
        if one[:4] == run[:4] and one[6:] == run[6:]:
            return number
    known.append(list(run))
    return len(known) - 1
