"""The life of one alert, pure: readings come, somebody sees it, steps are taken, it ends.

An episode is of one person and one rule. What the rule finds while it is open belongs to it and tells nobody anew, so
that what goes to and fro about a limit is one thing. Its ``level`` is how urgent it is now (the severities of rules).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from phr.alerts.courses import CONFIRM, CRISIS, STEPS, Course, Courses, Step
from phr.clock import DAY_MS, MINUTE_MS
from phr.vocabulary.alert import Alert

MOST_READINGS = 200  # of an episode; a sensor that alarms all night has more, and the first ones say why
CALL_120 = 4
WAITING = 2  # the level of what waits for a second reading

Role = Literal["opened", "again", "more"]
Ending = Literal["resolved", "back-within", "passed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Met:
    """A reading that met the rule, by the key of its notice."""

    key: str
    t_ms: int
    role: Role
    is_gone: bool = False  # taken out of the record since


@dataclass(frozen=True, slots=True)
class Said:
    """Who did something, and when."""

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    how: Ending
    at_ms: int
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """``severity``: of the rule; ``level``: now, since ``level_ms``; ``is_late``: it came too late to wake anybody."""

    id: str
    person: str
    rule: str
    metric: str
    severity: int
    level: int
    level_ms: int
    categories: tuple[str, ...]
    opened_ms: int
    measured_ms: int  # of the latest reading
    received_ms: int
    is_late: bool = False
    readings: tuple[Met, ...] = ()
    acknowledged: tuple[Said, ...] = ()
    taken: Mapping[Step, int] = field(default_factory=dict)  # steps, and when
    has_symptoms: bool | None = None
    ended: Ended | None = None
    version: int = 0

    @property
    def is_open(self) -> bool:
        return self.ended is None

    def has(self, key: str) -> bool:
        return any(one.key == key for one in self.readings)


def opened(alert: Alert, course: Course, now_ms: int) -> Episode:
    """A new one, of the reading that opens it."""
    level = min(alert.severity, WAITING) if course.kind == CONFIRM else alert.severity
    return Episode(
        id=alert.key,
        person=alert.person,
        rule=alert.rule,
        metric=alert.metric,
        severity=alert.severity,
        level=level,
        level_ms=now_ms,
        categories=alert.categories,
        opened_ms=now_ms,
        measured_ms=alert.t_ms,
        received_ms=now_ms,
        is_late=alert.is_late,
        readings=(Met(alert.key, alert.t_ms, "opened"),),
    )


def with_reading(one: Episode, alert: Alert, course: Course, now_ms: int) -> Episode:
    """An open one that another reading met; the same again changes nothing but, once a day, when it was last said.

    A reading of now makes one that came late a thing of now.
    """
    if one.has(alert.key):
        return replace(one, received_ms=now_ms) if now_ms - one.received_ms > DAY_MS else one
    is_first_of_now = one.is_late and not alert.is_late
    is_second = course.kind == CONFIRM and one.level < one.severity and not alert.is_late and not is_first_of_now
    is_second = is_second and alert.t_ms - one.measured_ms >= course.again_after_ms
    role: Role = "again" if is_second else "opened" if is_first_of_now else "more"
    known = replace(
        one,
        readings=(*one.readings, Met(alert.key, alert.t_ms, role))[:MOST_READINGS],
        measured_ms=max(one.measured_ms, alert.t_ms),
        received_ms=now_ms,
        categories=tuple(sorted({*one.categories, *alert.categories})),
    )
    if is_first_of_now:
        return replace(known, is_late=False, level_ms=now_ms)
    return risen(known, one.severity, now_ms) if is_second else known


def risen(one: Episode, level: int, now_ms: int) -> Episode:
    """At a higher level, whose steps begin now and whom earlier words of having seen it do not stop."""
    if level <= one.level:
        return one
    return replace(one, level=level, level_ms=now_ms, taken={}, acknowledged=())


def with_symptoms(one: Episode, now_ms: int, *, has_any: bool) -> Episode:
    """The answer to what was asked; a yes is an emergency."""
    answered = replace(one, has_symptoms=has_any, is_late=one.is_late and not has_any)
    return risen(answered, CALL_120, now_ms) if has_any else answered


def acknowledged(one: Episode, by: str, now_ms: int) -> Episode:
    """Seen by somebody: nobody else is called to it, unless it rises. The same again changes nothing."""
    if any(said.by == by for said in one.acknowledged):
        return one
    return replace(one, acknowledged=(*one.acknowledged, Said(by, now_ms)))


def ended(one: Episode, how: Ending, now_ms: int, by: str | None = None) -> Episode:
    return one if one.ended else replace(one, ended=Ended(how, now_ms, by))


def without(one: Episode, keys: Iterable[str], now_ms: int) -> Episode:
    """Where these readings were taken out of the record; with the last one it is withdrawn."""
    gone = set(keys)
    readings = tuple(replace(met, is_gone=met.is_gone or met.key in gone) for met in one.readings)
    left = replace(one, readings=_with_one_told(readings))
    return ended(left, "withdrawn", now_ms) if all(met.is_gone for met in readings) else left


def _with_one_told(readings: tuple[Met, ...]) -> tuple[Met, ...]:
    """Where all that somebody was told of is gone, the first of the others is what opens it."""
    left = [met for met in readings if not met.is_gone]
    if not left or any(met.role != "more" for met in left):
        return readings
    first = left[0]
    return tuple(replace(met, role="opened") if met is first else met for met in readings)


def given_back(one: Episode, keys: Iterable[str]) -> Episode:
    """Where these readings are in the record again; what was withdrawn with them is as it was."""
    back = set(keys)
    readings = tuple(replace(met, is_gone=met.is_gone and met.key not in back) for met in one.readings)
    is_withdrawn = one.ended is not None and one.ended.how == "withdrawn"
    is_back = is_withdrawn and any(not met.is_gone for met in readings)
    return replace(one, readings=readings, ended=None if is_back else one.ended)


def steps_left(one: Episode, known: Courses) -> list[tuple[int, Step]]:
    """(when, what) is still to be done while nobody has seen it, in order of time.

    An emergency goes its way also where somebody has seen it: two who know are better than none who came.
    """
    is_seen = bool(one.acknowledged) and one.level < CALL_120
    if not one.is_open or one.is_late or is_seen:
        return []
    course = known.of(one.rule)
    minutes = course.minutes if course.kind == CRISIS else {**known.levels[one.level], **course.minutes}
    due = [(one.level_ms + minutes[step] * MINUTE_MS, step) for step in STEPS if step in minutes]
    return sorted((at, step) for at, step in due if step not in one.taken)


def with_step(one: Episode, step: Step, now_ms: int) -> Episode:
    return replace(one, taken={**one.taken, step: now_ms})
