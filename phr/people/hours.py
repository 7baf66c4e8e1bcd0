"""When a team works, or a doctor of it is on duty: hours of a week, on the team's clock. Pure.

Without any of its own a team has USUAL: this project's choice and no clinical one. Nobody watches in between, and what
people are told says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from phr.clock import HOUR_MS, to_datetime, to_ms
from phr.errors import InputInvalid

MOST_SHIFTS = 14
_DAY_MIN = 24 * 60
_SHIFT = re.compile(r"([1-7])(?:-([1-7]))?=([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shift:
    """On each of these days (1 is Monday) from one minute of the day to before another."""

    days: tuple[int, ...]
    from_min: int
    to_min: int

    def __str__(self) -> str:
        span = str(self.days[0]) if len(self.days) == 1 else f"{self.days[0]}-{self.days[-1]}"
        return f"{span}={_clock(self.from_min)}-{_clock(self.to_min)}"


USUAL = (Shift((1, 2, 3, 4, 5), 8 * 60, 17 * 60 + 30),)


def parsed(texts: Sequence[str]) -> tuple[Shift, ...]:
    """Of ``1-5=08:00-17:30``, one a shift; a night is two, up to 24:00 and from 00:00.

    Raises InputInvalid naming the one that is none.
    """
    if len(texts) > MOST_SHIFTS:
        raise InputInvalid(f"at most {MOST_SHIFTS} shifts a week", "/hours")
    return tuple(_shift(text) for text in texts)


def opens_ms(shifts: Sequence[Shift], zone: str, now_ms: int) -> int:
    """The first instant from now on at which the team works: now, where it does.

    On the night of a change of clocks a shift that begins in the hour that is left out begins when it is over.
    """
    where = ZoneInfo(zone)
    local = to_datetime(now_ms).astimezone(where)
    found = []
    for ahead in range(-1, 8):
        day = local.date() + timedelta(days=ahead)
        for shift in shifts or USUAL:
            if day.isoweekday() in shift.days:
                begin, end = (_instant(day, minute, where) for minute in (shift.from_min, shift.to_min))
                if end > now_ms and end > begin:
                    found.append(max(begin, now_ms))
    return min(found)


def gathers_ms(shifts: Sequence[Shift], zone: str, now_ms: int, latest_ms: int) -> int:
    """When a team is told of what can wait until ``latest_ms``, so that much of it comes together.

    As a day of its work begins; where that would be too late, at the next full hour of this one.
    """
    where = ZoneInfo(zone)
    today = to_datetime(now_ms).astimezone(where).date()
    mornings = [opens_ms(shifts, zone, _instant(today + timedelta(days=ahead), 0, where)) for ahead in (0, 1)]
    morning_ms = next(one for one in mornings if one >= now_ms)
    if morning_ms <= latest_ms:
        return morning_ms
    now_open_ms = opens_ms(shifts, zone, now_ms)
    hour_ms = opens_ms(shifts, zone, -(-now_open_ms // HOUR_MS) * HOUR_MS)
    return hour_ms if hour_ms - now_open_ms < HOUR_MS else now_open_ms


def _shift(text: str) -> Shift:
    match = _SHIFT.fullmatch(text)
    if match is None:
        raise InputInvalid(f"{text[:40]!r} is no shift such as 1-5=08:00-17:30, Monday to Friday", "/hours")
    first, last = int(match[1]), int(match[2] or match[1])
    begin, end = (int(match[at] or 24) * 60 + int(match[at + 1] or 0) for at in (3, 5))
    if last < first or end <= begin:
        raise InputInvalid(f"{text}: ends before it begins", "/hours")
    return Shift(tuple(range(first, last + 1)), begin, end)


def _instant(day: date, minute: int, where: ZoneInfo) -> int:
    days, minute = divmod(minute, _DAY_MIN)  # 24:00 is the next day's 00:00
    local = datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), where)
    return to_ms(local.astimezone(UTC))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
