"""Records of a household meter that knows only integers: values with a scale, codes for type and unit.

    {"id": "m-17", "dev": "meter-9",
     "rec": [{"ty": 2, "ts": 1795390200, "tz": 480, "v": [128, 82, 71], "sc": 0, "u": 3, "us": 1, "n": 0},
             {"ty": 1, "ts": 1795390260, "tz": 480, "v": 61, "sc": 1, "u": 1, "mk": 1, "us": 1}]}

    ty  1 capillary glucose, 2 blood pressure, 3 body temperature, 4 body weight
    ts  seconds since 1970; tz  minutes east of UTC, left out where the meter does not know
    v   the value; for blood pressure a list of systolic, diastolic and, where it was taken, pulse a minute, which is
        never scaled; 65535 (0xFFFF) is no value
    sc  how many digits of v stand behind the point, 0 to 6; 0 where it is left out
    u   1 mmol/L, 2 mg/dL, 3 mmHg, 4 kPa, 5 Celsius, 6 Fahrenheit, 7 kg, 8 lb, 9 jin (half a kilogram)
    fl  1 the meter shows "Lo" and v is its lower limit, 2 "Hi" and its upper limit
    mk  when the glucose was taken: 1 fasting, 2 before a meal, 3 after one
    us  the user's number on the meter, 1 to 9, is the slot; 0 or left out: none
    n   tells measurements of one second apart
Every number is an integer; anything else is refused.
"""

from __future__ import annotations

from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import EARLIEST_MS, LATEST_MS, MAX_TEXT, Item, ItemRefused, find_metric, is_text
from phr.formats.json_text import read_json
from phr.formats.pointers import take_named
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "meter"
CONTENT_TYPE = "application/vnd.meter+json"

NO_VALUE = 0xFFFF

_METRICS = {1: "glucose-capillary", 2: "blood-pressure", 3: "body-temperature", 4: "weight"}
_UNITS = ("mmol/L", "mg/dL", "mm[Hg]", "kPa", "Cel", "[degF]", "kg", "[lb_av]", "{jin}")
_COMPONENTS = ("systolic", "diastolic", "pulse")
_FLAGS = {0: None, 1: "below-range", 2: "above-range"}
_MEALS = {0: None, 1: "fasting", 2: "before meal", 3: "after meal"}
_WEST_MIN, _EAST_MIN = -12 * 60, 14 * 60
_MOST_DIGITS, _MOST_USERS = 6, 9


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of every record, each judged by itself. Raises PayloadUnreadable."""
    said = read_json(payload)
    records = said.get("rec") if isinstance(said, dict) else None
    if not isinstance(records, list):
        raise PayloadUnreadable("a payload is an object with a list of records", "/rec")
    for name in ("id", "dev"):
        if said.get(name) is not None and not is_text(said[name], MAX_TEXT):
            raise PayloadUnreadable(f"{name} is a text of at most {MAX_TEXT} characters", f"/{name}")
    decoded = Decoded(payload_id=said.get("id"), device=said.get("dev"))
    for index, record in enumerate(records):
        path = f"/rec/{index}"
        try:
            item = _item(record, vocabulary, path)
        except ItemRefused as refused:
            decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))
        else:
            take_named(decoded, item, lambda path=path: _names(path))  # type: ignore[misc]
    return decoded


def _names(path: str) -> dict[str, str]:
    values = {f"/value/{name}": f"{path}/v/{index}" for index, name in enumerate(_COMPONENTS)}
    return values | {"/value": f"{path}/v", "/unit": f"{path}/u", "/flag": f"{path}/fl", "/seq": f"{path}/n"}


def _item(record: Any, vocabulary: Vocabulary, path: str) -> Item:
    if not isinstance(record, dict):
        raise ItemRefused("record-invalid", "a record is an object")
    key = _coded(record, "ty", _METRICS)
    if key is None:
        raise ItemRefused("metric-missing", "the record names no type", "/ty")
    user = _whole(record, "us", 0, (0, _MOST_USERS))
    meal = _coded(record, "mk", _MEALS)
    t_ms, offset_min = _time(record)
    return Item(
        path,
        find_metric(vocabulary, key),
        t_ms,
        _value(record, key),
        offset_min,
        _UNITS[_whole(record, "u", None, (1, len(_UNITS))) - 1],
        slot=str(user) if user else "",
        seq=_whole(record, "n", 0, (0, 2**31 - 1)),
        flag=_coded(record, "fl", _FLAGS),
        context={"meal": meal} if meal else None,
    )


def _time(record: dict[str, Any]) -> tuple[int, int | None]:
    if "ts" not in record:
        raise ItemRefused("time-missing", "a reading needs its time", "/ts")
    t_ms = 1000 * _whole(record, "ts", None, (EARLIEST_MS // 1000, LATEST_MS // 1000))
    return t_ms, _whole(record, "tz", 0, (_WEST_MIN, _EAST_MIN)) if "tz" in record else None


def _value(record: dict[str, Any], key: str) -> Any:
    divisor = 10 ** _whole(record, "sc", 0, (0, _MOST_DIGITS))
    value = record.get("v", NO_VALUE)
    if key != "blood-pressure":
        number = _scaled(value, divisor, "/v")
        if number is None:
            raise ItemRefused("value-missing", "the meter has no value", "/v")
        return number
    if not isinstance(value, list) or not 2 <= len(value) <= len(_COMPONENTS):
        raise ItemRefused("value-invalid", "a list of systolic, diastolic and perhaps pulse", "/v")
    numbers = {
        name: _scaled(one, 1 if name == "pulse" else divisor, f"/v/{index}")
        for index, (name, one) in enumerate(zip(_COMPONENTS, value, strict=False))
    }
    return {name: number for name, number in numbers.items() if number is not None}


def _scaled(value: Any, divisor: int, pointer: str) -> int | float | None:
    """Divided, since a product with 0.1 would not be the decimal the meter shows. None: no value."""
    if type(value) is not int or abs(value) >= 2**53:
        raise ItemRefused("value-invalid", "a value is an integer", pointer)
    if value == NO_VALUE:
        return None
    return value if divisor == 1 else value / divisor


def _coded(record: dict[str, Any], name: str, meanings: dict[int, Any]) -> Any:
    code = record.get(name, 0)
    if type(code) is not int or (code not in meanings and code != 0):
        raise ItemRefused("code-unknown", f"{name} is one of {', '.join(map(str, meanings))}", f"/{name}")
    return meanings.get(code)


def _whole(record: dict[str, Any], name: str, default: int | None, limits: tuple[int, int]) -> int:
    value = record.get(name, default)
    if type(value) is not int or not limits[0] <= value <= limits[1]:
        raise ItemRefused("value-invalid", f"{name} is an integer from {limits[0]} to {limits[1]}", f"/{name}")
    return value
