"""One item of a vendor's payload read by the rules of its mapping: when it was, and what each rule finds in it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from phr.clock import to_datetime
from phr.formats.building import AT_ARRIVAL, EARLIEST_MS, LATEST_MS, Item, ItemRefused, is_text, parse_time
from phr.formats.local_time import find_zone, local_time
from phr.formats.mapping_expression import Expression
from phr.formats.mapping_rules import TimeRule, ValueRule
from phr.formats.pointers import Names
from phr.vocabulary.metric import ValueType

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,9})?", re.ASCII)


def read_time(rule: TimeRule, said: Any) -> tuple[int, int | None]:
    """(milliseconds since 1970, offset in minutes). Raises ItemRefused time-missing, time-invalid, time-zone-…"""
    if rule.at is None:
        return AT_ARRIVAL, None
    value, where = rule.at(said), rule.at.pointer
    if value is None or value == "":
        raise ItemRefused("time-missing", "a reading needs its time", where)
    zone = _zone(rule, said)
    if rule.form.startswith("local"):
        assert zone is not None or rule.zone is not None
        return _local(
            rule, said, value, find_zone("", rule.zone.pointer if rule.zone else "") if zone is None else zone
        )
    if rule.form == "rfc3339":
        t_ms, offset_min = parse_time(value if isinstance(value, str) else "", where)
    else:
        t_ms, offset_min = _epoch_ms(value, 1000 if rule.form == "epoch-s" else 1, where), None
    if offset_min is None and zone is not None:
        offset_min = _offset_min(zone, t_ms, where)
    return t_ms, offset_min


def _zone(rule: TimeRule, said: Any) -> tzinfo | None:
    if rule.zone is not None:
        value = rule.zone(said)
        if value is not None and value != "":
            return find_zone(str(value), rule.zone.pointer)
    return rule.default_zone


def _local(rule: TimeRule, said: Any, value: Any, zone: tzinfo) -> tuple[int, int | None]:
    assert rule.at is not None
    where = rule.at.pointer
    if rule.form == "local-epoch-s":
        wall = to_datetime(_epoch_ms(value, 1000, where))
        date, clock = wall.strftime("%Y-%m-%d").rjust(10, "0"), wall.strftime("%H:%M:%S")
    elif rule.clock is not None:
        date, clock = value, rule.clock(said)
    else:
        date, _, clock = str(value).replace("T", " ", 1).partition(" ")
    if not isinstance(date, str) or not isinstance(clock, str):
        raise ItemRefused("time-missing", "a local time has a date and a time, both texts", where)
    return local_time(date, clock, zone, where)


def _epoch_ms(value: Any, factor: int, where: str) -> int:
    number = _plain_number(value)
    if number is None or not EARLIEST_MS <= number * factor <= LATEST_MS:
        raise ItemRefused("time-invalid", "a number of seconds or milliseconds since 1970", where)
    return round(number * factor)


def _offset_min(zone: tzinfo, t_ms: int, where: str) -> int:
    try:
        offset = zone.utcoffset(datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(zone).replace(tzinfo=None))
    except (ValueError, OverflowError, OSError) as error:
        raise ItemRefused("time-invalid", "outside the years 1 to 9999", where) from error
    assert offset is not None
    return offset // timedelta(minutes=1)


def read_item(rule: ValueRule, time: TimeRule, said: Any, blank: Item) -> Item | None:
    """What a rule finds in an item; None: no value. ``blank`` has the path and the time. Raises ItemRefused."""
    found = {key: _part(rule, expression, said) for key, expression in rule.parts.items()}
    values = {key: value for key, value in found.items() if value is not None}
    if rule.parts and not values:
        return None
    item = replace(blank, metric=rule.metric, value=values.get("", values) if values else None)
    item.unit = _unit(rule, said)
    if rule.slot is not None:
        item.slot = _slot(rule.slot(said), rule.slot.pointer)
    if rule.seq is not None:
        seq = rule.seq(said)
        item.seq = 0 if seq is None else seq
    if rule.end is not None:
        item.end_ms = read_time(replace(time, at=rule.end), said)[0]
    elif rule.length_s is not None:
        item.end_ms = item.t_ms + _length_ms(rule.length_s(said), rule.length_s.pointer)
    if rule.context:
        context = {key: expression(said) for key, expression in rule.context.items()}
        item.context = {key: value for key, value in context.items() if value is not None} or None
    return item


def _part(rule: ValueRule, expression: Expression, said: Any) -> Any:
    """A number, scaled, or a code; None where it is no value."""
    value = expression(said)
    if _is_none(rule, value):
        return None
    if rule.metric.value_type in (ValueType.CODED, ValueType.EVENT):
        return {"code": rule.codes.get(str(value)[:64], value)}
    if rule.is_text:
        value = _number(value) if isinstance(value, str) else None
        if value is None:
            raise ItemRefused("value-invalid", "a number written as a text", expression.pointer)
        if _is_none(rule, value):
            return None
    if rule.scale is None or type(value) not in (int, float):
        return value
    if not abs(value) < 2**63:
        raise ItemRefused("value-invalid", "a value of this size is no measurement", expression.pointer)
    # In decimals: 1281 * 0.1 is 128.1 and not 128.10000000000002.
    return float(Decimal(repr(value)) * rule.scale)


def _is_none(rule: ValueRule, value: Any) -> bool:
    return value is None or (not isinstance(value, bool) and value in rule.none)


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def _plain_number(value: Any) -> int | float | None:
    """A number, or a text that is one."""
    if isinstance(value, str):
        return _number(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _unit(rule: ValueRule, said: Any) -> str | None:
    if rule.unit_at is None:
        return rule.unit
    value = rule.unit_at(said)
    if value is None or value == "":
        raise ItemRefused("unit-missing", "the item names no unit", rule.unit_at.pointer)
    if not rule.units:
        return str(value)[:64]
    unit = rule.units.get(str(value)[:64])
    if unit is None:
        raise ItemRefused("unit-unknown", f"one of {', '.join(rule.units)}", rule.unit_at.pointer)
    return unit


def _slot(value: Any, where: str) -> str:
    if value is None:
        return ""
    if (type(value) is not int and not isinstance(value, str)) or not is_text(str(value), 32):
        raise ItemRefused("slot-invalid", "a slot is a text of at most 32 characters", where)
    return str(value)


def _length_ms(value: Any, where: str) -> int:
    number = _plain_number(value)
    if number is None or not 0 <= number < 2**31:
        raise ItemRefused("end-missing", "the seconds that the value covers", where)
    return round(number * 1000)


def names_of(rule: ValueRule, path: str) -> Names:
    """Where in the payload the fields of a reading stand, for those that a plain path names."""
    named = {"/unit": rule.unit_at, "/seq": rule.seq, "/slot": rule.slot, "/end": rule.end or rule.length_s}
    values = {f"/value/{key}" if key else "/value": path + one.pointer for key, one in rule.parts.items()}
    return {"/value": path} | values | {key: path + (one.pointer if one else "") for key, one in named.items()}
