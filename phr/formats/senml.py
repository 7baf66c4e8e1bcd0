"""Sensor Measurement Lists in JSON (RFC 8428): one pack, an array of records with base fields.

    [{"bn": "cuff-7/", "bt": 1795390200, "n": "blood-pressure/systolic", "u": "mm[Hg]", "v": 128},
     {"n": "blood-pressure/diastolic", "u": "mm[Hg]", "v": 82},
     {"n": "heart-rate", "u": "beat/min", "v": 71}]

- The last part of a record's name (base name and name joined, divided by "/", ":", "_" or ";") is a metric; what stands
  before it names the device, except a URN, which is the sensor's own identity and no device of a vendor.
- A metric of components is joined from the records "metric/component" of one name and one time; it counts as one item.
- Times are seconds since 1970. 0 means "now": the reading is of its arrival, once for a name and pack. Other values
  below 2**28 are relative to a "now" that a queued payload has lost, so they are refused (`time-relative`).
- Text and truth values are for coded values and events. Sums and data values are no readings.
- The version, and labels that end in "_" and must be understood, are of the whole pack: it is refused.
Source: RFC 8428 sections 4.1 to 4.5 and 12.3.1; units: IANA, SenML Units and Secondary Units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import AT_ARRIVAL, EARLIEST_MS, LATEST_MS, Item, ItemRefused, find_metric, find_unit
from phr.formats.json_text import read_json
from phr.formats.pointers import Names, take_named
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "senml"
CONTENT_TYPE = "application/senml+json"

VERSION = 10
ABSOLUTE_FROM_S = 2**28
MAX_HINTS = 100  # a pack of unknown names must not cost seconds

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]{0,255}")
_LAST_PART = re.compile(r"[/:;_](?=[^/:;_]*\Z)")
# SenML's unit -> ours, where they differ.
_UNITS = {"beat/min": "/min", "/": "1", "%EL": "%", "l": "L", "count": "{steps}"}
_BASE_TYPES: dict[str, tuple[type, ...]] = {
    "bn": (str,),
    "bt": (int, float),
    "bu": (str,),
    "bv": (int, float),
    "bs": (int, float),
    "bver": (int,),
}
_KNOWN = frozenset((*_BASE_TYPES, "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"))
_VALUES = ("v", "vs", "vb", "vd", "s")
_CARRIES_A_READING = frozenset(("n", "u", "t", *_VALUES))


@dataclass(slots=True)
class _Joined:
    """A reading of components on its way: what its records have said so far."""

    item: Item
    paths: dict[str, str] = field(default_factory=dict)  # pointer below the item's path -> pointer of the record
    is_broken: bool = False


@dataclass(slots=True)
class _Pack:
    vocabulary: Vocabulary
    decoded: Decoded
    base: dict[str, Any]
    named: dict[str, tuple[Metric, str, str | None]]  # full name -> metric, component, device
    joined: dict[tuple[str, int], _Joined]
    at_arrival: set[str]


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of a pack, record by record. Raises PayloadUnreadable for a pack that must be refused as a whole."""
    records = read_json(payload)
    if not isinstance(records, list):
        raise PayloadUnreadable("a pack is an array of records")
    pack = _Pack(vocabulary, Decoded(), {}, {}, {}, set())
    for index, record in enumerate(records):
        path = f"/{index}"
        if not isinstance(record, dict):
            pack.decoded.rejections.append(Rejection(path, "record-invalid", "a record is an object"))
            continue
        if not record.keys() <= _KNOWN:
            _refuse_unknown(record, path)
        if not _BASE_TYPES.keys().isdisjoint(record):
            _take_base(pack.base, record, path)
            if _CARRIES_A_READING.isdisjoint(record):
                continue
        try:
            _take_record(pack, record, path)
        except ItemRefused as refused:
            pack.decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))
    for one in pack.joined.values():
        _take_joined(pack.decoded, one)
    return pack.decoded


def _refuse_unknown(record: dict[str, Any], path: str) -> None:
    for label in record:
        if label.endswith("_") and label not in _KNOWN:
            raise PayloadUnreadable(f"the label {label[:64]!r} must be understood and is not", path)


def _take_base(base: dict[str, Any], record: dict[str, Any], path: str) -> None:
    for label, types in _BASE_TYPES.items():
        if label not in record:
            continue
        value = record[label]
        if type(value) not in types:
            raise PayloadUnreadable(f"{label} is not of its type", f"{path}/{label}")
        if label == "bver" and not (0 < value <= VERSION and value == base.get("bver", value)):
            raise PayloadUnreadable(
                f"version {str(value)[:20]}; {VERSION} and below are known, one a pack", f"{path}/bver"
            )
        base[label] = value


def _take_record(pack: _Pack, record: dict[str, Any], path: str) -> None:
    name = pack.base.get("bn", "") + _typed(record, "n", str, "")
    found = pack.named.get(name)
    if found is None:
        found = pack.named[name] = _named(pack, name)
    metric, component, device = found
    t_ms = _time(pack.base.get("bt", 0) + _number(record, "t", 0), pack.at_arrival, name)
    unit = record.get("u", pack.base.get("bu"))
    if unit is not None and (type(unit) is not str or unit not in metric.unit_by_name):
        unit = _UNITS.get(unit, unit) if type(unit) is str else str(unit)
    if component:
        _join(pack, Item(path, metric, t_ms, {}, None, unit, device=device), component, record)
        return
    value, label = _value(pack.base, record, metric)
    take_named(pack.decoded, Item(path, metric, t_ms, value, None, unit, device=device), lambda: _names(path, label))


