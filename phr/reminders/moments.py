"""When a schedule asks: days and times of day on the clocks that a person has had; pure.

A **slot** is a local day and time, one number: minutes since 1970-01-01T00:00 on the wall. Each slot comes once:
a time that clocks skip (spring, a move to the east, a day lost at the date line) comes shifted by what was skipped,
as RFC 5545, section 3.3.5, has it; one that they repeat comes the first time alone. So no change of a zone, whenever it
is told, asks twice for one dose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from phr.clock import MINUTE_MS, to_datetime
from phr.people.people import ZonePeriod
from phr.reminders.recurrence import Days, on_or_after

DAY_MIN = 1_440
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NEAR_DAYS = 2  # no clock has ever been moved further


@dataclass(frozen=True, slots=True)
class Pattern:
    """``times``: minutes of the day, in order; ``window_min``: how long an occurrence is open after its planned time.

    ``quiet``: minutes of the day from and until which nothing is told; from may be the later one.
    """

    days: Days
    times: tuple[int, ...]
    window_min: int
    quiet: tuple[int, int] | None = None


class Occurrence(NamedTuple):
    """One time to ask, and whether it was shifted because clocks skipped it."""

    slot: int
    planned_ms: int
    is_shifted: bool = False


def slot_of(day: date, minute: int) -> int:
    return (day.toordinal() - _EPOCH_DAY) * DAY_MIN + minute


def day_of(slot: int) -> date:
    return date.fromordinal(slot // DAY_MIN + _EPOCH_DAY)


def slot_text(slot: int) -> str:
    """``2026-11-26T08:00``."""
    return f"{day_of(slot).isoformat()}T{clock_text(slot % DAY_MIN)}"


def clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def following(pattern: Pattern, zones: Sequence[ZonePeriod], after_slot: int) -> Iterator[Occurrence]:
    """What comes after a slot, in order of slots, without end where the schedule has none."""
    day: date | None = day_of(after_slot + 1)
    while day is not None and (day := on_or_after(pattern.days, day)) is not None:
        for minute in pattern.times:
            slot = slot_of(day, minute)
            if slot > after_slot:
                found = _occurrence(zones, slot)
                if not found.is_shifted or not _gives_way(pattern, zones, found):
                    yield found
        day = day + timedelta(days=1) if day < date.max else None


def first_from(pattern: Pattern, zones: Sequence[ZonePeriod], from_ms: int) -> Occurrence | None:
    """The first that is planned at or after an instant."""
    start = to_datetime(from_ms).date() - timedelta(days=_NEAR_DAYS)
    for one in following(pattern, zones, slot_of(start, 0) - 1):
        if one.planned_ms >= from_ms:
            return one
    return None


def between(pattern: Pattern, zones: Sequence[ZonePeriod], from_ms: int, to_ms: int) -> list[Occurrence]:
    """Those that are planned in [from, to), in order of slots."""
    start = to_datetime(from_ms).date() - timedelta(days=_NEAR_DAYS)
    last = slot_of(to_datetime(to_ms).date() + timedelta(days=_NEAR_DAYS), DAY_MIN)
    found = []
    for one in following(pattern, zones, slot_of(start, 0) - 1):
        if one.slot > last:
            break
        if from_ms <= one.planned_ms < to_ms:
            found.append(one)
    return found


def at_slot(pattern: Pattern, zones: Sequence[ZonePeriod], slot: int) -> Occurrence | None:
    """The occurrence of a slot; None where the schedule has none there."""
    found = next(following(pattern, zones, slot - 1), None)
    return found if found is not None and found.slot == slot else None


def told_at(pattern: Pattern, one: Occurrence) -> int | None:
    """When it may be told: at once, or when quiet hours end; None where its window is over by then."""
    wait_min = quiet_left(pattern.quiet, one.slot % DAY_MIN)
    return one.planned_ms + wait_min * MINUTE_MS if wait_min < pattern.window_min else None


def quiet_left(quiet: tuple[int, int] | None, minute: int) -> int:
    """Minutes until quiet hours end, 0 outside of them."""
    if quiet is None or (minute - quiet[0]) % DAY_MIN >= (quiet[1] - quiet[0]) % DAY_MIN:
        return 0
    return (quiet[1] - minute) % DAY_MIN


def least_gap_min(times: Sequence[int]) -> int:
    """The least time between two of these times of day, over midnight too; a day where there is one."""
    pairs = zip(times, (*times[1:], times[0]), strict=True)
    return min((later - one) % DAY_MIN or DAY_MIN for one, later in pairs)


def closes_ms(pattern: Pattern, planned_ms: int) -> int:
    return planned_ms + pattern.window_min * MINUTE_MS


def _occurrence(zones: Sequence[ZonePeriod], slot: int) -> Occurrence:
    """By the first period of zones in which the slot is not over yet."""
    planned_ms, is_shifted = 0, False
    for number, period in enumerate(zones):
        before_ms = planned_ms
        offset_ms, is_shifted = _offset(period.zone, slot)
        planned_ms = slot * MINUTE_MS - offset_ms
        if number and period.since_ms is not None and planned_ms < period.since_ms:
            return Occurrence(slot, before_ms, True)
        until_ms = zones[number + 1].since_ms if number + 1 < len(zones) else None
        if until_ms is None or planned_ms < until_ms:
            break
    return Occurrence(slot, planned_ms, is_shifted)


@lru_cache(maxsize=16_384)
def _offset(zone: str, slot: int) -> tuple[int, bool]:
    """Milliseconds from UTC at a time on the wall, and whether clocks skipped it; then it is the offset before."""
    minute = slot % DAY_MIN
    day = day_of(slot)
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=ZoneInfo(zone))
    before, after = wall.utcoffset(), wall.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    return before // timedelta(milliseconds=1), after > before


def _gives_way(pattern: Pattern, zones: Sequence[ZonePeriod], shifted: Occurrence) -> bool:
    """True where another of the same schedule is planned within its window, or nearer than half the usual time between
    two, or a later slot before it: who lands hours or a day later takes one dose then, not two within hours.
    """
    near_min, day = max(pattern.window_min, least_gap_min(pattern.times) // 2), day_of(shifted.slot)
    near = (day + timedelta(days=number) for number in range(-_NEAR_DAYS, _NEAR_DAYS + 1))
    slots = (slot_of(one, minute) for one in near if on_or_after(pattern.days, one) == one for minute in pattern.times)
    others = (_occurrence(zones, slot) for slot in slots)
    low_ms, high_ms = (shifted.planned_ms + sign * near_min * MINUTE_MS for sign in (-1, 1))
    return any(
        not one.is_shifted and one.planned_ms <= high_ms and (one.planned_ms >= low_ms or one.slot > shifted.slot)
        for one in others
    )
