"""Long histories for benchmarks, loaded through the one door in and folded, as years of use leave them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.stack import Stack
from phr.care.rules import rules
from phr.clock import DAY_MS, now_ms
from phr.people import people
from phr.readings import folding
from phr.recording import Delivery, Recorder
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Run
from phr.vocabulary.units import column_to_stored

DAYS_A_CALL = 30


@dataclass(frozen=True, slots=True)
class Wave:
    """A random walk between two values, as a device sends it: one reading each period, in one unit."""

    metric: str
    unit: str
    period_s: int
    low: float
    high: float
    step: float
    decimals: int = 0

    @property
    def per_day(self) -> int:
        return 86_400 // self.period_s

    def day(self, chance: random.Random) -> list[float]:
        value, out = chance.uniform(self.low, self.high), []
        for _ in range(self.per_day):
            value = min(self.high, max(self.low, value + chance.uniform(-self.step, self.step)))
            out.append(round(value, self.decimals))
        return out


def load_wave(stack: Stack, device: str, wave: Wave, days: int, chance: random.Random) -> int:
    """Readings of the device's person, stored and folded into summaries: the last so many whole days.

    Safe to repeat on the same day with the same chance: what a load that was cut off has stored is there already.
    """
    now = now_ms()
    first = now // DAY_MS - days
    recorder = Recorder(stack.database, rules())
    stored = 0
    for low in range(first, first + days, DAYS_A_CALL):
        deliveries = [
            Delivery(Decoded([_run(wave, day * DAY_MS, chance)]), device, "mqtt", now)
            for day in range(low, min(low + DAYS_A_CALL, first + days))
        ]
        stored += sum(verdict.stored + verdict.duplicate for verdict in recorder.record(deliveries, now))
    if stored != days * wave.per_day:
        raise RuntimeError(f"{stored:,} of {days * wave.per_day:,} readings were stored; look into held and rejections")
    fold_all(stack)
    return stored


def fold_all(stack: Stack) -> None:
    """Every summary up to date."""
    found = people.find_many(stack.database, stack.database.readings.distinct("p", {"dirty_since": {"$exists": True}}))
    while folding.fold_some(
        stack.database, vocabulary().metrics, lambda person: found[person].offset_min_at, now_ms() + DAY_MS
    ):
        pass


def _run(wave: Wave, start_ms: int, chance: random.Random) -> Run:
    metric = vocabulary().metrics[wave.metric]
    unit = metric.unit_by_name[wave.unit]
    step_ms = wave.period_s * 1000
    t = list(range(start_ms, start_ms + step_ms * wave.per_day, step_ms))
    values = column_to_stored(metric, unit, wave.day(chance))
    return Run(metric, "", unit, 480, t, {"": values}, "/series/0", positions=range(len(t)))
