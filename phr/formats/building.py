"""From an item as a sender means it to a Run: the checks that every format shares."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phr.formats.rfc3339 import instant, is_date_time
from phr.vocabulary.metric import Bounds, Metric, Unit, ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import AT_ARRIVAL, DURATION, Decoded, Quarantined, Rejection, Run
from phr.vocabulary.units import as_sent, limit_in, to_stored

__all__ = ["AT_ARRIVAL", "Item", "ItemRefused", "find_metric", "find_unit", "parse_time", "take"]

FLAGS = ("below-range", "above-range")
SEQ_END = 2**31
MAX_CONTEXT_FIELDS = 32
MAX_TEXT = 256
MAX_STAGES = 1_000
MAX_SAMPLES = 65_536
MAX_PERIOD_MS = 31 * 24 * 3_600_000
# Years 1 to 9999 with a day to spare for offsets.
EARLIEST_MS, LATEST_MS = -62_135_510_400_000, 253_402_214_400_000

_CONTEXT_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")


class ItemRefused(Exception):
    """This item is not taken; its neighbours are. ``pointer`` continues the item's path."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.pointer = code, detail, pointer


@dataclass(slots=True)
class Item:
    """One reading as a format understood it; ``take`` checks it and makes it a Run."""

    path: str
    metric: Metric
    t_ms: int
    value: Any = None
    offset_min: int | None = None
    unit: str | None = None
    end_ms: int | None = None
    slot: str = ""
    device: str | None = None
    seq: int = 0
    flag: str | None = None
    context: Any = None
    client_id: str | None = None


def find_metric(vocabulary: Vocabulary, key: Any, *, has_hint: bool = True) -> Metric:
    """The metric of a reading. Raises ItemRefused: metric-missing, metric-unknown, metric-not-a-reading.

    ``has_hint``: an unknown metric is told the nearest known name, which takes a third of a millisecond.
    """
    if not isinstance(key, str):
        raise ItemRefused("metric-missing", "metric must be the name of a metric", "/metric")
    metric = vocabulary.get(key)
    if metric is None:
        near = vocabulary.nearest(key) if has_hint else None
        hint = f"; the nearest known name is {near}" if near else ""
        raise ItemRefused("metric-unknown", f"no metric {key[:64]!r}{hint}", "/metric")
    if not metric.is_reading:
        instead = " and ".join(metric.use_instead)
        raise ItemRefused("metric-not-a-reading", f"{key} is never sent by itself; send {instead}", "/metric")
    return metric


def find_unit(metric: Metric, name: Any) -> Unit | None:
    """The unit by code or alias; an only unit may be left out. Raises ItemRefused: unit-missing, unit-unknown."""
    if name is None:
        if len(metric.units) > 1:
            known = ", ".join(unit.code for unit in metric.units)
            raise ItemRefused("unit-missing", f"{metric.key} comes in several units, name one of: {known}", "/unit")
        return metric.unit
    unit = metric.unit_by_name.get(name) if isinstance(name, str) else None
    if unit is None and (metric.units or not isinstance(name, str)):
        known = ", ".join(unit.code for unit in metric.units)
        raise ItemRefused("unit-unknown", f"{str(name)[:32]!r} is no unit of {metric.key}; known: {known}", "/unit")
    return unit


def parse_time(value: Any, pointer: str) -> tuple[int, int | None]:
    """(milliseconds since 1970, offset in minutes): RFC 3339 with offset, or integer milliseconds.

    ``Z``, ``-00:00`` and integers leave the offset unknown. Raises ItemRefused time-missing, time-invalid.
    """
    if value is None:
        raise ItemRefused("time-missing", "a reading needs its time", pointer)
    if type(value) is int:
        if not EARLIEST_MS <= value <= LATEST_MS:
            raise ItemRefused("time-invalid", "milliseconds outside the years 1 to 9999", pointer)
        return value, None
    if not isinstance(value, str) or not is_date_time(value):
        raise ItemRefused("time-invalid", "not RFC 3339 with an offset, nor integer milliseconds since 1970", pointer)
    try:
        t_ms, offset_min = instant(value)
    except ValueError as error:
        raise ItemRefused("time-invalid", f"no such instant: {error}", pointer) from error
    if not EARLIEST_MS <= t_ms <= LATEST_MS:
        raise ItemRefused("time-invalid", "outside the years 1 to 9999", pointer)
    return t_ms, offset_min


