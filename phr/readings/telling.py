"""A bucket told as a whole in plain words, for an archive, and made again from them. Pure: no database, no clock.

Numbers are the stored integers, canonical value * metric.scale; times milliseconds since 1970. ``t`` holds the first
instant and then the step to each next one; instants never fall, and readings of one instant are told apart by ``seq``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import numpy as np
from bson import encode

from phr.clock import DAY_MS
from phr.database import Document
from phr.readings.columns import ABSENT, pack, pack_increasing, unpack
from phr.readings.columnwise import EXTRA_KEYS, ChunkDoc
from phr.readings.raw import bucket_start_ms
from phr.readings.revisions import HISTORY_CAP
from phr.readings.spans import EAST_MS, WEST_MS, span_of
from phr.readings.store import RUNS_CAP
from phr.readings.void import LOG_BYTES
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.reading import DURATION

LARGEST_BYTES = 15 * 2**20  # of the 16 MB a document may have
LONGEST_MS = 2**43  # instants and steps beyond it are nobody's
_PLAIN = {stored: name for name, stored in EXTRA_KEYS.items()}


class LineInvalid(ValueError):
    """A line that no bucket can be. ``pointer``: the field at fault."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer, self.detail = pointer, detail


class Run(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What readings that came alike share; ``batch``: the import they came with."""

    offset_min: int | None
    unit: str | None
    origin: str
    first_arrival: int
    last_arrival: int
    batch: str | None = None
    clock_offset_ms: int | None = None
    is_late: bool | None = None


class Rows(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Readings in columns of equal length; ``run``: which of the line's runs (absent: all the first)."""

    t: list[int]
    values: dict[str, list[int | None]] = {}
    seq: list[int] | None = None
    run: list[int] | None = None
    extras: dict[str, dict[str, Any]] = {}  # by index: context, flag, quality, sent, value, id


class Revision(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What a reading held before the word of ``replaced_at`` replaced it."""

    t: int
    seq: int
    values: dict[str, int]
    run: int
    replaced_at: int
    extra: dict[str, Any] = {}


class Act(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Readings (t as in Rows) that were taken out or given back."""

    act: str
    by: str
    reason: str
    at: int
    t: list[int]
    seq: list[int]


class Line(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One bucket: a device's readings of one metric over one span."""

    device: str
    start: int
    runs: list[Run]
    readings: Rows | None = None
    voided: Rows | None = None
    history: list[Revision] = []
    acts: list[Act] = []

    def __len__(self) -> int:
        return sum(len(rows.t) for rows in (self.readings, self.voided) if rows)


def told(document: Document, metric: Metric) -> Line:
    """The line of a stored bucket."""
    start_ms = bucket_start_ms(document["_id"])
    return Line(
        device=document["d"],
        start=start_ms,
        runs=[_told_run(run) for run in document["runs"]],
        readings=_told_rows(document.get("c"), start_ms, metric),
        voided=_told_rows(document.get("w"), start_ms, metric),
        history=[_told_revision(line) for line in document.get("h", ())],
        acts=[_told_act(line, start_ms) for line in document.get("l", ())],
    )


def bucket(line: Line, metric: Metric) -> Document:
    """The stored fields of a line but for whose it is: runs, c, w, h, l, b, dirty. Raises LineInvalid."""
    span = span_of(metric)
    if line.start % span.bucket_ms or not 1 <= len(line.runs) <= RUNS_CAP:
        raise LineInvalid("/start" if line.start % span.bucket_ms else "/runs", "no bucket begins or is made up so")
    runs = [_run(run) for run in line.runs]
    fields: Document = {"runs": runs, "c": {}}
    for name, field, rows in (("readings", "c", line.readings), ("voided", "w", line.voided)):
        if rows is not None:
            fields[field] = _chunks(rows, line, metric, f"/{name}")
    if line.history:
        fields["h"] = _history(line)
    if line.acts:
        fields["l"] = _acts(line)
    if batches := sorted({run[3] for run in runs if run[3]}):
        fields["b"] = batches
    _check_weight(fields)
    return fields | {"dirty": _days(line, metric)}


def _told_run(run: Sequence[Any]) -> Run:
    offset_min, unit, origin, batch, first, last = run[:6]
    timing = (run[6], bool(run[7])) if len(run) > 6 else (None, None)
    return Run(offset_min, unit, origin, first, last, batch, *timing)


def _run(run: Run) -> list[Any]:
    timing = [] if run.clock_offset_ms is None else [run.clock_offset_ms, int(bool(run.is_late))]
    return [run.offset_min, run.unit, run.origin, run.batch, run.first_arrival, run.last_arrival, *timing]


def _told_rows(chunks: dict[str, ChunkDoc] | None, start_ms: int, metric: Metric) -> Rows | None:
    if not chunks:
        return None
    parts = [(int(number), chunks[number]) for number in sorted(chunks, key=int)]
    chunk_ms = span_of(metric).chunk_ms
    t: list[int] = []
    last = 0
    for number, chunk in parts:
        steps, base = unpack(chunk["t"]), start_ms + number * chunk_ms
        t.append(base + int(steps[0]) - last)
        t += steps[1:].tolist()
        last = base + int(steps.sum())
    columns = [_columns(chunk) for _, chunk in parts]
    names = sorted({name for one in columns for name in one})
    rows = Rows(t=t, values={name: _joined(name, parts, columns) for name in names})
    for field, key in (("seq", "q"), ("run", "r")):
        if any(key in chunk for _, chunk in parts):
            whole: list[int] = []
            for _, chunk in parts:
                whole += unpack(chunk[key]).tolist() if key in chunk else [0] * chunk["n"]
            setattr(rows, field, whole)
    before = 0
    for _, chunk in parts:
        extras = chunk.get("x", {})
        for index in sorted(extras, key=int):
            rows.extras[str(before + int(index))] = _told_extra(extras[index])
        before += chunk["n"]
    return rows


def _columns(chunk: ChunkDoc) -> dict[str, bytes]:
    column = chunk.get("v", {})
    return {"": column} if isinstance(column, bytes) else column


def _joined(name: str, parts: Sequence[tuple[int, ChunkDoc]], columns: Sequence[dict[str, bytes]]) -> list[int | None]:
    whole: list[int | None] = []
    for (_, chunk), own in zip(parts, columns, strict=True):
        if name not in own:
            whole += [None] * chunk["n"]
            continue
        values = unpack(own[name])
        found = values.tolist()
        if values.size and values.min() == ABSENT:
            found = [None if value == ABSENT else value for value in found]
        whole += found
    return whole


def _told_extra(extra: dict[str, Any]) -> dict[str, Any]:
    return {_PLAIN[key]: value for key, value in extra.items()}


def _told_revision(line: dict[str, Any]) -> Revision:
    return Revision(line["t"], line["q"], dict(line["v"]), line["r"], line["by"], _told_extra(line.get("x", {})))


def _told_act(line: dict[str, Any], start_ms: int) -> Act:
    t = unpack(line["t"])
    t[0] += start_ms
    return Act(line["k"], line["a"], line["r"], line["at"], t.tolist(), unpack(line["q"]).tolist())


def _chunks(rows: Rows, line: Line, metric: Metric, pointer: str) -> dict[str, ChunkDoc]:
    span, t = span_of(metric), _instants(rows.t, f"{pointer}/t")
    if not line.start <= t[0] or not t[-1] < line.start + span.bucket_ms:
        raise LineInvalid(f"{pointer}/t", "an instant outside the span of the line")
    seq = _whole(rows.seq, len(t), f"{pointer}/seq", 2**31)
    _check_order(rows.t, seq, f"{pointer}/t")
    run = _whole(rows.run, len(t), f"{pointer}/run", len(line.runs))
    _check_values(rows.values, len(t), metric, pointer)
    extras = _extras(rows.extras, len(t), pointer)
    offsets = [at - line.start for at in t]
    edges = np.searchsorted(offsets, np.arange(0, span.bucket_ms + 1, span.chunk_ms)).tolist()
    found: dict[str, ChunkDoc] = {}
    for number, (low, high) in enumerate(pairwise(edges)):
        if low == high:
            continue
        if high - low > span.cap:
            raise LineInvalid(f"{pointer}/t", f"more than {span.cap} readings in a chunk")
        at = [one - number * span.chunk_ms for one in offsets[low:high]]
        chunk: ChunkDoc = {"n": high - low, "e": at[-1], "t": pack_increasing(at)}
        columns = {name: column[low:high] for name, column in sorted(rows.values.items())}
        packed = {name: pack(column) for name, column in columns.items() if any(v is not None for v in column)}
        if packed:
            chunk["v"] = packed[""] if list(packed) == [""] else packed
        if any(seq[low:high]):
            chunk["q"] = pack(seq[low:high])
        if any(run[low:high]):
            chunk["r"] = pack(run[low:high])
        if own := {str(index - low): extras[index] for index in extras if low <= index < high}:
            chunk["x"] = own
        found[str(number)] = chunk
    return found


def _instants(steps: Sequence[int], pointer: str) -> list[int]:
    """Raises LineInvalid where there are none, or one is before another that it follows."""
    if not steps or abs(steps[0]) > LONGEST_MS:
        raise LineInvalid(pointer, "a list of instants: the first, and then the step to each next one")
    if len(steps) > 1 and (min(steps[1:]) < 0 or max(steps[1:]) > LONGEST_MS):
        raise LineInvalid(pointer, "an instant before the one that it follows")
    return list(accumulate(steps))


def _whole(column: list[int] | None, n: int, pointer: str, end: int) -> list[int]:
    if column is None:
        return [0] * n
    if len(column) != n or min(column) < 0 or max(column) >= end:
        raise LineInvalid(pointer, f"as many numbers as there are readings, from 0 to {end - 1}")
    return column


def _check_order(steps: Sequence[int], seq: Sequence[int], pointer: str) -> None:
    if 0 in steps[1:]:
        for index, step in enumerate(steps):
            if index and not step and seq[index] <= seq[index - 1]:
                raise LineInvalid(pointer, "two readings of one instant and one seq")


def _check_values(values: dict[str, list[int | None]], n: int, metric: Metric, pointer: str) -> None:
    has_number = metric.value_type in (ValueType.NUMBER, ValueType.INTERVAL)
    known = {part.key for part in metric.components} or ({""} if has_number else set())
    for name, column in values.items():
        if name not in known and name != DURATION:
            raise LineInvalid(f"{pointer}/values/{name}", f"{metric.key} has no such component")
        present = column if None not in column else [value for value in column if value is not None]
        if len(column) != n or (present and (min(present) < -(2**62) or max(present) > 2**62)):  # type: ignore[type-var,operator]
            raise LineInvalid(f"{pointer}/values/{name}", "as many numbers as there are readings, each within 62 bits")


def _extras(extras: dict[str, dict[str, Any]], n: int, pointer: str) -> dict[int, dict[str, Any]]:
    found = {}
    for index, extra in extras.items():
        if not index.isdecimal() or not int(index) < n:
            raise LineInvalid(f"{pointer}/extras/{index}", "no reading has this number")
        found[int(index)] = _extra(extra, f"{pointer}/extras/{index}")
    return found


def _extra(extra: dict[str, Any], pointer: str) -> dict[str, Any]:
    for name in extra:
        if name not in EXTRA_KEYS:
            raise LineInvalid(f"{pointer}/{name}", f"one of {', '.join(sorted(EXTRA_KEYS))}")
    return {EXTRA_KEYS[name]: value for name, value in extra.items()}


def _history(line: Line) -> list[dict[str, Any]]:
    if len(line.history) > HISTORY_CAP:
        raise LineInvalid("/history", f"more than {HISTORY_CAP} revisions")
    found = []
    for number, one in enumerate(line.history):
        if not 0 <= one.run < len(line.runs):
            raise LineInvalid(f"/history/{number}/run", "no such run")
        row: dict[str, Any] = {"t": one.t, "q": one.seq, "v": [list(pair) for pair in sorted(one.values.items())]}
        row |= {"r": one.run, "by": one.replaced_at}
        found.append(row | ({"x": _extra(one.extra, f"/history/{number}/extra")} if one.extra else {}))
    return found


def _acts(line: Line) -> list[dict[str, Any]]:
    found = []
    for number, one in enumerate(line.acts):
        pointer = f"/acts/{number}"
        if one.act not in ("void", "restore"):
            raise LineInvalid(f"{pointer}/act", "void or restore")
        t = _instants(one.t, f"{pointer}/t")
        seq = _whole(one.seq, len(t), f"{pointer}/seq", 2**31)
        row = {"k": one.act, "a": one.by, "r": one.reason, "at": one.at}
        found.append(row | {"t": pack_increasing([at - line.start for at in t]), "q": pack(seq)})
    if len(encode({"l": found})) > LOG_BYTES:
        raise LineInvalid("/acts", f"more than {LOG_BYTES} bytes")
    return found


def _check_weight(fields: Document) -> None:
    try:
        size = len(encode(fields))
    except (OverflowError, ValueError, TypeError) as error:
        raise LineInvalid("", f"nothing that can be stored: {str(error)[:100]}") from error
    if size > LARGEST_BYTES:
        raise LineInvalid("", f"more than {LARGEST_BYTES} bytes")


def _days(line: Line, metric: Metric) -> list[int]:
    """The local days that its readings can belong to, as phr.readings.store marks them."""
    days: set[int] = set()
    for rows in (line.readings, line.voided):
        if rows is None:
            continue
        t = np.cumsum(np.array(rows.t, np.int64))
        if metric.day_of == "end" and DURATION in rows.values:
            t += np.array([length or 0 for length in rows.values[DURATION]], np.int64)
        run = np.zeros(t.size, np.int64) if rows.run is None else np.array(rows.run, np.int64)
        for number, one in enumerate(line.runs):
            own = t[run == number] if rows.run is not None else t[: t.size if number == 0 else 0]
            days.update(_days_of(own, one.offset_min))
    return sorted(days)


def _days_of(t: Any, offset_min: int | None) -> Iterable[int]:
    if not t.size:
        return ()
    if offset_min is not None:
        return np.unique((t + offset_min * 60_000) // DAY_MS).tolist()  # type: ignore[no-any-return]
    around = (t - WEST_MS, t, t + EAST_MS)  # at most three days, one for each
    return {day for one in around for day in np.unique(one // DAY_MS).tolist()}
