"""Numbers and dates of an Apple Health export, gathered as texts and read by the thousand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phr.formats.building import ItemRefused, parse_time
from phr.interchange.apple_words import PATH
from phr.interchange.formats import Batch
from phr.interchange.gathering import Lane, give_out, refuse
from phr.vocabulary.metric import Metric, Unit, ValueType

DATE_LENGTH = len("2019-07-19 10:36:11 -0700")
_DATES = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)+", re.ASCII)


@dataclass(slots=True)
class TextLane:
    """Records of one metric from one source in one unit and at one offset, as they are written.

    ``factor``: to the unit, where HealthKit's own is another.
    """

    source: str
    metric: Metric
    unit: Unit
    factor: float
    offset_min: int | None
    starts: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    contexts: dict[int, dict[str, Any]] = field(default_factory=dict)
    _lane: Lane | None = None

    def give_out(self, batch: Batch) -> None:
        """Moves what the lane holds into the batch; it is empty then."""
        if not self.starts:
            return
        if self._lane is None:
            self._lane = Lane(self.source, self.metric, self.unit, self.offset_min, PATH)
        try:
            self._fill(self._lane)
        except ValueError:
            self._fill_one_by_one(self._lane, batch)
        self.starts, self.ends, self.values, self.places, self.contexts = [], [], [], [], {}
        give_out(self._lane, batch)

    def _fill(self, lane: Lane) -> None:
        """Raises ValueError where one of the texts is no date or number."""
        values = list(map(float, self.values))
        lane.t = _instants(self.starts, self.offset_min)
        if self.metric.value_type is ValueType.INTERVAL:
            ends = _instants(self.ends, self.offset_min)
            lane.lengths = [end - start for start, end in zip(lane.t, ends, strict=True)]
        lane.values = values if self.factor == 1 else [value * self.factor for value in values]
        lane.places, lane.contexts = self.places, self.contexts

    def _fill_one_by_one(self, lane: Lane, batch: Batch) -> None:
        for index, place in enumerate(self.places):
            try:
                t_ms = parse_time(rfc3339(self.starts[index]), "/startDate")[0]
                end_ms = parse_time(rfc3339(self.ends[index]), "/endDate")[0]
                value = float(self.values[index])
            except ItemRefused as error:
                refuse(batch, self.source, f"{PATH}/{place}{error.pointer}", (error.code, error.detail))
            except ValueError:
                refuse(batch, self.source, f"{PATH}/{place}/value", ("value-invalid", "a value is a number"))
            else:
                if index in self.contexts:
                    lane.contexts[len(lane.t)] = self.contexts[index]
                lane.t.append(t_ms)
                if self.metric.value_type is ValueType.INTERVAL:
                    lane.lengths.append(end_ms - t_ms)
                lane.values.append(value * self.factor)
                lane.places.append(place)


def rfc3339(text: str) -> str:
    """The date "2019-07-19 10:36:11 -0700" as RFC 3339 writes it."""
    return f"{text[:10]}T{text[11:19]}{text[20:23]}:{text[23:]}"


def _instants(texts: Sequence[str], offset_min: int | None) -> list[int]:
    """Milliseconds since 1970 of dates that have this offset. Raises ValueError where one is no date."""
    local = [text[:19] for text in texts]
    if _DATES.fullmatch("".join(local)) is None:
        raise ValueError("not a date")
    seconds = np.array(local, dtype="datetime64[s]").astype(np.int64) - 60 * (offset_min or 0)
    found: list[int] = (seconds * 1_000).tolist()
    return found
