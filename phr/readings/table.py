"""Rows of a series as columns: lists of plain JSON values, or arrays of numbers, in which NaN stands for none.

An array is written into JSON as it lies, without an object for each of 20,000 numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from phr.clock import DAY_MS, MINUTE_MS, rfc3339
from phr.readings import sums
from phr.readings.columns import ABSENT, IntArray
from phr.readings.local_time import Clock, Instants, Same, texts
from phr.readings.merging import Bools
from phr.readings.periods import Periods
from phr.readings.raw_rows import Rows
from phr.readings.slices import is_dense
from phr.readings.track import Resolution
from phr.readings.zoom import LONGEST_DAYS, begins
from phr.vocabulary.metric import Metric, Summary, ValueType
from phr.vocabulary.reading import DURATION
from phr.vocabulary.units import as_sent

Column = list[Any] | npt.NDArray[Any] | Instants | Same
Columns = dict[str, Column]

FIELDS = (
    "device",
    "quality",
    "context",
    "sent",
    "seq",
    "device_time",
    "arrived",
)  # columns of raw readings that must be asked for
_PERIODS = (ValueType.INTERVAL, ValueType.EPISODE)
_WITH_NUMBERS = (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS)


def of_readings(rows: Rows, metric: Metric, fields: Iterable[str], counted: Bools | None = None) -> Columns:
    """``t``, ``end`` of what lasts, ``value`` or a column a component, ``flag`` where there is one, and the fields.

    ``counted``, with the ``device``, is there where another source or a day's total makes that some do not count.

    Numbers are in the canonical unit; ``sent`` comes with the ``unit`` it is in.
    """
    columns: Columns = {"t": Instants(rows.t, rows.offsets)}
    if metric.value_type in _PERIODS or DURATION in rows.values:
        columns["end"] = _ends(rows, metric)
    if metric.value_type is ValueType.COMPONENTS:
        columns |= {part.key: _numbers(rows.values.get(part.key), rows, metric) for part in metric.components}
    elif metric.value_type in _WITH_NUMBERS:
        columns["value"] = _numbers(rows.values.get(""), rows, metric)
    else:
        columns["value"] = _structured(rows, metric)
    if any("f" in extra for extra in rows.extras.values()):
        columns["flag"] = _extra(rows, "f")
    has_losers = counted is not None and not counted.all()
    for name in dict.fromkeys((*fields, "device")) if has_losers else fields:
        columns |= _FIELDS[name](rows, metric)
    if counted is not None and has_losers:
        columns["counted"] = counted
    return columns


def of_periods(rows: Periods, metric: Metric, clock: Clock, resolution: Resolution, *, has_device: bool) -> Columns:
    """``t``, ``n``, ``min``, ``max`` and ``mean``, ``sum`` or ``last``; of components named systolic_min and so on.

    Beside them ``zone``, ``coverage`` (the share of the period's hours, of its days where a metric comes but daily,
    that have readings) and ``is_enough`` (to judge the period; None where no source says how much is).
    """
    columns: Columns = {"t": _begins(rows, clock), "n": rows.sums.n}
    if metric.summary is not Summary.COUNT and metric.value_type in _WITH_NUMBERS:
        for key in [part.key for part in metric.components] or [""]:
            prefix = f"{key}_" if key else ""
            found = rows.sums.columns.get(key)
            for name in ("min", "max", str(metric.summary)):
                columns[prefix + name] = [None] * len(rows) if found is None else _shown(found, name, metric.scale)
    columns |= _worth(rows, metric, clock, resolution)
    if has_device:
        groups = [list(group) for group in rows.groups]
        columns["device"] = [groups[number] for number in rows.who.tolist()]
    return columns


def as_json(columns: Columns) -> bytes:
    """One JSON object."""
    return orjson.dumps({name: _plain(one) for name, one in columns.items()}, option=orjson.OPT_SERIALIZE_NUMPY)


def listed(columns: Columns) -> dict[str, list[Any]]:
    """All of them as lists, None where there is none."""
    return {name: _list(one) for name, one in columns.items()}


def _plain(column: Column) -> Any:
    """What orjson writes fast."""
    if isinstance(column, list):
        return column
    return np.ascontiguousarray(column) if isinstance(column, np.ndarray) else orjson.Fragment(column.json())


def _list(column: Column) -> list[Any]:
    if isinstance(column, list):
        return column
    if not isinstance(column, np.ndarray):
        return column.listed()
    found: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        for index in np.flatnonzero(np.isnan(column)).tolist():
            found[index] = None
    return found


_STATISTICS = {"min": sums.LOW, "max": sums.HIGH, "mean": sums.TOTAL, "sum": sums.TOTAL, "last": sums.LAST}


def _shown(found: IntArray, name: str, scale: int) -> Column:
    """None where a period has none of the component."""
    count = found[sums.COUNT]
    divisor = np.maximum(count, 1) * scale if name == "mean" else scale
    numbers: npt.NDArray[np.float64] = found[_STATISTICS[name]] / divisor
    numbers[count == 0] = np.nan
    return numbers


def _begins(rows: Periods, clock: Clock) -> Instants:
    return clock.midnights(rows.at) if rows.offset is None else Instants(rows.at, rows.offset)


def _worth(rows: Periods, metric: Metric, clock: Clock, resolution: Resolution) -> Columns:
    days, lengths, possible = rows.at, np.zeros(len(rows), np.int64), np.ones(len(rows), np.int64)
    if resolution is Resolution.HOUR:
        days = rows.at if rows.offset is None else (rows.at + rows.offset * MINUTE_MS) // DAY_MS
    else:
        following = begins(resolution, days + LONGEST_DAYS[resolution])
        lengths = following - days
        possible = lengths
        if is_dense(metric):  # a day that the clocks make longer has more hours
            possible = lengths * 24 - (clock.offsets(following) - clock.offsets(days)) // 60
    coverage = np.minimum(rows.covered / np.maximum(possible, 1), 1.0)
    enough: Column = Same(None, len(rows))
    if metric.enough is not None:
        enough = (lengths >= metric.enough.days) & (coverage >= metric.enough.coverage)
    return {"zone": clock.zone_names(days), "coverage": np.round(coverage, 4), "is_enough": enough}


def _ends(rows: Rows, metric: Metric) -> list[Any]:
    """A period without a length ends as it begins; what usually has none has no end then."""
    lengths = rows.values.get(DURATION)
    if lengths is None:
        lengths = np.full(rows.t.size, ABSENT, np.int64)
    absent = lengths == ABSENT
    ends: list[Any] = texts(rows.t + np.where(absent, 0, lengths), rows.offsets)
    if metric.value_type not in _PERIODS:
        for index in np.flatnonzero(absent).tolist():
            ends[index] = None
    return ends


def _numbers(stored: IntArray | None, rows: Rows, metric: Metric) -> Column:
    if stored is None:
        return [None] * int(rows.t.size)
    absent = stored == ABSENT
    if metric.scale == 1 and not absent.any():
        return stored
    if metric.scale == 1:
        return [None if value == ABSENT else value for value in stored.tolist()]
    numbers: npt.NDArray[np.float64] = stored / metric.scale
    numbers[absent] = np.nan
    return numbers


def _extra(rows: Rows, key: str) -> list[Any]:
    return [rows.extras[i].get(key) if i in rows.extras else None for i in range(rows.t.size)]


def _structured(rows: Rows, metric: Metric) -> list[Any]:
    """What events, coded values, episodes and samples are; samples in the canonical unit."""
    values = _extra(rows, "v")
    return [
        value and _structure(value, int(offset), [one / metric.scale for one in value.get("values", ())])
        for value, offset in zip(values, rows.offsets, strict=True)
    ]


def _structure(value: dict[str, Any], offset_min: int, samples: list[Any]) -> dict[str, Any]:
    shown = {name: part for name, part in value.items() if name == "code"}
    if "stages" in value:
        ends = ("t", "end")
        shown["stages"] = [one | {name: rfc3339(one[name], offset_min) for name in ends} for one in value["stages"]]
    if "values" in value:
        shown["values"] = samples
        if value["period_us"]:
            shown["period_ms"] = value["period_us"] / 1000
    return shown


def _sent(rows: Rows, metric: Metric) -> Columns:
    """Values exactly as sent, and the codes of their units."""
    units = [rows.unit(index) for index in range(rows.t.size)]
    return {"sent": [_sent_value(rows, metric, index, code) for index, code in enumerate(units)], "unit": units}


def _sent_value(rows: Rows, metric: Metric, index: int, code: str | None) -> Any:
    extra, unit = rows.extras.get(index, {}), metric.unit_by_name.get(code or "")
    sent = extra.get("o")
    if metric.value_type is ValueType.COMPONENTS:
        found = {}
        for part in metric.components:
            stored = int(rows.values[part.key][index]) if part.key in rows.values else ABSENT
            if stored != ABSENT:
                found[part.key] = as_sent(metric, part.unit or unit, stored)
        return found | (sent or {})
    if "" in rows.values:
        return as_sent(metric, unit, int(rows.values[""][index])) if sent is None else sent
    value = extra.get("v")
    return value and _structure(
        value, int(rows.offsets[index]), [as_sent(metric, unit, one) for one in value.get("values", ())]
    )


def _device_times(rows: Rows) -> list[Any]:
    """What the device's own clock said; it is ``t`` where that was right."""
    clock = np.array([rows.timing(index)[0] for index in range(rows.t.size)], np.int64)
    found: list[Any] = texts(rows.t - clock, rows.offsets)
    return found


_FIELDS: dict[str, Callable[[Rows, Metric], Columns]] = {
    "device": lambda rows, metric: {"device": rows.devices()},  # noqa: ARG005
    "quality": lambda rows, metric: {"quality": _extra(rows, "s")},  # noqa: ARG005
    "context": lambda rows, metric: {"context": _extra(rows, "c")},  # noqa: ARG005
    "sent": _sent,
    "seq": lambda rows, metric: {"seq": rows.seq},  # noqa: ARG005
    "device_time": lambda rows, metric: {"device_time": _device_times(rows)},  # noqa: ARG005
    "arrived": lambda rows, metric: {  # noqa: ARG005
        "arrived": ["late" if rows.timing(index)[1] else "live" for index in range(rows.t.size)]
    },
}
