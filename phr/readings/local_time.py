"""How instants and local days are written: RFC 3339, at the offset that somebody's clock had."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from phr.people.people import ZonePeriod
from phr.readings.columns import IntArray
from phr.readings.raw import OffsetAt
from phr.readings.slices import MINUTE_MS
from phr.readings.spans import DAY_MS

YEARS_KEPT = 400  # of offsets, two bytes a day


@dataclass(slots=True)
class Clock:
    """A person's clocks; remembers the midnights it was asked for, since asking a time zone takes its time.

    ``zones``: their dated history, where it is known by name.
    """

    offset_at: OffsetAt
    zones: tuple[ZonePeriod, ...] = ()
    _years: dict[int, npt.NDArray[np.int16]] = field(default_factory=dict)  # offsets of midnights by year

    def midnight(self, day: int) -> str:
        """The start of a local day (number since 1970-01-01)."""
        return self.midnights(np.array([day], np.int64))[0]

    def midnights(self, days: IntArray) -> list[str]:
        dates: list[str] = np.datetime_as_string(days.astype("datetime64[D]")).tolist()
        offsets = self.offsets(days)
        ends = {offset: f"T00:00:00{suffix(offset)}" for offset in np.unique(offsets).tolist()}
        if len(ends) == 1:
            end = next(iter(ends.values()))
            return [text + end for text in dates]
        return [text + ends[offset] for text, offset in zip(dates, offsets.tolist(), strict=True)]

    def offsets(self, days: IntArray) -> IntArray:
        """Minutes from UTC at the start of each local day."""
        years = days.astype("datetime64[D]").astype("datetime64[Y]")
        starts = years.astype("datetime64[D]").astype(np.int64)
        found = np.zeros(days.size, np.int64)
        for start in np.unique(starts).tolist():
            chosen = starts == start
            found[chosen] = self._of_year(start)[days[chosen] - start]
        return found

    def zone_names(self, days: IntArray) -> list[str | None]:
        """The IANA zone at the start of each local day."""
        if len(self.zones) <= 1:
            return [self.zones[0].zone if self.zones else None] * int(days.size)
        begins_ms = np.array([period.since_ms for period in self.zones[1:]], np.int64)
        at_ms = days * DAY_MS - self.offsets(days) * MINUTE_MS
        return [self.zones[place].zone for place in np.searchsorted(begins_ms, at_ms, "right").tolist()]

    def _of_year(self, start: int) -> npt.NDArray[np.int16]:
        found = self._years.get(start)
        if found is None:
            if len(self._years) >= YEARS_KEPT:
                self._years.clear()
            offsets = [self._midnight_offset(day) for day in range(start, start + 366)]
            found = self._years[start] = np.array(offsets, np.int16)
        return found

    def _midnight_offset(self, day: int) -> int:
        """The first midnight where it comes twice; where the clocks skip it, the instant at which they do."""
        at_ms = day * DAY_MS
        before, after = self.offset_at(at_ms - DAY_MS), self.offset_at(at_ms + DAY_MS)
        if before == after or self.offset_at(at_ms - before * MINUTE_MS) == before:
            return before
        return after if self.offset_at(at_ms - after * MINUTE_MS) == after else before


def texts(t: IntArray, offsets: IntArray) -> list[str]:
    """Each instant at its offset in minutes, with milliseconds only where there are some."""
    local = t + offsets * 60_000
    written: list[str] = np.datetime_as_string((local // 1000).astype("datetime64[s]")).tolist()
    for index in np.flatnonzero(local % 1000).tolist():
        written[index] += f".{int(local[index]) % 1000:03}"
    if not offsets.size or (offsets == offsets[0]).all():
        end = suffix(int(offsets[0])) if offsets.size else ""
        return [text + end for text in written]
    return [text + suffix(offset) for text, offset in zip(written, offsets.tolist(), strict=True)]


@lru_cache(maxsize=4096)
def suffix(offset_min: int) -> str:
    """``+08:00``."""
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"