def take(decoded: Decoded, item: Item) -> None:
    """Adds the item to the decoded payload: as a run of one, as quarantined, or as a rejection. Never raises."""
    try:
        run, problem = _build(item)
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(item.path + refused.pointer, refused.code, refused.detail))
        return
    if problem is None:
        decoded.runs.append(run)
    else:
        rejection = Rejection(item.path + problem.pointer, problem.code, problem.detail)
        decoded.quarantined.append(Quarantined(run, rejection))


def _build(item: Item) -> tuple[Run, ItemRefused | None]:
    """The run, and what puts it into quarantine if something does. Raises ItemRefused."""
    metric = item.metric
    unit = find_unit(metric, item.unit)
    if type(item.seq) is not int or not 0 <= item.seq < SEQ_END:
        raise ItemRefused("seq-invalid", "seq is an integer from 0 to 2147483647", "/seq")
    run = Run(metric, item.slot, unit, item.offset_min, [item.t_ms], {}, item.path, item.device)
    run.seq = [item.seq] if item.seq else None
    extra: dict[str, Any] = {}
    problem = _VALUE_TAKERS[metric.value_type](item, unit, run, extra)
    _take_period(item, run)
    if item.flag is not None:
        _take_flag(item, extra)
    if item.context is not None:
        extra["context"] = checked_context(item.context)
    if item.client_id is not None:
        extra["id"] = item.client_id
    if extra:
        run.extras[0] = {name: value for name, value in extra.items() if value not in (None, {})}
    return run, problem


def _take_number(item: Item, unit: Unit | None, run: Run, extra: dict[str, Any]) -> ItemRefused | None:
    stored = _stored(item.metric, unit, item.value, "/value")
    run.values[""] = [stored]
    # a whole number in the canonical unit always comes back as it was sent
    is_exact = type(item.value) is int and (unit is None or unit is item.metric.units[0])
    if not is_exact and as_sent(item.metric, unit, stored) != item.value:
        extra["sent"] = item.value
    limits = stored_limits(item.metric, unit)
    if not limits.low <= stored <= limits.high:
        return _out_of_bounds(item.metric.bounds, unit, item.metric, item.value, "/value")
    if not limits.published_low <= stored <= limits.published_high:
        extra["quality"] = "suspect"
    return None


def _take_components(item: Item, unit: Unit | None, run: Run, extra: dict[str, Any]) -> ItemRefused | None:
    metric, value = item.metric, item.value
    if not isinstance(value, Mapping):
        known = ", ".join(component.key for component in metric.components)
        raise ItemRefused("value-invalid", f"{metric.key} has an object of {known}", "/value")
    unknown = value.keys() - {component.key for component in metric.components}
    if unknown:
        raise ItemRefused("component-unknown", f"{metric.key} has no {min(unknown)[:64]!r}", "/value")
    problem = None
    for component in metric.components:
        number = value.get(component.key)
        if number is None:
            if component.required:
                raise ItemRefused("component-missing", f"{metric.key} needs {component.key}", f"/value/{component.key}")
            continue
        its_unit = component.unit or unit
        stored = _stored(metric, its_unit, number, f"/value/{component.key}")
        run.values[component.key] = [stored]
        if as_sent(metric, its_unit, stored) != number:
            extra.setdefault("sent", {})[component.key] = number
        low, high = _limits_as_stored(metric, its_unit, component.bounds)
        if not low <= stored <= high:
            where = f"/value/{component.key}"
            problem = problem or _out_of_bounds(component.bounds, its_unit, metric, number, where)
        elif component.published:
            low, high = _limits_as_stored(metric, its_unit, component.published)
            if not low <= stored <= high:
                extra["quality"] = "suspect"
    return problem or _implausible_pressure(metric, value)


def _implausible_pressure(metric: Metric, value: Mapping[str, Any]) -> ItemRefused | None:
    """Systolic must be above diastolic (metrics.csv: "sys>dia required")."""
    if metric.key == "blood-pressure" and value["systolic"] <= value["diastolic"]:
        return ItemRefused("value-out-of-bounds", "systolic is not above diastolic", "/value")
    return None


