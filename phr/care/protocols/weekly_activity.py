"""A week's activity: minutes of exercise against the guideline, and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from phr.care.files import cited
from phr.care.protocol import Basis, Bools, Days, Measured, Protocol, mean, rounded, told
from phr.care.source import Evidence

MINUTES, STEPS = "exercise-minutes", "steps"
MODERATE_MIN, VIGOROUS_MIN = 150, 75
LIGHT, VIGOROUS = "light", "vigorous"
WEEK = 7


@dataclass(frozen=True, slots=True)
class Report:
    """``is_reached``: None where it is not, and days without a reading may have been active ones.

    ``percent_of_goal``: moderate minutes of 150 and vigorous ones of 75, added up.
    """

    basis: Basis
    moderate_min: float  # of exercise whose intensity was not told, too
    vigorous_min: float
    percent_of_goal: float
    is_reached: bool | None
    steps_per_day: float | None  # of the days that have steps
    days_with_steps: int


def report(measured: Mapping[str, Measured], days: Days) -> Report:
    """``coverage``: of the days, those that have exercise or steps; light exercise is left out."""
    found, steps = measured[MINUTES], measured[STEPS]
    is_light, is_vigorous = _of(found, LIGHT), _of(found, VIGOROUS)
    vigorous = _sum(found, is_vigorous)
    moderate = _sum(found, ~is_light & ~is_vigorous)
    covered = len(np.unique(np.concatenate((found.day, steps.day))))
    percent = moderate / MODERATE_MIN * 100 + vigorous / VIGOROUS_MIN * 100
    is_whole = covered == len(days)
    by_day, which = np.unique(steps.day, return_inverse=True)
    left_out = told(light=int(is_light.sum()), other_source=found.of_other_sources + steps.of_other_sources)
    return Report(
        Basis(
            int((~is_light).sum() + steps.t.size),
            covered,
            round(covered / len(days), 4),
            left_out,
            is_whole or percent >= 100,
        ),
        round(moderate, 1),
        round(vigorous, 1),
        round(percent, 1),
        True if percent >= 100 else False if is_whole else None,
        rounded(mean(np.bincount(which, steps.values[""], minlength=by_day.size).astype(float)), 0),
        int(by_day.size),
    )


def _of(found: Measured, intensity: str) -> Bools:
    return np.array([(context or {}).get("intensity") == intensity for context in found.contexts.tolist()], bool)


def _sum(found: Measured, chosen: Bools) -> float:
    return float(found.values[""][chosen].sum())


PROTOCOL = Protocol(
    "weekly-activity",
    "每周身体活动",
    "Activity of a week",
    (MINUTES, STEPS),
    report,
    "adults from 18 years on; with a chronic disease after asking a doctor",
    (
        cited(
            "ACTIVITY-2021",
            "150 minutes of moderate or 75 of vigorous activity a week",
            "as WHO 2020 has it; by copies",
        ),
        cited(
            "SHEET",
            "moderate and vigorous minutes are added up by their goals",
            "no document was read",
            Evidence.UNVERIFIED,
        ),
    ),
    (WEEK,),
    WEEK,
)
