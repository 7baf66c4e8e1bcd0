"""SenML packs: how base fields resolve, what is joined, and what is refused and where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PayloadUnreadable
from phr.formats.senml import ABSOLUTE_FROM_S, VERSION, decode
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import AT_ARRIVAL, Decoded

AT_S = 1_795_390_200
BASE = {"bn": "cuff-7/", "bt": AT_S}
BEATS = {"n": "heart-rate", "u": "beat/min", "v": 61}
SYSTOLIC = {"n": "blood-pressure/systolic", "u": "mm[Hg]", "v": 128}
DIASTOLIC = {"n": "blood-pressure/diastolic", "u": "mm[Hg]", "v": 82}


def test_base_fields_hold_until_they_are_changed() -> None:
    pack = [BASE | {"bu": "beat/min", "n": "heart-rate", "v": 60}, {"n": "heart-rate", "v": 61, "bt": AT_S + 60}]
    runs = _decode(*pack, {"n": "heart-rate", "v": 62, "t": 1}).runs
    assert [run.t for run in runs] == [[AT_S * 1000], [(AT_S + 60) * 1000], [(AT_S + 61) * 1000]]


def test_a_base_value_is_added_without_noise() -> None:
    run = _decode(BASE | {"n": "body-temperature", "u": "Cel", "bv": 36.1, "v": 0.2}).runs[0]
    assert (run.values, run.extras) == ({"": [3630]}, {})


def test_a_base_value_alone_is_a_value() -> None:
    assert _decode(BASE | {"n": "weight", "u": "kg", "bv": 70}).runs[0].values == {"": [70_000]}


def test_a_record_of_base_fields_is_no_item() -> None:
    decoded = _decode(BASE, BEATS)
    assert (len(decoded.runs), decoded.rejections) == (1, [])


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("heart-rate", None),
        ("watch-3/heart-rate", "watch-3"),
        ("acme/watch-3/heart-rate", "acme/watch-3"),
        ("watch-3:heart-rate", "watch-3"),
        ("urn:dev:mac:0024befffe804ff1/heart-rate", None),
        ("urn:dev:ow:10e2073a01080063_heart-rate", None),
    ],
)
def test_what_stands_before_the_metric_names_the_device(name: str, device: str | None) -> None:
    runs = _decode({"bt": AT_S, "n": name, "u": "beat/min", "v": 61}).runs
    assert [(run.metric.key, run.device) for run in runs] == [("heart-rate", device)]


@pytest.mark.parametrize(("unit", "value", "stored"), [("%", 97, 970), ("/", 0.97, 970)], ids=["percent", "ratio"])
def test_units_of_the_registry_are_known(unit: str, value: float, stored: int) -> None:
    assert _decode(BASE | {"n": "spo2", "u": unit, "v": value}).runs[0].values[""] == [stored]


def test_records_of_one_time_are_joined_to_one_blood_pressure() -> None:
    decoded = _decode(BASE | DIASTOLIC, SYSTOLIC, {"n": "blood-pressure/pulse", "u": "beat/min", "v": 71})
    assert [run.values for run in decoded.runs] == [{"systolic": [1280], "diastolic": [820], "pulse": [710]}]


def test_records_of_two_times_are_two_blood_pressures() -> None:
    later = [one | {"t": 60} for one in (SYSTOLIC, DIASTOLIC)]
    assert len(_decode(BASE | SYSTOLIC, DIASTOLIC, *later).runs) == 2


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"v": "82"}, "/1/v", "value-invalid"),
        ({"u": "kPa"}, "/1/u", "unit-unknown"),
        ({"u": "Cel"}, "/1/u", "unit-unknown"),
        ({"n": "blood-pressure/systolic"}, "/1/n", "component-twice"),
        ({"n": "blood-pressure/middle"}, "/1/n", "component-unknown"),
        ({"n": "blood-pressure"}, "/1/n", "component-missing"),
        ({"n": "blood-pressure/pulse", "u": "mm[Hg]"}, "/1/u", "unit-unknown"),
    ],
)
def test_a_broken_component_refuses_its_blood_pressure(change: dict[str, Any], where: str, code: str) -> None:
    decoded = _decode(BASE | SYSTOLIC, DIASTOLIC | change)
    assert (where, code) in _problems(decoded)
    assert not decoded.runs


def test_a_component_out_of_bounds_is_pointed_at_in_its_record() -> None:
    decoded = _decode(BASE | SYSTOLIC, DIASTOLIC | {"v": 700})
    assert [one.rejection.path for one in decoded.quarantined] == ["/1/v"]


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"n": "pulse-rate"}, "/1/n", "metric-unknown"),
        ({"n": "/heart-rate", "bn": ""}, "/1/n", "name-invalid"),
        ({"n": 7}, "/1/n", "record-invalid"),
        ({"v": None}, "/1/v", "value-invalid"),
        ({"v": True}, "/1/v", "value-invalid"),
        ({"v": 2000}, "/1/v", "value-out-of-bounds"),
        ({"u": "kg"}, "/1/u", "unit-unknown"),
        ({"u": 7}, "/1/u", "unit-unknown"),
        ({"t": "now"}, "/1/t", "time-invalid"),
        ({"t": 1e15}, "/1/t", "time-invalid"),
        ({"vs": "61"}, "/1", "value-invalid"),
    ],
)
def test_a_broken_record_is_refused_where_it_is_broken(change: dict[str, Any], where: str, code: str) -> None:
    assert _problems(_decode(BASE, BEATS | change)) == [(where, code)]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"n": "heart-rate"}, "value-missing"),
        ({"n": "heart-rate", "s": 1}, "sum-not-reading"),
        ({"n": "heart-rate", "vs": "61"}, "value-invalid"),
        ({"n": "heart-rate", "vd": "AAAA"}, "value-invalid"),
        ({"n": "steps", "v": 9, "u": "count"}, "end-missing"),
        ({"n": "falls", "vb": False}, "value-invalid"),
        ({"n": "smoking-status", "vs": "sometimes"}, "code-unknown"),
    ],
)
def test_what_is_no_reading_is_refused(record: dict[str, Any], code: str) -> None:
    assert [one.code for one in _decode(BASE, record).rejections] == [code]


def test_texts_and_truths_are_codes_and_events() -> None:
    decoded = _decode(BASE, {"n": "smoking-status", "vs": "never"}, {"n": "falls", "vb": True})
    assert [run.metric.key for run in decoded.runs] == ["smoking-status", "falls"]


@pytest.mark.parametrize("pack", [[BEATS], [BEATS | {"t": 0}], [BEATS | {"bt": 60, "t": -60}]])
def test_a_time_of_zero_is_the_arrival(pack: list[Any]) -> None:
    assert _decode(*pack).runs[0].t == [AT_ARRIVAL]


def test_a_second_value_of_now_is_refused() -> None:
    assert _problems(_decode(BEATS, BEATS), at_least=1) == [("/1/t", "time-missing")]


@pytest.mark.parametrize("seconds", [-1, 0.5, 60, ABSOLUTE_FROM_S - 1])
def test_a_time_relative_to_now_is_refused(seconds: float) -> None:
    assert _problems(_decode(BEATS | {"t": seconds})) == [("/0/t", "time-relative")]


@pytest.mark.parametrize("seconds", [ABSOLUTE_FROM_S, ABSOLUTE_FROM_S + 1])
def test_times_are_absolute_from_the_limit_on(seconds: int) -> None:
    assert _decode(BEATS | {"t": seconds}).runs[0].t == [seconds * 1000]


@pytest.mark.parametrize("version", [1, VERSION - 1, VERSION])
def test_known_versions_are_read(version: int) -> None:
    assert len(_decode(BASE | BEATS | {"bver": version}).runs) == 1


@pytest.mark.parametrize(
    "pack",
    [
        {},
        [BASE | BEATS | {"bver": VERSION + 1}],
        [BASE | BEATS | {"bver": 0}],
        [BASE | BEATS | {"bver": 10}, {"bver": 9}],
        [BASE | BEATS, BEATS | {"ct_": "60"}],
        [BEATS | {"bt": "now"}],
        [BEATS | {"bn": None}],
    ],
)
def test_a_pack_that_must_be_refused_is_refused_as_a_whole(pack: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        decode(json.dumps(pack).encode(), vocabulary())


def test_a_label_that_need_not_be_understood_is_passed_over() -> None:
    assert len(_decode(BASE | BEATS | {"ct": "60"}).runs) == 1


def test_what_is_no_record_is_refused_by_itself() -> None:
    assert _problems(_decode(7, BASE | BEATS), at_least=1) == [("/0", "record-invalid")]


def _decode(*pack: Any) -> Decoded:
    return decode(json.dumps(pack).encode(), vocabulary())


def _problems(decoded: Decoded, at_least: int = 0) -> list[tuple[str, str]]:
    """Where and why; nothing but ``at_least`` readings was taken."""
    assert len(decoded.runs) == at_least
    found = [*decoded.rejections, *(one.rejection for one in decoded.quarantined)]
    return [(one.path, one.code) for one in found]