def _take_event(item: Item, unit: Unit | None, run: Run, extra: dict[str, Any]) -> ItemRefused | None:  # noqa: ARG001
    if item.value is not None:
        extra["value"] = {"code": _checked_code(item.metric, item.value)}
    return None


def _take_coded(item: Item, unit: Unit | None, run: Run, extra: dict[str, Any]) -> ItemRefused | None:  # noqa: ARG001
    extra["value"] = {"code": _checked_code(item.metric, item.value)}
    return None


def _checked_code(metric: Metric, value: Any) -> str:
    code = value.get("code") if isinstance(value, Mapping) else None
    if not isinstance(code, str):
        raise ItemRefused("value-invalid", f'{metric.key} has an object {{"code": …}}', "/value")
    if code not in metric.codes:
        raise ItemRefused("code-unknown", f"{metric.key} knows {', '.join(metric.codes)}", "/value/code")
    return code


def _take_episode(item: Item, unit: Unit | None, run: Run, extra: dict[str, Any]) -> ItemRefused | None:  # noqa: ARG001
    value = {} if item.value is None else item.value
    stages = value.get("stages", []) if isinstance(value, Mapping) else None
    if not isinstance(stages, list) or len(stages) > MAX_STAGES:
        raise ItemRefused("value-invalid", f"an object with at most {MAX_STAGES} stages", "/value/stages")
    if item.end_ms is None:
        raise _end_missing(item)
    extra["value"] = {"stages": [_checked_stage(item, stage, i) for i, stage in enumerate(stages)]}
    return None


def _checked_stage(item: Item, stage: Any, index: int) -> dict[str, Any]:
    where = f"/value/stages/{index}"
    name = stage.get("stage") if isinstance(stage, Mapping) else None
    if name not in item.metric.codes:
        raise ItemRefused("code-unknown", f"a stage is one of {', '.join(item.metric.codes)}", f"{where}/stage")
    start, _ = parse_time(stage.get("t"), f"{where}/t")
    end, _ = parse_time(stage.get("end"), f"{where}/end")
    assert item.end_ms is not None
    if not item.t_ms <= start <= end <= item.end_ms:
        raise ItemRefused("time-invalid", "a stage lies within its episode and ends after it begins", where)
    return {"stage": name, "t": start, "end": end}


def _take_sampled(item: Item, unit: Unit | None, run: Run, extra: dict[str, Any]) -> ItemRefused | None:  # noqa: ARG001
    value = item.value
    samples = value.get("values") if isinstance(value, Mapping) else None
    if not isinstance(samples, list) or not 0 < len(samples) <= MAX_SAMPLES:
        raise ItemRefused("value-invalid", f"an object with 1 to {MAX_SAMPLES} values", "/value/values")
    stored = [_stored(item.metric, unit, one, f"/value/values/{i}") for i, one in enumerate(samples)]
    extra["value"] = {"values": stored, "period_us": _sampling_period_us(value)}
    if value.get("code") is not None:
        extra["value"]["code"] = _checked_code(item.metric, value)
    limits = stored_limits(item.metric, unit)
    if not (limits.low <= min(stored) and max(stored) <= limits.high):
        first = next(i for i, one in enumerate(stored) if not limits.low <= one <= limits.high)
        return _out_of_bounds(item.metric.bounds, unit, item.metric, samples[first], f"/value/values/{first}")
    return None


def _sampling_period_us(value: Mapping[str, Any]) -> int | None:
    """Microseconds between samples; None for a train of intervals, where each value is its own length."""
    period = value.get("period_ms")
    if period is None:
        return None
    # A bool is an int to isinstance, and true is no period. Kept in microseconds, of which there must be one.
    if isinstance(period, bool) or not isinstance(period, (int, float)) or not 0.001 <= period < MAX_PERIOD_MS:
        raise ItemRefused("value-invalid", "period_ms is the time between samples, 0.001 or more", "/value/period_ms")
    return round(period * 1000)