def _named(pack: _Pack, name: str) -> tuple[Metric, str, str | None]:
    """The metric, its component and the device that a full name tells. Raises ItemRefused."""
    if not _NAME.fullmatch(name):
        raise ItemRefused(
            "name-invalid", "a name begins with a letter or digit; letters, digits and -:./_ follow", "/n"
        )
    before, last = _divided(name)
    rest, above = _divided(before)
    parent = pack.vocabulary.get(above)
    component = ""
    if parent is not None and parent.value_type is ValueType.COMPONENTS:
        if last not in {one.key for one in parent.components}:
            raise ItemRefused("component-unknown", f"{parent.key} has no {last[:64]!r}", "/n")
        before, last, component = rest, parent.key, last
    try:
        metric = find_metric(pack.vocabulary, last, has_hint=len(pack.decoded.rejections) < MAX_HINTS)
    except ItemRefused as refused:
        raise ItemRefused(refused.code, refused.detail, "/n") from refused
    if metric.value_type is ValueType.COMPONENTS and not component:
        known = ", ".join(f"{metric.key}/{one.key}" for one in metric.components)
        raise ItemRefused("component-missing", f"one record each of {known}", "/n")
    return metric, component, before if before and not before.startswith("urn:") else None


def _divided(name: str) -> tuple[str, str]:
    """What stands before the last separator, and what stands after it."""
    found = _LAST_PART.search(name)
    return (name[: found.start()], name[found.end() :]) if found else ("", name)


def _time(seconds: float, at_arrival: set[str], name: str) -> int:
    if seconds == 0:
        if name in at_arrival:
            raise ItemRefused("time-missing", "a second value of this name needs a time of its own", "/t")
        at_arrival.add(name)
        return AT_ARRIVAL
    if seconds < ABSOLUTE_FROM_S:
        raise ItemRefused("time-relative", "seconds from an unknown now; send seconds since 1970", "/t")
    t_ms = seconds * 1000
    if not EARLIEST_MS <= t_ms <= LATEST_MS:
        raise ItemRefused("time-invalid", "seconds since 1970, up to the year 9999", "/t")
    return round(t_ms)


def _value(base: dict[str, Any], record: dict[str, Any], metric: Metric) -> tuple[Any, str]:
    """The value as ``take`` wants it, and the label it stands under. Raises ItemRefused."""
    labels = [label for label in _VALUES if label in record]
    if len(labels) > 1 and labels != ["v", "s"]:
        raise ItemRefused("value-invalid", f"one value a record, not {' and '.join(labels)}")
    label = labels[0] if labels else "v"
    if label == "s":
        raise ItemRefused("sum-not-reading", "a sum over time is computed from readings; send those", "/s")
    if label == "v":
        if not labels and "bv" not in base:
            raise ItemRefused("value-missing", "a reading needs its value", "/v")
        value, offset = _number(record, "v", 0), base.get("bv", 0)
        # Nine decimals are finer than any device; without them 36 + 0.1 + 0.2 would be kept with all its noise.
        return (round(value + offset, 9) if offset else value), label
    if label == "vs" and metric.value_type in (ValueType.CODED, ValueType.EVENT):
        return {"code": record["vs"]}, label
    if label == "vb" and metric.value_type is ValueType.EVENT:
        if record["vb"] is not True:
            raise ItemRefused("value-invalid", "an event that did not happen is none", "/vb")
        return None, label
    raise ItemRefused("value-invalid", f"{metric.key} is not sent as {label}", f"/{label}")


def _join(pack: _Pack, item: Item, component: str, record: dict[str, Any]) -> None:
    """Adds a record to the reading that it is a component of; the first fault in one refuses the reading."""
    key = (f"{item.device or ''}/{item.metric.key}", item.t_ms)
    one = pack.joined.get(key)
    if one is None:
        one = pack.joined[key] = _Joined(replace(item, unit=None))
    if one.is_broken:
        return
    try:
        value, _ = _value(pack.base, record, item.metric)
        _add_component(one, item, component, value)
    except ItemRefused:
        one.is_broken = True
        raise


def _add_component(one: _Joined, item: Item, component: str, value: Any) -> None:
    if component in one.item.value:
        raise ItemRefused("component-twice", f"{component} stands twice at one time", "/n")
    own = next(part.unit for part in item.metric.components if part.key == component)
    if own is not None:
        if item.unit not in (None, own.code, *own.aliases):
            raise ItemRefused("unit-unknown", f"{component} is in {own.code}", "/u")
    else:
        unit = _found_unit(item)
        if one.item.unit not in (None, unit):
            raise ItemRefused("unit-unknown", f"{component} is in {unit}, the others are in {one.item.unit}", "/u")
        one.item.unit = unit
    one.item.value[component] = value
    one.paths[f"/value/{component}"] = f"{item.path}/v"


def _found_unit(item: Item) -> str | None:
    try:
        unit = find_unit(item.metric, item.unit)
    except ItemRefused as refused:
        raise ItemRefused(refused.code, refused.detail, "/u") from refused
    return unit.code if unit else None


def _take_joined(decoded: Decoded, one: _Joined) -> None:
    if one.is_broken:
        return
    path = one.item.path
    take_named(decoded, one.item, lambda: {"/value": path, "/unit": f"{path}/u"} | one.paths)


def _names(path: str, label: str) -> Names:
    return {"/value": f"{path}/{label}", "/unit": f"{path}/u", "/end": path}


def _typed(record: dict[str, Any], label: str, type_: type, default: Any) -> Any:
    value = record.get(label, default)
    if type(value) is not type_:
        raise ItemRefused("record-invalid", f"{label} is not of its type", f"/{label}")
    return value


def _number(record: dict[str, Any], label: str, default: int) -> Any:
    value = record.get(label, default)
    if type(value) is not float and type(value) is not int:
        raise ItemRefused("value-invalid" if label == "v" else "time-invalid", f"{label} is a number", f"/{label}")
    return value
