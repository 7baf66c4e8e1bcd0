"""What a question about a series looks at: which lane and source, how far away, which span, which part of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from phr.readings import merging, summaries
from phr.readings.ranking import RankBy, Ranking, alike
from phr.readings.raw import Between, Lane
from phr.readings.summaries import Line, to_day

FIRST_DAY, LAST_DAY = to_day(date.min), to_day(date.max)


class Resolution(StrEnum):
    """How far away, from near to far."""

    RAW = "raw"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


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
    """The rows of a span after a place (a Place, or the ``place`` of a period; None: all), at most ``limit``."""

    span: Span
    after: Place | tuple[int, int] | None
    limit: int


@dataclass(frozen=True, slots=True)
class Track:
    """A lane, and the one source (None: all) that is looked at."""

    lane: Lane
    source: str | None = None
    rank_by: RankBy = alike

    @property
    def ranking(self) -> Ranking:
        """Which source is believed first where one counts."""
        return self.rank_by()

    @property
    def longest_ms(self) -> int:
        """How long before the instant that names its day a reading can begin."""
        return summaries.LONGEST_PERIOD_MS if self.lane.metric.day_of == "end" else 0

    @property
    def is_merged(self) -> bool:
        """True where all that is looked at is counted together; else one source a day is, and nothing is added up."""
        return self.lane.metric.merge_sources or self.source is not None

    @property
    def pad(self) -> int:
        """How many days before and after a day can share a segment with it, in which one source counts."""
        return 0 if self.source is not None else merging.pad(self.lane.metric)

    def dirty(self, first: int, last: int) -> dict[str, set[int]]:
        """By device, the days whose summaries are behind. To be asked before anything that may be behind is read."""
        found = summaries.dirty_days(self.lane, max(first - self.pad, FIRST_DAY), min(last + self.pad, LAST_DAY))
        return found if self.source is None else {self.source: found.get(self.source, set())}

    def own(self, lines: list[Line]) -> list[Line]:
        return lines if self.source is None else [line for line in lines if line.device == self.source]
