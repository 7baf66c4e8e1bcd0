"""Numbers and dates of an Apple Health export, gathered as texts and read by the thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from phr.formats.building import ItemRefused, parse_time
from phr.interchange.apple_words import PATH
from phr.interchange.formats import Batch
from phr.interchange.gathering import Lane, give_out, refuse
from phr.readings.columns import IntArray
from phr.vocabulary.metric import Metric, Unit, ValueType

DATE_LENGTH = len("2019-07-19 10:36:11 -0700")
_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_BETWEEN = [4, 7, 10, 13, 16]


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
        starts = _instants(self.starts, self.offset_min)
        if self.metric.value_type is ValueType.INTERVAL:
            lane.lengths = (_instants(self.ends, self.offset_min) - starts).tolist()
        lane.t = starts.tolist()
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


def _instants(texts: Sequence[str], offset_min: int | None) -> IntArray:
    """Milliseconds since 1970 of dates that have this offset, all DATE_LENGTH long. Raises ValueError for a wrong one.

    Read as digits in columns: numpy's own reading of dates takes ten times as long.
    """
    signs = np.frombuffer("".join(texts).encode("ascii"), np.uint8).reshape(-1, DATE_LENGTH)
    digits = signs[:, _DIGITS] - ord("0")  # what is no digit is more than nine, also by going round below zero
    if (digits > 9).any() or (signs[:, _BETWEEN] != np.frombuffer(b"-- ::", np.uint8)).any():
        raise ValueError("not a date")
    century, of_century, month, day, hour, minute, second = (digits[:, ::2] * 10 + digits[:, 1::2]).T.astype(np.int64)
    if (month > 12).any() or (hour > 23).any() or (minute > 59).any() or (second > 59).any():
        raise ValueError("no such date")
    months = ((century * 100 + of_century - 1970) * 12 + month - 1).astype("datetime64[M]")
    before, after = (one.astype("datetime64[D]").astype(np.int64) for one in (months, months + 1))
    if (month < 1).any() or (day < 1).any() or (day > after - before).any():
        raise ValueError("no such date")
    days = before + day - 1
    found: IntArray = (((days * 24 + hour) * 60 + minute - (offset_min or 0)) * 60 + second) * 1_000
    return found
