"""A plain number of a metric in one unit, looked up once: what the short ways of the formats share."""

from __future__ import annotations

from typing import Any, NamedTuple

from phr.formats.building import stored_limits
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.units import as_sent, to_stored


class PlainNumber(NamedTuple):
    """``low`` to ``high``: where nobody doubts it, as stored."""

    metric: Metric
    unit: Unit
    is_canonical: bool  # a whole number comes back as it was sent
    low: float
    high: float

    def stored(self, value: Any) -> int | None:
        """As the record keeps it; None: no number, or one of which there is more to say (it does not come back as
        sent, or is out of bounds). Raises OverflowError.
        """
        kind = type(value)
        if kind is int and self.is_canonical:
            stored: int = value * self.metric.scale
        elif kind is int or kind is float:
            stored = to_stored(self.metric, self.unit, value)
            if as_sent(self.metric, self.unit, stored) != value:
                return None
        else:
            return None
        return stored if self.low <= stored <= self.high else None


def plain_number(metric: Metric, unit: Unit) -> PlainNumber:
    limits = stored_limits(metric, unit)
    low, high = max(limits.low, limits.published_low), min(limits.high, limits.published_high)
    return PlainNumber(metric, unit, unit is metric.units[0], low, high)
