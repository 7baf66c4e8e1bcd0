"""What an Apple Health export becomes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from phr.interchange.formats import Batch, FileBroken, Wish, apple_health
from phr.vocabulary.reading import Run
from tests.interchange.exports import (
    BEAT,
    DIASTOLIC,
    SLEEP,
    STEPS,
    SYSTOLIC,
    WATCH,
    beats,
    export,
    pressure,
    record,
    zipped,
)

SEVEN = 1_795_390_200_000  # 07:30 at +0800


def read(content: bytes) -> Batch:
    (batch,) = apple_health.read(io.BytesIO(content), Wish(salt="ana"))
    return batch


def runs(content: bytes) -> list[Run]:
    return [run for _, decoded in sorted(read(content).sources.items()) for run in decoded.runs]


def refused(content: bytes) -> list[tuple[str, str, int]]:
    return [(one.path, one.code, one.count) for d in read(content).sources.values() for one in d.rejections]


def test_heart_rate_keeps_instant_offset_and_motion() -> None:
    moving = record(BEAT, 131, metadata={"HKMetadataKeyHeartRateMotionContext": 2})
    (run,) = runs(export(record(BEAT, 72, "07:29:55"), moving))
    assert (run.metric.key, run.t, run.values, run.offset_min) == (
        "heart-rate",
        [SEVEN - 5_000, SEVEN],
        {"": [720, 1310]},
        480,
    )
    assert run.extras == {1: {"context": {"activity": "active"}}}


def test_metadata_of_another_element_is_not_the_readings() -> None:
    other = '<Workout workoutActivityType="x"><MetadataEntry key="HKWasUserEntered" value="1"/></Workout>'
    (run,) = runs(export(record(BEAT, 72), other))
    assert run.extras == {}


def test_steps_are_a_period() -> None:
    (run,) = runs(export(record(STEPS, 120, "07:30:00", "07:34:00")))
    assert run.values == {"": [120], "_duration": [240_000]}


@pytest.mark.parametrize(
    ("kind", "value", "unit", "metric", "stored"),
    [
        ("HKQuantityTypeIdentifierOxygenSaturation", "0.97", "%", "spo2", 970),
        ("HKQuantityTypeIdentifierBodyMass", "158.7", "lb", "weight", 71_985),
        ("HKQuantityTypeIdentifierBodyTemperature", "98.6", "degF", "body-temperature", 3_700),
        ("HKQuantityTypeIdentifierBloodGlucose", "5.5", "mmol&lt;180.1558800000541&gt;/L", "glucose-capillary", 550),
        ("HKQuantityTypeIdentifierWalkingSpeed", "3", "mi/hr", "walking-speed", 1_341),
    ],
)
def test_units_of_healthkit(kind: str, value: str, unit: str, metric: str, stored: int) -> None:
    (run,) = runs(export(record(kind, value, unit=unit)))
    assert (run.metric.key, run.values[""]) == (metric, [stored])


def test_glucose_of_a_sensor_is_interstitial() -> None:
    (run,) = runs(export(record("HKQuantityTypeIdentifierBloodGlucose", 110, unit="mg/dL", sourceName="Dexcom G7")))
    assert run.metric.key == "glucose-interstitial"


def test_blood_pressure_inside_and_outside_its_correlation_is_one() -> None:
    both = pressure(128, 82)
    (run,) = runs(export(*both, f'<Correlation type="x">{"".join(both)}</Correlation>'))
    assert (run.metric.key, run.values) == ("blood-pressure", {"systolic": [1280], "diastolic": [820]})


def test_half_a_blood_pressure_is_refused() -> None:
    assert refused(export(record(SYSTOLIC, 128, unit="mmHg"))) == [("/HealthData/Record/1", "component-missing", 1)]


def test_blood_pressures_listed_by_type_find_each_other() -> None:
    first, second = pressure(128, 82), pressure(131, 84, "19:30:00")
    assert len(runs(export(first[0], second[0], first[1], second[1]))) == 2


def test_stages_of_a_night_are_one_episode() -> None:
    def stage(name: str, start: str, end: str) -> str:
        return record(SLEEP, f"HKCategoryValueSleepAnalysis{name}", start, end)

    night = [stage("InBed", "00:00:00", "07:00:00"), stage("AsleepCore", "00:10:00", "03:00:00")]
    (run,) = runs(export(*night, stage("AsleepREM", "03:00:00", "06:50:00")))
    assert [one["stage"] for one in run.extras[0]["value"]["stages"]] == ["light", "rem"]
    assert run.values["_duration"] == [7 * 3_600_000]


def test_two_readings_of_the_same_second_are_two_and_the_same_again_is_one() -> None:
    (run,) = runs(export(record(BEAT, 72), record(BEAT, 75), record(BEAT, 72)))
    assert run.seq == [0, 1, 0]


def test_watch_and_phone_are_two_sources_whose_names_stay_unsaid() -> None:
    sources = read(export(record(STEPS, 5), record(STEPS, 6, sourceName="Mei’s iPhone", device="")))
    assert sorted(name.partition(".")[0] for name in sources.sources) == ["app", "watch6-2"]
    assert "Mei" not in repr(list(sources.sources))


def test_source_is_the_same_wherever_its_phone_kept_it_in_memory() -> None:
    other_place = record(BEAT, 73, "07:31:00", device=WATCH.format(9))
    assert len(read(export(record(BEAT, 72), other_place)).sources) == 1


def test_what_no_metric_keeps_is_counted() -> None:
    biotin = record("HKQuantityTypeIdentifierDietaryBiotin", 30, unit="mcg")
    total = '<ActivitySummary dateComponents="2026-11-22"/>'
    assert refused(export(biotin, biotin, total)) == [
        ("/HealthData/ActivitySummary", "day-total", 1),
        ("/HealthData/Record/1/type", "type-not-kept", 2),
    ]


@pytest.mark.parametrize(
    ("bad", "path", "code"),
    [
        (record(BEAT, "many"), "/HealthData/Record/2/value", "value-invalid"),
        (record(BEAT, "nan"), "/HealthData/Record/2/value", "value-invalid"),
        (record(BEAT, 301), "/HealthData/Record/2/value", "value-out-of-bounds"),
        (record(BEAT, 72, "25:00:00"), "/HealthData/Record/2/startDate", "time-invalid"),
        (record(BEAT, 72, startDate="yesterday"), "/HealthData/Record/2/startDate", "time-invalid"),
        (record(BEAT, 72, unit="furlong"), "/HealthData/Record/2/unit", "unit-unknown"),
        (record(STEPS, 5, "07:30:00", "07:29:00"), "/HealthData/Record/2/end", "end-invalid"),
        (record(DIASTOLIC, "x", unit="mmHg"), "/HealthData/Record/2/value", "value-invalid"),
    ],
)
def test_bad_record_is_refused_and_its_neighbour_taken(bad: str, path: str, code: str) -> None:
    batch = read(export(record(BEAT, 72, "07:00:00"), bad))
    found = [one for d in batch.sources.values() for one in (*d.rejections, *(q.rejection for q in d.quarantined))]
    assert [(one.path, one.code) for one in found] == [(path, code)]
    assert [run.t for d in batch.sources.values() for run in d.runs] == [[SEVEN - 1_800_000]]


def test_export_zip_in_any_language() -> None:
    content = zipped("apple_health_export/导出.xml", export(record(BEAT, 72)), **{"export_cda.xml": b"<x/>"})
    assert [run.values for run in runs(content)] == [{"": [720]}]


def test_large_file_comes_in_batches_that_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apple_health, "RECORDS_A_BATCH", 50)
    monkeypatch.setattr("phr.interchange.xml_stream.CHUNK_BYTES", 4_096)
    content = export(*beats(300))

    def instants() -> list[list[int]]:
        batches = apple_health.read(io.BytesIO(content), Wish())
        return [run.t for one in batches for d in one.sources.values() for run in d.runs]

    assert len(instants()) > 3
    assert instants() == instants()
    assert sum(map(len, instants())) == 300


def cut(count: int) -> bytes:
    return export(*beats(20))[:-count]


BOMB = '<!DOCTYPE HealthData [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n'
OUTSIDE = '<!DOCTYPE HealthData [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
HOSTILE: dict[str, Any] = {
    "empty": b"",
    "not xml": b"%PDF-1.4 this is a document",
    "another xml": b"<html><body/></html>",
    "cut off": cut(40),
    "cut off within a tag": cut(60),
    "entities that grow": export(record(BEAT, "&b;"), head=BOMB),
    "an entity from a file": export(record(BEAT, "&x;"), head=OUTSIDE),
    "an entity of nobody": export(record(BEAT, "&x;")),
    "nested": export("<a>" * 1_000, tail=""),
    "utf-16": export(record(BEAT, 72)).decode().encode("utf-16"),
    "a doctype without end": b"<!DOCTYPE HealthData [" + b" " * 2_000_000,
    "a tag without end": export('<Record value="' + "9" * 5_000_000),
    "a zip without an export": zipped("readme.txt", b"hello"),
    "a zip that leads out": zipped("../../etc/cron.d/x", export()),
    "a zip with a drive": zipped("C:/export.xml", export()),
    "a zip cut off": zipped("export.xml", export(*beats(50)))[:-30],
    "a zip with a hole": zipped("export.xml", export(*beats(50))).replace(b"PK\x05\x06", b"PK\x05\x05"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_with_a_word(name: str) -> None:
    with pytest.raises(FileBroken) as caught:
        list(apple_health.read(io.BytesIO(HOSTILE[name]), Wish()))
    assert caught.value.detail


def test_zip_bomb_is_refused_before_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phr.interchange.archives.RATIO_FROM_BYTES", 2**20)
    bomb = zipped("export.xml", export(*beats(3), tail="\n" * 3 * 2**20 + "</HealthData>"))
    with pytest.raises(FileBroken, match="bomb"):
        list(apple_health.read(io.BytesIO(bomb), Wish()))


def test_zip_of_too_many_files_is_refused_before_it_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phr.interchange.archives.MOST_MEMBERS", 1)
    many = zipped("export.xml", export(), **{"a.txt": b"", "b.txt": b""})
    with pytest.raises(FileBroken, match="more than 1 files"):
        list(apple_health.read(io.BytesIO(many), Wish()))
