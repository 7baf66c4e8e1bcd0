"""Raw readings of several buckets in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from phr.database import Document
from phr.readings.columns import ABSENT, IntArray, unpack_increasing_many, unpack_many
from phr.readings.raw import Between, Lane, bucket_start_ms, zone_offsets
from phr.readings.spans import span_of
from phr.readings.track import Place

Objects = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Origin:
    """A bucket that readings come from; ``runs`` as in phr.readings.store."""

    device: str
    runs: list[list[Any]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings in columns of equal length; ``origins[origin[i]]`` is where reading i comes from."""

    t: IntArray
    offsets: IntArray
    seq: IntArray
    values: dict[str, IntArray]
    origin: IntArray
    run: IntArray
    extras: dict[int, dict[str, Any]]  # by index; keys on disk (phr.readings.chunk.EXTRA_KEYS)
    origins: list[Origin]

    def devices(self) -> list[str]:
        """Of each reading."""
        names = np.array([one.device for one in self.origins], object)
        found: list[str] = names[self.origin].tolist()
        return found

    def units(self) -> Objects:
        """Of each reading, as ``unit`` gives it."""
        codes = np.array([run[1] for one in self.origins for run in one.runs], object)
        return codes[_run_places(self.origin, self.run, self.origins)]

    def unit(self, index: int) -> str | None:
        """The code of the unit as sent."""
        code: str | None = self._run(index)[1]
        return code

    def timing(self, index: int) -> tuple[int, bool]:
        """What was added to the time that the device stated, and whether the reading came late."""
        run = self._run(index)
        return (int(run[6]), bool(run[7])) if len(run) > 6 else (0, False)

    def place(self, index: int) -> Place:
        return Place(int(self.t[index]), self.origins[int(self.origin[index])].device, int(self.seq[index]))

    def part(self, index: IntArray) -> Rows:
        """The readings with these indices, in this order."""
        extras = self.extras
        if extras:
            extras = {new: extras[old] for new, old in enumerate(index.tolist()) if old in extras}
        values = {name: column[index] for name, column in self.values.items()}
        t, offsets, seq, origin, run = (
            column[index] for column in (self.t, self.offsets, self.seq, self.origin, self.run)
        )
        return Rows(t, offsets, seq, values, origin, run, extras, self.origins)

    def _run(self, index: int) -> list[Any]:
        return self.origins[int(self.origin[index])].runs[int(self.run[index])]


def within(rows: Rows, between: Between) -> Rows:
    """Those that begin within."""
    kept = (rows.t >= between[0]) & (rows.t < between[1])
    return rows if kept.all() else rows.part(np.flatnonzero(kept))


def in_order(rows: Rows) -> Rows:
    """By (t, device, seq)."""
    names = sorted({one.device for one in rows.origins})
    if len(names) <= 1:
        is_sorted = rows.t.size < 2 or bool((np.diff(rows.t) > 0).all())
        return rows if is_sorted else rows.part(np.lexsort((rows.seq, rows.t)))
    places = {name: number for number, name in enumerate(names)}
    who = np.array([places[one.device] for one in rows.origins], np.int64)[rows.origin]
    return rows.part(np.lexsort((rows.seq, who, rows.t)))


def of_buckets(lane: Lane, documents: Sequence[Document]) -> Rows:
    """All of their readings, bucket by bucket, decoded together: one by one the chunks of a page cost more than it."""
    if not any(document["c"] for document in documents):
        return nothing()
    chunk_ms = span_of(lane.metric).chunk_ms
    chunks: list[Document] = []
    bases: list[int] = []
    for document in documents:
        start_ms, own = bucket_start_ms(document["_id"]), document["c"]
        names = sorted(own, key=int) if len(own) > 1 else own
        chunks += [own[name] for name in names]
        bases += [start_ms + int(name) * chunk_ms for name in names]
    t, sizes = unpack_increasing_many([chunk["t"] for chunk in chunks])
    of = np.repeat(np.arange(len(documents)), [len(document["c"]) for document in documents])
    origin, run = np.repeat(of, sizes), _column([chunk.get("r") for chunk in chunks], sizes, 0)
    t += np.repeat(np.array(bases, np.int64), sizes)
    origins = [Origin(document["d"], document["runs"]) for document in documents]
    return Rows(
        t,
        _offsets(lane, t, origin, run, origins),
        _column([chunk.get("q") for chunk in chunks], sizes, 0),
        _values([chunk.get("v") for chunk in chunks], sizes),
        origin,
        run,
        _extras(chunks, sizes),
        origins,
    )


