"""What is usual for one person, and how far the last days are from it. Pure: readings in, numbers out.

A person is compared with the person of the months before; no guideline's limit is used. Whether something is out of the
usual is a question of statistics: what the thresholds cost in false alarms and gain in days is measured on simulated
people (`make bench ONLY=early_warning`, docs/early-warning.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from phr.clock import DAY_MS, HOUR_MS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

REFERENCE_DAYS = 90  # what is usual is made of so many days
LEAST_REFERENCE = 21  # of them with readings; with fewer nothing is called usual
BLOCK_H = 3  # an hour of the day by itself has too few readings to say what is usual in it
_MAD_TO_SD, _MEAN_TO_SD = 1.4826, 1.2533  # of a normal distribution: from the median, the mean of what lies apart
_CLIP_SD = 3.0  # further out a single day counts no more than this
_COUNTS_SD = 4.0  # what one of the last days counts at most, so that a wild one does not speak for its week
_SHRINK = 14  # what so many readings say is believed by half
_ALIKE = 0.4  # what part of a day's deviation is taken to last into the next until the days say otherwise
_MOST_ALIKE = 0.7
_BAND_SD = 2.0  # our own choice: who goes on as usual is within it on about 19 days of 20


class Kind(StrEnum):
    STEP = "step"  # from one day to the next
    CREEP = "creep"  # over weeks


@dataclass(frozen=True, slots=True)
class Span:
    """So many last days are compared with what was usual until ``gap`` days before them.

    ``least`` of them have readings; ``k``: how many standard errors are too many.
    """

    days: int
    least: int
    gap: int
    k: float


# One bad night is no news. Longer spans find what is smaller; what creeps is seen from a quarter of a year away.
SPANS = (Span(2, 2, 7, 4.6), Span(4, 3, 7, 4.1), Span(7, 4, 7, 3.8), Span(28, 8, 90, 4.5))
LOOKED_BACK_DAYS = max(one.days + one.gap for one in SPANS) + REFERENCE_DAYS
MADE_OF_DAYS = SPANS[0].gap + REFERENCE_DAYS  # how far back of a day what is usual on it begins


@dataclass(frozen=True, slots=True)
class Usual:
    """A level and its spread from day to day; ``carried``: the share of a day's deviation that lasts into the next."""

    level: float
    spread: float
    carried: float
    days: int


@dataclass(frozen=True, slots=True)
class Deviation:
    """The last days are not as usual. Days are counted in UTC since 1970-01-01."""

    kind: Kind
    since_day: int
    usual: float
    now: float
    errors: float  # how far out, in standard errors of the difference
    days: int  # with readings since then
    reference_days: int  # with readings that say what is usual

    @property
    def size(self) -> float:
        """How much more (less, where negative) than usual."""
        return self.now - self.usual


@dataclass(frozen=True, slots=True, eq=False)
class Daily:
    """A value for each day that has readings, in order, cleared of what hour and weekday explain."""

    day: Ints
    value: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Rhythm:
    """How a person's readings go through day and week. ``hours``: what each three hours add, and each weekday
    (0 is a Thursday).

    ``readings``: each with its day and what hour and weekday leave of it.
    """

    daily: Daily
    readings: Daily
    hours: Floats
    weekdays: Floats


@dataclass(frozen=True, slots=True)
class Band:
    """Usual for a day (from ``hour`` on, where that is asked); None where ``n`` days with readings are too few."""

    day: int
    hour: int | None
    low: float | None
    high: float | None
    n: int


def daily(t_ms: Sequence[int], values: Sequence[float]) -> Daily:
    """Readings in the order of time as one value a day: the median of what is left without hour and weekday.

    So a person who measured at night for once is not called lower for it.
    """
    return rhythm(t_ms, values).daily


