"""How instants and local days are written: RFC 3339, at the offset that somebody's clock had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt
import orjson

from phr.clock import DAY_MS, MINUTE_MS
from phr.people.people import ZonePeriod
from phr.readings.columns import IntArray
from phr.readings.raw import OffsetAt

_PAIRS = np.frombuffer("".join(f"{number:02}" for number in range(100)).encode(), np.uint16)  # the digits of each
_DAY_S = 86_400
YEARS_KEPT = 400  # of offsets, two bytes a day


@dataclass(frozen=True, slots=True)
class Instants:
    """A column of instants, each at its offset in minutes, that becomes text only where it is shown."""

    t: IntArray
    offsets: IntArray

    def listed(self) -> list[str]:
        return texts(self.t, self.offsets)

    def json(self) -> bytes:
        """A JSON array, without an object for each of its texts."""
        columns = _columns(self.t, self.offsets)
        if columns is None or not self.t.size:
            return orjson.dumps(self.listed())
        return b"[" + _table(chain((b'"',), columns, (b'",',)), self.t.size).tobytes()[:-1] + b"]"


@dataclass(frozen=True, slots=True)
class Same:
    """A column of which each row says the same."""

    value: str | None
    count: int

    def listed(self) -> list[str | None]:
        return [self.value] * self.count

    def json(self) -> bytes:
        return b"[" + b",".join([orjson.dumps(self.value)] * self.count) + b"]"


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
        return self.midnights(np.array([day], np.int64)).listed()[0]

    def midnights(self, days: IntArray) -> Instants:
        offsets = self.offsets(days)
        return Instants(days * DAY_MS - offsets * MINUTE_MS, offsets)

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

    def zone_names(self, days: IntArray) -> list[str | None] | Same:
        """The IANA zone at the start of each local day."""
        if len(self.zones) <= 1:
            return Same(self.zones[0].zone if self.zones else None, int(days.size))
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
    """Each instant at its offset in minutes, with milliseconds only where there are some. Years 1 to 9999.

    The digits are put into a table, a row an instant: to write 20,000 one by one takes ten times as long.
    """
    if not t.size:
        return []
    columns = _columns(t, offsets)
    if columns is not None:
        return _table(chain(columns, (b"\n",)), t.size).tobytes().decode("ascii").splitlines()
    is_whole = t % 1_000 == 0
    written = np.empty(t.size, object)
    for chosen in (is_whole, ~is_whole):
        written[chosen] = texts(t[chosen], offsets[chosen])
    found: list[str] = written.tolist()
    return found


Signs = npt.NDArray[np.uint8]  # a row a text, a column a sign


def _columns(t: IntArray, offsets: IntArray) -> Iterator[Signs | bytes] | None:
    """The table of the texts; None where only some have milliseconds, since then they differ in length."""
    seconds, part_ms = np.divmod(t + offsets * MINUTE_MS, 1_000)
    if not part_ms.any():
        return chain(_date_and_time(seconds), _suffixes(offsets))
    if part_ms.all():
        return chain(_date_and_time(seconds), _milliseconds(part_ms), _suffixes(offsets))
    return None


def _table(columns: Iterable[Signs | bytes], count: int) -> Signs:
    """A row a text, out of its columns from left to right; bytes are the same in all rows."""
    parts = [np.frombuffer(one, np.uint8)[np.newaxis] if isinstance(one, bytes) else one for one in columns]
    table = np.empty((count, sum(part.shape[1] for part in parts)), np.uint8)
    at = 0
    for part in parts:
        table[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return table


def _date_and_time(seconds: IntArray) -> Iterator[Signs | bytes]:
    """``2026-11-23T07:30:00``."""
    days, of_day = np.divmod(seconds, _DAY_S)
    if (days == days[0]).all():
        yield str(days[0].astype("datetime64[D]")).encode()
        yield from _time(of_day)
        return
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    years, month = np.divmod(months.astype(np.int64), 12)
    day = days - months.astype("datetime64[D]").astype(np.int64)
    yield from (_pairs((years + 1970) // 100), _pairs((years + 1970) % 100))
    yield from (b"-", _pairs(month + 1), b"-", _pairs(day + 1))
    yield from _time(of_day)


def _time(of_day: IntArray) -> Iterator[Signs | bytes]:
    """``T07:30:00``."""
    hours, of_hour = np.divmod(of_day, 3_600)
    yield from (b"T", _pairs(hours), b":", _pairs(of_hour // 60), b":", _pairs(of_hour % 60))


def _milliseconds(part_ms: IntArray) -> Iterator[Signs | bytes]:
    """``.250``."""
    yield from (b".", _pairs(part_ms // 10), _two_digits(part_ms % 10)[:, 1:])


def _suffixes(offsets: IntArray) -> Iterator[Signs | bytes]:
    if (offsets == offsets[0]).all():
        yield suffix(int(offsets[0])).encode()
        return
    kinds, kind = np.unique(offsets, return_inverse=True)
    yield np.array([[*suffix(offset).encode()] for offset in kinds.tolist()], np.uint8)[kind]


def _pairs(numbers: IntArray) -> Signs | bytes:
    """Two digits of each, which are from 0 to 99."""
    if (numbers == numbers[0]).all():  # midnights, full hours
        return f"{numbers[0]:02}".encode()
    return _two_digits(numbers)


def _two_digits(numbers: IntArray) -> Signs:
    return _PAIRS.take(numbers).view(np.uint8).reshape(-1, 2)


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
