"""The record's own payload, version 1: readings and series in one JSON object (docs/payload.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from phr.clock import rfc3339
from phr.errors import PayloadUnreadable
from phr.formats.building import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_PERIOD_MS,
    MAX_TEXT,
    Item,
    ItemRefused,
    checked_context,
    find_metric,
    find_unit,
    is_text,
    parse_time,
    stored_limits,
    take,
)
from phr.formats.phr_v1_plain import decode_plain, has_loose_colon
from phr.vocabulary.metric import Metric, Unit, ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import DURATION, Decoded, Quarantined, Rejection, Run
from phr.vocabulary.units import as_sent, column_to_stored, to_stored

NAME = "phr-v1"
CONTENT_TYPE = "application/vnd.phr.readings+json"

MAX_QUARANTINED = 2_000  # of one series; each is a row that its owner would have to look at
HINTED = 100  # rejections that a verdict lists; no nearest name is looked for beyond them

_PLAIN = frozenset({"metric", "t", "value", "unit"})
_NESTED = (dict, list)
_NUMBERS_OR_GAPS = {int, float, type(None)}
_DUPLICATE: Any = object()  # a key that no JSON can have; its value is the path to the key that stands twice


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """A payload v1, every item judged by itself. Raises PayloadUnreadable where the whole makes no sense."""
    plain = decode_plain(payload, vocabulary)
    return _decode_any(payload, vocabulary) if plain is None else plain


def _decode_any(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    body = _parsed(payload)
    if not isinstance(body, dict) or not ("readings" in body or "series" in body):
        raise PayloadUnreadable("a payload is a JSON object with readings or series")
    if _DUPLICATE in body:
        raise PayloadUnreadable(f"{body[_DUPLICATE]} stands twice", f"/{body[_DUPLICATE]}")
    decoded = Decoded(payload_id=_text(body, "id"), device=_text(body, "device"))
    if body.get("sent_at") is not None:
        decoded.sent_at_ms = _sent_at(body["sent_at"])
    for name, take_one in (("readings", _take_reading), ("series", _take_series)):
        items = body.get(name, ())
        if not isinstance(items, (list, tuple)):
            raise PayloadUnreadable(f"{name} is a list", f"/{name}")
        for index, item in enumerate(items):
            _take_one(take_one, decoded, vocabulary, item, f"/{name}/{index}")
    return decoded


def _sent_at(value: Any) -> int:
    try:
        return parse_time(value, "/sent_at")[0]
    except ItemRefused as refused:
        raise PayloadUnreadable(refused.detail, "/sent_at") from refused


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not is_text(value, MAX_TEXT):
        raise PayloadUnreadable(f"{name} is a text of at most {MAX_TEXT} characters", f"/{name}")
    return value


def _take_one(take_one: Any, decoded: Decoded, vocabulary: Vocabulary, item: Any, path: str) -> None:
    try:
        if not isinstance(item, dict):
            raise ItemRefused("item-invalid", "an item is a JSON object")
        if _DUPLICATE in item:
            raise ItemRefused("duplicate-key", f"{item[_DUPLICATE]} stands twice", f"/{item[_DUPLICATE]}")
        take_one(decoded, vocabulary, item, path)
    except ItemRefused as refused:
        count = _values_count(item) if take_one is _take_series else 1
        decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail, count))


def _values_count(item: Any) -> int:
    """How many readings a series stands for, as far as it can be told: its values, at least one."""
    values = item.get("values") if isinstance(item, dict) else None
    if not isinstance(values, list):
        return 1
    return max(1, len(values) - values.count(None))


def _take_reading(decoded: Decoded, vocabulary: Vocabulary, item: dict[str, Any], path: str) -> None:
    get = item.get
    metric = find_metric(vocabulary, get("metric"), has_hint=len(decoded.rejections) < HINTED)
    t_ms, offset_min = parse_time(get("t"), "/t")
    taken = Item(path, metric, t_ms, get("value"), offset_min, get("unit"))
    if not item.keys() <= _PLAIN:
        _take_rest(taken, item)
    take(decoded, taken)


def _take_rest(taken: Item, item: dict[str, Any]) -> None:
    get = item.get
    taken.slot, taken.device = _slot(item), _device(item)
    taken.seq = get("seq", 0)
    taken.flag = get("flag")
    taken.context = get("context")
    if get("end") is not None:
        taken.end_ms = parse_time(get("end"), "/end")[0]
    if get("id") is not None:
        if not is_text(get("id"), 64) or not get("id"):
            raise ItemRefused("id-invalid", "an id is a text of 1 to 64 characters", "/id")
        taken.client_id = get("id")


def _slot(item: dict[str, Any]) -> str:
    slot = item.get("slot")
    if slot is None:
        return ""
    if not is_text(slot, 32) or not slot:
        raise ItemRefused("slot-invalid", "a slot is a text of 1 to 32 characters", "/slot")
    return str(slot)


def _device(item: dict[str, Any]) -> str | None:
    device = item.get("device")
    if device is not None and not is_text(device, MAX_TEXT):
        raise ItemRefused("device-invalid", "a device is a text", "/device")
    return device


def _take_series(decoded: Decoded, vocabulary: Vocabulary, item: dict[str, Any], path: str) -> None:
    """Values at a fixed period; null is a gap. A number that is wrong is refused by itself."""
    metric = find_metric(vocabulary, item.get("metric"), has_hint=len(decoded.rejections) < HINTED)
    if metric.value_type not in (ValueType.NUMBER, ValueType.INTERVAL):
        raise ItemRefused("series-invalid", f"{metric.key} is not a series of plain numbers", "/metric")
    unit = find_unit(metric, item.get("unit"))
    start_ms, offset_min = parse_time(item.get("start"), "/start")
    period_ms, values = _period_ms(item.get("period_s")), item.get("values")
    if not isinstance(values, list):
        raise ItemRefused("value-missing", "values is a list of numbers and nulls", "/values")
    if not EARLIEST_MS <= start_ms + len(values) * period_ms <= LATEST_MS:
        raise ItemRefused("time-invalid", "the series runs out of the years 1 to 9999", "/values")
    context = None if item.get("context") is None else checked_context(item["context"])
    run = Run(metric, _slot(item), unit, offset_min, [], {"": []}, path, _device(item))
    _fill_series(decoded, run, start_ms, period_ms, values)
    if run.t and metric.value_type is ValueType.INTERVAL:
        run.values[DURATION] = [round(period_ms)] * len(run.t)
    if context:
        for index in range(len(run.t)):
            run.extras.setdefault(index, {})["context"] = context
    if run.t:
        decoded.runs.append(run)


def _period_ms(period_s: Any) -> float:
    if type(period_s) not in (int, float) or not 0.001 <= period_s <= MAX_PERIOD_MS / 1000:
        raise ItemRefused("period-invalid", "period_s is the time between values, from a millisecond up", "/period_s")
    return float(period_s * 1000)


def _fill_series(decoded: Decoded, run: Run, start_ms: int, period_ms: float, values: list[Any]) -> None:
    if not values:
        return
    whole = period_ms == int(period_ms)
    step = int(period_ms)
    if set(map(type, values)) <= _NUMBERS_OR_GAPS and _fits(run, values):
        if None in values:
            positions: Sequence[int] = [i for i, value in enumerate(values) if value is not None]
            column = [value for value in run.values[""] if value is not None]
            sent = [value for value in values if value is not None]
        else:
            positions, column, sent = range(len(values)), run.values[""], values  # type: ignore[assignment]
        run.positions, run.values[""] = positions, column  # type: ignore[assignment]
        if whole:
            every = range(start_ms, start_ms + step * len(values), step)
            run.t = list(every) if len(positions) == len(values) else [every[i] for i in positions]
        else:
            run.t = [start_ms + round(i * period_ms) for i in positions]
        _note_unusual(run, sent, column)
        return
    _fill_one_by_one(decoded, run, start_ms, period_ms, values)


def _fits(run: Run, values: list[Any]) -> bool:
    """Converts the column; True where every number is within the physical bounds."""
    try:
        column = column_to_stored(run.metric, run.unit, values)
    except (ValueError, OverflowError):
        return False
    present = [value for value in column if value is not None] if None in column else column
    limits = stored_limits(run.metric, run.unit)
    run.values[""] = column
    return not present or (limits.low <= min(present) and max(present) <= limits.high)  # type: ignore[type-var, operator]


def _note_unusual(run: Run, sent: list[Any], column: list[int]) -> None:
    """Marks what is suspect, and keeps what unit and stored value would not give back."""
    limits = stored_limits(run.metric, run.unit)
    if column and (min(column) < limits.published_low or max(column) > limits.published_high):
        for index, stored in enumerate(column):
            if not limits.published_low <= stored <= limits.published_high:
                run.extras[index] = {"quality": "suspect"}
    if float in set(map(type, sent)):
        for index, (value, stored) in enumerate(zip(sent, column, strict=True)):
            if as_sent(run.metric, run.unit, stored) != value:
                run.extras.setdefault(index, {})["sent"] = value


def _fill_one_by_one(decoded: Decoded, run: Run, start_ms: int, period_ms: float, values: list[Any]) -> None:
    """The slow way for a series with something wrong in it: each value is taken as if it had come alone."""
    single = Decoded()
    positions = []
    length_ms = round(period_ms) if run.metric.value_type is ValueType.INTERVAL else None
    unit = run.unit.code if run.unit else None
    too_many = f"outside the physical bounds, like {MAX_QUARANTINED} before it; not kept for correction"
    for position, value in enumerate(values):
        if value is None:
            continue
        before = len(single.runs)
        path = f"{run.path}/values/{position}"
        if len(single.quarantined) >= MAX_QUARANTINED and _is_outside(run, value):
            single.rejections.append(Rejection(path, "value-out-of-bounds", too_many))
            continue
        t_ms = start_ms + round(position * period_ms)
        end_ms = None if length_ms is None else t_ms + length_ms
        take(single, Item(path, run.metric, t_ms, value, run.offset_min, unit, end_ms, run.slot, run.device))
        positions += [position] * (len(single.runs) - before)
    decoded.rejections += [
        Rejection(one.path.removesuffix("/value"), one.code, one.detail) if one.path.endswith("/value") else one
        for one in single.rejections
    ]
    for one in single.quarantined:
        where = one.rejection.path.removesuffix("/value")
        decoded.quarantined.append(Quarantined(one.run, Rejection(where, one.rejection.code, one.rejection.detail)))
    run.positions = positions
    run.t = [one.t[0] for one in single.runs]
    run.values[""] = [one.values[""][0] for one in single.runs]
    run.extras = {index: one.extras[0] for index, one in enumerate(single.runs) if one.extras}


def _is_outside(run: Run, value: Any) -> bool:
    """True for a finite number beyond the physical bounds."""
    if type(value) not in (int, float) or not math.isfinite(value):
        return False
    limits = stored_limits(run.metric, run.unit)
    return not limits.low <= to_stored(run.metric, run.unit, value) <= limits.high


def _parsed(payload: bytes) -> Any:
    """The JSON value; fast where nothing is odd, else by a parser that tells an item's fault from the payload's."""
    try:
        body = msgspec.json.decode(payload)
        if payload.count(b'":') == _count_keys(body) and not has_loose_colon(payload):
            return body
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # a number too large for a float is one item's fault; the slow parser tells whose
    except RecursionError:
        _refuse("nested too deep")
    return _parsed_slowly(payload)


def _parsed_slowly(payload: bytes) -> Any:
    try:
        body = json.loads(payload.decode("utf-8-sig"), object_pairs_hook=_object, parse_int=_integer)
        _mark_items(body)
    except RecursionError:
        _refuse("nested too deep")
    except ValueError as error:
        _refuse(f"not JSON: {error}")
    return body


def _mark_items(body: Any) -> None:
    """Lets an item know of a key that stands twice somewhere inside it."""
    for name in ("readings", "series"):
        items = body.get(name) if isinstance(body, dict) else None
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and (found := _twice(item)) is not None:
                item[_DUPLICATE] = found


def _twice(value: Any) -> str | None:
    """The path, without its first slash, of the first key that stands twice in an object or below it."""
    if isinstance(value, dict) and _DUPLICATE in value:
        return str(value[_DUPLICATE])
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, (dict, list)) and (below := _twice(inner)) is not None:
            return f"{_token(str(key))}/{below}"
    return None


def _token(key: str) -> str:
    """A key as part of a JSON pointer (RFC 6901, section 3), cut short, since it comes from outside and goes back."""
    text = key[:64].replace("~", "~0").replace("/", "~1")
    return text.encode(errors="backslashreplace").decode()  # a lone surrogate could not be sent


def _refuse(detail: str) -> NoReturn:
    raise PayloadUnreadable(detail)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that stands twice is marked, since nobody can say which value was meant."""
    found: dict[Any, Any] = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found[_DUPLICATE] = _token(name)
                break
            seen.add(name)
    return found


