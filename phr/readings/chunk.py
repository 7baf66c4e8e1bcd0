"""What one chunk of a bucket holds, and what becomes of it when readings arrive. Pure: no database, no clock.

A chunk is a small document of columns, ordered by (t, seq):
    n  how many readings          e  the last t, milliseconds from the chunk's start
    t  increasing column of t     v  value column; for components {key: column}; missing where values have no number
    q  column of seq, missing when all are zero
    r  column of run numbers, missing when all are zero
    x  {index: extra} for the few readings that have more than a number; keys in EXTRA_KEYS
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bson import encode

from phr.readings.columns import pack, pack_increasing, unpack_increasing_list, unpack_list
from phr.readings.columnwise import (
    EXTRA_KEYS,
    ChunkDoc,
    Slice,
    column,
    column_names,
    put_columns,
    stored_extra,
    with_new,
)
from phr.readings.revisions import History, Key, Row

_KEY_BYTES = 8  # the index that names a reading's extras, and what BSON puts around it
_SENT = EXTRA_KEYS["sent"]

TOO_DENSE = "too-dense"
TOO_OFTEN_CORRECTED = "too-often-corrected"


@dataclass(slots=True)
class Outcome:
    """What became of a slice's readings; the four add up to its length."""

    stored: int = 0
    duplicate: int = 0
    corrected: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)  # (index in the run, code)
    voided: list[int] = field(default_factory=list)  # indices of duplicates of what was voided: no rule looks at them


@dataclass(slots=True)
class Merged:
    chunk: ChunkDoc | None  # None: nothing changed
    outcomes: list[Outcome]
    revisions: list[dict[str, Any]]  # new rows for the bucket's history
    replaced: list[tuple[int, Row]]  # (t, row before): their days change as well


class Setting(NamedTuple):
    """What a merge must know of the bucket around the chunk."""

    base_ms: int  # the chunk's start
    cap: int
    extras_bytes: int  # what the chunk's extras may weigh: contexts and waveforms, not numbers, fill a document
    history: Sequence[dict[str, Any]]  # the bucket's revisions so far
    offsetless_runs: frozenset[int]  # numbers of runs whose offset is unknown
    voided: ChunkDoc | None = None  # what was taken out: it keeps its room, so that it can always come back


def merge(chunk: ChunkDoc | None, slices: Sequence[Slice], setting: Setting) -> Merged:
    """The chunk with the slices in it, taken in their order; the identity of a reading is (t, seq).

    A value that a reading held before is a duplicate, unless it was said later than the revision that replaced it.
    """
    count = sum(part.high - part.low for part in slices)
    if not setting.voided and (chunk["n"] if chunk else 0) + count <= setting.cap:
        grown = with_new(chunk, setting.base_ms, slices)
        if grown and _weight(grown.get("x")) <= setting.extras_bytes:
            return Merged(grown, [Outcome(stored=part.high - part.low) for part in slices], [], [])
    return _RowByRow(chunk, setting).take(slices)


