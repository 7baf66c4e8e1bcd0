"""On which days and at what times something is to be done, as a plan says and by default a programme. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from phr.care.programme import VISITS, Programme, Scheduled
from phr.clock import DAY_MS
from phr.errors import InputInvalid

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# Our own choice, not clinical: morning first, then evening, then what lies between.
_TIMES = ("07:30", "20:30", "13:00", "10:00", "17:00", "15:00", "19:00", "21:30")
# For so many days of a week, which: as far apart as may be.
_DAYS = {1: (1,), 2: (1, 4), 3: (1, 3, 5), 4: (1, 3, 5, 7), 5: (1, 2, 3, 5, 6), 6: (1, 2, 3, 4, 5, 6)}
MOST_TIMES = 12


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every so many days from the start on, or (where that is empty) on some days of each week, Monday being 1."""

    every_days: int | None
    weekdays: tuple[int, ...]
    times: tuple[str, ...]  # "07:30", on the person's clock

    @property
    def rrule(self) -> str:
        """RFC 5545."""
        if self.every_days is not None:
            return f"FREQ=DAILY;INTERVAL={self.every_days}"
        return f"FREQ=WEEKLY;BYDAY={','.join(_WEEKDAYS[day - 1] for day in self.weekdays)}"


@dataclass(frozen=True, slots=True)
class Measuring:
    metric: str
    rhythm: Rhythm


def checked(rhythm: Rhythm, pointer: str) -> Rhythm:
    """The rhythm, in order. Raises InputInvalid with a pointer for one that can't be."""
    if (rhythm.every_days is None) == (not rhythm.weekdays):
        raise InputInvalid("either every so many days or on some days of the week", f"{pointer}/every_days")
    if rhythm.every_days is not None and not 1 <= rhythm.every_days <= 366:
        raise InputInvalid("from 1 to 366 days", f"{pointer}/every_days")
    if not all(1 <= day <= 7 for day in rhythm.weekdays):
        raise InputInvalid("from 1, Monday, to 7", f"{pointer}/weekdays")
    if not 1 <= len(rhythm.times) <= MOST_TIMES or not all(_CLOCK.fullmatch(one) for one in rhythm.times):
        raise InputInvalid(f"from 1 to {MOST_TIMES} times such as 07:30", f"{pointer}/times")
    return Rhythm(rhythm.every_days, tuple(sorted(set(rhythm.weekdays))), tuple(sorted(set(rhythm.times))))


def of_programme(programme: Programme) -> list[Measuring]:
    """What the programme wants measured, and when."""
    return [Measuring(one.what, _of(one)) for one in programme.schedule if one.what not in VISITS]


def _of(one: Scheduled) -> Rhythm:
    days = max(1, one.per_ms // DAY_MS)
    if days == 1:
        return Rhythm(1, (), _at(one.times))
    if days == 7 and one.times < 7:
        return Rhythm(None, _DAYS[one.times], _at(1))
    return Rhythm(max(1, days // one.times), (), _at(1))


def _at(times: int) -> tuple[str, ...]:
    return tuple(sorted(_TIMES[: min(times, len(_TIMES))]))


def from_row(row: Sequence[object]) -> Rhythm:
    """As ``to_row`` gave it."""
    every_days, weekdays, times = row
    return Rhythm(every_days, tuple(weekdays), tuple(times))  # type: ignore[arg-type]


def to_row(rhythm: Rhythm) -> list[object]:
    return [rhythm.every_days, list(rhythm.weekdays), list(rhythm.times)]
