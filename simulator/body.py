"""What a body does over a day: pulse, glucose, pressure, temperature, as pure functions of resident and chance.

Shapes are believable, not clinical: nothing here is a limit that any rule uses.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from simulator.resident import Resident

MINUTES = 1440
CGM_STEP_MIN = 5

_MEALS_MIN = (450, 735, 1125)  # 07:30, 12:15, 18:45
_DAWN_MIN = 360  # glucose rises towards waking, without a meal


@dataclass(frozen=True, slots=True)
class Pressure:
    systolic: int
    diastolic: int
    pulse: int


def pulses(resident: Resident, chance: random.Random) -> list[int]:
    """Heart rate in /min for each minute of a day: low asleep, higher awake, bouts of activity."""
    bouts = _bouts(resident, chance)
    wander, out = 0.0, []
    for minute in range(MINUTES):
        wander = 0.9 * wander + chance.gauss(0, 1.2)
        awake = 14 * _awake(resident, minute)
        out.append(_clamped(round(resident.resting_pulse + awake + bouts[minute] + wander), 38, 190))
    return out


def steps_by_hour(resident: Resident, chance: random.Random) -> list[int]:
    """Steps in each hour of a day; none while asleep."""
    out = []
    for hour in range(24):
        is_awake = resident.wakes_at_min <= hour * 60 + 30 < resident.sleeps_at_min
        out.append(max(0, round(chance.gauss(480, 330))) if is_awake else 0)
    return out


def glucose(resident: Resident, chance: random.Random) -> list[float]:
    """mmol/L every five minutes of a day: three meals, a dawn rise, a slow wander."""
    rise = 4.2 if resident.is_diabetic else 2.2
    meals = [(at + chance.randint(-25, 25), rise * chance.uniform(0.7, 1.3)) for at in _MEALS_MIN]
    wander, out = 0.0, []
    for minute in range(0, MINUTES, CGM_STEP_MIN):
        wander = 0.92 * wander + chance.gauss(0, 0.09)
        dawn = (0.9 if resident.is_diabetic else 0.3) * math.exp(-(((minute - _DAWN_MIN) / 75) ** 2))
        eaten = sum(_meal(minute - at, height) for at, height in meals)
        out.append(round(min(22.0, max(2.4, resident.glucose + dawn + eaten + wander)), 1))
    return out


def pressure(resident: Resident, chance: random.Random, *, is_morning: bool, is_second: bool) -> Pressure:
    """One cuff reading; mornings run higher, a second reading lower."""
    shift = (4 if is_morning else 0) - (3 if is_second else 0)
    systolic = _clamped(round(chance.gauss(resident.systolic + shift, 6)), 80, 210)
    diastolic = _clamped(round(chance.gauss(resident.diastolic + shift / 2, 4)), 45, systolic - 15)
    return Pressure(systolic, diastolic, _clamped(round(chance.gauss(resident.resting_pulse + 12, 4)), 45, 120))


def weight(resident: Resident, day: int, chance: random.Random) -> float:
    """kg, on a scale with steps of 50 g."""
    return round(round((resident.weight + day * resident.weight_change + chance.gauss(0, 0.35)) * 20) / 20, 2)


def temperature(chance: random.Random, *, has_fever: bool) -> float:
    """Axillary, in Cel."""
    return round(chance.gauss(38.4, 0.4) if has_fever else chance.gauss(36.5, 0.15), 1)


def saturation(chance: random.Random) -> int:
    """%."""
    return _clamped(round(chance.gauss(97, 1)), 91, 100)


def _awake(resident: Resident, minute: int) -> float:
    """0 asleep, 1 awake, over half an hour at both ends."""
    up = (minute - resident.wakes_at_min) / 30
    down = (resident.sleeps_at_min - minute) / 30
    return min(1.0, max(0.0, up), max(0.0, down))


def _bouts(resident: Resident, chance: random.Random) -> list[float]:
    added = [0.0] * MINUTES
    for _ in range(chance.randint(3, 7)):
        start = chance.randint(resident.wakes_at_min, resident.sleeps_at_min - 60)
        length, height = chance.randint(8, 50), chance.uniform(10, 55)
        for minute in range(start, start + length):
            added[minute] = max(added[minute], height * math.sin(math.pi * (minute - start + 1) / (length + 1)))
    return added


def _meal(minutes_after: float, height: float) -> float:
    """Rises to its peak an hour after eating and is gone after about four."""
    if minutes_after <= 0:
        return 0.0
    x = minutes_after / 60
    return height * x * math.exp(1 - x)


def _clamped(value: int, low: int, high: int) -> int:
    return min(high, max(low, value))
