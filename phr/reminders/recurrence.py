"""On which days a schedule falls: rules of RFC 5545, section 3.3.10, over whole days; pure.

The times of day stand beside the rule, so its parts for hours and less are refused. What RFC 5545 takes from the start
where a rule leaves it out (the weekday, the day of the month) is written into the rule once: from then on the day that
follows another can be found without counting from the start, which a schedule of ten years would pay for at each tick.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, rrulestr

from phr.errors import InputInvalid

POINTER = "/rrule"
LONGEST = 200
YEAR_DAYS = 366
HORIZON_YEARS = 41  # a 29th of February on a given weekday may be forty years away (1888 to 1928)
_EVERY = {"DAILY": DAILY, "WEEKLY": WEEKLY, "MONTHLY": MONTHLY, "YEARLY": YEARLY}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBERS = {  # least and greatest, by size; those of several may also be counted from the end
    "INTERVAL": (1, 400),
    "COUNT": (1, 10_000),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYSETPOS": (1, 366),
}
_SINGLE, _UNSIGNED = ("INTERVAL", "COUNT"), ("INTERVAL", "COUNT", "BYMONTH")
_KNOWN = frozenset(_NUMBERS) | {"FREQ", "UNTIL", "BYDAY", "WKST"}
_BYDAY = re.compile(rf"([+-]?[1-9]\d?)?({'|'.join(_WEEKDAYS)})", re.ASCII)
_NOT_WITH = {  # RFC 5545, the table of section 3.3.10
    "BYMONTHDAY": ("WEEKLY", "DAILY"),  # the RFC allows it daily; monthly says the same and is found at once
    "BYYEARDAY": ("DAILY", "WEEKLY", "MONTHLY"),
    "BYWEEKNO": ("DAILY", "WEEKLY", "MONTHLY"),
}
Parts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a schedule: a rule that leaves nothing out, from a day to a day (None: without end), both of them."""

    rule: str
    starts_on: date
    ends_on: date | None = None


def days_of(text: str, starts_on: date, ends_on: date | None = None) -> Days:
    """The days that a rule means; COUNT counts days.

    A rule that takes its day of the month from a start on the 29th, 30th or 31st falls on the last day of a month that
    is shorter (RFC 7529's SKIP=BACKWARD): a reminder of every month may not be left out in February.
    Raises InputInvalid, with what is wrong, for a rule that is none, or that never comes.
    """
    parts = _checked(_parts(text))
    limit = _until(parts.pop("UNTIL", None))
    count = parts.pop("COUNT", None)
    rule = ";".join(f"{name}={value}" for name, value in _completed(parts, starts_on).items())
    ends = [one for one in (limit, ends_on) if one is not None]
    found = Days(rule, starts_on, min(ends, default=None))
    first = on_or_after(found, starts_on)
    if first is None:
        raise InputInvalid("this rule never comes to a day", POINTER)
    if count is None:
        return found
    last = first
    for _ in range(int(count) - 1):
        following = on_or_after(found, last + timedelta(days=1))
        if following is None:
            break
        last = following
    return Days(rule, starts_on, last)


def on_or_after(days: Days, day: date) -> date | None:
    """The first of the days that is not before ``day``; None where none follows."""
    begin = max(day, days.starts_on)
    if days.ends_on is not None and begin > days.ends_on:
        return None
    found = _next(days.rule, days.starts_on if "INTERVAL=" in days.rule else None, begin)
    return None if found is None or (days.ends_on is not None and found > days.ends_on) else found


@lru_cache(maxsize=8_192)
def _next(rule: str, phase: date | None, day: date) -> date | None:
    """``phase``: a day that intervals are counted from. Most people's rules are the same few, and so is the day."""
    parts = dict(part.split("=") for part in rule.split(";"))
    begin = _period_start(parts, phase or day, day)
    found = _rrule(rule, begin, day + _horizon(parts)).after(_at(day), inc=True)
    return found.date() if found else None


def _horizon(parts: Mapping[str, str]) -> timedelta:
    """How far to look: what is not found there never comes. By the years that it takes until all there can be has been:
    a day of each month, a leap year (8 years around 2100), a 29th on a given weekday; for each of an interval's phases.
    """
    years = {"DAILY": 2, "WEEKLY": 3}.get(parts["FREQ"], 9)
    if {"BYDAY", "BYMONTHDAY"} <= parts.keys():
        years = HORIZON_YEARS
    return timedelta(days=YEAR_DAYS * min(HORIZON_YEARS, years * int(parts.get("INTERVAL", 1))))


def _rrule(rule: str, begin: date, until: date) -> rrule:
    made: rrule = rrulestr(rule, dtstart=_at(begin)).replace(until=_at(until))
    return made


