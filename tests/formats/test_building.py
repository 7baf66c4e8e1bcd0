"""The checks that every format shares: metric, unit, value, flag, context; each limit tried on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phr.formats.building import (
    MAX_PERIOD_MS,
    Item,
    ItemRefused,
    checked_context,
    find_metric,
    find_unit,
    take,
)
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded

NAN, INFINITY = float("nan"), float("inf")
NOT_SENT = sorted(key for key, one in vocabulary().metrics.items() if not one.is_reading)
SEVERAL_UNITS = sorted(key for key, one in vocabulary().metrics.items() if one.is_reading and len(one.units) > 1)
ONE_UNIT = sorted(key for key, one in vocabulary().metrics.items() if one.is_reading and len(one.units) == 1)
BOUNDED = sorted(key for key, one in vocabulary().metrics.items() if one.value_type is ValueType.NUMBER)


@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        ("blood-pressure", "mmHg", "mm[Hg]"),
        ("heart-rate", "bpm", "/min"),
        ("body-temperature", "℃", "Cel"),
        ("weight", "斤", "{jin}"),
        ("glucose-capillary", "mg/dL", "mg/dL"),
    ],
)
def test_a_unit_is_known_by_its_code_and_by_what_devices_write(key: str, name: str, code: str) -> None:
    unit = find_unit(_metric(key), name)
    assert unit is not None
    assert unit.code == code


@pytest.mark.parametrize("key", SEVERAL_UNITS)
def test_a_unit_is_never_guessed_where_there_are_several(key: str) -> None:
    with pytest.raises(ItemRefused) as refused:
        find_unit(_metric(key), None)
    assert refused.value.code == "unit-missing"
    assert all(unit.code in refused.value.detail for unit in _metric(key).units)


@pytest.mark.parametrize("key", ONE_UNIT)
def test_an_only_unit_may_be_left_out(key: str) -> None:
    assert find_unit(_metric(key), None) == _metric(key).unit


@pytest.mark.parametrize("name", ["µg/dL", "mmol", "", 7, True, ["mg/dL"], {"mg/dL": 1}])
def test_an_unknown_unit_is_refused_with_the_known_ones(name: Any) -> None:
    with pytest.raises(ItemRefused, match="known: mmol/L, mg/dL") as refused:
        find_unit(_metric("glucose-capillary"), name)
    assert refused.value.code == "unit-unknown"


@pytest.mark.parametrize("key", NOT_SENT)
def test_what_is_never_sent_by_itself_is_told_what_to_send(key: str) -> None:
    with pytest.raises(ItemRefused) as refused:
        find_metric(vocabulary(), key)
    assert refused.value.code == "metric-not-a-reading"
    assert all(other in refused.value.detail for other in vocabulary().metrics[key].use_instead)


@pytest.mark.parametrize(("wrong", "nearest"), [("hart-rate", "heart-rate"), ("blood-presure", "blood-pressure")])
def test_an_unknown_metric_is_told_the_nearest_name(wrong: str, nearest: str) -> None:
    with pytest.raises(ItemRefused, match=f"the nearest known name is {nearest}$") as refused:
        find_metric(vocabulary(), wrong)
    assert refused.value.code == "metric-unknown"


@pytest.mark.parametrize("key", [None, 7, ["heart-rate"], {}])
def test_a_metric_is_named_by_a_text(key: Any) -> None:
    with pytest.raises(ItemRefused) as refused:
        find_metric(vocabulary(), key)
    assert refused.value.code == "metric-missing"


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY, "6.1", True, False, None, [], {}, 10**19, 1e300])
def test_a_value_is_a_finite_number(value: Any) -> None:
    assert _codes(_taken("glucose-capillary", value, "mmol/L")) == ["value-invalid"]


@pytest.mark.parametrize(
    ("value", "unit", "fate"),
    [
        (0.4, "mmol/L", "quarantined"),
        (0.5, "mmol/L", "suspect"),
        (1.10, "mmol/L", "suspect"),
        (1.11, "mmol/L", "good"),
        (33.31, "mmol/L", "good"),
        (33.32, "mmol/L", "suspect"),
        (60, "mmol/L", "suspect"),
        (60.1, "mmol/L", "quarantined"),
        (8, "mg/dL", "quarantined"),
        (9, "mg/dL", "suspect"),
        (19, "mg/dL", "suspect"),
        (20, "mg/dL", "good"),
        (600, "mg/dL", "good"),
        (601, "mg/dL", "suspect"),
        (1081, "mg/dL", "suspect"),
        (1082, "mg/dL", "quarantined"),
    ],
)
def test_bounds_are_applied_in_the_unit_as_sent(value: float, unit: str, fate: str) -> None:
    assert _fate(_taken("glucose-capillary", value, unit)) == fate


@pytest.mark.parametrize("mg_dl", [54, 70, 180, 250])
def test_a_limit_in_mg_dl_comes_back_as_it_was_sent(mg_dl: int) -> None:
    run = _taken("glucose-interstitial", mg_dl, "mg/dL").runs[0]
    assert run.unit is not None
    assert run.unit.code == "mg/dL"
    assert "sent" not in run.extras.get(0, {})


@pytest.mark.parametrize("key", BOUNDED)
def test_each_physical_bound_of_each_unit_is_itself_allowed(key: str) -> None:
    metric = _metric(key)
    assert metric.bounds
    for unit in metric.units:
        for limit in (metric.bounds.low, metric.bounds.high):
            sent = limit if unit == metric.unit else round((limit - unit.offset) / unit.factor, unit.decimals)
            assert not _taken(key, sent, unit.code).quarantined, (unit.code, sent)


@pytest.mark.parametrize("key", BOUNDED)
def test_beyond_each_physical_bound_is_quarantine(key: str) -> None:
    metric = _metric(key)
    assert metric.bounds
    assert metric.unit
    step = 10.0**-metric.stored_decimals
    for beyond in (metric.bounds.low - step, metric.bounds.high + step):
        assert _fate(_taken(key, beyond, metric.unit.code)) == "quarantined", beyond


@pytest.mark.parametrize(
    ("value", "fate"),
    [
        ({"systolic": 128, "diastolic": 82}, "good"),
        ({"systolic": 83, "diastolic": 82}, "good"),
        ({"systolic": 82, "diastolic": 82}, "quarantined"),
        ({"systolic": 82, "diastolic": 128}, "quarantined"),
        ({"systolic": 300, "diastolic": 82}, "suspect"),
        ({"systolic": 301, "diastolic": 82}, "quarantined"),
        ({"systolic": 128, "diastolic": 82, "pulse": 300}, "suspect"),
        ({"systolic": 128, "diastolic": 82, "pulse": 301}, "quarantined"),
        ({"systolic": 128, "diastolic": 82, "mean": None}, "good"),
        ({"systolic": 128}, "component-missing"),
        ({"systolic": 128, "diastolic": None}, "component-missing"),
        ({"systolic": 128, "diastolic": "82"}, "value-invalid"),
        ({"systolic": 128, "diastolic": 82, "sys": 1}, "component-unknown"),
        (128, "value-invalid"),
        (None, "value-invalid"),
    ],
)
def test_a_pressure_needs_both_numbers_in_their_order(value: Any, fate: str) -> None:
    assert _fate(_taken("blood-pressure", value, "mm[Hg]")) == fate


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"flag": "below-range"}, None),
        ({"flag": "above-range"}, None),
        ({"flag": "low"}, "flag-invalid"),
        ({"flag": ""}, "flag-invalid"),
        ({"flag": 1}, "flag-invalid"),
        ({"flag": ["below-range"]}, "flag-invalid"),
        ({"seq": 0}, None),
        ({"seq": 2**31 - 1}, None),
        ({"seq": 2**31}, "seq-invalid"),
        ({"seq": -1}, "seq-invalid"),
        ({"seq": 1.0}, "seq-invalid"),
        ({"seq": True}, "seq-invalid"),
        ({"seq": None}, "seq-invalid"),
    ],
)
def test_flag_and_seq_are_taken_or_refused(change: dict[str, Any], code: str | None) -> None:
    item = replace(Item("", _metric("glucose-capillary"), 0, 2.2, unit="mmol/L"), **change)
    assert _codes(_take(item)) == ([code] if code else [])


def test_a_flag_stands_on_a_plain_number_only() -> None:
    pressure = {"systolic": 128, "diastolic": 82}
    item = Item("", _metric("blood-pressure"), 0, pressure, unit="mmHg", flag="above-range")
    assert _codes(_take(item)) == ["flag-invalid"]


@pytest.mark.parametrize(
    ("length_ms", "code"),
    [(None, "end-missing"), (-1, "end-invalid"), (0, None), (MAX_PERIOD_MS, None), (MAX_PERIOD_MS + 1, "end-invalid")],
)
def test_a_period_ends_after_it_begins_and_within_a_month(length_ms: int | None, code: str | None) -> None:
    end_ms = None if length_ms is None else 1_000 + length_ms
    assert _codes(_take(Item("", _metric("steps"), 1_000, 9, end_ms=end_ms))) == ([code] if code else [])


@pytest.mark.parametrize(
    "context",
    [
        {"posture": "sitting", "n": 1, "x": -0.5, "irregular_heartbeat": False},
        {f"f{n}": n for n in range(32)},
        {"a" * 64: "x" * 256},
        {"n": 2**53 - 1},
        {"n": ""},
    ],
)
def test_a_context_is_kept_as_it_came(context: dict[str, Any]) -> None:
    assert checked_context(context) == context


def test_an_empty_context_is_none() -> None:
    assert checked_context({}) is None


@pytest.mark.parametrize(
    ("context", "pointer"),
    [
        ({f"f{n}": n for n in range(33)}, "/context"),
        ({"a" * 65: "x"}, "/context"),
        ({"x.y": 1}, "/context"),
        ({"$set": 1}, "/context"),
        ({"": 1}, "/context"),
        ({"餐": 1}, "/context"),
        ([], "/context"),
        ("fasting", "/context"),
        ({"k": "x" * 257}, "/context/k"),
        ({"k": "\0"}, "/context/k"),
        ({"k": "\ud800"}, "/context/k"),
        ({"k": None}, "/context/k"),
        ({"k": {}}, "/context/k"),
        ({"k": NAN}, "/context/k"),
        ({"k": 2**53}, "/context/k"),
    ],
)
def test_a_context_beyond_its_limits_is_refused(context: Any, pointer: str) -> None:
    with pytest.raises(ItemRefused) as refused:
        checked_context(context)
    assert (refused.value.code, refused.value.pointer) == ("context-invalid", pointer)


def _metric(key: str) -> Metric:
    return vocabulary().metrics[key]


def _taken(key: str, value: Any, unit: str) -> Decoded:
    return _take(Item("", _metric(key), 0, value, unit=unit))


def _take(item: Item) -> Decoded:
    decoded = Decoded()
    take(decoded, item)
    assert len(decoded.runs) + len(decoded.rejections) + len(decoded.quarantined) == 1
    return decoded


def _codes(decoded: Decoded) -> list[str]:
    return [one.code for one in decoded.rejections]


def _fate(decoded: Decoded) -> str:
    if decoded.quarantined:
        return "quarantined" if decoded.quarantined[0].rejection.code == "value-out-of-bounds" else "?"
    return decoded.runs[0].extras.get(0, {}).get("quality", "good") if decoded.runs else _codes(decoded)[0]
