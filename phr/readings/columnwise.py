"""The columns of a chunk, and the short way into them: where all that arrives is new, nothing is looked at row by row.

Pure. What the columns are called: phr.readings.chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import eq, lt
from typing import Any, NamedTuple

from phr.readings.columns import (
    extended,
    extended_increasing,
    pack,
    pack_increasing,
    unpack_increasing_list,
    unpack_list,
)
from phr.vocabulary.reading import Run

ChunkDoc = dict[str, Any]

# Names of extras in a Run -> names on disk.
EXTRA_KEYS = {"context": "c", "flag": "f", "quality": "s", "sent": "o", "value": "v", "id": "i"}


class Slice(NamedTuple):
    """The part [low, high) of an arriving run that falls into one chunk."""

    run: Run
    run_no: int  # the run's number in the bucket
    low: int
    high: int
    arrived_at_ms: int
    sent_at_ms: int | None = None  # None: a value that was there before is a redelivery, never a later word
    batch: str | None = None

    @property
    def said_at_ms(self) -> int:
        return self.arrived_at_ms if self.sent_at_ms is None else self.sent_at_ms


def with_new(chunk: ChunkDoc | None, base_ms: int, slices: Sequence[Slice]) -> ChunkDoc | None:
    """The chunk with all of the slices in it; None where a reading may be there already, or has columns of its own."""
    names = set(column_names(chunk)) if chunk else slices[0].run.values.keys()
    if chunk and "q" in chunk:
        return None
    for part in slices:
        if part.run.seq is not None or part.run.values.keys() != names:
            return None
    t = [at - base_ms for part in slices for at in part.run.t[part.low : part.high]]
    if all(map(lt, chain((chunk["e"] if chunk else -1,), t), t)):
        return _appended(chunk, t, slices)
    return _interleaved(chunk, t, slices)


def _appended(chunk: ChunkDoc | None, t: list[int], slices: Sequence[Slice]) -> ChunkDoc:
    n = chunk["n"] if chunk else 0
    grown: ChunkDoc = {"n": n + len(t), "e": t[-1]}
    grown["t"] = extended_increasing(chunk["t"], chunk["e"], t) if chunk else pack_increasing(t)
    columns = {}
    for name in slices[0].run.values:
        values = _values(slices, name)
        columns[name] = extended(column(chunk, name), values) if chunk else pack(values)
    put_columns(grown, columns)
    old = chunk.get("r") if chunk else None
    if old is not None or any(part.run_no for part in slices):
        numbers = _run_numbers(slices)
        grown["r"] = extended(old, numbers) if old is not None else pack([0] * n + numbers)
    if extras := _extras(chunk, n, slices):
        grown["x"] = {str(index): extra for index, extra in extras.items()}
    return grown


def _interleaved(chunk: ChunkDoc | None, t: list[int], slices: Sequence[Slice]) -> ChunkDoc | None:
    """The readings put in their places between those that are there; None where two are of one instant."""
    n = chunk["n"] if chunk else 0
    instants = [*unpack_increasing_list(chunk["t"]), *t] if chunk else t
    order = sorted(range(len(instants)), key=instants.__getitem__)
    ordered = [instants[i] for i in order]
    if any(map(eq, ordered, ordered[1:])):
        return None
    grown: ChunkDoc = {"n": len(ordered), "e": ordered[-1], "t": pack_increasing(ordered)}
    columns = {}
    for name in slices[0].run.values:
        values = _values(slices, name)
        if chunk:
            values = [*unpack_list(column(chunk, name)), *values]
        columns[name] = pack([values[i] for i in order])
    put_columns(grown, columns)
    old = chunk.get("r") if chunk else None
    if old is not None or any(part.run_no for part in slices):
        numbers = [*(unpack_list(old) if old is not None else [0] * n), *_run_numbers(slices)]
        grown["r"] = pack([numbers[i] for i in order])
    if extras := _extras(chunk, n, slices):
        grown["x"] = {str(place): extras[i] for place, i in enumerate(order) if i in extras}
    return grown


def _values(slices: Sequence[Slice], name: str) -> list[int | None]:
    return [value for part in slices for value in part.run.values[name][part.low : part.high]]


def _run_numbers(slices: Sequence[Slice]) -> list[int | None]:
    return [part.run_no for part in slices for _ in range(part.low, part.high)]


def _extras(chunk: ChunkDoc | None, n: int, slices: Sequence[Slice]) -> dict[int, dict[str, Any]]:
    """By index, what arrives after the ``n`` readings that are there."""
    extras = {int(index): extra for index, extra in chunk.get("x", {}).items()} if chunk else {}
    for part in slices:
        own, span = part.run.extras, range(part.low, part.high)
        # An import's run has extras for many chunks, a message's for some of its readings.
        for index in [i for i in span if i in own] if len(own) > len(span) else [i for i in own if i in span]:
            extras[n + index - part.low] = stored_extra(own[index])
        n += part.high - part.low
    return extras


def stored_extra(extra: dict[str, Any]) -> dict[str, Any]:
    return {EXTRA_KEYS[name]: value for name, value in extra.items()}


def put_columns(chunk: ChunkDoc, columns: dict[str, bytes]) -> None:
    if columns:
        chunk["v"] = columns[""] if list(columns) == [""] else columns


def column(chunk: ChunkDoc, name: str) -> bytes:
    found: bytes | dict[str, bytes] = chunk["v"]
    return found if isinstance(found, bytes) else found[name]


def column_names(chunk: ChunkDoc) -> Iterable[str]:
    found = chunk.get("v")
    if found is None:
        return ()
    return ("",) if isinstance(found, bytes) else found.keys()