def _integer(text: str) -> int | float:
    return int(text) if len(text) < 20 else float(text)


def _count_keys(body: Any) -> int:
    """How many keys the objects of a payload have; fewer than its bytes show where one stands twice."""
    count = 0
    if isinstance(body, dict):
        count = len(body)
        for value in body.values():
            if type(value) in _NESTED:
                count += _count_keys(value)
    elif isinstance(body, list) and body and type(body[0]) in _NESTED:
        for value in body:
            count += _count_keys(value)
    return count


def encode_item(run: Run, index: int) -> dict[str, Any]:
    """One reading of a run as an item of ``readings``, as near to what was sent as the record keeps it."""
    metric, extra = run.metric, run.extras.get(index, {})
    item: dict[str, Any] = {"metric": metric.key, "t": _time_text(run.t[index], run.offset_min)}
    length = (run.values.get(DURATION) or [None] * len(run))[index]
    if length is not None:
        item["end"] = _time_text(run.t[index] + length, run.offset_min)
    value = _sent_value(run, index, extra)
    optional = {
        "value": value,
        "unit": run.unit.code if run.unit else None,
        "slot": run.slot or None,
        "seq": run.seq[index] if run.seq and run.seq[index] else None,
        "flag": extra.get("flag"),
        "context": extra.get("context"),
        "id": extra.get("id"),
    }
    return item | {name: part for name, part in optional.items() if part is not None}


def _time_text(t_ms: int, offset_min: int | None) -> str | int:
    return t_ms if offset_min is None else rfc3339(t_ms, offset_min)


def _sent_value(run: Run, index: int, extra: dict[str, Any]) -> Any:
    numbers = {
        name: _sent_number(run.metric, run.unit, name, column[index], extra)
        for name, column in run.values.items()
        if name != DURATION and column[index] is not None
    }
    if numbers:
        return numbers.get("", numbers)
    value = extra.get("value")
    if value and "values" in value:
        period_us = value["period_us"]
        shown = {"values": [as_sent(run.metric, run.unit, one) for one in value["values"]]}
        return shown | ({"period_ms": period_us / 1000} if period_us else {})
    return value


def _sent_number(metric: Metric, unit: Unit | None, name: str, stored: int | None, extra: dict[str, Any]) -> Any:
    assert stored is not None
    sent = extra.get("sent")
    if name == "" and sent is not None:
        return sent
    if isinstance(sent, dict) and name in sent:
        return sent[name]
    own = next((one.unit for one in metric.components if one.key == name and one.unit), unit)
    value = as_sent(metric, own, stored)
    return value if math.isfinite(value) else None