# Held here, since looking a member up in its enum costs as much as a dozen of dictionary look-ups.
_PERIODS = (ValueType.INTERVAL, ValueType.EPISODE)
_VALUE_TAKERS = {
    ValueType.NUMBER: _take_number,
    ValueType.INTERVAL: _take_number,
    ValueType.COMPONENTS: _take_components,
    ValueType.EVENT: _take_event,
    ValueType.CODED: _take_coded,
    ValueType.EPISODE: _take_episode,
    ValueType.SAMPLED: _take_sampled,
}


def _take_period(item: Item, run: Run) -> None:
    if item.end_ms is None:
        if item.metric.value_type in _PERIODS:
            raise _end_missing(item)
        return
    length = item.end_ms - item.t_ms
    if not 0 <= length <= MAX_PERIOD_MS:
        raise ItemRefused("end-invalid", "end lies before t, or more than 31 days after it", "/end")
    if length:
        run.values[DURATION] = [length]


def _end_missing(item: Item) -> ItemRefused:
    return ItemRefused("end-missing", f"{item.metric.key} covers a period and needs its end", "/end")


def _take_flag(item: Item, extra: dict[str, Any]) -> None:
    if item.flag not in FLAGS or item.metric.value_type is not ValueType.NUMBER:
        raise ItemRefused("flag-invalid", "flag is below-range or above-range, on a plain number", "/flag")
    extra["flag"] = item.flag


def checked_context(context: Any) -> dict[str, Any] | None:
    """A flat object of short texts, numbers and truths. Raises ItemRefused context-invalid; None where it is empty."""
    if not isinstance(context, dict) or len(context) > MAX_CONTEXT_FIELDS:
        raise ItemRefused("context-invalid", f"an object of at most {MAX_CONTEXT_FIELDS} fields", "/context")
    for key, value in context.items():
        if not _CONTEXT_KEY.fullmatch(key):
            raise ItemRefused("context-invalid", "a field's name is letters, digits, _ and -", "/context")
        is_number = type(value) in (int, float) and math.isfinite(value) and abs(value) < 2**53
        if not (is_number or isinstance(value, bool) or is_text(value, MAX_TEXT)):
            raise ItemRefused("context-invalid", "a field is a text, a number or a truth", f"/context/{key}")
    return context or None


def is_text(value: Any, longest: int) -> bool:
    """A short text that can be stored: no lone surrogates, no zero character."""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stored(metric: Metric, unit: Unit | None, value: Any, pointer: str) -> int:
    if type(value) is not int and type(value) is not float:
        raise ItemRefused("value-invalid", "a value is a JSON number", pointer)
    try:
        stored = to_stored(metric, unit, value)
    except (ValueError, OverflowError) as error:
        raise ItemRefused("value-invalid", "a value is a finite number", pointer) from error
    if abs(stored) >= 2**62:
        raise ItemRefused("value-invalid", "a value of this size is no measurement", pointer)
    return stored


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a metric in one unit, as stored integers; infinite where there are none."""

    low: float
    high: float
    published_low: float
    published_high: float


# By identity, since a metric is not hashable; the metric is kept beside its limits so that its id stays its own.
_LIMITS: dict[tuple[int, str], tuple[Metric, Limits]] = {}


def stored_limits(metric: Metric, unit: Unit | None) -> Limits:
    """The metric's bounds as they are in the unit as sent, so that a conversion never moves a value across a line."""
    key = (id(metric), unit.code if unit else "")
    found = _LIMITS.get(key)
    if found is None:
        physical = _limits_as_stored(metric, unit, metric.bounds)
        found = _LIMITS[key] = metric, Limits(*physical, *_limits_as_stored(metric, unit, metric.published))
    return found[1]


def _limits_as_stored(metric: Metric, unit: Unit | None, bounds: Bounds | None) -> tuple[float, float]:
    if bounds is None:
        return -math.inf, math.inf
    low, high = (to_stored(metric, unit, limit_in(metric, unit, limit)) for limit in (bounds.low, bounds.high))
    return low, high


def _out_of_bounds(bounds: Bounds | None, unit: Unit | None, metric: Metric, value: Any, pointer: str) -> ItemRefused:
    assert bounds is not None
    low, high = limit_in(metric, unit, bounds.low), limit_in(metric, unit, bounds.high)
    code = unit.code if unit else ""
    detail = f"{value} {code} is outside {low:g} to {high:g} {code}, which no {metric.key} can be"
    return ItemRefused("value-out-of-bounds", detail, pointer)
