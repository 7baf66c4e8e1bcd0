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

_DAYS = tuple(f"-{day:02}" for day in range(1, 32))
_DATE = len("2026-11-23")
_OFFSETS = 4096  # more than there are minutes from UTC, east and west
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
        offsets = self.offsets(days)
        return texts(days * DAY_MS - offsets * MINUTE_MS, offsets)

    def offsets(self, days: IntArray) -> IntArray:
        """Minutes from UTC at the start of each local day."""
        if not days.size:
            return days
        low, high = _year(int(days.min())), _year(int(days.max()))
        if high - low < YEARS_KEPT:
            whole = np.concatenate([self._of_year(year) for year in range(low, high + 1)])
            found: IntArray = whole[days - _first_day(low)].astype(np.int64)
            return found
        return np.array([self._midnight_offset(day) for day in days.tolist()], np.int64)

    def zone_names(self, days: IntArray) -> list[str | None]:
        """The IANA zone at the start of each local day."""
        if len(self.zones) <= 1:
            return [self.zones[0].zone if self.zones else None] * int(days.size)
        begins_ms = np.array([period.since_ms for period in self.zones[1:]], np.int64)
        at_ms = days * DAY_MS - self.offsets(days) * MINUTE_MS
        return [self.zones[place].zone for place in np.searchsorted(begins_ms, at_ms, "right").tolist()]

    def _of_year(self, year: int) -> npt.NDArray[np.int16]:
        """``year``: since 1970."""
        found = self._years.get(year)
        if found is None:
            if len(self._years) >= YEARS_KEPT:
                self._years.clear()
            offsets = [self._midnight_offset(day) for day in range(_first_day(year), _first_day(year + 1))]
            found = self._years[year] = np.array(offsets, np.int16)
        return found

    def _midnight_offset(self, day: int) -> int:
        """The first midnight where it comes twice; where the clocks skip it, the instant at which they do."""
        at_ms = day * DAY_MS
        before, after = self.offset_at(at_ms - DAY_MS), self.offset_at(at_ms + DAY_MS)
        if before == after or self.offset_at(at_ms - before * MINUTE_MS) == before:
            return before
        return after if self.offset_at(at_ms - after * MINUTE_MS) == after else before


def texts(t: IntArray, offsets: IntArray) -> list[str]:
    """Each instant at its offset in minutes, with milliseconds only where there are some.

    Dates and times of day are few beside the instants, and to write each once takes a third of the time.
    """
    day, of_day = np.divmod(t + offsets * MINUTE_MS, DAY_MS)
    days, date_at = np.unique(day, return_inverse=True)
    times, time_at = np.unique(of_day * _OFFSETS + offsets + _OFFSETS // 2, return_inverse=True)
    dates = _dates(days)
    written = _times(times // _OFFSETS, times % _OFFSETS - _OFFSETS // 2)
    return [dates[date] + written[time] for date, time in zip(date_at.tolist(), time_at.tolist(), strict=True)]


def _dates(days: IntArray) -> list[str]:
    month = days.astype("datetime64[D]").astype("datetime64[M]")
    months, month_at = np.unique(month, return_inverse=True)
    written: list[str] = np.datetime_as_string(months).tolist()
    of_month = (days - month.astype("datetime64[D]").astype(np.int64)).tolist()
    return [written[at] + _DAYS[day] for at, day in zip(month_at.tolist(), of_month, strict=True)]


def _times(of_day: IntArray, offsets: IntArray) -> list[str]:
    """``T07:30:00.250+08:00``."""
    seconds: list[str] = np.datetime_as_string((of_day // 1000).astype("datetime64[s]")).tolist()
    return [
        f"{text[_DATE:]}.{part:03}{suffix(offset)}" if part else text[_DATE:] + suffix(offset)
        for text, part, offset in zip(seconds, (of_day % 1000).tolist(), offsets.tolist(), strict=True)
    ]


def _year(day: int) -> int:
    """Since 1970."""
    return int(np.datetime64(day, "D").astype("datetime64[Y]").astype(np.int64))


def _first_day(year: int) -> int:
    """Of a year since 1970."""
    return int(np.datetime64(year, "Y").astype("datetime64[D]").astype(np.int64))


@lru_cache(maxsize=4096)
def suffix(offset_min: int) -> str:
    """``+08:00``."""
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"
