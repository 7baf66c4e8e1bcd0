"""How a number gets from the unit it was sent in to the integer that is kept, and back."""

from __future__ import annotations

from collections.abc import Sequence

from phr.vocabulary.metric import Metric, Unit


def to_stored(metric: Metric, unit: Unit | None, value: int | float) -> int:
    """canonical value * metric.scale, to the nearest integer, ties to even. No unit: the value is canonical.

    Raises OverflowError for infinities, ValueError for NaN; bounds are the caller's to check.
    """
    if unit is None or (unit.factor == 1.0 and unit.offset == 0.0):
        return round(value * metric.scale)
    return round((value * unit.factor + unit.offset) * metric.scale)


def column_to_stored(metric: Metric, unit: Unit | None, values: Sequence[int | float | None]) -> list[int | None]:
    """``to_stored`` of a whole series at a third of its price; None stays None. Raises what it raises."""
    scale = metric.scale
    if unit is None or (unit.factor == 1.0 and unit.offset == 0.0):
        if set(map(type, values)) == {int}:
            return [value * scale for value in values]  # type: ignore[operator, misc]
        return [None if value is None else round(value * scale) for value in values]
    factor, offset = unit.factor, unit.offset
    return [None if value is None else round((value * factor + offset) * scale) for value in values]


def as_sent(metric: Metric, unit: Unit | None, stored: int) -> int | float:
    """The value in that unit, at the finest step devices state in it: an int where that is a whole number.

    Gives back exactly what a device sent at that step (``metrics.toml`` is checked for it). No unit: the canonical one.
    """
    unit = unit or metric.unit
    if unit is None:
        return canonical(metric, stored)
    value = (stored / metric.scale - unit.offset) / unit.factor
    # the + 0.0 turns -0.0 into 0.0
    return round(value) if unit.decimals == 0 else round(value, unit.decimals) + 0.0


def canonical(metric: Metric, stored: int) -> float:
    """The value in the metric's canonical unit."""
    return stored / metric.scale


def limit_in(metric: Metric, unit: Unit | None, limit: float) -> float:
    """A canonical limit in the unit as sent, rounded to that unit's decimals: 3.9 mmol/L is 70 mg/dL.

    So a conversion never moves a value across a line. In the canonical unit a limit stays as it is written.
    """
    if unit is None or unit == metric.unit:
        return limit
    return round((limit - unit.offset) / unit.factor, unit.decimals)
