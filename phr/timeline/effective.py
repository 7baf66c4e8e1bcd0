"""When something was: an instant, or as well as it is remembered ("1987", "spring 2003"); a period has two of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from phr.clock import rfc3339, to_ms

YEARS = range(1800, 2200)  # a life, and those of the parents it tells of
FORMS = "1987, 1980s, 1987-05, 1987-05-03 or spring 2003"

# Meteorological seasons of the north: each is three whole months and begins in (WMO-No. 100, 4.8).
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
_SEASON_WORDS = {name: name for name in _SEASONS} | {"fall": "autumn"}
_SEASON_SIGNS = dict(zip("春夏秋冬", _SEASONS, strict=True))
_DASHED = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_CHINESE = re.compile(r"(\d{4})年(?:(\d{1,2})月(?:(\d{1,2})[日号])?)?", re.ASCII)
_DECADE = re.compile(r"(\d{3}0)(?:s|年代)", re.ASCII)
_SEASON = re.compile(r"(spring|summer|autumn|fall|winter) (\d{4})", re.ASCII)
_CHINESE_SEASON = re.compile(r"(\d{4})年?([春夏秋冬])[天季]?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A stretch of local days, as it was told: [first, end)."""

    text: str
    first: date
    end: date


@dataclass(frozen=True, slots=True)
class When:
    """A stretch of instants [start_ms, end_ms); of an instant both are the same and ``text`` is None."""

    start_ms: int
    end_ms: int
    offset_min: int | None
    text: str | None

    def __str__(self) -> str:
        return self.text or rfc3339(self.start_ms, self.offset_min)


@dataclass(frozen=True, slots=True)
class Effective:
    """``begin`` alone: at that time, or from it on; with ``end``: until then."""

    begin: When
    end: When | None = None

    @property
    def is_in_order(self) -> bool:
        """False where it surely ends before it begins."""
        return self.end is None or self.begin.start_ms <= max(self.end.start_ms, self.end.end_ms - 1)


def instant(t_ms: int, offset_min: int | None) -> When:
    return When(t_ms, t_ms, offset_min, None)


def remembered(text: str) -> Remembered | None:
    """What a text tells of a time that is not an instant, written in one way; None where it is none of the forms.

    Raises ValueError for a date that no calendar has and for years that nobody remembers.
    """
    plain = text.strip().lower()
    if found := _DECADE.fullmatch(plain):
        year = _year(found[1])
        return Remembered(f"{year}s", date(year, 1, 1), date(year + 10, 1, 1))
    if found := _SEASON.fullmatch(plain):
        return _season(_SEASON_WORDS[found[1]], _year(found[2]))
    if found := _CHINESE_SEASON.fullmatch(plain):
        return _season(_SEASON_SIGNS[found[2]], _year(found[1]))
    if found := _DASHED.fullmatch(plain) or _CHINESE.fullmatch(plain):
        month, day = (int(part) if part else None for part in found.groups()[1:])
        return _calendar(_year(found[1]), month, day)
    return None


def placed(told: Remembered, offset_min_at: Callable[[int], int]) -> When:
    """The instants of the person's own days, by the offset that their clocks had at each end."""
    start_ms, offset_min = _midnight(told.first, offset_min_at)
    return When(start_ms, _midnight(told.end, offset_min_at)[0], offset_min, told.text)


def to_row(when: When) -> list[Any]:
    return [when.start_ms, when.end_ms, when.offset_min, when.text]


def from_row(row: list[Any]) -> When:
    return When(*row)


def _calendar(year: int, month: int | None, day: int | None) -> Remembered:
    if month is None:
        return Remembered(str(year), date(year, 1, 1), date(year + 1, 1, 1))
    if day is None:
        return Remembered(f"{year}-{month:02}", date(year, month, 1), _month_after(year, month, 1))
    first = date(year, month, day)
    return Remembered(first.isoformat(), first, date.fromordinal(first.toordinal() + 1))


def _season(name: str, year: int) -> Remembered:
    """A winter bears the year that it begins in."""
    month = _SEASONS[name]
    return Remembered(f"{name} {year}", date(year, month, 1), _month_after(year, month, 3))


def _month_after(year: int, month: int, count: int) -> date:
    months = year * 12 + month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def _year(text: str) -> int:
    if int(text) not in YEARS:
        raise ValueError(f"years from {YEARS.start} to {YEARS.stop - 1}")
    return int(text)


def _midnight(day: date, offset_min_at: Callable[[int], int]) -> tuple[int, int]:
    as_utc_ms = to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))
    offset_min = offset_min_at(as_utc_ms)
    offset_min = offset_min_at(as_utc_ms - offset_min * 60_000)
    return as_utc_ms - offset_min * 60_000, offset_min