def rhythm(t_ms: Sequence[int] | Ints, values: Sequence[float] | Floats) -> Rhythm:
    """What hour and weekday explain of readings in the order of time, and what they leave."""
    t, value = np.asarray(t_ms, np.int64), np.asarray(values, np.float64)
    if not t.size:
        return Rhythm(Daily(t, value), Daily(t, value), np.zeros(24 // BLOCK_H), np.zeros(7))
    block = t // HOUR_MS % 24 // BLOCK_H
    hours = _effects(value - np.median(value), block, 24 // BLOCK_H)
    day_of, left = t // DAY_MS, value - hours[block]
    day, value = _medians(day_of, left)
    weekdays = _effects(value - np.median(value), day % 7, 7)
    return Rhythm(Daily(day, value - weekdays[day % 7]), Daily(day_of, left - weekdays[day_of % 7]), hours, weekdays)


def bands(of: Rhythm, days: range, precision: float, *, by_hour: bool) -> list[Band]:
    """Within which values are usual, for each of the days (``by_hour``: for each three hours of them, of one reading).

    As it was known a week before, so that what has changed stands out of it. Pure of guidelines: it judges nothing.
    """
    return [one for day in days for one in _bands_on(of, day, precision, by_hour=by_hour)]


def _bands_on(of: Rhythm, day: int, precision: float, *, by_hour: bool) -> list[Band]:
    until = day - SPANS[0].gap
    usual, hours = usual_before(of.daily, until, precision), range(0, 24, BLOCK_H) if by_hour else (None,)
    if usual is None:
        n = int(_before(of.daily, until).sum())
        return [Band(day, hour, None, None, n) for hour in hours]
    spread = usual.spread
    if by_hour:
        single = of.readings.value[_before(of.readings, until)]
        spread = max(_spread(single - np.median(single)), spread)
    found = []
    for hour in hours:
        middle = usual.level + float(of.weekdays[day % 7]) + (0.0 if hour is None else float(of.hours[hour // BLOCK_H]))
        found.append(Band(day, hour, middle - _BAND_SD * spread, middle + _BAND_SD * spread, usual.days))
    return found


def usual_before(series: Daily, day: int, precision: float) -> Usual | None:
    """What was usual in the 90 days before; None of fewer than 21 days with readings.

    ``precision``: what the metric is stated to; no spread is taken to be below half of it, since devices round.
    """
    chosen = _before(series, day)
    value = series.value[chosen]
    if value.size < LEAST_REFERENCE:
        return None
    level = float(np.median(value))
    spread = max(_spread(value - level), precision / 2)
    return Usual(level, spread, _carried(series.day[chosen], (value - level) / spread), int(value.size))


def _before(series: Daily, day: int) -> Bools:
    """Which are of the days that say what was usual on one."""
    return (series.day < day) & (series.day >= day - REFERENCE_DAYS)


def is_known(series: Daily, today: int, precision: float) -> bool:
    """True where there is enough to say what is usual."""
    return any(usual_before(series, today + 1 - one.days - one.gap, precision) for one in SPANS)


def deviation(series: Daily, today: int, precision: float) -> Deviation | None:
    """How the days up to ``today`` differ from what was usual; None where they don't, or where nobody can say.

    A difference smaller than the spread from day to day is none, however sure it is.
    """
    furthest: tuple[float, Usual, float] | None = None
    for span in SPANS:
        found = _compared(series, today, span, precision)
        if found is None:
            continue
        usual, difference, error = found
        excess = abs(difference) / error / span.k
        if excess >= 1 and abs(difference) >= usual.spread and (furthest is None or excess > furthest[0]):
            furthest = (excess, usual, difference / error)
    return _described(series, today, furthest[1], furthest[2]) if furthest else None


def _compared(series: Daily, today: int, span: Span, precision: float) -> tuple[Usual, float, float] | None:
    """What was usual, how the mean of the span differs from it, and the standard error of that."""
    first = today - span.days + 1
    lately = series.value[(series.day >= first) & (series.day <= today)]
    if lately.size < span.least:
        return None
    usual = usual_before(series, first - span.gap, precision)
    if usual is None:
        return None
    most = _COUNTS_SD * usual.spread
    difference = float(np.clip(lately - usual.level, -most, most).mean())
    of_lately = _inflation(usual.carried, lately.size) / lately.size
    of_usual = 1.5 * _inflation(usual.carried, usual.days) / usual.days  # a median is less sharp than a mean
    return usual, difference, usual.spread * float(np.sqrt(of_lately + of_usual))


def _described(series: Daily, today: int, usual: Usual, errors: float) -> Deviation:
    """When it began: the step that explains the days best, or a creeping change where a line explains them better."""
    chosen = (series.day > today - LOOKED_BACK_DAYS) & (series.day <= today)
    day, value = series.day[chosen], series.value[chosen]
    at = _step(value, float(np.sign(errors)))
    after = value[at:]
    creeps = after.size >= LEAST_REFERENCE and _creeps(day[at:], after)
    return Deviation(
        kind=Kind.CREEP if creeps else Kind.STEP,
        since_day=int(day[at]),
        usual=usual.level,
        now=float(np.median(after[-7:] if creeps else after)),
        errors=abs(errors),
        days=int(after.size),
        reference_days=usual.days,
    )


def _step(value: Floats, sign: float) -> int:
    """Where a series steps in the direction of ``sign``: the cut into two means that explains the most of it."""
    n = value.size
    left = np.arange(1, n)
    total = np.cumsum(value)
    gap = sign * ((total[-1] - total[:-1]) / (n - left) - total[:-1] / left)
    return int(np.argmax(np.where(gap > 0, left * (n - left) / n * gap**2, -1.0))) + 1


def _creeps(day: Ints, value: Floats) -> bool:
    """True where a line through the days explains over a third of what their mean leaves."""
    x, y = day - day.mean(), value - value.mean()
    return float((x * y).sum()) ** 2 / float((x * x).sum()) > float((y * y).sum()) / 3


def _effects(apart: Floats, group: Ints, groups: int) -> Floats:
    """What belonging to each group adds, shrunk towards nothing where few readings say so."""
    found = np.zeros(groups)
    for one in np.unique(group):
        inside = apart[group == one]
        found[one] = np.median(inside) * inside.size / (inside.size + _SHRINK)
    return found


def _medians(day: Ints, values: Floats) -> tuple[Ints, Floats]:
    order = np.lexsort((values, day))
    days, starts, counts = np.unique(day[order], return_index=True, return_counts=True)
    ordered = values[order]
    return days, (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2


def _spread(apart: Floats) -> float:
    """Standard deviation of what is cut at three of the median's: sharper than that alone, and as little misled.

    Where most days say the very same the median is nothing, and the mean stands in for it.
    """
    far = np.abs(apart)
    rough = _MAD_TO_SD * float(np.median(far)) or _MEAN_TO_SD * float(far.mean())
    return float(np.sqrt((np.clip(apart, -_CLIP_SD * rough, _CLIP_SD * rough) ** 2).mean()))


def _carried(day: Ints, apart: Floats) -> float:
    """Autocorrelation from one day to the next, of days that follow each other, drawn towards what is common."""
    follows = np.diff(day) == 1
    clipped = np.clip(apart, -_CLIP_SD, _CLIP_SD)
    product = float((clipped[1:] * clipped[:-1])[follows].sum())
    weight = 2 * _SHRINK
    found = (product + _ALIKE * weight) / (float((clipped**2).mean()) * int(follows.sum()) + weight)
    return float(np.clip(found, 0.0, _MOST_ALIKE))


def _inflation(carried: float, n: int) -> float:
    """By how much the variance of a mean of n days exceeds that of independent ones."""
    lags = np.arange(1, n)
    return float(1 + 2 * ((1 - lags / n) * carried**lags).sum())
