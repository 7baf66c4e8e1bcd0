"""A meter of integers: scales, codes, and the number that is no value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PayloadUnreadable
from phr.formats.meter import decode
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded

AT_S = 1_795_390_200
GLUCOSE = {"ty": 1, "ts": AT_S, "tz": 480, "v": 61, "sc": 1, "u": 1}
PRESSURE = {"ty": 2, "ts": AT_S, "tz": 480, "v": [128, 82, 71], "u": 3}


@pytest.mark.parametrize(
    ("v", "sc", "value"), [(61, 1, 6.1), (6, 0, 6), (610, 2, 6.1), (6_100_000, 6, 6.1), (128, 1, 12.8)]
)
def test_a_value_is_the_decimal_that_the_meter_shows(v: int, sc: int, value: float) -> None:
    run = _decode(GLUCOSE | {"v": v, "sc": sc}).runs[0]
    assert run.values[""] == [round(value * run.metric.scale)]
    assert not run.extras


@pytest.mark.parametrize("v", [0xFFFE, 0x10000])
def test_the_neighbours_of_no_value_are_values(v: int) -> None:
    assert _problems(_decode(GLUCOSE | {"v": v})) == [("/rec/0/v", "value-out-of-bounds")]


def test_ffff_is_no_value() -> None:
    assert _problems(_decode(GLUCOSE | {"v": 0xFFFF})) == [("/rec/0/v", "value-missing")]


def test_a_pulse_that_was_not_taken_is_left_out_and_never_scaled() -> None:
    one, two = (_decode(PRESSURE | {"v": [1280, 820, pulse], "sc": 1}).runs[0] for pulse in (71, 0xFFFF))
    assert one.values == {"systolic": [1280], "diastolic": [820], "pulse": [710]}
    assert two.values == {"systolic": [1280], "diastolic": [820]}


def test_a_pressure_without_its_diastolic_is_none() -> None:
    assert _problems(_decode(PRESSURE | {"v": [128, 0xFFFF]})) == [("/rec/0/v/1", "component-missing")]


@pytest.mark.parametrize(
    ("ty", "u", "v", "unit"),
    [
        (1, 2, 110, "mg/dL"),
        (3, 5, 36, "Cel"),
        (3, 6, 98, "[degF]"),
        (4, 7, 70, "kg"),
        (4, 8, 150, "[lb_av]"),
        (4, 9, 140, "{jin}"),
    ],
)
def test_each_unit_code_is_known(ty: int, u: int, v: int, unit: str) -> None:
    run = _decode(GLUCOSE | {"ty": ty, "u": u, "v": v, "sc": 0}).runs[0]
    assert run.unit is not None
    assert run.unit.code == unit


@pytest.mark.parametrize(("fl", "flag"), [(0, None), (1, "below-range"), (2, "above-range")])
def test_lo_and_hi_are_flags(fl: int, flag: str | None) -> None:
    assert _decode(GLUCOSE | {"fl": fl}).runs[0].extras.get(0, {}).get("flag") == flag


def test_the_user_is_the_slot_and_the_number_tells_measurements_apart() -> None:
    run = _decode(GLUCOSE | {"us": 9, "n": 3, "mk": 2}).runs[0]
    assert (run.slot, run.seq, run.extras[0]["context"]) == ("9", [3], {"meal": "before meal"})


@pytest.mark.parametrize(("tz", "offset"), [(-720, -720), (0, 0), (840, 840)])
def test_the_offset_is_kept(tz: int, offset: int) -> None:
    assert _decode(GLUCOSE | {"tz": tz}).runs[0].offset_min == offset


def test_without_an_offset_only_the_instant_is_known() -> None:
    run = _decode({key: value for key, value in GLUCOSE.items() if key != "tz"}).runs[0]
    assert (run.t, run.offset_min) == ([AT_S * 1000], None)


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"ty": 0}, "/ty", "metric-missing"),
        ({"ty": 5}, "/ty", "code-unknown"),
        ({"ty": "1"}, "/ty", "code-unknown"),
        ({"ts": None}, "/ts", "value-invalid"),
        ({"ts": 2**60}, "/ts", "value-invalid"),
        ({"tz": -721}, "/tz", "value-invalid"),
        ({"tz": 841}, "/tz", "value-invalid"),
        ({"v": 6.1}, "/v", "value-invalid"),
        ({"v": True}, "/v", "value-invalid"),
        ({"v": [61]}, "/v", "value-invalid"),
        ({"v": 2**53}, "/v", "value-invalid"),
        ({"sc": -1}, "/sc", "value-invalid"),
        ({"sc": 7}, "/sc", "value-invalid"),
        ({"u": 0}, "/u", "value-invalid"),
        ({"u": 10}, "/u", "value-invalid"),
        ({"u": 7}, "/u", "unit-unknown"),
        ({"us": 10}, "/us", "value-invalid"),
        ({"mk": 4}, "/mk", "code-unknown"),
        ({"fl": 3}, "/fl", "code-unknown"),
        ({"n": 2**31}, "/n", "value-invalid"),
    ],
)
def test_a_broken_record_is_refused_where_it_is_broken(change: dict[str, Any], where: str, code: str) -> None:
    assert _problems(_decode(GLUCOSE | change)) == [(f"/rec/0{where}", code)]


@pytest.mark.parametrize("v", [128, [128], [128, 82, 71, 1], [128, "82"]])
def test_a_pressure_is_a_list_of_two_or_three(v: Any) -> None:
    assert [code for _, code in _problems(_decode(PRESSURE | {"v": v}))] == ["value-invalid"]


def test_a_time_that_is_left_out_is_missing() -> None:
    assert _problems(_decode({"ty": 1, "v": 61, "u": 1})) == [("/rec/0/ts", "time-missing")]


@pytest.mark.parametrize("said", [[], {}, {"rec": {}}, {"rec": [], "dev": 7}])
def test_what_has_no_records_is_unreadable(said: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        decode(json.dumps(said).encode(), vocabulary())


def _decode(*records: Any) -> Decoded:
    return decode(json.dumps({"rec": records}).encode(), vocabulary())


def _problems(decoded: Decoded) -> list[tuple[str, str]]:
    assert not decoded.runs
    found = [*decoded.rejections, *(one.rejection for one in decoded.quarantined)]
    return [(one.path, one.code) for one in found]
