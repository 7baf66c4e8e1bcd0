"""Payload v1: what it says item by item, what it refuses and where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.formats.phr_v1 import MAX_QUARANTINED, decode, encode_item
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Decoded

T, END, T_MS = "2026-11-23T07:30:00+08:00", "2026-11-23T08:00:00+08:00", 1_795_390_200_000
SPO2 = {"metric": "spo2", "t": T, "unit": "%", "value": 97}
SPO2_TEXT = '{"metric":"spo2","t":1795390200000,"unit":"%","value":97}'
RESTING = {"metric": "resting-heart-rate", "t": T, "value": 60}  # one unit only, so that it may be left out
SERIES = {"metric": "spo2", "start": T, "period_s": 60, "unit": "%", "values": [97, 96]}
SLEEP = {"metric": "sleep-episode", "t": T, "end": END}
ECG = {"metric": "ecg-strip", "t": T, "unit": "mV"}
STAGE = {"stage": "light", "t": T, "end": END}


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ({"slot": "B"}, lambda run: run.slot == "B"),
        ({"device": "cuff-7"}, lambda run: run.device == "cuff-7"),
        ({"seq": 3}, lambda run: run.seq == [3]),
        ({"flag": "below-range"}, lambda run: run.extras[0]["flag"] == "below-range"),
        ({"context": {"method": "ppg"}}, lambda run: run.extras[0]["context"] == {"method": "ppg"}),
        ({"id": "by-hand-1"}, lambda run: run.extras[0]["id"] == "by-hand-1"),
        ({"end": END}, lambda run: run.values[DURATION] == [1_800_000]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_one_more_field_is_seen_where_the_unit_is_left_out(more: dict[str, Any], seen: Any) -> None:
    assert seen(_only(_read(RESTING | more)))
    assert seen(_only(_read(RESTING | more | {"unit": "/min"})))


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("slot", "", "slot-invalid"),
        ("slot", 1, "slot-invalid"),
        ("slot", "x" * 33, "slot-invalid"),
        ("slot", "a\0", "slot-invalid"),
        ("device", 7, "device-invalid"),
        ("device", "x" * 257, "device-invalid"),
        ("id", "", "id-invalid"),
        ("id", 7, "id-invalid"),
        ("id", "x" * 65, "id-invalid"),
        ("seq", -1, "seq-invalid"),
        ("flag", "low", "flag-invalid"),
        ("context", [], "context-invalid"),
        ("end", "soon", "time-invalid"),
        ("t", "2026-11-23T07:30:00", "time-invalid"),
        ("t", None, "time-missing"),
        ("unit", None, "unit-missing"),
        ("unit", "bpm", "unit-unknown"),
        ("metric", None, "metric-missing"),
        ("metric", "spo3", "metric-unknown"),
        ("metric", "cgm-tir", "metric-not-a-reading"),
        ("value", "97", "value-invalid"),
        ("value", None, "value-invalid"),
        ("value", True, "value-invalid"),
    ],
)
def test_a_bad_field_refuses_its_item_alone_and_is_pointed_at(field: str, value: Any, code: str) -> None:
    decoded = _read(SPO2, SPO2 | {field: value}, SPO2)
    assert [(one.path, one.code) for one in decoded.rejections] == [(f"/readings/1/{field}", code)]
    assert [run.path for run in decoded.runs] == ["/readings/0", "/readings/2"]


@pytest.mark.parametrize(("field", "longest"), [("slot", 32), ("device", 256), ("id", 64)])
def test_a_text_may_be_as_long_as_its_limit(field: str, longest: int) -> None:
    assert not _read(SPO2 | {field: "x" * longest}).rejections


@pytest.mark.parametrize("item", [None, 7, "x", [], True])
def test_an_item_is_an_object(item: Any) -> None:
    assert _problems(_read(item, SPO2)) == [("/readings/0", "item-invalid")]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 400])
def test_a_number_that_is_none_refuses_its_item_alone(number: str) -> None:
    bad = SPO2_TEXT.replace("97", number)
    decoded = decode(f'{{"readings":[{SPO2_TEXT},{bad},{SPO2_TEXT}]}}'.encode(), vocabulary())
    assert [(one.path, one.code) for one in decoded.rejections] == [("/readings/1/value", "value-invalid")]
    assert len(decoded.runs) == 2


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ({"metric": "falls", "t": T}, None),
        ({"metric": "medication-taken", "t": T, "value": {"code": "late"}}, {"code": "late"}),
        ({"metric": "smoking-status", "t": T, "value": {"code": "never"}}, {"code": "never"}),
        (SLEEP, {"stages": []}),
        (SLEEP | {"value": {"stages": [STAGE]}}, {"stages": [{"stage": "light", "t": T_MS, "end": T_MS + 1_800_000}]}),
        (ECG | {"value": {"values": [0.5, -0.5], "period_ms": 4}}, {"values": [500, -500], "period_us": 4000}),
        (
            {"metric": "rr-interval", "t": T, "unit": "ms", "value": {"values": [812]}},
            {"values": [8120], "period_us": None},
        ),
    ],
    ids=lambda value: value.get("metric") if isinstance(value, dict) else "",
)
def test_each_value_type_that_is_no_number_has_its_shape(item: dict[str, Any], value: Any) -> None:
    assert _only(_read(item)).extras.get(0, {}).get("value") == value


@pytest.mark.parametrize(
    ("item", "where", "code"),
    [
        ({"metric": "falls", "t": T, "value": 1}, "value", "value-invalid"),
        ({"metric": "medication-taken", "t": T, "value": {"code": "lost"}}, "value/code", "code-unknown"),
        ({"metric": "smoking-status", "t": T}, "value", "value-invalid"),
        ({"metric": "smoking-status", "t": T, "value": {"code": 1}}, "value", "value-invalid"),
        ({"metric": "sleep-episode", "t": T}, "end", "end-missing"),
        ({"metric": "sleep-episode", "t": T, "value": {"stages": [STAGE]}}, "end", "end-missing"),
        (SLEEP | {"value": []}, "value/stages", "value-invalid"),
        (SLEEP | {"value": {"stages": [STAGE] * 1001}}, "value/stages", "value-invalid"),
        (SLEEP | {"value": {"stages": [STAGE | {"stage": "nap"}]}}, "value/stages/0/stage", "code-unknown"),
        (SLEEP | {"value": {"stages": [STAGE, 7]}}, "value/stages/1/stage", "code-unknown"),
        (SLEEP | {"value": {"stages": [STAGE | {"t": T_MS - 1}]}}, "value/stages/0", "time-invalid"),
        (SLEEP | {"value": {"stages": [STAGE | {"end": T_MS - 1}]}}, "value/stages/0", "time-invalid"),
        (ECG | {"value": []}, "value/values", "value-invalid"),
        (ECG | {"value": {"values": []}}, "value/values", "value-invalid"),
        (ECG | {"value": {"values": [0] * 65_537}}, "value/values", "value-invalid"),
        (ECG | {"value": {"values": [0, "x"]}}, "value/values/1", "value-invalid"),
        (ECG | {"value": {"values": [0], "period_ms": 0}}, "value/period_ms", "value-invalid"),
        (ECG | {"value": {"values": [0], "period_ms": 0.0009}}, "value/period_ms", "value-invalid"),
        (ECG | {"value": {"values": [0], "period_ms": True}}, "value/period_ms", "value-invalid"),
        ({"metric": "steps", "t": T, "value": 9}, "end", "end-missing"),
        ({"metric": "systolic-bp", "t": T, "value": 128, "unit": "mmHg"}, "metric", "metric-not-a-reading"),
    ],
)
def test_a_wrong_shape_is_refused_where_it_is_wrong(item: dict[str, Any], where: str, code: str) -> None:
    assert _problems(_read(item)) == [(f"/readings/0/{where}", code)]


def test_quarantine_of_a_waveform_points_at_the_first_sample_outside() -> None:
    decoded = _read({"metric": "rr-interval", "t": T, "unit": "ms", "value": {"values": [800, 199, 3001]}})
    rejection = decoded.quarantined[0].rejection
    assert (rejection.path, rejection.detail[:6]) == ("/readings/0/value/values/1", "199 ms")


@pytest.mark.parametrize(
    ("period_s", "period_ms"), [(0.001, 1), (0.0015, 1.5), (1 / 128, 7.8125), (60, 60_000), (2_678_400, 2_678_400_000)]
)
def test_values_of_a_series_lie_a_period_apart(period_s: float, period_ms: float) -> None:
    run = _only(_series(SERIES | {"period_s": period_s, "values": [97, None, 96, 95]}))
    assert run.t == [T_MS + round(period_ms * i) for i in (0, 2, 3)]
    assert [run.pointer(i) for i in range(3)] == [f"/series/0/values/{i}" for i in (0, 2, 3)]
    assert run.values[""] == [970, 960, 950]


@pytest.mark.parametrize("values", [[], [None], [None] * 100])
def test_a_series_of_gaps_says_nothing(values: list[None]) -> None:
    assert _series(SERIES | {"values": values}) == Decoded()


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"period_s": 0}, "period_s", "period-invalid"),
        ({"period_s": 0.0009}, "period_s", "period-invalid"),
        ({"period_s": -60}, "period_s", "period-invalid"),
        ({"period_s": 2_678_401}, "period_s", "period-invalid"),
        ({"period_s": "60"}, "period_s", "period-invalid"),
        ({"period_s": True}, "period_s", "period-invalid"),
        ({"period_s": None}, "period_s", "period-invalid"),
        ({"values": {}}, "values", "value-missing"),
        ({"values": None}, "values", "value-missing"),
        ({"start": None}, "start", "time-missing"),
        ({"start": "2026-11-23T07:30:00"}, "start", "time-invalid"),
        ({"start": "9999-12-30T00:00:00Z", "period_s": 86_400}, "values", "time-invalid"),
        ({"unit": None}, "unit", "unit-missing"),
        ({"metric": "blood-pressure"}, "metric", "series-invalid"),
        ({"metric": "falls"}, "metric", "series-invalid"),
        ({"metric": "ecg-strip"}, "metric", "series-invalid"),
        ({"slot": 1}, "slot", "slot-invalid"),
        ({"device": 1}, "device", "device-invalid"),
        ({"context": 5}, "context", "context-invalid"),
    ],
)
def test_a_broken_series_is_refused_whole_and_counts_its_values(change: Any, where: str, code: str) -> None:
    decoded = _series(SERIES | {"values": [97, None, "x", 30]} | change)
    count = 3 if where != "values" or code == "time-invalid" else 1
    assert [(one.path, one.code, one.count) for one in decoded.rejections] == [(f"/series/0/{where}", code, count)]
    assert not decoded.runs
    assert not decoded.quarantined


@pytest.mark.parametrize("bad", ["97", True, [], {}, float("nan"), float("inf")])
def test_a_bad_value_in_the_middle_refuses_that_one_only(bad: Any) -> None:
    decoded = _series(SERIES | {"values": [97, bad, None, 96], "context": {"activity": "rest"}})
    assert [(one.path, one.code) for one in decoded.rejections] == [("/series/0/values/1", "value-invalid")]
    run = decoded.runs[0]
    assert (run.t, run.values[""], run.pointer(1)) == ([T_MS, T_MS + 180_000], [970, 960], "/series/0/values/3")
    assert [run.extras[i]["context"] for i in (0, 1)] == [{"activity": "rest"}] * 2


def test_a_series_tells_good_suspect_and_impossible_values_apart() -> None:
    decoded = _series(SERIES | {"values": [97, 69, 49, 70]})
    assert decoded.runs[0].extras == {1: {"quality": "suspect"}}
    assert [one.rejection.path for one in decoded.quarantined] == ["/series/0/values/2"]
    assert _series(SERIES | {"values": [97, 69]}).runs[0].extras == {1: {"quality": "suspect"}}


def test_an_impossible_value_of_a_period_keeps_its_period() -> None:
    steps = {"metric": "steps", "start": T, "period_s": 60, "values": [9, 100_001]}
    decoded = _series(steps)
    assert encode_item(decoded.quarantined[0].run, 0)["end"] == "2026-11-23T07:32:00+08:00"
    assert decoded.runs[0].values[DURATION] == [60_000]


def test_a_series_quarantines_no_more_than_somebody_could_look_at() -> None:
    values = [9] * (MAX_QUARANTINED + 1) + [97, 9]
    decoded = _series(SERIES | {"values": values})
    assert (len(decoded.quarantined), len(decoded.runs[0])) == (MAX_QUARANTINED, 1)
    assert [one.path for one in decoded.rejections] == ["/series/0/values/2000", "/series/0/values/2002"]


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ('{"metric":"spo2","t":1,"unit":"%","value":97,"value":90}', "value"),
        ('{"metric" :"spo2","t":1,"unit":"%","value":97,"value":90}', "value"),
        ('{"metric"\n:"spo2","t":1,"unit":"%","value":97,"value":90}', "value"),
        ('{"metric":"spo2","t":1,"unit":"%","value":97,"context":{"a":1,"a":2}}', "context/a"),
        ('{"metric":"smoking-status","t":1,"value":{"code":"never","code":"former"}}', "value/code"),
        (
            '{"metric":"sleep-episode","t":1,"end":9,"value":{"stages":[{"stage":"rem","t":1,"t":2}]}}',
            "value/stages/0/t",
        ),
        ('{"metric":"spo2","a/~\\ud800":1,"a/~\\ud800":2}', "a~1~0\\ud800"),
    ],
)
def test_a_key_that_stands_twice_refuses_its_item(item: str, where: str) -> None:
    decoded = decode(f'{{"readings":[{item},{SPO2_TEXT}]}}'.encode(), vocabulary())
    assert [(one.path, one.code) for one in decoded.rejections] == [(f"/readings/0/{where}", "duplicate-key")]
    assert len(decoded.runs) == 1


def test_a_text_that_looks_like_a_key_is_no_duplicate() -> None:
    item = SPO2 | {"context": {"note": 'a "value": 7 and a "value" : 8'}}
    assert not _read(item).rejections


def _read(*items: Any) -> Decoded:
    return decode(json.dumps({"readings": items}).encode(), vocabulary())


def _series(item: Any) -> Decoded:
    return decode(json.dumps({"series": [item]}).encode(), vocabulary())


def _only(decoded: Decoded) -> Any:
    assert not decoded.rejections, decoded.rejections
    assert len(decoded.runs) == 1
    return decoded.runs[0]


def _problems(decoded: Decoded) -> list[tuple[str, str]]:
    return [(one.path, one.code) for one in decoded.rejections]
