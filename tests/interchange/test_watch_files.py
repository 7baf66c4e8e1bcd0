"""Exports of Huawei Health, Mi Fitness, Zepp and of Fitbit by Google: what is known of them is taken, no more."""

from __future__ import annotations

import io
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from phr.interchange import formats
from phr.interchange.formats import Batch, FileBroken, Wish
from tests.interchange.exports import zipped

T = 1_795_390_200_000  # 2026-11-22T23:30:00Z
SHANGHAI = Wish(salt="ana", zone=ZoneInfo("Asia/Shanghai"))
DETAIL = "HUAWEI_HEALTH/Health detail data & description/health detail data.json"
MINUTES = "HUAWEI_HEALTH/Sport per minute merged data & description/sport per minute merged data.json"


def read(form: str, content: bytes, wish: Wish = SHANGHAI) -> Batch:
    (batch,) = formats.find_format(form).read(io.BytesIO(content), wish)
    return batch


def taken(batch: Batch) -> list[tuple[str, int, int | None, Any]]:
    """Metric, instant, offset and what is stored of it."""
    found = [
        (run.metric.key, t, run.offset_min, tuple(values[index] for values in run.values.values()))
        for decoded in batch.sources.values()
        for run in decoded.runs
        for index, t in enumerate(run.t)
    ]
    return sorted(found, key=str)


def refused(batch: Batch) -> list[tuple[str, str]]:
    return [(one.path, one.code) for decoded in batch.sources.values() for one in decoded.rejections]


def a_point(key: str, value: Any, **changes: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "unit": "0", "startTime": T, "endTime": T + 60_000} | changes


def huawei(*points: dict[str, Any], **changes: Any) -> bytes:
    record = {"type": 7, "timeZone": "+0800", "deviceCode": 186756118, "samplePoints": list(points)}
    return json.dumps([record | changes]).encode()