def _period_start(parts: Mapping[str, str], phase: date, day: date) -> date:
    """Where the day's own period, or the last one before it that counts, begins."""
    every, interval = parts["FREQ"], int(parts.get("INTERVAL", 1))
    if every == "DAILY":
        return day - timedelta(days=(day - phase).days % interval)
    if every == "WEEKLY":
        first = _week_start(phase, parts)
        weeks = (_week_start(day, parts) - first).days // 7
        return first + timedelta(weeks=weeks - weeks % interval)
    if every == "MONTHLY":
        months = (day.year - phase.year) * 12 + day.month - phase.month
        month = phase.year * 12 + phase.month - 1 + months - months % interval
        return date(month // 12, month % 12 + 1, 1)
    return date(day.year - (day.year - phase.year) % interval, 1, 1)


def _week_start(day: date, parts: Mapping[str, str]) -> date:
    return day - timedelta(days=(day.weekday() - _WEEKDAYS.index(parts.get("WKST", "MO"))) % 7)


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - days of a calendar, in no zone


def _parts(text: str) -> Parts:
    if not 0 < len(text) <= LONGEST:
        raise InputInvalid(f"a rule has 1 to {LONGEST} characters", POINTER)
    found: Parts = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found:
            raise InputInvalid(f"{part[:40]!r} is not a part of a rule, or is there twice", POINTER)
        found[name] = value
    return found


def _checked(parts: Parts) -> Parts:
    every = parts.get("FREQ")
    if every not in _EVERY:
        raise InputInvalid(f"FREQ is one of {', '.join(_EVERY)}; times of day stand in times", POINTER)
    if odd := sorted(set(parts) - _KNOWN):
        raise InputInvalid(f"{odd[0]} is not known here; times of day stand in times", POINTER)
    if "COUNT" in parts and "UNTIL" in parts:
        raise InputInvalid("a rule has COUNT or UNTIL, not both", POINTER)
    for name, value in parts.items():
        if every in _NOT_WITH.get(name, ()):
            raise InputInvalid(f"{name} does not go with FREQ={every}", POINTER)
        if name in _NUMBERS:
            _check_numbers(name, value)
    _check_weekdays(parts, every)
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise InputInvalid("BYSETPOS chooses among what another BY part gives", POINTER)
    return {name: value for name, value in parts.items() if (name, value) != ("INTERVAL", "1")}


def _check_numbers(name: str, value: str) -> None:
    least, greatest = _NUMBERS[name]
    sign = "" if name in _UNSIGNED else "[+-]?"
    for one in value.split(","):
        is_number = re.fullmatch(rf"{sign}\d{{1,5}}", one, re.ASCII)
        if not is_number or not least <= abs(int(one)) <= greatest or (name in _SINGLE and one != value):
            raise InputInvalid(f"{name}={value[:40]}: numbers from {least} to {greatest}", POINTER)


def _check_weekdays(parts: Parts, every: str) -> None:
    if parts.get("WKST", "MO") not in _WEEKDAYS:
        raise InputInvalid(f"WKST is one of {', '.join(_WEEKDAYS)}", POINTER)
    has_numbers = every in ("MONTHLY", "YEARLY") and "BYWEEKNO" not in parts
    for one in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        found = _BYDAY.fullmatch(one)
        if found is None or (found[1] and (not has_numbers or abs(int(found[1])) > 53)):
            raise InputInvalid(f"BYDAY={one[:40]}: {', '.join(_WEEKDAYS)}, of months and years also 1MO, -1FR", POINTER)


def _until(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{8}", text, re.ASCII) is None:
            raise ValueError
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    except ValueError as error:
        raise InputInvalid("UNTIL is a day, such as 20261231", POINTER) from error


def _completed(parts: Parts, starts_on: date) -> Parts:
    every, has = parts["FREQ"], parts.keys()
    if every == "WEEKLY" and "BYDAY" not in has:
        return parts | {"BYDAY": _WEEKDAYS[starts_on.weekday()]}
    if every == "MONTHLY" and not has & {"BYDAY", "BYMONTHDAY"}:
        return parts | _day_of_month(starts_on.day)
    if every == "YEARLY" and "BYWEEKNO" in has and "BYDAY" not in has:
        return parts | {"BYDAY": _WEEKDAYS[starts_on.weekday()]}
    if every == "YEARLY" and not has & {"BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"}:
        months = parts.get("BYMONTH", str(starts_on.month))
        # BYSETPOS counts within the year, so of several months each has its own days or none.
        of_month: Callable[[int], dict[str, Any]] = _plain_day if "," in months else _day_of_month
        return parts | {"BYMONTH": months} | of_month(starts_on.day)
    return parts


def _plain_day(day: int) -> Parts:
    return {"BYMONTHDAY": str(day)}


def _day_of_month(day: int) -> Parts:
    if day <= 28:
        return _plain_day(day)
    return {"BYMONTHDAY": ",".join(str(one) for one in range(28, day + 1)), "BYSETPOS": "-1"}