def _values(columns: Sequence[bytes | dict[str, bytes] | None], sizes: IntArray) -> dict[str, IntArray]:
    """By component; a chunk of plain numbers has one column and no name."""
    plain = [column if isinstance(column, bytes) else None for column in columns]
    found = {"": _column(plain, sizes, ABSENT)} if any(plain) else {}
    for name in sorted({name for column in columns if isinstance(column, dict) for name in column}):
        named = [column.get(name) if isinstance(column, dict) else None for column in columns]
        if name in found:  # a metric that has both
            named = [one or other for one, other in zip(named, plain, strict=True)]
        found[name] = _column(named, sizes, ABSENT)
    return found


def _column(columns: Sequence[bytes | None], sizes: IntArray, missing: int) -> IntArray:
    """One column out of those of the chunks, ``missing`` where a chunk has none."""
    there = [column for column in columns if column is not None]
    if len(there) == len(columns):
        return unpack_many(there)[0]
    whole = np.full(int(sizes.sum()), missing, np.int64)
    if there:
        whole[np.repeat(np.array([column is not None for column in columns], bool), sizes)] = unpack_many(there)[0]
    return whole


def _offsets(lane: Lane, t: IntArray, origin: IntArray, run: IntArray, origins: Sequence[Origin]) -> IntArray:
    """Minutes from UTC of each reading: as sent, else by the person's zone at that instant."""
    known = [one[0] for bucket in origins for one in bucket.runs]
    at = _run_places(origin, run, origins)
    offsets = np.array([0 if offset is None else offset for offset in known], np.int64)[at]
    if None in known:
        unknown = np.array([offset is None for offset in known], bool)[at]
        if unknown.any():
            offsets[unknown] = zone_offsets(t[unknown], lane.offset_at)
    return offsets


def _run_places(origin: IntArray, run: IntArray, origins: Sequence[Origin]) -> IntArray:
    """Of each reading, where its run stands among those of all buckets one after the other."""
    first = np.cumsum([0, *(len(bucket.runs) for bucket in origins[:-1])])  # of each bucket, the number of its run 0
    return np.asarray(first[origin] + run, np.int64)


def _extras(chunks: Sequence[Document], sizes: IntArray) -> dict[int, dict[str, Any]]:
    starts = (np.cumsum(sizes) - sizes).tolist()
    return {
        start + int(index): extra
        for start, chunk in zip(starts, chunks, strict=True)
        if "x" in chunk
        for index, extra in chunk["x"].items()
    }


def nothing() -> Rows:
    empty = np.empty(0, np.int64)
    return Rows(empty, empty, empty, {}, empty, empty, {}, [])


def joined(parts: Sequence[Rows]) -> Rows:
    """One after the other."""
    parts = [part for part in parts if part.t.size]
    if len(parts) <= 1:
        return parts[0] if parts else nothing()
    sizes = [part.t.size for part in parts]
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    before = np.cumsum([0, *(len(part.origins) for part in parts[:-1])]).tolist()
    names = sorted({name for part in parts for name in part.values})
    absent = {part: np.full(part, ABSENT, np.int64) for part in sizes}
    return Rows(
        np.concatenate([part.t for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        np.concatenate([part.seq for part in parts]),
        {name: np.concatenate([part.values.get(name, absent[part.t.size]) for part in parts]) for name in names},
        np.concatenate([part.origin + shift for part, shift in zip(parts, before, strict=True)]),
        np.concatenate([part.run for part in parts]),
        {start + at: extra for part, start in zip(parts, starts, strict=True) for at, extra in part.extras.items()},
        [one for part in parts for one in part.origins],
    )
