"""CSV with a mapping, Withings, FIT and WeRun."""

from __future__ import annotations

import base64
import io
import json
import os
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from phr.errors import InputInvalid
from phr.interchange import formats, tables
from phr.interchange.formats import Batch, FileBroken, Wish

BEIJING = ZoneInfo("Asia/Shanghai")
SEVEN = 1_795_390_200_000
MAPPING = {
    "time": ["Date", "Time"],
    "time_form": "%Y-%m-%d %H:%M",
    "values": [
        {"metric": "weight", "column": "kg", "unit": "kg"},
        {"metric": "blood-pressure", "columns": {"systolic": "sys", "diastolic": "dia"}, "unit": "mm[Hg]"},
    ],
}
TABLE = "Date,Time,kg,sys,dia\n2026-11-23,07:30,71.5,128,82\n2026-11-23,07:31,,,\n"


def read(form: str, content: str | bytes, mapping: Any = None, zone: Any = BEIJING) -> Batch:
    raw = content.encode() if isinstance(content, str) else content
    wish = Wish(zone=zone, mapping=mapping, salt="ana")
    (batch,) = formats.find_format(form).read(io.BytesIO(raw), wish)
    return batch


def taken(batch: Batch) -> list[tuple[str, int, Any]]:
    runs = [run for decoded in batch.sources.values() for run in decoded.runs]
    return [(run.metric.key, run.t[0], {name: column[0] for name, column in run.values.items()}) for run in runs]


def refused(batch: Batch) -> list[tuple[str, str]]:
    return [(one.path, one.code) for decoded in batch.sources.values() for one in decoded.rejections]


def test_mapped_columns_become_readings_and_empty_cells_nothing() -> None:
    assert taken(read("csv", TABLE, MAPPING)) == [
        ("weight", SEVEN, {"": 71_500}),
        ("blood-pressure", SEVEN, {"systolic": 1280, "diastolic": 820}),
    ]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"kg": "heavy"}, "/2/kg", "value-invalid"),
        ({"Time": "half past"}, "/2/Date", "time-invalid"),
        ({"dia": ""}, "/2/value/diastolic", "component-missing"),
    ],
)
def test_bad_cell_is_refused_by_line_and_column(change: dict[str, str], path: str, code: str) -> None:
    cells = {"Date": "2026-11-23", "Time": "07:30", "kg": "71.5", "sys": "128", "dia": "82"} | change
    assert (path, code) in refused(read("csv", f"{','.join(cells)}\n{','.join(cells.values())}\n", MAPPING))


def test_local_time_without_a_zone_is_refused() -> None:
    assert refused(read("csv", TABLE, MAPPING, zone=None))[0] == ("/2/Date", "time-zone-missing")


@pytest.mark.parametrize(
    ("mapping", "pointer"),
    [
        (None, "/mapping"),
        ({"time": "t"}, "/mapping"),
        ({"time": "t", "values": []}, "/mapping"),
        ({"time": "t", "values": [{"metric": "no-such-metric", "column": "x"}]}, "/mapping/values/0/metric"),
        ({"time": "t", "values": [{"metric": "weight", "column": "x"}]}, "/mapping/values/0/unit"),
        ({"time": "t", "values": [{"metric": "blood-pressure", "column": "x"}]}, "/mapping/values/0/unit"),
        ({"time": "t", "values": [{"metric": "heart-rate", "unit": "/min"}]}, "/mapping/values/0/column"),
    ],
)  # fmt: skip
def test_bad_mapping_names_its_field(mapping: Any, pointer: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        formats.find_format("csv").check(Wish(mapping=mapping))
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"a,b\n\xff,1\n", b'a,b\n"open,1\n', b"a," + b"b" * 100_000, b"a\n" + b"x" * 100_000]
)
def test_broken_table_is_told(content: bytes) -> None:
    with pytest.raises(FileBroken):
        list(tables.rows(io.BytesIO(content)))


def test_withings_scale_and_cuff() -> None:
    scale = 'Date,"Weight (kg)","Fat mass (kg)","Bone mass (kg)",Comments\n"2026-11-23 07:30:00",71.5,15.2,3.1,\n'
    assert taken(read("withings", scale)) == [("weight", SEVEN, {"": 71_500}), ("bone-mass", SEVEN, {"": 3_100})]
    cuff = 'Date,"Heart rate",Systolic,Diastolic,Comments\n"2026-11-23 07:30:00",61,128,82,\n'
    assert taken(read("withings", cuff))[0][0] == "blood-pressure"


def test_withings_tracker_lists_values_and_seconds() -> None:
    content = 'start,duration,value\n2026-11-23T07:30:00+08:00,"[60,60]","[12,30]"\n'
    found = taken(read("withings", content, {"metric": "steps"}))
    assert [(t, values[""]) for _, t, values in found] == [(SEVEN, 12), (SEVEN + 60_000, 30)]
    with pytest.raises(FileBroken, match="mapping"):
        read("withings", content)


def test_other_table_is_no_withings() -> None:
    with pytest.raises(FileBroken):
        read("withings", "a,b\n1,2\n")


@pytest.mark.parametrize("content", [b"", b"no fit", b"\x0e\x10\x00\x00\xff\xff\xff\xff.FIT\x00\x00" + b"\x40" * 50])
def test_broken_fit_is_told(content: bytes) -> None:
    with pytest.raises(FileBroken):
        read("fit", content)


KEY, VECTOR = os.urandom(16), os.urandom(16)
STEPS = {"stepInfoList": [{"timestamp": 1445866601, "step": 100}, {"timestamp": "x", "step": 1}]}


def encrypted(said: dict[str, Any]) -> str:
    plain = json.dumps(said).encode()
    plain += bytes([16 - len(plain) % 16]) * (16 - len(plain) % 16)
    cipher = Cipher(algorithms.AES128(KEY), modes.CBC(VECTOR)).encryptor()
    text = [base64.b64encode(one).decode() for one in (cipher.update(plain) + cipher.finalize(), VECTOR)]
    return json.dumps({"encryptedData": text[0], "iv": text[1]})


def werun_mapping(key: bytes = KEY, app: str = "wx1") -> dict[str, str]:
    return {"session_key": base64.b64encode(key).decode(), "app_id": app}


def test_werun_steps_are_a_day_each() -> None:
    batch = read("werun", encrypted(STEPS | {"watermark": {"appid": "wx1"}}), werun_mapping())
    assert taken(batch) == [("steps", 1445866601000, {"": 100, "_duration": 86_400_000})]
    assert refused(batch) == [("/stepInfoList/1/timestamp", "time-invalid")]


@pytest.mark.parametrize("mapping", [None, werun_mapping(os.urandom(16)), werun_mapping(app="wx2")])
def test_werun_of_another_key_or_program_is_refused(mapping: Any) -> None:
    with pytest.raises(FileBroken):
        read("werun", encrypted(STEPS | {"watermark": {"appid": "wx1"}}), mapping)
