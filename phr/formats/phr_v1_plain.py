"""The short way for plain payloads of version 1: numbers and series of whole numbers, their times, and nothing else.

Most payloads are such, and a typed parser reads them in a quarter of the time. A payload that is in any way more, or in
which anything is wrong or unusual, is left to the long way (``phr_v1``), which knows every case and every error. Both
give the same.
"""

from __future__ import annotations

from functools import cache

import msgspec
from msgspec import UNSET, UnsetType

from phr.formats.building import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_PERIOD_MS,
    MAX_TEXT,
    ItemRefused,
    is_text,
    parse_time,
)
from phr.formats.plain_number import PlainNumber, plain_number
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Run


class _Reading(msgspec.Struct, forbid_unknown_fields=True):
    metric: str
    t: int | str
    value: int | float
    unit: str


class _Series(msgspec.Struct, forbid_unknown_fields=True):
    metric: str
    start: int | str
    period_s: int
    unit: str
    values: list[int]


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    readings: list[_Reading] | UnsetType = UNSET
    series: list[_Series] | UnsetType = UNSET
    id: str | UnsetType = UNSET
    sent_at: int | str | UnsetType = UNSET


_DECODER = msgspec.json.Decoder(_Payload)


def decode_plain(payload: bytes, vocabulary: Vocabulary) -> Decoded | None:
    """What a plain payload says; None: go the long way."""
    try:
        said = _DECODER.decode(payload)
        decoded = _read(said, vocabulary)
    except (msgspec.DecodeError, RecursionError, LookupError, ArithmeticError, ValueError, ItemRefused):
        return None
    # The parser takes the last of two equal keys; that there are none, the bytes tell.
    if decoded is None or payload.count(b'":') != _keys_of(said) or has_loose_colon(payload):
        return None
    return decoded


def has_loose_colon(payload: bytes) -> bool:
    """True where a key may stand apart from its colon, so that counting ``":`` would miss it."""
    return b" :" in payload or b"\n:" in payload or b"\t:" in payload or b"\r:" in payload


def _keys_of(said: _Payload) -> int:
    count = (said.id is not UNSET) + (said.sent_at is not UNSET)
    if said.readings is not UNSET:
        count += 1 + 4 * len(said.readings)
    if said.series is not UNSET:
        count += 1 + 5 * len(said.series)
    return count


def _read(said: _Payload, vocabulary: Vocabulary) -> Decoded | None:
    """None where something is not plain. Raises KeyError, OverflowError, ValueError, ItemRefused where it is wrong."""
    decoded = Decoded()
    if said.id is not UNSET:
        decoded.payload_id = said.id
        if not is_text(said.id, MAX_TEXT):
            return None
    if said.sent_at is not UNSET:
        decoded.sent_at_ms = parse_time(said.sent_at, "/sent_at")[0]
    numbers = _numbers(vocabulary)
    runs: list[Run | None] = []
    if said.readings is not UNSET:
        for index, item in enumerate(said.readings):
            runs.append(_one(item, numbers[item.metric, item.unit], f"/readings/{index}"))
    if said.series is not UNSET:
        for index, series in enumerate(said.series):
            runs.append(_many(series, numbers[series.metric, series.unit], f"/series/{index}"))
    decoded.runs = [run for run in runs if run is not None]
    is_whole = len(decoded.runs) == len(runs) and (said.readings is not UNSET or said.series is not UNSET)
    return decoded if is_whole else None


def _one(item: _Reading, number: PlainNumber, path: str) -> Run | None:
    t_ms, offset_min = parse_time(item.t, "/t")
    stored = number.stored(item.value)
    return Run(number.metric, "", number.unit, offset_min, [t_ms], {"": [stored]}, path) if stored is not None else None


def _many(series: _Series, number: PlainNumber, path: str) -> Run | None:
    start_ms, offset_min = parse_time(series.start, "/start")
    count, step_ms = len(series.values), series.period_s * 1_000
    end_ms = start_ms + count * step_ms
    if not number.is_canonical or not 0 < step_ms <= MAX_PERIOD_MS or not EARLIEST_MS <= end_ms <= LATEST_MS:
        return None
    scale = number.metric.scale
    if not (number.low <= min(series.values) * scale and max(series.values) * scale <= number.high):
        return None
    column: list[int | None] = [value * scale for value in series.values]
    t = list(range(start_ms, end_ms, step_ms))
    return Run(number.metric, "", number.unit, offset_min, t, {"": column}, path, positions=range(count))


@cache
def _numbers(vocabulary: Vocabulary) -> dict[tuple[str, str], PlainNumber]:
    """By metric and any name of a unit."""
    return {
        (metric.key, name): plain_number(metric, unit)
        for metric in vocabulary.metrics.values()
        if metric.is_reading and metric.value_type is ValueType.NUMBER
        for name, unit in metric.unit_by_name.items()
    }
