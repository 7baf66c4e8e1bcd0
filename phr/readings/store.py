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

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import lt
from typing import Any, NamedTuple

from pymongo import ASCENDING, UpdateOne

from phr.database import Database, Document, write_new
from phr.errors import ServerUnavailable
from phr.feed import landings
from phr.readings import chunk as chunks
from phr.readings.chunk import Merged, Outcome, Setting, Slice
from phr.readings.revisions import Row
from phr.readings.spans import DAY_MS, bucket_id, local_day, possible_local_days, span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import DURATION, Run

RUNS_CAP = 200  # kinds of runs a bucket may tell apart; an honest bucket has a handful
MAX_TRIES = 60
LATE_MS = 10 * 60_000  # what arrives so long after its last reading was measured is back-filled


class Arrival(NamedTuple):
    """A run that has found its person."""

    person: str
    device: str
    run: Run
    origin: str  # "mqtt", "http:<client>", "import:<id>"
    arrived_at_ms: int
    sent_at_ms: int | None = None
    batch: str | None = None  # what it can be taken back with


@dataclass(slots=True)
class _Touched:
    """One bucket of a flush and what arrives in it."""

    metric: Metric
    person: str
    device: str
    start_ms: int
    parts: list[tuple[int, int, int, int]] = field(default_factory=list)  # (arrival no, chunk no, low, high)


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

    Safe to repeat from the top: what is already there counts as duplicate. Raises PyMongoError when the database
    fails, ServerUnavailable when other writers win every time.
    """
    if not arrivals:
        return []
    touched = _touched_buckets(arrivals)
    outcomes = [Outcome() for _ in arrivals]
    for _ in range(MAX_TRIES):
        touched = _write_once(database, arrivals, touched, outcomes)
        if not touched:
            return outcomes
    raise ServerUnavailable(f"{len(touched)} buckets are written by others faster than they can be read")


def weigh(database: Database, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """What ``write`` would say of the arrivals, with nothing written."""
    touched = _touched_buckets(arrivals)
    outcomes = [Outcome() for _ in arrivals]
    found = _read(database, touched)
    for key, bucket in touched.items():
        for number, outcome in _merge_bucket(found.get(key), bucket, arrivals)[1]:
            _add(outcomes[number], outcome)
    return outcomes


def _touched_buckets(arrivals: Sequence[Arrival]) -> dict[str, _Touched]:
    touched: dict[str, _Touched] = {}
    for number, arrival in enumerate(arrivals):
        run = arrival.run
        span = span_of(run.metric)
        for chunk_at, low, high in _cut(run.t, span.chunk_ms):
            start_ms = chunk_at * span.chunk_ms // span.bucket_ms * span.bucket_ms
            key = bucket_id(arrival.person, run.metric.key, start_ms, arrival.device)
            bucket = touched.get(key)
            if bucket is None:
                bucket = touched[key] = _Touched(run.metric, arrival.person, arrival.device, start_ms)
            bucket.parts.append((number, chunk_at - start_ms // span.chunk_ms, low, high))
    return touched


def _cut(t: Sequence[int], chunk_ms: int) -> Iterable[tuple[int, int, int]]:
    """(chunk number since 1970, low, high) for each stretch of instants within one chunk."""
    first, last = t[0] // chunk_ms, t[-1] // chunk_ms
    if len(t) == 1 or (first == last and min(t) // chunk_ms == first == max(t) // chunk_ms):
        yield first, 0, len(t)
        return
    if all(map(lt, t, t[1:])):
        low = 0
        for number in range(first, last + 1):
            high = bisect_left(t, (number + 1) * chunk_ms, low)
            if high > low:
                yield number, low, high
            low = high
        return
    low = 0
    for i, at in enumerate(t):
        if at // chunk_ms != first:
            yield first, low, i
            first, low = at // chunk_ms, i
    yield first, low, len(t)


def _write_once(
    database: Database, arrivals: Sequence[Arrival], touched: dict[str, _Touched], outcomes: list[Outcome]
) -> dict[str, _Touched]:
    """Reads, merges and writes each bucket; the buckets that somebody else wrote in between are left."""
    found = _read(database, touched)
    writes: list[UpdateOne] = []
    written: dict[str, int] = {}  # id: version
    results: dict[str, list[tuple[int, Outcome]]] = {}
    for key, bucket in touched.items():
        document = found.get(key)
        change, results[key] = _merge_bucket(document, bucket, arrivals)
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
        landings.note(database, landed, max(arrival.arrived_at_ms for arrival in arrivals))
    for key, per_arrival in results.items():
        if key not in lost:
            for number, outcome in per_arrival:
                _add(outcomes[number], outcome)
    return {key: touched[key] for key in lost}


def _read(database: Database, touched: dict[str, _Touched]) -> dict[str, Document]:
    numbers = {number for bucket in touched.values() for _, number, _, _ in bucket.parts}
    wanted = {"v": 1, "runs": 1, "dirty": 1, "dirty_since": 1, "h": 1} | {
        f"{field}.{number}": 1 for number in numbers for field in "cw"
    }
    rows = database.readings.find({"_id": {"$in": list(touched)}}, wanted, batch_size=10_000)
    return {row["_id"]: row for row in rows}


def _merge_bucket(
    document: Document | None, bucket: _Touched, arrivals: Sequence[Arrival]
) -> tuple[dict[str, Any], list[tuple[int, Outcome]]]:
    """The fields to set in a bucket (none: nothing changed) and each arrival's outcome in it."""
    runs = [list(run) for run in document["runs"]] if document else []
    old_chunks = document.get("c", {}) if document else {}
    voided = document.get("w", {}) if document else {}
    history = document.get("h", []) if document else []
    change: dict[str, Any] = {}
    results: list[tuple[int, Outcome]] = []
    days: set[int] = set()
    span = span_of(bucket.metric)
    for number, parts in _by_chunk(bucket.parts).items():
        numbers, slices, refused = _slices(parts, arrivals, runs)
        results += refused
        if not slices:
            continue
        offsetless = frozenset(i for i, run in enumerate(runs) if run[0] is None)
        base_ms = bucket.start_ms + number * span.chunk_ms
        setting = Setting(base_ms, span.cap, span.extras_bytes, history, offsetless, voided.get(str(number)))
        merged = chunks.merge(old_chunks.get(str(number)), slices, setting)
        results += list(zip(numbers, merged.outcomes, strict=True))
        if merged.chunk is None:
            continue
        change[f"c.{number}"] = merged.chunk
        history = [*history, *merged.revisions]
        if merged.revisions:
            change["h"] = history
        days |= _changed_days(bucket.metric, slices, merged, runs)
    if change:
        change["runs"] = runs
        if batches := sorted({run[3] for run in runs if run[3]}):
            change["b"] = batches
        mark_dirty(change, document or {}, days, max(arrivals[number].arrived_at_ms for number, *_ in bucket.parts))
    return change, results


