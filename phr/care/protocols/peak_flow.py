"""Peak flow against the best of the period, by the zones of an action plan for asthma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from phr.care.files import cited
from phr.care.protocol import Basis, Days, Measured, Protocol, date_of, told
from phr.care.source import Evidence

METRIC = "pef"
GREEN_FROM_PERCENT, YELLOW_FROM_PERCENT = 80, 50
ZONES = ("red", "yellow", "green")


@dataclass(frozen=True, slots=True)
class Blow:
    on: date
    litres_per_min: float
    percent_of_best: float
    zone: str


@dataclass(frozen=True, slots=True)
class Report:
    """``best``: the greatest reading of the period, in place of a personal best that nobody has set; L/min."""

    basis: Basis
    best: float | None
    latest: Blow | None
    zones: Mapping[str, int]  # readings in each


def report(measured: Mapping[str, Measured], days: Days) -> Report:
    """``coverage``: of the days."""
    found = measured[METRIC]
    flow, on = found.values[""], np.unique(found.day)
    basis = Basis(int(flow.size), int(on.size), round(on.size / len(days), 4), told(), None)
    if not flow.size:
        return Report(basis, None, None, dict.fromkeys(ZONES, 0))
    percent = flow / flow.max() * 100
    place = np.digitize(percent, (YELLOW_FROM_PERCENT, GREEN_FROM_PERCENT))
    latest = Blow(
        date_of(int(found.day[-1])), round(float(flow[-1]), 1), round(float(percent[-1]), 1), ZONES[int(place[-1])]
    )
    counts = np.bincount(place, minlength=len(ZONES)).tolist()
    return Report(basis, round(float(flow.max()), 1), latest, dict(zip(ZONES, counts, strict=True)))


PROTOCOL = Protocol(
    "peak-flow",
    "峰流速分区",
    "Peak-flow zones",
    (METRIC,),
    report,
    "people with asthma who have an action plan of their doctor",
    (
        cited(
            "SHEET",
            "green from 80 % of the personal best, yellow from 50 %, red below",
            "as action plans of GINA and NAEPP have it; no document was read",
            Evidence.UNVERIFIED,
        ),
    ),
    range(1, 366),
    90,
)
