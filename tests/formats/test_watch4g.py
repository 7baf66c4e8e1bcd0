"""A watch that writes texts: what counts as a value, and whose clock its time is of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PayloadUnreadable
from phr.formats.watch4g import decode
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Decoded

AT_MS = 1_795_390_200_000
RECORD = {"date": "2026-11-23", "time": "07:30:00", "zone": "8", "hr": "72"}


@pytest.mark.parametrize("field", ["hr", "spo2", "rr", "temp", "glu", "weight", "sys", "dia"])
@pytest.mark.parametrize("text", ["", "0"])
def test_an_empty_text_and_zero_are_no_value(field: str, text: str) -> None:
    decoded = _decode({key: value for key, value in RECORD.items() if key != "hr"} | {field: text})
    assert _problems(decoded) == [("/records/0", "value-missing")]


def test_zero_steps_are_a_value() -> None:
    runs = _decode(RECORD | {"steps": "0", "minutes": "60"}).runs
    assert [run.metric.key for run in runs] == ["heart-rate", "steps"]


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("8", 8),
        ("+8", 8),
        ("-3.5", -3.5),
        ("+0800", 8),
        ("+08:00", 8),
        ("UTC+8:00", 8),
        ("-0330", -3.5),
        ("0", 0),
        ("-12", -12),
        ("14", 14),
        ("Asia/Shanghai", 8),
        ("UTC", 0),
    ],
)
def test_a_zone_is_hours_an_offset_or_a_name(zone: str, hours: float) -> None:
    run = _decode(RECORD | {"zone": zone}).runs[0]
    assert run.offset_min == hours * 60
    assert run.t == [AT_MS + int((8 - hours) * 3_600_000)]


@pytest.mark.parametrize(
    "zone", ["-12.5", "14.25", "15", "+0860", "8.1", "CST", "Asia/Nowhere", "../etc/passwd", "Asia/.."]
)
def test_what_is_no_zone_is_refused(zone: str) -> None:
    assert _problems(_decode(RECORD | {"zone": zone})) == [("/records/0/zone", "time-zone-unknown")]


@pytest.mark.parametrize("zone", ["", None])
def test_a_local_time_without_a_zone_is_refused(zone: Any) -> None:
    said = {"zone": zone, "records": [{key: value for key, value in RECORD.items() if key != "zone"}]}
    assert _problems(decode(json.dumps(said).encode(), vocabulary())) == [("/records/0", "time-zone-missing")]


@pytest.mark.parametrize("time", ["02:30:00", "01:30:00"], ids=["skipped", "twice"])
def test_a_time_that_the_clocks_skip_or_repeat_is_refused(time: str) -> None:
    date = "2026-03-29" if time == "02:30:00" else "2026-10-25"
    zone = "Europe/Berlin" if time == "02:30:00" else "Europe/London"
    assert _problems(_decode(RECORD | {"date": date, "time": time, "zone": zone})) == [
        ("/records/0/time", "time-invalid")
    ]


@pytest.mark.parametrize(("date", "time"), [("2026/11/23", "7:30"), ("20261123", "073000")])
def test_other_ways_to_write_a_time_are_read(date: str, time: str) -> None:
    assert _decode(RECORD | {"date": date, "time": time}).runs[0].t == [AT_MS]


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"date": ""}, "/time", "time-invalid"),
        ({"date": "2026-02-29"}, "/time", "time-invalid"),
        ({"date": "0001-01-01", "time": "00:00:00"}, "/time", "time-invalid"),
        ({"time": "24:00:00"}, "/time", "time-invalid"),
        ({"time": 7}, "/time", "value-invalid"),
        ({"hr": 72}, "/hr", "value-invalid"),
        ({"hr": "72 bpm"}, "/hr", "value-invalid"),
        ({"hr": "７２"}, "/hr", "value-invalid"),
        ({"hr": "NaN"}, "/hr", "value-invalid"),
        ({"hr": "7200"}, "/hr", "value-out-of-bounds"),
        ({"slot": "x" * 33}, "/slot", "slot-invalid"),
    ],
)
def test_a_broken_record_is_refused_where_it_is_broken(change: dict[str, Any], where: str, code: str) -> None:
    assert _problems(_decode(RECORD | change)) == [(f"/records/0{where}", code)]


@pytest.mark.parametrize("minutes", ["1", "1440"])
def test_steps_end_at_the_time_of_the_record(minutes: str) -> None:
    run = _decode(RECORD | {"hr": "", "steps": "9", "minutes": minutes}).runs[0]
    length = int(minutes) * 60_000
    assert (run.t, run.values[DURATION]) == ([AT_MS - length], [length])


@pytest.mark.parametrize(("minutes", "code"), [("", "end-missing"), ("0", "end-invalid"), ("1441", "end-invalid")])
def test_steps_of_no_or_too_long_a_period_are_refused(minutes: str, code: str) -> None:
    decoded = _decode(RECORD | {"hr": "", "steps": "9", "minutes": minutes})
    assert _problems(decoded) == [("/records/0/minutes", code)]


@pytest.mark.parametrize(("field", "missing"), [("sys", "dia"), ("dia", "sys")])
def test_half_a_blood_pressure_is_none(field: str, missing: str) -> None:
    decoded = _decode(RECORD | {"hr": "", field: "100"})
    assert _problems(decoded) == [(f"/records/0/{missing}", "component-missing")]


def test_a_bad_value_leaves_its_neighbours() -> None:
    decoded = _decode(RECORD | {"spo2": "x", "temp": "36.6"})
    assert [run.metric.key for run in decoded.runs] == ["heart-rate", "body-temperature"]


def test_the_device_and_the_slot_are_told() -> None:
    decoded = _decode(RECORD | {"slot": "A"})
    assert (decoded.device, decoded.runs[0].slot) == ("watch-3", "A")


@pytest.mark.parametrize("said", [[], {}, {"records": {}}, {"records": [], "device": 7}, {"records": [], "id": [1]}])
def test_what_has_no_records_is_unreadable(said: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        decode(json.dumps(said).encode(), vocabulary())


def _decode(*records: Any) -> Decoded:
    return decode(json.dumps({"device": "watch-3", "records": records}).encode(), vocabulary())


def _problems(decoded: Decoded) -> list[tuple[str, str]]:
    assert not decoded.runs
    found = [*decoded.rejections, *(one.rejection for one in decoded.quarantined)]
    return [(one.path, one.code) for one in found]
