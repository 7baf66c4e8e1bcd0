"""Stretches of sleep as phones list them, one by one, put together into nights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from phr.formats.building import MAX_STAGES, Item, take
from phr.interchange.formats import Batch
from phr.vocabulary.metrics import vocabulary

APART_MS = 60 * 60_000  # an hour without a stretch ends a night
LONGEST_MS = 24 * 3_600_000
IN_BED = "in_bed"  # bounds a night and is no stage
MOST_OPEN = 1_000  # sources whose night is still going on


@dataclass(slots=True)
class _Night:
    path: str
    offset_min: int | None
    start_ms: int
    end_ms: int
    stages: list[dict[str, Any]] = field(default_factory=list)


class Nights:
    """Nights that are still going on, one a source; of each source stretches come in the order of their starts."""

    def __init__(self) -> None:
        self._open: dict[str, _Night] = {}

    def add(self, batch: Batch, source: str, stage: str, span: tuple[int, int, int | None], path: str) -> None:
        """One stretch, ``span`` = (start, end, offset in minutes); a night that it ends goes to the batch."""
        start_ms, end_ms, offset_min = span
        night = self._open.get(source)
        if night is not None and not _goes_on(night, start_ms, end_ms):
            _give_out(batch, source, self._open.pop(source))
            night = None
        if night is None:
            if len(self._open) >= MOST_OPEN:
                self.end(batch)
            night = self._open[source] = _Night(path, offset_min, start_ms, end_ms)
        night.start_ms, night.end_ms = min(night.start_ms, start_ms), max(night.end_ms, end_ms)
        if stage != IN_BED:
            night.stages.append({"stage": stage, "t": start_ms, "end": end_ms})

    def end(self, batch: Batch) -> None:
        """Gives out all nights that are still going on."""
        for source, night in _emptied(self._open):
            _give_out(batch, source, night)


def _goes_on(night: _Night, start_ms: int, end_ms: int) -> bool:
    is_near = night.start_ms - APART_MS <= end_ms and start_ms <= night.end_ms + APART_MS
    longest = max(night.end_ms, end_ms) - min(night.start_ms, start_ms)
    return is_near and longest <= LONGEST_MS and len(night.stages) < MAX_STAGES


def _emptied(nights: dict[str, _Night]) -> Iterator[tuple[str, _Night]]:
    while nights:
        yield nights.popitem()


def _give_out(batch: Batch, source: str, night: _Night) -> None:
    metric = vocabulary().metrics["sleep-episode"]
    stages = sorted(night.stages, key=lambda one: (one["t"], one["end"], one["stage"]))
    item = Item(night.path, metric, night.start_ms, {"stages": stages}, night.offset_min, end_ms=night.end_ms)
    take(batch.of(source), item)
