"""Google Takeout: the JSON files of Fit's "All Data", one at a time, or the whole archive with Fit and Fitbit in it.

{"Data Source": "raw:com.google.heart_rate.bpm:…", "Data Points": [{"fitValue": [{"value": {"fpVal" | "intVal"}}],
"startTimeNanos", "endTimeNanos", "dataTypeName"}]}. Times are UTC. What Google derived from the raw streams says the
same once more, so only streams that begin with "raw:" are taken. Source: developers.google.com/fit/datatypes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.interchange import archives, fitbit_files
from phr.interchange.formats import Batch, Wish
from phr.interchange.gathering import Numbers, refuse, source_name
from phr.interchange.json_items import Found, batches
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import vocabulary

NAME = "google-takeout"
SUFFIXES = ("takeout.zip",)

# data type -> (metric, unit); com.google.calories.expended holds what the body burns at rest too, and is not taken
_TYPES = {
    "com.google.heart_rate.bpm": ("heart-rate", "/min"),
    "com.google.step_count.delta": ("steps", "{steps}"),
    "com.google.distance.delta": ("distance", "m"),
    "com.google.weight": ("weight", "kg"),
    "com.google.height": ("height", "m"),
    "com.google.body.fat.percentage": ("body-fat-pct", "%"),
    "com.google.oxygen_saturation": ("spo2", "%"),
    "com.google.body.temperature": ("body-temperature", "Cel"),
}
_PRESSURE = "com.google.blood_pressure"  # its first two values are systolic and diastolic


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    for name, stream in archives.each(file, _is_taken, "raw streams of Fit and no files of Fitbit"):
        path, kind = archives.place_of(name), fitbit_files.kind_of(name)
        yield from fitbit_files.read(stream, kind, path, wish) if kind else _one(stream, path, wish)


def _is_taken(name: str) -> bool:
    return _is_raw(name) or fitbit_files.kind_of(name) is not None


def _one(file: BinaryIO, path: str, wish: Wish) -> Iterator[Batch]:
    numbers = Numbers()

    def take_one(batch: Batch, found: Found) -> None:
        said = found.value
        if isinstance(said, dict) and "Data Source" in said and "fitValue" not in said:
            return  # what is left of the file once its points are taken
        try:
            source, item = _item(said, path + found.path, wish.salt)
            item.seq = numbers.seq((source, item.metric.key), item.t_ms, (item.value, item.end_ms))
            take(batch.of(source), item)
        except ItemRefused as refused:
            refuse(batch, "file", path + found.path + refused.pointer, (refused.code, refused.detail))

    return batches(file, take_one, inner="Data Points")


def _item(said: Any, path: str, salt: str) -> tuple[str, Item]:
    """The reading of a point, and its source."""
    if not isinstance(said, dict) or not isinstance(said.get("fitValue"), list):
        raise ItemRefused("item-invalid", "a data point has a fitValue")
    kind, origin = said.get("dataTypeName"), str(said.get("originDataSourceId") or "")
    if origin and not origin.startswith("raw:"):
        raise ItemRefused("derived", "Google derived it from a stream that is taken", "/originDataSourceId")
    t_ms, end_ms = _millis(said, "startTimeNanos"), _millis(said, "endTimeNanos")
    values = [_number(one) for one in said["fitValue"]]
    source = source_name(salt, "google-fit", origin)
    if kind == _PRESSURE:
        value = dict(zip(("systolic", "diastolic"), values, strict=False))
        return source, Item(path, vocabulary().metrics["blood-pressure"], t_ms, value, None, "mm[Hg]")
    if kind not in _TYPES or not values:
        raise ItemRefused("type-not-kept", f"no metric keeps {str(kind)[:64]}", "/dataTypeName")
    metric = vocabulary().metrics[_TYPES[kind][0]]
    period = end_ms if metric.value_type is ValueType.INTERVAL else None
    return source, Item(path, metric, t_ms, values[0], None, _TYPES[kind][1], period)


def _is_raw(name: str) -> bool:
    """Its folder is named in the language of the account."""
    return name.rpartition("/")[2].startswith("raw_") and name.endswith(".json")


def _millis(said: dict[str, Any], name: str) -> int:
    value = said.get(name)
    if type(value) is not int:
        raise ItemRefused("time-invalid", "nanoseconds since 1970", f"/{name}")
    return parse_time(value // 1_000_000, f"/{name}")[0]


def _number(one: Any) -> Any:
    value = one.get("value") if isinstance(one, dict) else None
    if not isinstance(value, dict):
        raise ItemRefused("value-invalid", "a value is fpVal or intVal", "/fitValue")
    return value.get("fpVal", value.get("intVal"))