@pytest.mark.parametrize(
    ("point", "metric", "values"),
    [
        (a_point("DATA_POINT_DYNAMIC_HEARTRATE", "89.0"), "heart-rate", (89,)),
        (a_point("DYNAMIC_HEART_RATE", '{"bpm":70}'), "heart-rate", (70,)),
        (a_point("BLOOD_OXYGEN_SATURATION", 97), "spo2", (97,)),
        (
            a_point("BLOODPRESSURE", {"BLOODPRESSURE_SYSTOLIC": 128, "BLOODPRESSURE_DIASTOLIC": 82}),
            "blood-pressure",
            (128, 82),
        ),
    ],
)
def test_huawei_numbers_however_they_are_written(point: dict[str, Any], metric: str, values: Any) -> None:
    ((found, t_ms, offset_min, stored),) = taken(read("huawei-health", huawei(point)))
    assert (found, t_ms, offset_min, len(stored)) == (metric, T, 480, len(values))
    scale = stored[0] // values[0]
    assert tuple(one // scale for one in stored) == values


def test_huawei_scale_gives_what_it_measured() -> None:
    value = json.dumps({"bodyWeight": 65.2, "bodyFatRate": 20.5, "muscleMass": 0, "bmi": 21})
    found = taken(read("huawei-health", huawei(a_point("WEIGHT_BODYFAT_BROAD", value))))
    assert [one[0] for one in found] == ["body-fat-pct", "weight"]


def test_huawei_stretches_of_sleep_are_a_night() -> None:
    deep = a_point("PROFESSIONAL_SLEEP_DEEP", "", endTime=T + 600_000)
    rem = a_point("PROFESSIONAL_SLEEP_DREAM", "", startTime=T + 600_000, endTime=T + 900_000)
    ((source, decoded),) = read("huawei-health", huawei(deep, rem)).sources.items()
    assert source.startswith("huawei.")
    assert [one["stage"] for one in decoded.runs[0].extras[0]["value"]["stages"]] == ["deep", "rem"]


@pytest.mark.parametrize(
    ("content", "path", "code"),
    [
        (huawei(a_point("BLOODGLUCOSE_BLOODSUGAR", 6.1)), "/0/samplePoints/0/key", "type-not-kept"),
        (huawei(a_point("DYNAMIC_HEART_RATE", '{"a":1,"b":2}')), "/0/samplePoints/0/value", "value-invalid"),
        (huawei(a_point("WEIGHT_BODYFAT_BROAD", "{")), "/0/samplePoints/0/value", "value-invalid"),
        (huawei(a_point("BLOOD_OXYGEN_SATURATION", 97, startTime="x")), "/0/samplePoints/0", "time-invalid"),
        (huawei(a_point("WEIGHT_BODYFAT_BROAD", {"bodyWeight": 50}), subUser="child"), "/0/subUser", "other-person"),
        (huawei(a_point("PROFESSIONAL_SLEEP_DEEP", "", endTime=T)), "/0/samplePoints/0/endTime", "time-invalid"),
        (b"[1]", "/0", "item-invalid"),
        (huawei({"key": ["x"]}, 7), "/0/samplePoints/1", "item-invalid"),  # type: ignore[arg-type]
    ],
)
def test_huawei_refuses_by_field(content: bytes, path: str, code: str) -> None:
    assert (path, code) in refused(read("huawei-health", content))


def test_huawei_archive_has_details_and_minutes() -> None:
    minute = {"startTime": T, "endTime": T + 60_000, "deviceCode": 1, "sportBasicInfos": [{"steps": 42}]}
    minutes = json.dumps([{"sportDataUserData": [minute]}]).encode()
    content = zipped(MINUTES, minutes, **{DETAIL: huawei(a_point("BLOOD_OXYGEN_SATURATION", 97))})
    batches = list(formats.find_format("huawei-health").read(io.BytesIO(content), SHANGHAI))
    assert [one[0] for batch in batches for one in taken(batch)] == ["spo2", "steps"]
    assert [refused(batch) for batch in batches] == [[], []]


def mi(*rows: tuple[Any, ...]) -> bytes:
    """Rows of key, value and, where it is another's, the account."""
    lines = []
    for key, value, *account in rows:
        text = json.dumps(value).replace('"', '""')
        lines.append(f'{(account or ["1"])[0]},watch,{key},{T // 1000},"{text}",{T // 1000}')
    return "\n".join(["Uid,Sid,Key,Time,Value,UpdateTime", *lines]).encode()


def test_mi_fitness_rows_by_their_key() -> None:
    rows = [
        ("heart_rate", {"time": T // 1000, "bpm": 72}),
        ("steps", {"steps": 30, "distance": 20, "calories": 1}),
        ("single_spo2", {"spo2": 97}),
        ("weight", {"weight": 71.5, "bmi": 24}),
    ]
    found = taken(read("mi-fitness", mi(*rows)))
    assert [one[0] for one in found] == ["heart-rate", "spo2", "steps", "weight"]
    assert {one[1] for one in found} == {T}


def test_mi_fitness_night_has_its_bounds_and_how_long_each_stage_was() -> None:
    night = {
        "bedtime": T // 1000,
        "wake_up_time": T // 1000 + 28_800,
        "sleep_deep_duration": 90,
        "items": [{"state": 4}],
    }
    found = taken(read("mi-fitness", mi(("sleep", night))))
    assert [one[0] for one in found] == ["deep-sleep", "sleep-episode"]


@pytest.mark.parametrize(
    ("content", "path", "code"),
    [
        (mi(("stress", {"stress": 3})), "/2/Key", "type-not-kept"),
        (mi(("heart_rate", [1])), "/2/Value", "value-invalid"),
        (mi(("heart_rate", {})), "/2/value", "value-invalid"),
        (mi(("sleep", {"bedtime": "x"})), "/2/Value/bedtime", "time-invalid"),
        (mi(("weight", {"weight": 71}), ("weight", {"weight": 52}, "2")), "/3/Uid", "other-person"),
    ],
)
def test_mi_fitness_refuses_by_field(content: bytes, path: str, code: str) -> None:
    assert (path, code) in refused(read("mi-fitness", content))


def test_zepp_archive_is_read_file_by_file_at_its_zone() -> None:
    content = zipped(
        "HEARTRATE_AUTO/HEARTRATE_AUTO_1.csv",
        "\ufeffdate,time,heartRate\n2026-11-23,07:30,72\n".encode(),
        **{
            "ACTIVITY_MINUTE/ACTIVITY_MINUTE_1.csv": b"date,time,steps\n2026-11-23,07:30,12\n2026-11-23,07:31,0\n",
            "BODY/BODY_1.csv": b"time,weight,height,bmi,fatRate,boneMass\n2026-11-22 23:30:00+0000,71.5,170,0,0,0\n",
            "SLEEP/SLEEP_1.csv": b"date,deepSleepTime,shallowSleepTime,wakeTime,start,stop,REMTime,naps\n"
            b"2026-11-23,90,250,0,2026-11-22 16:00:00+0000,2026-11-22 23:00:00+0000,70,\n"
            b"2026-11-24,0,0,0,2026-11-23 16:00:00+0000,2026-11-23 16:00:00+0000,0,\n",
            "SLEEP_MINUTE/SLEEP_MINUTE_1.csv": b"date,time,stage\n2026-11-24,00:00,DEEP\n",
        },
    )
    found = [one for batch in formats.find_format("zepp").read(io.BytesIO(content), SHANGHAI) for one in taken(batch)]
    assert sorted(one[0] for one in found) == [
        "deep-sleep", "heart-rate", "height", "light-sleep", "rem-sleep", "sleep-episode", "steps", "weight",
    ]  # fmt: skip
    assert [one[1:3] for one in found if one[0] in ("heart-rate", "steps")] == [(T, 480), (T, 480)]


def test_zepp_local_times_need_their_zone() -> None:
    content = b"date,time,heartRate\n2026-11-23,07:30,72\n"
    assert refused(read("zepp", content, Wish(salt="ana"))) == [("/2/time", "time-zone-missing")]


FITBIT = "Takeout/Fitbit/Global Export Data/"


def test_google_takeout_has_fitbit_too_and_all_languages() -> None:
    beat = [{"dateTime": "11/22/26 23:30:00", "value": {"bpm": 72, "confidence": 3}}]
    steps = [{"dateTime": "11/22/26 23:30:00", "value": "12"}, {"dateTime": "11/22/26 23:31:00", "value": "0"}]
    level = {"dateTime": "2026-11-22T23:00:00.000", "level": "deep", "seconds": 600}
    night = [
        {"startTime": "2026-11-22T23:00:00.000", "endTime": "2026-11-23T07:00:00.000", "levels": {"data": [level]}}
    ]
    point = {
        "fitValue": [{"value": {"fpVal": 71.5}}],
        "startTimeNanos": T * 1_000_000,
        "endTimeNanos": T * 1_000_000,
        "dataTypeName": "com.google.weight",
    }
    content = zipped(
        f"{FITBIT}heart_rate-2026-11-22.json",
        json.dumps(beat).encode(),
        **{
            f"{FITBIT}steps-2026-11-01.json": json.dumps(steps).encode(),
            f"{FITBIT}sleep-2026-11-01.json": json.dumps(night).encode(),
            f"{FITBIT}weight-2026-11-01.json": b"[]",
            "Takeout/Fit/Toutes les données/raw_com.google.weight.json": json.dumps(
                {"Data Source": "raw:x", "Data Points": [point]}
            ).encode(),
        },
    )
    read_all = formats.find_format("google-takeout").read(io.BytesIO(content), SHANGHAI)
    found = [one for batch in read_all for one in taken(batch)]
    assert sorted(one[:3] for one in found) == [
        ("heart-rate", T, None),
        ("sleep-episode", T - 30_600_000, 480),
        ("steps", T, None),
        ("weight", T, None),
    ]


@pytest.mark.parametrize("form", ["huawei-health", "mi-fitness", "zepp", "google-takeout"])
@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.4", zipped("a.txt", b"x"), zipped("../evil.csv", b"x"), b"PK\x03\x04x"]
)
def test_foreign_broken_and_hostile_files_are_refused_as_a_whole(form: str, content: bytes) -> None:
    with pytest.raises(FileBroken):
        list(formats.find_format(form).read(io.BytesIO(content), SHANGHAI))
