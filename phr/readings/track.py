"""What a question about a series looks at: which lane and source, how far away, which span, which part of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from phr.readings import summaries
from phr.readings.packed_months import Months
from phr.readings.ranking import ALIKE, Ranking
from phr.readings.raw import Between, Lane
from phr.readings.stats import Stats
from phr.readings.summaries import Line


class Resolution(StrEnum):
    """How far away, from near to far."""

    RAW = "raw"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Row(NamedTuple):
    """One period with readings. ``offset_min`` None: ``at`` is the number of its first local day; else the instant at
    which the hour begins on a clock with that offset.
    """

    at: int
    offset_min: int | None
    doc: list[Any]  # its stats, as Stats.to_doc writes them: a lifetime of rows is only shown, not added up
    devices: tuple[str, ...]  # those that were counted, in order of their names

    @property
    def n(self) -> int:
        n: int = self.doc[0]
        return n

    @property
    def stats(self) -> Stats:
        return Stats.from_doc(self.doc)

    @property
    def place(self) -> tuple[int, int]:
        return self.at, self.offset_min or 0


@dataclass(frozen=True, slots=True)
class Span:
    """The instants of a series, and the local days that they overlap, first and last included."""

    between: Between
    first: int
    last: int

    @property
    def is_empty(self) -> bool:
        return self.between[0] >= self.between[1]


class Place(NamedTuple):
    """Where a raw reading stands in the order of a series."""

    t_ms: int
    device: str
    seq: int


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a span after a place (a Place, or the ``place`` of a Row; None: all), at most ``limit``."""

    span: Span
    after: Place | tuple[int, int] | None
    limit: int


@dataclass(frozen=True, slots=True)
class Track:
    """A lane, and the one source (None: all) that is looked at."""

    lane: Lane
    source: str | None = None
    ranking: Ranking = ALIKE  # which source is believed first where one counts

    @property
    def longest_ms(self) -> int:
        """How long before the instant that names its day a reading can begin."""
        return summaries.LONGEST_PERIOD_MS if self.lane.metric.day_of == "end" else 0

    @property
    def is_merged(self) -> bool:
        """True where all that is looked at is counted together; else one source a day is, and nothing is added up."""
        return self.lane.metric.merge_sources or self.source is not None

    def days(self, first: int, last: int) -> list[Line]:
        return self._own(summaries.days(self.lane, first, last))

    def months(self, first: int, last: int) -> Months:
        found = summaries.months(self.lane, first, last)
        if self.source is None:
            return found
        own = [device == self.source for device in found.devices]
        return found[np.array(own, np.bool_)]

    def _own(self, lines: list[Line]) -> list[Line]:
        return lines if self.source is None else [line for line in lines if line.device == self.source]
