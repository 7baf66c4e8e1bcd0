"""Rows of a series as columns of plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from phr.clock import rfc3339
from phr.readings.columns import ABSENT, IntArray
from phr.readings.local_time import Clock, texts
from phr.readings.packed_months import Months
from phr.readings.raw_page import Rows
from phr.readings.series import Found
from phr.readings.track import Row
from phr.vocabulary.metric import Metric, Summary, ValueType
from phr.vocabulary.reading import DURATION
from phr.vocabulary.units import as_sent

Columns = dict[str, list[Any]]

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


def columns_of(found: Found, metric: Metric, clock: Clock, fields: Iterable[str]) -> Columns:
    """A page of a series; of periods only ``device`` of the fields."""
    if isinstance(found, Rows):
        return of_readings(found, metric, fields)
    has_device = "device" in fields
    if isinstance(found, Months):
        return of_months(found, metric, clock, has_device=has_device)
    return of_periods(found, metric, clock, has_device=has_device)


def of_readings(rows: Rows, metric: Metric, fields: Iterable[str]) -> Columns:
    """``t``, ``end`` of what lasts, ``value`` or a column a component, ``flag`` where there is one, and the fields.

    Numbers are in the canonical unit; ``sent`` comes with the ``unit`` it is in.
    """
    columns: Columns = {"t": texts(rows.t, rows.offsets)}
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
    for name in fields:
        columns |= _FIELDS[name](rows, metric)
    return columns


def of_periods(rows: list[Row], metric: Metric, clock: Clock, *, has_device: bool) -> Columns:
    """``t``, ``n``, ``min``, ``max`` and ``mean``, ``sum`` or ``last``; of components named systolic_min and so on."""
    columns: Columns = {"t": _begins(rows, clock), "n": [row.doc[0] for row in rows]}
    for key in _shown(metric):
        found = [_part(row.doc[2], key) for row in rows]
        prefix = f"{key}_" if key else ""
        for name in ("min", "max", str(metric.summary)):
            columns[prefix + name] = _STATISTICS[name](found, metric.scale)
    if has_device:
        columns["device"] = [list(row.devices) for row in rows]
    return columns


def of_months(months: Months, metric: Metric, clock: Clock, *, has_device: bool) -> Columns:
    """The same of months that have one source each."""
    columns: Columns = {"t": [clock.midnight(day) for day in months.numbers[:, 0].tolist()]}
    columns["n"] = months.numbers[:, 1].tolist()
    for key in _shown(metric):
        found = months.of_component(key)
        prefix = f"{key}_" if key else ""
        for name in ("min", "max", str(metric.summary)):
            columns[prefix + name] = [None] * len(months) if found is None else _statistic(name, found, metric.scale)
    if has_device:
        columns["device"] = [[device] for device in months.devices]
    return columns


def _shown(metric: Metric) -> list[str]:
    """The components with numbers to show; "" of a plain number."""
    if metric.summary is Summary.COUNT or metric.value_type not in _WITH_NUMBERS:
        return []
    return [part.key for part in metric.components] or [""]


def _statistic(name: str, numbers: IntArray, scale: int) -> list[Any]:
    n, low, high, total, last = numbers.T
    with np.errstate(divide="ignore", invalid="ignore"):
        value = {"min": low, "max": high, "sum": total, "last": last}.get(name)
        shown: list[Any] = (total / (n * scale) if value is None else value / scale).tolist()
    for index in np.flatnonzero(n == 0).tolist():
        shown[index] = None
    return shown


# Of what Stats.to_doc writes of a component: [key, n, low, high, total, last]. None where a period has none of it.
_Parts = list[list[Any] | None]
_STATISTICS: dict[str, Callable[[_Parts, int], list[float | None]]] = {
    "min": lambda found, scale: [None if one is None else one[2] / scale for one in found],
    "max": lambda found, scale: [None if one is None else one[3] / scale for one in found],
    "mean": lambda found, scale: [None if one is None else one[4] / (one[1] * scale) for one in found],
    "sum": lambda found, scale: [None if one is None else one[4] / scale for one in found],
    "last": lambda found, scale: [None if one is None else one[5] / scale for one in found],
}


def _part(parts: list[list[Any]], key: str) -> list[Any] | None:
    for part in parts:
        if part[0] == key:
            return part
    return None


def _begins(rows: list[Row], clock: Clock) -> list[str]:
    if rows and rows[0].offset_min is not None:
        at = np.array([row.at for row in rows], np.int64)
        return texts(at, np.array([row.offset_min for row in rows], np.int64))
    return [clock.midnight(row.at) for row in rows]


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


def _numbers(stored: IntArray | None, rows: Rows, metric: Metric) -> list[Any]:
    if stored is None:
        return [None] * int(rows.t.size)
    numbers: list[Any] = stored.tolist() if metric.scale == 1 else (stored / metric.scale).tolist()
    for index in np.flatnonzero(stored == ABSENT).tolist():
        numbers[index] = None
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
    "device": lambda rows, metric: {"device": [rows.device(index) for index in range(rows.t.size)]},  # noqa: ARG005
    "quality": lambda rows, metric: {"quality": _extra(rows, "s")},  # noqa: ARG005
    "context": lambda rows, metric: {"context": _extra(rows, "c")},  # noqa: ARG005
    "sent": _sent,
    "seq": lambda rows, metric: {"seq": rows.seq.tolist()},  # noqa: ARG005
    "device_time": lambda rows, metric: {"device_time": _device_times(rows)},  # noqa: ARG005
    "arrived": lambda rows, metric: {  # noqa: ARG005
        "arrived": ["late" if rows.timing(index)[1] else "live" for index in range(rows.t.size)]
    },
}