class _RowByRow:
    """The general way, one reading at a time: duplicates, corrections, readings out of order."""

    def __init__(self, chunk: ChunkDoc | None, setting: Setting) -> None:
        self._setting = setting
        self._rows = decode_rows(chunk, setting.base_ms) if chunk else {}
        self._voided = decode_rows(setting.voided, setting.base_ms) if setting.voided else {}
        extras = [(one or {}).get("x") for one in (chunk, setting.voided)]
        self._room = setting.extras_bytes - sum(map(_weight, extras))
        self._history = History(setting.history)
        self._replaced: list[tuple[int, Row]] = []
        self._changed = False

    def take(self, slices: Sequence[Slice]) -> Merged:
        outcomes = []
        for part in slices:
            outcome = Outcome()
            for index in range(part.low, part.high):
                self._settle(part, index, outcome)
            outcomes.append(outcome)
        chunk = encode_rows(self._rows, self._setting.base_ms) if self._changed else None
        return Merged(chunk, outcomes, self._history.new, self._replaced)

    def _settle(self, part: Slice, index: int, outcome: Outcome) -> None:
        key, row = _arriving(part, index)
        current = self._rows.get(key)
        if key in self._voided:
            outcome.duplicate += 1
            outcome.voided.append(index)
        elif current is None:
            self._store(key, row, index, outcome)
        elif row.adds_nothing_to(current):
            outcome.duplicate += 1
            self._take_offset(key, row, part)
        elif self._history.held_before(key, row, part.sent_at_ms):
            outcome.duplicate += 1
        else:
            self._correct(key, row, part, index, outcome)

    def _store(self, key: Key, row: Row, index: int, outcome: Outcome) -> None:
        weight = _weight(row.extra)
        if len(self._rows) + len(self._voided) >= self._setting.cap or weight > self._room:
            outcome.refused.append((index, TOO_DENSE))
            return
        self._rows[key] = row
        self._room -= weight
        self._changed = True
        outcome.stored += 1

    def _take_offset(self, key: Key, row: Row, part: Slice) -> None:
        """A known offset replaces an unknown one without being a correction.

        Not by what can be taken back as a batch: the reading would go with it.
        """
        current = self._rows[key]
        if part.batch is not None or part.run.offset_min is None or current.run not in self._setting.offsetless_runs:
            return
        self._replaced.append((key[0], current))
        # The run brings its unit along, so the value as sent must be the one that was sent in it.
        extra = {name: value for name, value in (current.extra or {}).items() if name != _SENT}
        if row.extra and _SENT in row.extra:
            extra[_SENT] = row.extra[_SENT]
        self._rows[key] = Row(current.values, row.run, extra or None)
        self._changed = True

    def _correct(self, key: Key, row: Row, part: Slice, index: int, outcome: Outcome) -> None:
        current = self._rows[key]
        added = _weight(row.extra) - _weight(current.extra)
        if added > self._room:
            outcome.refused.append((index, TOO_DENSE))
            return
        if not self._history.add(key, current, part.said_at_ms):
            outcome.refused.append((index, TOO_OFTEN_CORRECTED))
            return
        self._replaced.append((key[0], current))
        self._rows[key] = row
        self._room -= added
        self._changed = True
        outcome.corrected += 1


def _arriving(part: Slice, index: int) -> tuple[Key, Row]:
    run = part.run
    values = tuple(sorted((name, value) for name, column in run.values.items() if (value := column[index]) is not None))
    extra = stored_extra(run.extras[index]) if index in run.extras else None
    return (run.t[index], run.seq[index] if run.seq else 0), Row(values, part.run_no, extra or None)


def _weight(extras: dict[str, Any] | None) -> int:
    """The bytes of extras in a document."""
    return len(encode(extras)) + _KEY_BYTES if extras else 0


def decode_rows(chunk: ChunkDoc, base_ms: int) -> dict[Key, Row]:
    """Every reading of a chunk by its key, in order."""
    n = chunk["n"]
    t = unpack_increasing_list(chunk["t"])
    seq = unpack_list(chunk["q"]) if "q" in chunk else [0] * n
    runs = unpack_list(chunk["r"]) if "r" in chunk else [0] * n
    columns = sorted((name, unpack_list(column(chunk, name))) for name in column_names(chunk))
    extras = chunk.get("x", {})
    rows = {}
    for i in range(n):
        values = tuple((name, column[i]) for name, column in columns if column[i] is not None)
        rows[base_ms + t[i], seq[i]] = Row(values, runs[i], extras.get(str(i)))  # type: ignore[arg-type]
    return rows  # type: ignore[return-value]


def encode_rows(rows: dict[Key, Row], base_ms: int) -> ChunkDoc:
    """The inverse of ``decode_rows``; rows may come in any order."""
    keys = sorted(rows)
    ordered = [rows[key] for key in keys]
    t = [key[0] - base_ms for key in keys]
    chunk: ChunkDoc = {"n": len(keys), "e": t[-1], "t": pack_increasing(t)}
    by_name = [dict(row.values) for row in ordered]
    names = sorted({name for values in by_name for name in values})
    put_columns(chunk, {name: pack([values.get(name) for values in by_name]) for name in names})
    if any(key[1] for key in keys):
        chunk["q"] = pack([key[1] for key in keys])
    if any(row.run for row in ordered):
        chunk["r"] = pack([row.run for row in ordered])
    extras = {str(i): row.extra for i, row in enumerate(ordered) if row.extra}
    return chunk | ({"x": extras} if extras else {})
