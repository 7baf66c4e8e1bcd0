"""Who lives in a home: invented people, drawn from a seed. Nothing here is a clinical limit."""

from __future__ import annotations

import random
from dataclasses import dataclass

_DRAWN_FROM = "resident"


@dataclass(frozen=True, slots=True)
class Resident:
    """What makes one person's readings differ from another's; units as in the readings."""

    is_hypertensive: bool
    is_diabetic: bool
    systolic: float  # mm[Hg], usual
    diastolic: float
    resting_pulse: float  # /min, asleep
    glucose: float  # mmol/L, before meals
    weight: float  # kg
    weight_change: float  # kg a day
    wakes_at_min: int  # minutes after local midnight
    sleeps_at_min: int
    is_forgetful: bool  # misses a day now and then
    clock_error_s: dict[str, int]  # per kind of device, ahead of true time where positive

    def kinds(self) -> tuple[str, ...]:
        """The devices this person has; a CGM only with diabetes."""
        cgm = ("cgm",) if self.is_diabetic else ()
        return ("cuff", *cgm, "watch", "scale", "thermometer", "oximeter")


def resident_of(seed: int, home: int) -> Resident:
    """The same seed and home give the same person."""
    chance = random.Random(f"{seed}/{home}/{_DRAWN_FROM}")  # noqa: S311 - a simulation, not a secret
    is_hypertensive = chance.random() < 0.4
    is_diabetic = chance.random() < 0.3
    return Resident(
        is_hypertensive=is_hypertensive,
        is_diabetic=is_diabetic,
        systolic=chance.gauss(151, 8) if is_hypertensive else chance.gauss(117, 6),
        diastolic=chance.gauss(93, 5) if is_hypertensive else chance.gauss(75, 4),
        resting_pulse=chance.gauss(58, 5),
        glucose=chance.gauss(7.6, 0.7) if is_diabetic else chance.gauss(5.2, 0.3),
        weight=chance.gauss(68, 11),
        weight_change=chance.gauss(0, 0.01),
        wakes_at_min=chance.randint(330, 450),
        sleeps_at_min=chance.randint(1290, 1400),
        is_forgetful=chance.random() < 0.3,
        clock_error_s=_clock_errors(chance),
    )


def _clock_errors(chance: random.Random) -> dict[str, int]:
    """One device in eight is wrong by up to eight minutes; a watch takes its time from the phone."""
    kinds = ("cuff", "scale", "thermometer", "oximeter")
    return {kind: chance.randint(-480, 480) for kind in kinds if chance.random() < 0.125}
