"""Clinical goals of a programme for one person, which stand on a form beside the public-health class. Pure.

Sources (standards sheet, 1.5 and 1.6): HTN-PRIM-2025, below 130/80, from 80 years on below 150/90, read in copies; for
diabetes what a page that cites the CDS has, fasting 4.4 to 7.0 mmol/L and HbA1c below 7.0 %, pressure below 130/80.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OLD = 80
HOME_LINE = (135, 85)  # HTN-2024 and HTN-PRIM-2025: the mean of home readings


@dataclass(frozen=True, slots=True)
class Goal:
    """``below``, and ``from_`` where there is a floor; ``by``: who set it, None where it is the guideline's."""

    item: str  # of the form
    below: float
    from_: float | None
    unit: str
    source: str
    by: str | None = None
    why: str | None = None


def goals(judged_by: str, age: int | None) -> tuple[Goal, ...]:
    """What the guideline says for an age; of unknown age as for the younger."""
    is_old = judged_by == "pressure" and age is not None and age >= OLD
    source = "HTN-PRIM-2025" if judged_by == "pressure" else "CDS · sheet 1.6"
    systolic, diastolic = (150, 90) if is_old else (130, 80)
    pressure = (
        Goal("systolic", systolic, None, "mmHg", source),
        Goal("diastolic", diastolic, None, "mmHg", source),
    )
    if judged_by == "pressure":
        return pressure
    sugar = Goal("fasting-glucose", 7.0, 4.4, "mmol/L", source), Goal("hba1c", 7.0, None, "%", source)
    return (*sugar, *pressure)


def is_met(goal: Goal, items: Mapping[str, object]) -> bool | None:
    """None where the item has no value. A fasting value at 7.0 is in the range that the source gives."""
    value = items.get(goal.item)
    if not isinstance(value, (int, float)):
        return None
    if goal.from_ is not None:
        return goal.from_ <= value <= goal.below
    return value < goal.below
