"""Plain numbers of many sources and metrics on their way from a file into batches, each in the lane it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from phr.formats.building import ItemRefused, parse_time
from phr.interchange.formats import Batch
from phr.interchange.gathering import RECORDS_A_BATCH, Lane, give_out
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import vocabulary

MOST_LANES = 10_000


@dataclass(frozen=True, slots=True)
class When:
    """A reading's instant, or its period; ``offset_min`` None: where the person was is not known."""

    t_ms: Any
    offset_min: int | None = None
    end_ms: Any = None


@dataclass(frozen=True, slots=True)
class Where:
    """The list of the file that a reading stands in, as a pointer, and its number there."""

    path: str
    number: int

    def __str__(self) -> str:
        return f"{self.path}/{self.number}"


class Lanes:
    """``batch``: what is not given out yet; a format adds to it what is no plain number."""

    def __init__(self) -> None:
        self.batch = Batch()
        self._lanes: dict[tuple[str, str, str, int | None, str], Lane] = {}

    @property
    def is_full(self) -> bool:
        return self.batch.records >= RECORDS_A_BATCH

    def add(self, source: str, what: tuple[str, str], value: Any, when: When, where: Where) -> None:
        """One number, ``what`` = (metric, unit). Raises ItemRefused time-invalid; the value is looked at later."""
        metric = vocabulary().metrics[what[0]]
        t_ms = _instant(when.t_ms)
        key = (source, *what, when.offset_min, where.path)
        lane = self._lanes.get(key)
        if lane is None:
            unit = metric.unit_by_name[what[1]]
            lane = self._lanes[key] = Lane(source, metric, unit, when.offset_min, where.path)
        if metric.value_type is ValueType.INTERVAL:
            lane.lengths.append(_instant(when.end_ms) - t_ms)
        lane.t.append(t_ms)
        lane.values.append(value)
        lane.places.append(where.number)

    def give_out(self) -> Batch:
        """All that came since the last time."""
        batch, self.batch = self.batch, Batch()
        for lane in self._lanes.values():
            give_out(lane, batch)
        if len(self._lanes) > MOST_LANES:
            self._lanes.clear()
        return batch


def _instant(value: Any) -> int:
    if type(value) is not int:
        raise ItemRefused("time-invalid", "milliseconds since 1970")
    return parse_time(value, "")[0]
