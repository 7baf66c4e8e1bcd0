"""Huawei Health: the JSON files of the privacy centre's export, one at a time or the whole zip file, decrypted.

"health detail data": [{"type", "timeZone": "+0800", "deviceCode", "subUser"?, "samplePoints": [{"key", "startTime",
"endTime" (ms), "value": a number, a text of one, or JSON in a text}]}]. "sport per minute merged data":
[{"sportDataUserData": [{"startTime", "endTime", "deviceCode", "sportBasicInfos": [{"steps"}]}]}].

Huawei documents none of it; this is what public readers of real exports agree on. Not known, and so refused: the unit
of blood glucose, of distance and energy by minute, what older keys of weight hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.interchange import archives
from phr.interchange.formats import Batch, Wish
from phr.interchange.gathering import refuse, source_name
from phr.interchange.json_items import items
from phr.interchange.lanes import Lanes, When, Where
from phr.interchange.nights import IN_BED, Nights
from phr.vocabulary.metrics import vocabulary

NAME = "huawei-health"
SUFFIXES = ("health detail data.json", "sport per minute merged data.json")
INNER = "sportDataUserData"

_NUMBERS = {
    "DATA_POINT_DYNAMIC_HEARTRATE": ("heart-rate", "/min"),
    "DYNAMIC_HEART_RATE": ("heart-rate", "/min"),  # the same once more, in newer exports
    "DATA_POINT_REST_HEARTRATE": ("resting-heart-rate", "/min"),
    "DATA_POINT_NEW_REST_HEARTRATE": ("resting-heart-rate", "/min"),
    "RESTING_HEART_RATE": ("resting-heart-rate", "/min"),
    "BLOOD_OXYGEN_SATURATION": ("spo2", "%"),
}
_SCALE = "WEIGHT_BODYFAT_BROAD"
_OF_SCALE = {
    "bodyWeight": ("weight", "kg"),
    "bodyFatRate": ("body-fat-pct", "%"),
    "muscleMass": ("muscle-mass", "kg"),
    "boneSalt": ("bone-mass", "kg"),
}
_PRESSURE = ("BLOODPRESSURE", "BLOOD_PRESSURE")
_OF_PRESSURE = {
    "systolic": ("BLOODPRESSURE_SYSTOLIC", "BLOOD_PRESSURE_SYSTOLIC"),
    "diastolic": ("BLOODPRESSURE_DIASTOLIC", "BLOOD_PRESSURE_DIASTOLIC"),
    "pulse": ("DATA_POINT_DYNAMIC_HEARTRATE", "BLOOD_PRESSURE_SPHYGMUS"),
}
_SLEEP = {
    "PROFESSIONAL_SLEEP_SHALLOW": "light",
    "PROFESSIONAL_SLEEP_DREAM": "rem",
    "PROFESSIONAL_SLEEP_DEEP": "deep",
    "PROFESSIONAL_SLEEP_WAKE": "awake",
    "PROFESSIONAL_SLEEP_NOON": "sleeping",
    "PROFESSIONAL_SLEEP_BED": IN_BED,
}
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)
_FILES = re.compile(r"(health detail data|sport per minute merged data)[^/]*\.json\Z", re.IGNORECASE)


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    for name, stream in archives.each(file, lambda name: _FILES.search(name) is not None, "health data of Huawei"):
        yield from _one(stream, archives.place_of(name), wish)


def _one(file: BinaryIO, path: str, wish: Wish) -> Iterator[Batch]:
    reading = _Reading(path, wish.salt)
    for found in items(file, INNER):
        reading.take(found.value, found.path)
        if reading.lanes.is_full:
            yield reading.lanes.give_out()
    reading.end()
    yield reading.lanes.give_out()


class _Reading:
    def __init__(self, path: str, salt: str) -> None:
        self.lanes = Lanes()
        self._path = path
        self._salt = salt
        self._nights = Nights()
        self._number = 0

    def take(self, said: Any, path: str) -> None:
        self.lanes.batch.records += 1
        source = "huawei"
        try:
            if not isinstance(said, dict):
                raise ItemRefused("item-invalid", "a record is an object")
            if INNER in said and "startTime" not in said:
                return  # what is left of it once its minutes are taken
            if said.get("subUser") not in (None, "", 0, "0"):
                raise ItemRefused("other-person", "of another user of this scale", "/subUser")
            source = source_name(self._salt, "huawei", str(said.get("deviceCode") or ""))
            for index, point in enumerate(_list(said.get("samplePoints"))):
                self._point(source, point, said, f"{path}/samplePoints/{index}")
            for info in _list(said.get("sportBasicInfos")):
                self._minute(source, info, said)
        except ItemRefused as refused:
            refuse(self.lanes.batch, source, self._path + path + refused.pointer, (refused.code, refused.detail))

    def end(self) -> None:
        self._nights.end(self.lanes.batch)

    def _point(self, source: str, point: Any, said: dict[str, Any], path: str) -> None:
        """One that can't be taken keeps none of its neighbours out."""
        try:
            if not isinstance(point, dict):
                raise ItemRefused("item-invalid", "a sample point is an object")
            self._take_point(source, point, _offset_min(said.get("timeZone")), path)
        except ItemRefused as refused:
            why = refused.code, refused.detail
            refuse(self.lanes.batch, source, self._path + path + refused.pointer, why)

    def _take_point(self, source: str, point: dict[str, Any], offset_min: int | None, path: str) -> None:
        key, start_ms = str(point.get("key")), point.get("startTime")
        if key in _SLEEP:
            span = _instant(start_ms, "/startTime"), _instant(point.get("endTime"), "/endTime"), offset_min
            if span[1] <= span[0]:
                raise ItemRefused("time-invalid", "it ends after it begins", "/endTime")
            self._nights.add(self.lanes.batch, source, _SLEEP[key], span, self._path + path)
        elif key in _NUMBERS:
            self._number += 1
            value = _number(point.get("value"))
            self.lanes.add(source, _NUMBERS[key], value, When(start_ms, offset_min), Where(self._path, self._number))
        elif key == _SCALE:
            self._scale(source, _object(point.get("value")), When(start_ms, offset_min))
        elif key in _PRESSURE:
            self._pressure(source, _object(point.get("value")), When(start_ms, offset_min), self._path + path)
        else:
            raise ItemRefused("type-not-kept", f"no metric keeps {key[:64]}", "/key")

    def _scale(self, source: str, value: dict[str, Any], when: When) -> None:
        self._number += 1
        for name, what in _OF_SCALE.items():
            if value.get(name):  # a scale that does not measure it says 0
                self.lanes.add(source, what, _number(value[name]), when, Where(self._path, self._number))

    def _pressure(self, source: str, value: dict[str, Any], when: When, path: str) -> None:
        found = {
            part: _number(value[name]) for part, names in _OF_PRESSURE.items() for name in names if value.get(name)
        }
        metric, t_ms = vocabulary().metrics["blood-pressure"], _instant(when.t_ms, "/startTime")
        take(self.lanes.batch.of(source), Item(path, metric, t_ms, found, when.offset_min, "mm[Hg]"))

    def _minute(self, source: str, info: Any, said: dict[str, Any]) -> None:
        steps = info.get("steps") if isinstance(info, dict) else None
        if steps:
            self._number += 1
            when = When(said.get("startTime"), _offset_min(said.get("timeZone")), said.get("endTime"))
            self.lanes.add(source, ("steps", "{steps}"), _number(steps), when, Where(self._path, self._number))


def _number(said: Any) -> Any:
    """A number, as it is, in a text, or alone in an object in a text: '{"bpm":70}'."""
    if isinstance(said, str) and said.startswith("{"):
        numbers = [one for one in _object(said).values() if type(one) in (int, float)]
        if len(numbers) != 1:
            raise ItemRefused("value-invalid", "which of its numbers is meant is not known", "/value")
        return numbers[0]
    if isinstance(said, str) and _NUMBER.fullmatch(said):
        return float(said)
    return said


def _object(said: Any) -> dict[str, Any]:
    try:
        found = json.loads(said) if isinstance(said, str) else said
    except (ValueError, RecursionError) as error:
        raise ItemRefused("value-invalid", "not JSON", "/value") from error
    if not isinstance(found, dict):
        raise ItemRefused("value-invalid", "an object of numbers", "/value")
    return found


def _offset_min(said: Any) -> int | None:
    found = _OFFSET.fullmatch(said) if isinstance(said, str) else None
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    return None if minutes > 18 * 60 else -minutes if found[1] == "-" else minutes


def _instant(value: Any, pointer: str) -> int:
    if type(value) is not int:
        raise ItemRefused("time-invalid", "milliseconds since 1970", pointer)
    return parse_time(value, pointer)[0]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
