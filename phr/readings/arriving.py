"""What becomes of a bucket when runs arrive in it: cut by bucket and chunk, merged, with what it came to. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import lt
from typing import Any, NamedTuple

from phr.database import Document
from phr.readings import chunk as chunks
from phr.readings.chunk import Outcome, Setting
from phr.readings.columnwise import Slice
from phr.readings.dirty import changed_days, mark_dirty
from phr.readings.spans import bucket_id, span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import Run

RUNS_CAP = 200  # kinds of runs a bucket may tell apart; an honest bucket has a handful
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
class Touched:
    """One bucket of a flush and what arrives in it."""

    metric: Metric
    person: str
    device: str
    start_ms: int
    parts: list[tuple[int, int, int, int]] = field(default_factory=list)  # (arrival no, chunk no, low, high)


def touched_buckets(arrivals: Sequence[Arrival]) -> dict[str, Touched]:
    """The buckets that the arrivals fall into, by id."""
    touched: dict[str, Touched] = {}
    for number, arrival in enumerate(arrivals):
        run = arrival.run
        span = span_of(run.metric)
        for chunk_at, low, high in _cut(run.t, span.chunk_ms):
            start_ms = chunk_at * span.chunk_ms // span.bucket_ms * span.bucket_ms
            key = bucket_id(arrival.person, run.metric.key, start_ms, arrival.device)
            bucket = touched.get(key)
            if bucket is None:
                bucket = touched[key] = Touched(run.metric, arrival.person, arrival.device, start_ms)
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


def merge_bucket(
    document: Document | None, bucket: Touched, arrivals: Sequence[Arrival]
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
        offsetless = frozenset([i for i, run in enumerate(runs) if run[0] is None])
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
        days |= changed_days(bucket.metric, slices, merged, runs)
    if change:
        change["runs"] = runs
        if batches := sorted({run[3] for run in runs if run[3]}):
            change["b"] = batches
        mark_dirty(change, document or {}, days, max(arrivals[number].arrived_at_ms for number, *_ in bucket.parts))
    return change, results


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
    run, at_ms = arrival.run, arrival.arrived_at_ms
    unit = run.unit.code if run.unit else None
    # An import is back-filled whatever it holds; its long runs are asked once a chunk, and not for their latest.
    is_late = arrival.batch is not None or at_ms - max(run.t) > LATE_MS
    timing = [run.clock_offset_ms, int(is_late)] if is_late or run.clock_offset_ms else []
    for number, known in enumerate(runs):
        offset_min, its_unit, origin, batch, first_ms, last_ms, *its_timing = known
        if (
            offset_min == run.offset_min
            and its_unit == unit
            and origin == arrival.origin
            and batch == arrival.batch
            and its_timing == timing
        ):
            if at_ms < first_ms:
                known[4] = at_ms
            elif at_ms > last_ms:
                known[5] = at_ms
            return number
    if len(runs) >= RUNS_CAP:
        return None
    runs.append([run.offset_min, unit, arrival.origin, arrival.batch, at_ms, at_ms, *timing])
    return len(runs) - 1
