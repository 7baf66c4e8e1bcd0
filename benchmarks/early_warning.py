"""How soon planted changes are found in simulated people, and how often something is found where there is nothing.

Nights of people whose resting heart rate differs from day to day by 2.5 /min, four tenths of which last into the next,
with heavy tails, a weekly rhythm, a season and every fifth night missing. The figures go with these: who sleeps more
evenly is found sooner (docs/early-warning.md has a table).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks import Figure, note
from phr.care.baseline import Daily, Floats, Ints, deviation

FIGURES = (
    "early_warning_false_alarms_per_year",
    "early_warning_step_delay_p50_days",
    "early_warning_step_within_7_days_pct",
    "early_warning_creep_delay_p50_days",
)
PEOPLE = 60
BEFORE = 200  # days until something changes
OVER_AFTER_DAYS = 7  # what is found again within them is one alarm
STEP = 8.0  # /min, at once
CREEP = 0.05  # /min a day
NEVER = 10_000


@dataclass(frozen=True, slots=True)
class Sleeper:
    """Somebody simulated: the spread from day to day, how much of it lasts, the share of nights without a reading."""

    spread: float = 2.5
    carried: float = 0.4
    missing: float = 0.2

    def nights(self, chance: np.random.Generator, days: int) -> tuple[Ints, Floats]:
        """Days with readings, and what a device that shows whole beats says on them."""
        news = chance.standard_t(6, days) / np.sqrt(1.5) * self.spread * np.sqrt(1 - self.carried**2)
        value = np.zeros(days)
        for day in range(1, days):
            value[day] = self.carried * value[day - 1] + news[day]
        day = np.arange(days)
        value += 62 + 1.0 * np.isin(day % 7, (1, 2)) + np.sin(2 * np.pi * (day + chance.integers(365)) / 365)
        is_there = chance.random(days) >= self.missing
        return day[is_there], value[is_there]


def figures() -> Iterator[Figure]:
    alarms = false_alarms(Sleeper(), PEOPLE, 400)
    steps = delays(Sleeper(), PEOPLE, 60, lambda since: STEP * (since >= 0))
    creeps = delays(Sleeper(), PEOPLE, 160, lambda since: CREEP * np.maximum(since, 0))
    note(f"a step of {STEP} /min: {np.percentile(steps, 95):.0f} days at the 95th percentile")
    note(f"creeping by {CREEP} /min a day: {np.mean(creeps < NEVER):.0%} found within 160 days")
    yield Figure(FIGURES[0], alarms, "per person-year")
    yield Figure(FIGURES[1], float(np.median(steps)), "days")
    yield Figure(FIGURES[2], float(np.mean(steps <= 7) * 100), "%")
    yield Figure(FIGURES[3], float(np.median(creeps)), "days")


def false_alarms(sleeper: Sleeper, people: int, days: int) -> float:
    """Alarms a person and year where nothing was planted."""
    count, looked = 0, 0
    for number in range(people):
        day, value = sleeper.nights(np.random.default_rng((1, number)), days)
        last = -NEVER
        for today in range(60, days):
            looked += 1
            if _found(day, value, today):
                count += today - last > OVER_AFTER_DAYS
                last = today
    return count / (looked / 365)


def delays(sleeper: Sleeper, people: int, until: int, planted: Callable[[Ints], Floats]) -> Floats:
    """Days until the change is found, NEVER where it is not; 0: on the day itself."""
    found = np.full(people, float(NEVER))
    for number in range(people):
        day, value = sleeper.nights(np.random.default_rng((2, number)), BEFORE + until)
        value = value + planted(day - BEFORE)
        for today in range(BEFORE, BEFORE + until):
            if _found(day, value, today) > 0:
                found[number] = today - BEFORE
                break
    return found


def _found(day: Ints, value: Floats, today: int) -> float:
    """How much more than usual; 0 where nothing is out of the usual."""
    seen = (day <= today) & (day > today - 210)
    one = deviation(Daily(day[seen], np.round(value[seen])), today, 1.0)
    return one.size if one else 0.0
