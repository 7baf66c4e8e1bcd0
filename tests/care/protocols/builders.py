"""Readings for protocols, by the hour of a local day at +08:00."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from phr.care.protocol import Days, Measured
from phr.clock import DAY_MS, HOUR_MS

FIRST = 20_780  # a local day since 1970-01-01
OFFSET_MIN = 480


def days(count: int) -> Days:
    return Days(FIRST, FIRST + count - 1)


def at_ms(day: int, hour: float) -> int:
    """The instant of an hour of the ``day``-th day."""
    return round((FIRST + day) * DAY_MS + (hour - OFFSET_MIN / 60) * HOUR_MS)


def readings(
    rows: Iterable[tuple[int, float, Any]],
    names: Sequence[str] = ("",),
    unit: str | None = None,
    contexts: Sequence[dict[str, Any] | None] | None = None,
    of_other_sources: int = 0,
) -> Measured:
    """``rows``: day, hour, value or a tuple of values."""
    told = [(at_ms(day, hour), value if isinstance(value, tuple) else (value,)) for day, hour, value in rows]
    known = np.full(len(told), None, object)
    for index, context in enumerate(contexts or ()):
        known[index] = context
    return Measured(
        np.array([t for t, _ in told], np.int64),
        np.full(len(told), OFFSET_MIN, np.int64),
        {name: np.array([values[i] for _, values in told], float) for i, name in enumerate(names)},
        np.full(len(told), unit, object),
        known,
        of_other_sources,
    )
