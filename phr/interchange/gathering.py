"""Readings gathered one by one, given out as runs in columns: what makes a file of millions cheap to take in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter, le
from typing import Any

from phr.formats.building import MAX_PERIOD_MS, Item, stored_limits, take
from phr.interchange.formats import Batch
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.reading import DURATION, Rejection, Run
from phr.vocabulary.units import column_to_stored

RECORDS_A_BATCH = 20_000
LISTED = 100  # refused items of a batch that are told one by one; the others are counted

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.]+")


@dataclass(slots=True)
class Lane:
    """Plain numbers of one metric from one source in one unit and at one offset, in the order of the file."""

    source: str
    metric: Metric
    unit: Unit | None
    offset_min: int | None
    path: str
    t: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)  # of periods; empty for instants
    places: list[int] = field(default_factory=list)  # which thing of the file each one is, from 1
    contexts: dict[int, dict[str, Any]] = field(default_factory=dict)  # by index
    last: tuple[int, list[tuple[Any, int]]] = (0, [])  # the latest instant, and what was seen of it, by number


class Numbers:
    """The same as ``Lane`` gives its readings, for those that come one by one and in the order of time."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[int, list[Any]]] = {}  # by source and metric: an instant, what it had

    def seq(self, lane: tuple[str, str], t_ms: int, what: Any) -> int:
        """Another reading of the same instant is not a correction; the same one once more is the same."""
        at, seen = self._last.get(lane, (t_ms, []))
        if at != t_ms:
            seen = []
        if what not in seen:
            seen.append(what)
        self._last[lane] = t_ms, seen
        return seen.index(what)


def give_out(lane: Lane, batch: Batch) -> None:
    """Moves what the lane holds into the batch; the lane is empty then, and remembers its latest instant."""
    if not lane.t:
        return
    if not all(map(le, lane.t, lane.t[1:])):
        _sort(lane)
    run = Run(lane.metric, "", lane.unit, lane.offset_min, lane.t, {}, lane.path, positions=lane.places)
    run.seq = _numbered(lane)
    column = _column(lane)
    if column is None or any(length > MAX_PERIOD_MS or length < 0 for length in lane.lengths):
        _one_by_one(lane, run.seq, batch)
    else:
        run.values[""] = column
        if any(lane.lengths):
            run.values[DURATION] = list(lane.lengths)
        _mark(run, column, lane.contexts)
        batch.of(lane.source).runs.append(run)
    lane.t, lane.values, lane.lengths, lane.places, lane.contexts = [], [], [], [], {}


def refuse(batch: Batch, source: str, path: str, why: tuple[str, str]) -> None:
    """Adds a refused item; beyond LISTED of the same kind in a batch they are counted together."""
    found = batch.of(source).rejections
    if len(found) >= LISTED and (found[-1].code, found[-1].detail) == why:
        found[-1] = Rejection(found[-1].path, *why, count=found[-1].count + 1)
    else:
        found.append(Rejection(path, *why))


def source_name(salt: str, product: str, name: str) -> str:
    """What a source of a file is called in the record: its product, and a mark of its own name.

    The name itself is often a person's ("Mei's watch"), so it is not kept; the same name gives the same mark.
    """
    slug = _NOT_IN_A_NAME.sub("-", product.lower()).strip("-.")[:32] or "app"
    mark = hashlib.blake2b(f"{salt}\0{product}\0{name}".encode(errors="replace"), digest_size=4).hexdigest()
    return f"{slug}.{mark}"


def _sort(lane: Lane) -> None:
    order = [index for index, _ in sorted(enumerate(lane.t), key=itemgetter(1))]
    lane.t, lane.values, lane.places = (
        [lane.t[i] for i in order],
        [lane.values[i] for i in order],
        [lane.places[i] for i in order],
    )
    if lane.lengths:
        lane.lengths = [lane.lengths[i] for i in order]
    lane.contexts = {new: lane.contexts[i] for new, i in enumerate(order) if i in lane.contexts}


def _numbered(lane: Lane) -> list[int] | None:
    """``seq``: another reading of the same instant is not a correction; the same one once more is the same."""
    t, lengths = lane.t, lane.lengths
    at, seen = lane.last
    if t[0] > at and len(set(t)) == len(t):
        lane.last = t[-1], [((lane.values[-1], lengths[-1] if lengths else 0), 0)]
        return None
    seq = []
    for index, instant in enumerate(t):
        what = lane.values[index], lengths[index] if lengths else 0
        if instant != at:
            at, seen = instant, []
        number = next((known for one, known in seen if one == what), len(seen))
        if number == len(seen):
            seen.append((what, number))
        seq.append(number)
    lane.last = at, seen
    return seq if any(seq) else None


def _column(lane: Lane) -> list[int | None] | None:
    """As stored integers, rounded to what the metric keeps; None where one of them needs to be looked at by itself."""
    try:
        column = column_to_stored(lane.metric, lane.unit, lane.values)
        limits = stored_limits(lane.metric, lane.unit)
        inside = limits.low <= min(column) and max(column) <= limits.high  # type: ignore[type-var, operator]
    except (TypeError, ValueError, OverflowError):
        return None
    return column if inside else None


def _mark(run: Run, column: Sequence[int | None], contexts: dict[int, dict[str, Any]]) -> None:
    run.extras = {index: {"context": context} for index, context in contexts.items()}
    limits = stored_limits(run.metric, run.unit)
    if min(column) < limits.published_low or max(column) > limits.published_high:  # type: ignore[type-var, operator]
        for index, stored in enumerate(column):
            if not limits.published_low <= stored <= limits.published_high:  # type: ignore[operator]
                run.extras.setdefault(index, {})["quality"] = "suspect"


def _one_by_one(lane: Lane, seq: list[int] | None, batch: Batch) -> None:
    """The slow way for a lane with something wrong in it: each reading is judged by itself."""
    decoded = batch.of(lane.source)
    unit = lane.unit.code if lane.unit else None
    for index, t_ms in enumerate(lane.t):
        end_ms = t_ms + lane.lengths[index] if lane.lengths else None
        path = f"{lane.path}/{lane.places[index]}"
        item = Item(path, lane.metric, t_ms, lane.values[index], lane.offset_min, unit, end_ms)
        item.seq = seq[index] if seq else 0
        item.context = lane.contexts.get(index)
        take(decoded, item)
        if decoded.runs:
            decoded.runs[-1].extras.get(0, {}).pop("sent", None)
