"""Which local days' summaries a change puts behind, and the mark of it in the bucket. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from phr.database import Document
from phr.readings.chunk import Merged
from phr.readings.columnwise import Slice
from phr.readings.revisions import Row
from phr.readings.spans import DAY_MS, local_day, possible_local_days, span_of
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import DURATION


def mark_dirty(change: dict[str, Any], document: Document, days: set[int], now_ms: int) -> None:
    """Adds to the fields that are set in a bucket that these days' summaries are behind."""
    change["dirty"] = sorted(days.union(document.get("dirty", ())))
    if "dirty_since" not in document:
        change["dirty_since"] = now_ms


def changed_days(metric: Metric, slices: Sequence[Slice], merged: Merged, runs: list[list[Any]]) -> set[int]:
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
