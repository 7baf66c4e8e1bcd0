"""Values and limits side by side, in the unit as sent."""

from __future__ import annotations

from phr.care.observation import Observation
from phr.care.rule import Comparison, Condition
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.units import as_sent, canonical, limit_in

_SIDE = {None: 0, "below-range": -1, "above-range": 1}


def condition_holds(condition: Condition, observation: Observation) -> bool:
    """Compared in the unit as sent; False where the reading lacks the component."""
    stored = observation.values.get(condition.component)
    if stored is None:
        return False
    unit = unit_of(observation.metric, observation.unit, condition.component)
    value = said(observation.metric, unit, stored)
    return compares(condition.op, value, limit_in(observation.metric, unit, condition.limit), observation.flag)


def compares(op: Comparison, value: float, limit: float, flag: str | None = None) -> bool:
    """A sensor's Hi is more than the value that stands beside it, and says nothing about being low; Lo likewise."""
    side = _SIDE[flag]
    if op in (Comparison.AT_LEAST, Comparison.ABOVE):
        reached = (value, side) > (limit, 0) or (op is Comparison.AT_LEAST and value == limit)
        return reached and side >= 0
    reached = (value, side) < (limit, 0) or (op is Comparison.AT_MOST and value == limit)
    return reached and side <= 0


def unit_of(metric: Metric, sent: Unit | None, component: str) -> Unit | None:
    """The unit a value was sent in: a component may have one of its own (pulse beside a pressure in kPa)."""
    fixed = [known.unit for known in metric.components if known.key == component and known.unit]
    return fixed[0] if fixed else sent or metric.unit


def said(metric: Metric, unit: Unit | None, stored: int) -> int | float:
    """What the device said. In the canonical unit every kept digit counts: 179.6 is not 180."""
    if unit is not None and (unit.factor, unit.offset) != (1.0, 0.0):
        return as_sent(metric, unit, stored)
    value = canonical(metric, stored)
    return int(value) if value.is_integer() else value


def text(unit: Unit | None, value: float) -> str:
    """At the unit's decimals, more where the value has more."""
    fixed = f"{value:.{unit.decimals if unit else 0}f}"
    return fixed if float(fixed) == value else f"{value:g}"
