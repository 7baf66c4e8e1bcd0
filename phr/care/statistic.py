"""The numbers that a window of readings is boiled down to; the definitions that limits are compared with."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from phr.care.rule import Statistic
from phr.clock import DAY_MS

# Of these the unit is not the metric's, so that limits stand as they are written.
OWN_UNIT = {
    Statistic.COUNT: "",
    Statistic.VARIABILITY: "%",
    Statistic.TIME_IN_RANGE: "%",
    Statistic.MISSING_FOR: "d",
}


def of_values(statistic: Statistic, t_ms: Sequence[int], values: Sequence[float]) -> float | None:
    """The statistic of readings in the order of time; None where there are too few for it.

    Slope: of the least-squares line, per day. Variability: standard deviation with n−1 as a percentage of the mean, the
    coefficient of variation of the international consensus on CGM (2019).
    """
    if statistic is Statistic.COUNT:
        return float(len(values))
    if not values:
        return None
    if statistic is Statistic.SLOPE:
        return _slope(t_ms, values)
    if statistic is Statistic.VARIABILITY:
        mean = statistics.fmean(values)
        return statistics.stdev(values) / mean * 100 if len(values) > 1 and mean > 0 else None
    of_plain = {
        Statistic.LAST: lambda: values[-1],
        Statistic.MEAN: lambda: statistics.fmean(values),
        Statistic.MAX: lambda: max(values),
        Statistic.MIN: lambda: min(values),
    }
    return of_plain[statistic]()


def _slope(t_ms: Sequence[int], values: Sequence[float]) -> float | None:
    if len(set(t_ms)) < 2:
        return None
    return statistics.linear_regression([(t - t_ms[0]) / DAY_MS for t in t_ms], values).slope