def mark_dirty(change: dict[str, Any], document: Document, days: set[int], now_ms: int) -> None:
    """Adds to the fields that are set in a bucket that these days' summaries are behind."""
    change["dirty"] = sorted(days.union(document.get("dirty", ())))
    if "dirty_since" not in document:
        change["dirty_since"] = now_ms


def note_sources(database: Database, sources: Iterable[tuple[str, str, str]]) -> None:
    """Keeps the list of which device measures what for whom (person, metric, device); a new bucket may be its first."""
    upserts = [
        UpdateOne({"_id": f"{p}:{m}:{d}"}, {"$setOnInsert": {"p": p, "m": m, "d": d}}, upsert=True)
        for p, m, d in sources
    ]
    if upserts:
        database.sources.bulk_write(upserts, ordered=False)


def _by_chunk(parts: Sequence[tuple[int, int, int, int]]) -> dict[int, list[tuple[int, int, int]]]:
    grouped: dict[int, list[tuple[int, int, int]]] = {}
    for arrival_no, number, low, high in parts:
        grouped.setdefault(number, []).append((arrival_no, low, high))
    return grouped


def _slices(
    parts: Sequence[tuple[int, int, int]], arrivals: Sequence[Arrival], runs: list[list[Any]]
) -> tuple[list[int], list[Slice], list[tuple[int, Outcome]]]:
    numbers, slices, refused = [], [], []
    for arrival_no, low, high in parts:
        arrival = arrivals[arrival_no]
        run_no = _run_number(runs, arrival)
        if run_no is None:
            refused.append((arrival_no, Outcome(refused=[(i, chunks.TOO_DENSE) for i in range(low, high)])))
            continue
        numbers.append(arrival_no)
        slices.append(Slice(arrival.run, run_no, low, high, arrival.arrived_at_ms, arrival.sent_at_ms, arrival.batch))
    return numbers, slices, refused


def _run_number(runs: list[list[Any]], arrival: Arrival) -> int | None:
    """The number of the bucket's run that shares offset, unit, origin and batch, made where there is none."""
    unit = arrival.run.unit
    kind = [arrival.run.offset_min, unit.code if unit else None, arrival.origin, arrival.batch]
    timing = _timing(arrival)
    for number, run in enumerate(runs):
        if run[:4] == kind and run[6:] == timing:
            run[4] = min(run[4], arrival.arrived_at_ms)
            run[5] = max(run[5], arrival.arrived_at_ms)
            return number
    if len(runs) >= RUNS_CAP:
        return None
    runs.append([*kind, arrival.arrived_at_ms, arrival.arrived_at_ms, *timing])
    return len(runs) - 1


def _timing(arrival: Arrival) -> list[int]:
    # An import is back-filled whatever it holds; its long runs are asked once a chunk, and not for their latest.
    is_late = arrival.batch is not None or arrival.arrived_at_ms - max(arrival.run.t) > LATE_MS
    return [arrival.run.clock_offset_ms, int(is_late)] if is_late or arrival.run.clock_offset_ms else []


def _changed_days(metric: Metric, slices: Sequence[Slice], merged: Merged, runs: list[list[Any]]) -> set[int]:
    """The local days whose summaries the change touches, before and after it."""
    days: set[int] = set()
    for part in slices:
        run = part.run
        instants: Iterable[int] = run.t[part.low : part.high]
        if metric.day_of == "end" and DURATION in run.values:
            lengths = run.values[DURATION][part.low : part.high]
            instants = [t + (length or 0) for t, length in zip(instants, lengths, strict=True)]
        elif part.high - part.low > 2 and span_of(metric).chunk_ms <= DAY_MS:
            instants = (min(instants), max(instants))  # within a chunk there are no days between
        _add_days(days, instants, run.offset_min)
    return days | days_of(metric, merged.replaced, runs)


def days_of(metric: Metric, rows: Iterable[tuple[int, Row]], runs: list[list[Any]]) -> set[int]:
    """The local days that stored readings (their instants, and what they hold) can belong to."""
    days: set[int] = set()
    for t, row in rows:
        length = dict(row.values).get(DURATION, 0) if metric.day_of == "end" else 0
        _add_days(days, (t + length,), runs[row.run][0])
    return days


def _add_days(days: set[int], instants: Iterable[int], offset_min: int | None) -> None:
    for t in instants:
        if offset_min is None:
            days.update(possible_local_days(t))
        else:
            days.add(local_day(t, offset_min))


def _update(bucket: _Touched, version: int, change: dict[str, Any]) -> dict[str, Any]:
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
