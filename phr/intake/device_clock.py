"""A device's own clock: how far off it is and since when, and what that makes of the times it states. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

from phr.vocabulary.reading import AT_ARRIVAL, Run, later_value, picked

CORRECTED_FROM_MS = 2 * 60_000  # a clock that is off by more is corrected
LARGEST_CORRECTION_MS = 24 * 3_600_000  # beyond it a clock was lost, and what it says is held for somebody to decide
SLACK_MS = 10 * 60_000
MOST_PERIODS = 999  # a period's number is in the milliseconds of its offset


@dataclass(frozen=True, slots=True)
class Removal:
    """Who said that a period was learned wrongly, when and why."""

    at_ms: int
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant of the device's own clock on, ``offset_ms`` is what the true time is more. Never changed.

    ``removed``: it holds no more; it keeps its number.
    """

    from_device_ms: int
    offset_ms: int
    learned_at_ms: int
    removed: Removal | None = None

    @property
    def is_usable(self) -> bool:
        return abs(self.offset_ms) <= LARGEST_CORRECTION_MS


@dataclass(frozen=True, slots=True)
class Clock:
    """``periods`` in the order in which they were learned. ``ahead_ms``: the device times that were held as ahead."""

    periods: tuple[Period, ...] = ()
    ahead_ms: tuple[int, int] | None = None

    @property
    def latest(self) -> Period | None:
        return next((one for one in reversed(self.periods) if one.removed is None), None)

    @property
    def offset_ms(self) -> int:
        """What the clock is off by now, as far as is known."""
        return self.latest.offset_ms if self.latest else 0

    def at(self, device_ms: int) -> Period | None:
        """The period of a device time: the one that begins last before it; a re-send finds the same one."""
        found = None
        for one in self.periods:
            if one.removed or one.from_device_ms > device_ms:
                continue
            if found is None or one.from_device_ms >= found.from_device_ms:
                found = one
        return found

    def was_ahead(self, device_ms: int) -> bool:
        return self.ahead_ms is not None and self.ahead_ms[0] <= device_ms <= self.ahead_ms[1]

    def opened(self, period: Period) -> Clock:
        return replace(self, periods=(*self.periods, period))

    def without(self, number: int, removal: Removal) -> Clock:
        """The clock with its period of that number, from 1, removed; who said so first stays."""
        one = self.periods[number - 1]
        kept = replace(one, removed=one.removed or removal)
        return replace(self, periods=(*self.periods[: number - 1], kept, *self.periods[number:]))

    def was_denied(self, offset_ms: int) -> bool:
        """True for an offset about which somebody has said that it is not this clock's."""
        return any(one.removed and abs(one.offset_ms - offset_ms) <= CORRECTED_FROM_MS for one in self.periods)

    def seen_ahead(self, low_ms: int, high_ms: int) -> Clock:
        low, high = self.ahead_ms or (low_ms, high_ms)
        return replace(self, ahead_ms=(min(low, low_ms), max(high, high_ms)))


class Timed(NamedTuple):
    """A part of a run on the true time; ``is_lost``: its clock was too far off to be believed."""

    run: Run
    is_lost: bool = False


def on_true_time(run: Run, clock: Clock, arrived_at_ms: int) -> list[Timed]:
    """The run in parts of one period each, their times corrected; nearly always the run itself.

    What has no time of its own (``AT_ARRIVAL``) must not come here.
    """
    if not clock.periods or not run.t:
        return [Timed(run)]
    low, high = min(run.t), max(run.t)
    if not any(low < one.from_device_ms <= high for one in clock.periods):
        return [_timed(run, clock.at(low), arrived_at_ms)]
    found = [clock.at(t) for t in run.t]
    groups = [(period, list(group)) for period, group in groupby(range(len(run.t)), key=found.__getitem__)]
    return [_timed(picked(run, indices), period, arrived_at_ms) for period, indices in groups]


def has_own_time(run: Run) -> bool:
    return AT_ARRIVAL not in run.t


def shifted(run: Run, shift_ms: int) -> Run:
    """The run with all its times so much later, which it remembers."""
    if not shift_ms:
        return run
    extras = {index: _shifted(extra, shift_ms) for index, extra in run.extras.items()}
    t = [at + shift_ms for at in run.t]
    return replace(run, t=t, extras=extras, clock_offset_ms=run.clock_offset_ms + shift_ms)


def as_told(run: Run) -> Run:
    """The run on the device's own time, as it was sent."""
    return shifted(run, -run.clock_offset_ms)


def next_offset_ms(clock: Clock, estimate_ms: int) -> int:
    """An estimate as the offset of the next period: 0 where the clock is right, else with the period's number.

    Readings of two periods of a clock that counts whole seconds then never meet on one corrected instant.
    """
    if abs(estimate_ms) <= CORRECTED_FROM_MS:
        return 0
    return estimate_ms // 1000 * 1000 + len(clock.periods) + 1


def _timed(part: Run, period: Period | None, arrived_at_ms: int) -> Timed:
    if period is None or not period.offset_ms:
        return Timed(part)
    if period.is_usable:
        return Timed(shifted(part, period.offset_ms))
    # A later time than the lost clock can have shown by now comes from a clock that was set again.
    return Timed(part, is_lost=max(part.t) <= arrived_at_ms - period.offset_ms + SLACK_MS)


def _shifted(extra: dict[str, Any], shift_ms: int) -> dict[str, Any]:
    return extra | {"value": later_value(extra["value"], shift_ms)} if "value" in extra else extra
