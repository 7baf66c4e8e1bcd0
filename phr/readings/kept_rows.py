"""Raw readings of a block of time, kept as one piece, so that years of sparse readings open as fast as dense days.

A reading every half hour makes a chunk of two; to open thousands of chunks costs more than a page's rows are worth.
Collection ``views``, a document a block of time, all sources together (``_id`` person:metric:start:raw):
    e     epoch: raised whenever something of the block was folded     p, m  person, metric     w  "raw"
    rows  of: component keys, s: columns (phr.readings.matrix) of steps of t, offset, seq, origin, run, components;
          origins: [device, runs], of a run only what a page asks for; x: {index: extra}
    many  the block has more readings than are worth keeping twice; never taken back

Like all views it is a memory and no truth, with the same guard: whoever makes one reads the epoch before the readings
and keeps it only at that epoch. A bucket whose summaries are behind is not to be taken from here, but read itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from bson import encode
from pymongo import UpdateOne, WriteConcern

from phr.clock import DAY_MS, to_datetime
from phr.database import Document, write_new
from phr.readings import matrix, raw_rows
from phr.readings.columns import IntArray
from phr.readings.raw import Between, Lane, bucket_start_ms, find_buckets, reach
from phr.readings.raw_rows import Origin, Rows
from phr.readings.spans import bucket_start_text, span_of
from phr.readings.summaries import window
from phr.readings.track import Track
from phr.vocabulary.metric import Density, Metric

MOST_READINGS = 6_000  # of a block; more are dense enough to be read out of their chunks
MOST_EXTRAS_BYTES = 1 << 20
LEAST_BLOCKS = 3  # less than that is soon read, and need not be kept
_VIEW = "raw"
_YEARS_A_BLOCK = 10  # of what is measured once a day or less
_CHEAP = WriteConcern(w=1, j=False)  # lost in a crash, it is made again
_AT_ONCE = 32  # blocks fetched together
_LONG = 48  # blocks
_RUNS = 1 << 20  # more than a bucket has
_MONTHS = 12
_SHORTEST_MONTH_MS = 28 * DAY_MS
_SPARSE = (Density.DAILY, Density.RARE)


def is_worth_it(metric: Metric, between: Between) -> bool:
    """True where a span is so long that blocks are quicker than buckets."""
    if between[1] - between[0] < (LEAST_BLOCKS - 2) * _SHORTEST_MONTH_MS:  # all but the first and the last are whole
        return False
    return metric.density is not Density.WAVEFORM and len(_starts(metric, between)) > LEAST_BLOCKS


def blocks(track: Track, between: Between) -> Iterator[Rows | Between]:
    """What lies within, in order of time: the readings of a block, or a span that is to be read from its buckets."""
    lane = track.lane
    starts = _starts(lane.metric, between)
    if len(starts) > _LONG:  # a lifetime: nothing is to be remembered of years without readings
        reached = reach(lane)
        between = max(between[0], reached[0]), min(between[1], reached[1])
        if between[0] >= between[1]:
            return
        starts = _starts(lane.metric, between)
    behind = _behind(lane)  # before all else: what becomes so from now on is as if it came later
    for at in range(0, len(starts) - 1, _AT_ONCE):
        spans = list(zip(starts[at : at + _AT_ONCE], starts[at + 1 : at + 1 + _AT_ONCE], strict=False))
        known = _known(lane, spans)
        made = _made(lane, [span for span in spans if _is_missing(known.get(span[0]))], known)
        for span in spans:
            whole = made.get(span[0]) or _kept(known.get(span[0]))
            own = [bucket for bucket in behind if _overlap(lane.metric, bucket, span)]
            if whole is None:
                yield max(span[0], between[0]), min(span[1], between[1])
            else:
                yield _of_source(_fresh(lane, whole, own, span) if own else whole, track.source)


def forget(lane: Lane, days: Iterable[int]) -> None:
    """Whatever was kept of readings that can belong to these local days, which have changed."""
    if lane.metric.density is Density.WAVEFORM:
        return
    starts = {start for day in days for start in _starts(lane.metric, window(lane.metric, day, day))[:-1]}
    new = {"p": lane.person, "m": lane.metric.key, "w": _VIEW}
    update = {"$inc": {"e": 1}, "$unset": {"rows": ""}, "$setOnInsert": new}
    writes = [UpdateOne({"_id": _key(lane, start)}, update, upsert=True) for start in sorted(starts)]
    lane.database.views.bulk_write(writes, ordered=False)


def _starts(metric: Metric, between: Between) -> list[int]:
    """Where the blocks begin that a span lies in, and where the last one ends."""
    low_ms, high_ms = between
    step = _MONTHS * _YEARS_A_BLOCK if metric.density in _SPARSE else 1
    first, last = _month(low_ms) // step, _month(max(high_ms - 1, low_ms)) // step
    months = np.arange(first, last + 2) * step
    return [int(one) for one in months.astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)]


def _month(t_ms: int) -> int:
    """Since 1970."""
    at = to_datetime(t_ms)
    return (at.year - 1970) * _MONTHS + at.month - 1


def _key(lane: Lane, start_ms: int) -> str:
    return f"{lane.prefix}:{bucket_start_text(start_ms)}:{_VIEW}"


def _known(lane: Lane, spans: Sequence[Between]) -> dict[int, Document]:
    keys = {_key(lane, start): start for start, _ in spans}
    fields = {"e": 1, "rows": 1, "many": 1}
    found = lane.database.views.find({"_id": {"$in": list(keys)}}, fields, batch_size=_AT_ONCE)
    return {keys[row["_id"]]: row for row in found}


def _is_missing(document: Document | None) -> bool:
    return document is None or not ("rows" in document or "many" in document)


def _kept(document: Document | None) -> Rows | None:
    return None if document is None or "rows" not in document else _unpacked(document["rows"])


def _behind(lane: Lane) -> list[tuple[int, str]]:
    """The buckets that have changed since they were folded, by their start and device."""
    query = {"p": lane.person, "m": lane.metric.key, "dirty_since": {"$exists": True}}
    return [(bucket_start_ms(row["_id"]), row["d"]) for row in lane.database.readings.find(query, {"d": 1})]


def _overlap(metric: Metric, bucket: tuple[int, str], span: Between) -> bool:
    return bucket[0] < span[1] and span[0] < bucket[0] + span_of(metric).bucket_ms


def _fresh(lane: Lane, whole: Rows, behind: Sequence[tuple[int, str]], span: Between) -> Rows:
    """The block with these buckets as they are now."""
    length = span_of(lane.metric).bucket_ms
    parts = [whole]
    stays = np.ones(whole.t.size, bool)
    for start, device in behind:
        is_of = np.array([one.device == device for one in whole.origins], bool)
        stays &= ~((whole.t >= start) & (whole.t < start + length) & (is_of[whole.origin] if is_of.size else False))
        low, high = max(start, span[0]), min(start + length, span[1])
        documents = [one for one in find_buckets(lane, (low, high), device) if bucket_start_ms(one["_id"]) == start]
        parts.append(raw_rows.within(raw_rows.of_buckets(lane, documents), (low, high)))
    parts[0] = whole.part(np.flatnonzero(stays))
    return raw_rows.in_order(raw_rows.joined(parts))


def _of_source(found: Rows, source: str | None) -> Rows:
    if source is None or all(one.device == source for one in found.origins):
        return found
    is_of = np.array([one.device == source for one in found.origins], bool)
    return found.part(np.flatnonzero(is_of[found.origin]))


def _made(lane: Lane, spans: Sequence[Between], known: dict[int, Document]) -> dict[int, Rows]:
    """The blocks that nobody has kept, and kept from now on where nobody has folded meanwhile."""
    made: dict[int, Rows] = {}
    writes = []
    for span in spans:
        whole = _read(lane, span)
        fields = {"many": True} if whole is None else {"rows": _packed(whole)}
        if whole is not None:
            made[span[0]] = whole
        old = known.get(span[0])
        guard = {"_id": _key(lane, span[0]), "e": old["e"] if old else 0}
        new = {"p": lane.person, "m": lane.metric.key, "w": _VIEW}
        writes.append(UpdateOne(guard, {"$set": fields, "$setOnInsert": new}, upsert=old is None))
    if writes:
        write_new(lane.database.views.with_options(write_concern=_CHEAP), writes)
    return made


def _read(lane: Lane, span: Between) -> Rows | None:
    """A block out of its buckets; None where it has too many readings, or too much that is more than a number."""
    documents, size = [], 0
    for document in find_buckets(lane, span):
        documents.append(document)
        size += sum(chunk["n"] for chunk in document["c"].values())
        if size > MOST_READINGS:
            return None
    whole = raw_rows.in_order(raw_rows.within(raw_rows.of_buckets(lane, documents), span))
    return None if whole.extras and len(encode(_texted(whole.extras))) > MOST_EXTRAS_BYTES else whole


def _packed(whole: Rows) -> Document:
    origins, origin, run = _told_apart(whole)
    names = sorted(whole.values)
    columns = [
        np.diff(whole.t, prepend=0),
        whole.offsets,
        whole.seq,
        origin,
        run,
        *(whole.values[one] for one in names),
    ]
    return {
        "of": names,
        "s": matrix.pack(columns),
        "origins": [[one.device, one.runs] for one in origins],
        "x": _texted(whole.extras),
    }


def _unpacked(rows: Document) -> Rows:
    steps, offsets, seq, origin, run, *values = matrix.unpack(rows["s"])
    extras = {int(index): extra for index, extra in rows["x"].items()}
    origins = [Origin(device, runs) for device, runs in rows["origins"]]
    return Rows(
        np.cumsum(steps), offsets, seq, dict(zip(rows["of"], values, strict=True)), origin, run, extras, origins
    )


def _texted(extras: dict[int, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(index): extra for index, extra in extras.items()}


def _told_apart(whole: Rows) -> tuple[list[Origin], IntArray, IntArray]:
    """The devices, and of each the runs that differ in unit, clock or lateness; where each reading comes from."""
    pairs, place = np.unique(whole.origin * _RUNS + whole.run, return_inverse=True)
    by_device: dict[str, dict[tuple[Any, ...], int]] = {}
    places = []
    for pair in pairs.tolist():
        bucket, number = whole.origins[pair // _RUNS], pair % _RUNS
        run = bucket.runs[number]
        known = by_device.setdefault(bucket.device, {})
        places.append((bucket.device, known.setdefault((run[1], *run[6:8]), len(known))))
    numbers = {device: number for number, device in enumerate(by_device)}
    origins = [
        Origin(device, [[None, unit, "", None, 0, 0, *timing] for unit, *timing in known])
        for device, known in by_device.items()
    ]
    origin = np.array([numbers[device] for device, _ in places], np.int64)[place]
    return origins, origin, np.array([number for _, number in places], np.int64)[place]
