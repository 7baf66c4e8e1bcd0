"""What a schedule says, and whether it can be: pure; every fault names its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from phr.errors import InputInvalid
from phr.people import people
from phr.reminders import recurrence
from phr.reminders.moments import DAY_MIN, Pattern, least_gap_min, quiet_left
from phr.vocabulary.metrics import vocabulary

Name = Literal["medication", "measurement", "visit", "lesson"]
MOST_TIMES = 24
LONGEST_TEXT = 500
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
LEAST_WINDOW_MIN = 5
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_ABOUT = re.compile(r"[A-Za-z0-9_./:-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """``window_min``: how long one may still do what was asked, and be told of it; ``early_min``: how long before its
    planned time it counts. ``categories``: what one must be allowed to see. Words are what is told: never of what.
    """

    window_min: int
    early_min: int
    longest_window_min: int
    categories: tuple[str, ...]
    zh: str
    en: str


KINDS: Mapping[Name, Kind] = {
    "medication": Kind(60, 60, 4 * 60, ("care", "medications"), "该服药了", "Time for your medicine"),
    "measurement": Kind(120, 60, DAY_MIN, ("care", "readings"), "该测量了", "Time to measure"),
    "visit": Kind(DAY_MIN, DAY_MIN, 14 * DAY_MIN, ("care", "encounters"), "您有一次随访", "You have a visit"),
    "lesson": Kind(DAY_MIN, DAY_MIN, 14 * DAY_MIN, ("care",), "有一节健康课程", "There is a lesson for you"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """``key``: the same for the same schedule, however often it is put; ``about``: the entry of the medicine, the
    metric, the plan or the lesson; ``text``: in words, seen by who may see all categories alone.

    ``rrule``: RFC 5545 (``phr.reminders.recurrence``); ``times``: "08:00", local; ``zone``: None is the person's, as it
    is at each occurrence. ``categories``: of what it was made of, besides its kind's.
    """

    key: str
    person: str
    kind: Name
    rrule: str
    starts_on: date
    times: tuple[str, ...]
    text: str = ""
    text_en: str = ""
    about: str | None = None
    ends_on: date | None = None
    zone: str | None = None
    window_min: int | None = None
    quiet: tuple[str, str] | None = None
    categories: tuple[str, ...] = ()


def pattern_of(schedule: Schedule) -> Pattern:
    """When it asks. Raises InputInvalid with a pointer to what can't be."""
    kind = KINDS.get(schedule.kind)
    if kind is None:
        raise InputInvalid(f"there are {', '.join(KINDS)}", "/kind")
    _check_words(schedule)
    if schedule.zone is not None:
        people.check_zone(schedule.zone)
    _check_days(schedule)
    days = recurrence.days_of(schedule.rrule, schedule.starts_on, schedule.ends_on)
    window_min = kind.window_min if schedule.window_min is None else schedule.window_min
    if not LEAST_WINDOW_MIN <= window_min <= kind.longest_window_min:
        raise InputInvalid(f"{LEAST_WINDOW_MIN} to {kind.longest_window_min} minutes", "/window_min")
    times = _times(schedule.times)
    return Pattern(days, times, window_min, _quiet(schedule.quiet, times, window_min))


@lru_cache(maxsize=1_024)
def bounds_min(kind: Name, pattern: Pattern) -> tuple[int, int]:
    """From how many minutes before to how many after its planned time what is done counts for an occurrence.

    Where times are closer than that, each has its half of the way to the next, so that nothing counts twice.
    """
    gap = least_gap_min(pattern.times)
    early = min(KINDS[kind].early_min, gap // 2)
    return early, min(pattern.window_min, gap - early)


def minute_of(text: str, pointer: str) -> int:
    """Raises InputInvalid for what is no time of day."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise InputInvalid(f"{text[:20]!r} is no time of day such as 08:00", pointer)
    return int(found[1]) * 60 + int(found[2])


def _check_words(schedule: Schedule) -> None:
    for name in ("text", "text_en"):
        if len(getattr(schedule, name)) > LONGEST_TEXT:
            raise InputInvalid(f"at most {LONGEST_TEXT} characters", f"/{name}")
    about = schedule.about
    if about is not None and _ABOUT.fullmatch(about) is None:
        raise InputInvalid("an id of letters, digits and -_./:, at most 100", "/about")
    if schedule.kind == "measurement" and about not in vocabulary().metrics:
        raise InputInvalid("a measurement is about a metric, such as blood-pressure", "/about")


def _check_days(schedule: Schedule) -> None:
    for name, day in (("starts_on", schedule.starts_on), ("ends_on", schedule.ends_on)):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise InputInvalid(f"a day from {FIRST_DAY} to {LAST_DAY}", f"/{name}")
    if schedule.ends_on is not None and schedule.ends_on < schedule.starts_on:
        raise InputInvalid("it ends before it begins", "/ends_on")


def _times(texts: tuple[str, ...]) -> tuple[int, ...]:
    if not 0 < len(texts) <= MOST_TIMES:
        raise InputInvalid(f"1 to {MOST_TIMES} times of day", "/times")
    times = sorted(minute_of(text, f"/times/{number}") for number, text in enumerate(texts))
    if len(set(times)) < len(times):
        raise InputInvalid("a time of day is there twice", "/times")
    return tuple(times)


def _quiet(quiet: tuple[str, str] | None, times: tuple[int, ...], window_min: int) -> tuple[int, int] | None:
    if quiet is None:
        return None
    hours = (minute_of(quiet[0], "/quiet/from"), minute_of(quiet[1], "/quiet/until"))
    if hours[0] == hours[1]:
        raise InputInvalid("quiet hours end where they begin", "/quiet/until")
    for number, minute in enumerate(times):
        if quiet_left(hours, minute) >= window_min:
            raise InputInvalid("quiet hours leave no time to tell of this one", f"/times/{number}")
    return hours
