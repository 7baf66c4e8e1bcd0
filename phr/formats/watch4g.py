"""Records of a 4G watch that writes every number as a text and splits its local time.

    {"id": "m-17", "device": "watch-3", "zone": "8",
     "records": [{"date": "2026-11-23", "time": "07:30:00", "zone": "+0800", "slot": "A",
                  "hr": "72", "sys": "128", "dia": "82", "spo2": "97", "rr": "16", "temp": "36.6",
                  "glu": "6.1", "weight": "61.5", "steps": "512", "minutes": "60", "batt": "80"}]}

Every field is a text and may be left out or empty. What the watch measures in:
    hr, rr          beats and breaths a minute          glu       mmol/L, capillary
    sys, dia        mmHg, one measurement; both         weight    kg
    spo2, batt      %                                   steps     counted in the `minutes` that end at `time`
    temp            degrees Celsius
"" is no value, and so is "0" for everything but steps and batt: the sensor gave up. A record without any value is
refused (`value-missing`). The zone is hours ("8", "-3.5"), an offset ("+0800", "+08:00") or a name
("Asia/Shanghai"); a record's own goes before the payload's, and with neither the time is none (`time-zone-missing`).
"""

from __future__ import annotations

import re
from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import MAX_TEXT, Item, ItemRefused, find_metric, is_text
from phr.formats.json_text import read_json
from phr.formats.local_time import find_zone, local_time
from phr.formats.pointers import take_named
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "watch4g"
CONTENT_TYPE = "application/vnd.watch4g+json"

_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)
# field -> metric and unit
_PLAIN = {
    "hr": ("heart-rate", "/min"),
    "spo2": ("spo2", "%"),
    "rr": ("respiratory-rate", "/min"),
    "temp": ("body-temperature", "Cel"),
    "glu": ("glucose-capillary", "mmol/L"),
    "weight": ("weight", "kg"),
    "steps": ("steps", "{steps}"),
    "batt": ("device-battery", "%"),
}
_ZERO_IS_A_VALUE = ("steps", "batt")
_LONGEST_STEPS_MIN = 24 * 60


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of every record, each value judged by itself. Raises PayloadUnreadable."""
    said = read_json(payload)
    records = said.get("records") if isinstance(said, dict) else None
    if not isinstance(records, list):
        raise PayloadUnreadable("a payload is an object with a list of records", "/records")
    for name in ("id", "device"):
        if said.get(name) is not None and not is_text(said[name], MAX_TEXT):
            raise PayloadUnreadable(f"{name} is a text of at most {MAX_TEXT} characters", f"/{name}")
    decoded = Decoded(payload_id=said.get("id"), device=said.get("device"))
    for index, record in enumerate(records):
        path = f"/records/{index}"
        try:
            _take_record(decoded, record, vocabulary, path, zone=said.get("zone"))
        except ItemRefused as refused:
            decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))
    return decoded


def _take_record(decoded: Decoded, record: Any, vocabulary: Vocabulary, path: str, *, zone: Any) -> None:
    if not isinstance(record, dict):
        raise ItemRefused("record-invalid", "a record is an object of texts")
    where = "/zone" if record.get("zone") else ""
    found_zone = find_zone(_text(record, "zone") or (zone if isinstance(zone, str) else ""), where)
    t_ms, offset_min = local_time(_text(record, "date"), _text(record, "time"), found_zone, "/time")
    slot = _text(record, "slot")
    if not is_text(slot, 32):
        raise ItemRefused("slot-invalid", "a slot is a text of at most 32 characters", "/slot")
    fields = [name for name in _PLAIN if _is_given(record, name)]
    has_pressure = _is_given(record, "sys") or _is_given(record, "dia")
    if not fields and not has_pressure:
        raise ItemRefused("value-missing", "the record holds no value")
    if has_pressure:
        item = Item(path, find_metric(vocabulary, "blood-pressure"), t_ms, None, offset_min, "mm[Hg]", slot=slot)
        _take_one(decoded, record, item, {"systolic": "sys", "diastolic": "dia"})
    for name in fields:
        key, unit = _PLAIN[name]
        item = Item(f"{path}/{name}", find_metric(vocabulary, key), t_ms, None, offset_min, unit, slot=slot)
        _take_one(decoded, record, item, {"": name})


def _take_one(decoded: Decoded, record: dict[str, Any], item: Item, fields: dict[str, str]) -> None:
    record_path = item.path if "" not in fields else item.path.rpartition("/")[0]
    try:
        values = {key: _number(record, name) for key, name in fields.items() if _is_given(record, name)}
        if item.metric.key == "steps":
            item.t_ms, item.end_ms = item.t_ms - 60_000 * _minutes(record), item.t_ms
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(record_path + refused.pointer, refused.code, refused.detail))
        return
    item.value = values.get("", values)
    names = {f"/value/{key}": f"{record_path}/{name}" for key, name in fields.items()}
    take_named(decoded, item, lambda: names | {"/value": item.path, "/end": f"{record_path}/minutes"})


def _is_given(record: dict[str, Any], name: str) -> bool:
    value = record.get(name, "")
    return value != "" and (value != "0" or name in _ZERO_IS_A_VALUE)


def _text(record: dict[str, Any], name: str) -> str:
    value = record.get(name, "")
    if not isinstance(value, str):
        raise ItemRefused("value-invalid", f"{name} is a text", f"/{name}")
    return value


def _number(record: dict[str, Any], name: str) -> int | float:
    text = _text(record, name)
    if not _NUMBER.fullmatch(text):
        raise ItemRefused("value-invalid", f"{name} is a number written as a text", f"/{name}")
    return float(text) if "." in text else int(text)


def _minutes(record: dict[str, Any]) -> int:
    if not _text(record, "minutes"):
        raise ItemRefused("end-missing", "steps need the minutes they were counted in", "/minutes")
    minutes = _number(record, "minutes")
    if not isinstance(minutes, int) or not 0 < minutes <= _LONGEST_STEPS_MIN:
        raise ItemRefused("end-invalid", "whole minutes, at most a day", "/minutes")
    return minutes
