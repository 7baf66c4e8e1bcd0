"""Which local days' summaries a change puts behind, and the mark of it in the bucket. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from phr.clock import DAY_MS
from phr.database import Document
from phr.readings.chunk import Merged
from phr.readings.columnwise import Slice
from phr.readings.revisions import Row
from phr.readings.spans import local_day, possible_local_days, span_of
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
    by_end = metric.day_of == "end"
    instants: dict[int | None, list[int]] = {}  # by offset
    for part in slices:
        run = part.run
        found = run.t[part.low : part.high]
        if by_end and DURATION in run.values:
            lengths = run.values[DURATION][part.low : part.high]
            found = [t + (length or 0) for t, length in zip(found, lengths, strict=True)]
        instants.setdefault(run.offset_min, []).extend(found)
    for offset_min, found in instants.items():
        # within a chunk that is no longer than a day there are no days between the first and the last
        has_no_other = not by_end and span_of(metric).chunk_ms <= DAY_MS
        _add_days(days, (min(found), max(found)) if has_no_other else found, offset_min)
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
