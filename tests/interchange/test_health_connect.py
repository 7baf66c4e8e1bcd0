"""The database that Health Connect exports: read as it is, from memory, with nothing of it run."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterable
from typing import Any

import pytest

from phr.interchange import formats
from phr.interchange.formats import Batch, FileBroken, Wish
from tests.interchange.conftest import Desk
from tests.interchange.exports import zipped

T, HOUR = 1_795_390_200_000, 3_600_000
HEAD = "row_id INTEGER PRIMARY KEY, uuid BLOB, device_info_id INTEGER, app_info_id INTEGER"
INSTANT = f"{HEAD}, time INTEGER, zone_offset INTEGER"
PERIOD = f"{HEAD}, start_time INTEGER, start_zone_offset INTEGER, end_time INTEGER, end_zone_offset INTEGER"
SCHEMA = f"""
CREATE TABLE application_info_table (row_id INTEGER PRIMARY KEY, package_name TEXT);
INSERT INTO application_info_table VALUES (1, 'com.sec.android.app.shealth');
CREATE TABLE device_info_table (row_id INTEGER PRIMARY KEY, manufacturer TEXT, model TEXT);
INSERT INTO device_info_table VALUES (1, 'Acme', 'Watch');
CREATE TABLE weight_record_table ({INSTANT}, weight REAL, local INTEGER AS (time + 1000 * zone_offset));
CREATE TABLE bone_mass_record_table ({INSTANT}, mass REAL);
CREATE TABLE blood_pressure_record_table ({INSTANT}, systolic REAL, diastolic REAL, body_position TEXT);
CREATE TABLE blood_glucose_record_table ({INSTANT}, specimen_source TEXT, level REAL);
CREATE TABLE steps_record_table ({PERIOD}, count INTEGER);
CREATE TABLE active_calories_burned_record_table ({PERIOD}, energy REAL);
CREATE TABLE heart_rate_record_table ({PERIOD});
CREATE TABLE heart_rate_record_series_table (parent_key INTEGER, beats_per_minute INTEGER, epoch_millis INTEGER);
CREATE TABLE sleep_session_record_table ({PERIOD}, title TEXT);
CREATE TABLE sleep_stages_table (parent_key INTEGER, stage_start_time INTEGER, stage_end_time INTEGER,
                                 stage_type INTEGER);
CREATE TABLE SpeedRecordTable ({PERIOD});
"""  # fmt: skip
AT = f"1, x'00', 1, 1, {T}, 28800"
OVER = f"1, x'00', 1, 1, {T}, 28800, {T + HOUR}, 28800"
WHOLE = [
    f"INSERT INTO weight_record_table VALUES ({AT}, 71500.0)",
    f"INSERT INTO bone_mass_record_table VALUES ({AT}, 2900.0)",
    f"INSERT INTO blood_pressure_record_table VALUES ({AT}, 128, 82, '1')",
    f"INSERT INTO blood_glucose_record_table VALUES ({AT}, '1', 6.1)",
    f"INSERT INTO steps_record_table VALUES ({OVER}, 90)",
    f"INSERT INTO active_calories_burned_record_table VALUES ({OVER}, 12000.0)",
    f"INSERT INTO heart_rate_record_table VALUES ({OVER})",
    f"INSERT INTO heart_rate_record_series_table VALUES (1, 72, {T}), (1, 73, {T + 1000})",
    f"INSERT INTO sleep_session_record_table VALUES ({OVER}, 'night')",
    f"INSERT INTO sleep_stages_table VALUES (1, {T}, {T + 60_000}, 5), (1, {T + 60_000}, {T + HOUR}, 6)",
]


def exported(*statements: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA + ";".join(statements))
    content = connection.serialize()
    connection.close()
    return content


def read(content: bytes) -> Batch:
    (batch,) = formats.find_format("health-connect").read(io.BytesIO(content), Wish(salt="ana"))
    return batch


def taken(batch: Batch) -> dict[str, Any]:
    runs = [run for decoded in batch.sources.values() for run in decoded.runs]
    return {run.metric.key: (run.t[0], {name: values[0] for name, values in run.values.items()}) for run in runs}


def refused(batch: Batch) -> list[tuple[str, str, int]]:
    return [(one.path, one.code, one.count) for decoded in batch.sources.values() for one in decoded.rejections]


def test_each_record_becomes_a_reading_in_its_unit_at_its_offset(desk: Desk) -> None:
    one = desk.take(exported(*WHOLE), "health-connect")
    assert (one.counts.stored, one.reasons) == (9, ())
    found = taken(read(exported(*WHOLE)))
    assert found["weight"] == (T, {"": 71500})  # in grams, as sent
    assert found["bone-mass"][1] == {"": 2900}  # 2.9 kg, which knows no grams, to three decimals
    assert {"blood-pressure", "glucose-interstitial", "steps", "active-energy", "heart-rate"} < found.keys()
    assert desk.take(exported(*WHOLE), "health-connect").counts.duplicate == 9


def test_a_night_has_its_stages_and_a_source_its_app_and_a_mark_of_its_device() -> None:
    batch = read(exported(*WHOLE))
    ((source, decoded),) = batch.sources.items()
    assert source.startswith("com.sec.android.app.shealth.")
    (night,) = [run for run in decoded.runs if run.metric.key == "sleep-episode"]
    stages = night.extras[0]["value"]["stages"]
    assert [(one["stage"], one["end"] - one["t"]) for one in stages] == [("deep", 60_000), ("rem", HOUR - 60_000)]
    assert night.offset_min == 480


def test_it_is_taken_out_of_its_zip_file_and_with_the_mark_of_a_log_beside_it() -> None:
    content = bytearray(exported(*WHOLE))
    content[18:20] = b"\x02\x02"
    assert (
        taken(read(zipped("health_connect_export.db", bytes(content)))).keys() == taken(read(exported(*WHOLE))).keys()
    )


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        ([f"INSERT INTO SpeedRecordTable VALUES ({OVER})"], ("/SpeedRecordTable", "type-not-kept", 1)),
        (
            [f"INSERT INTO blood_glucose_record_table VALUES ({AT}, '3', 6.1)"],
            ("/blood_glucose_record_table/1/specimen_source", "type-not-kept", 1),
        ),
        (
            [f"INSERT INTO weight_record_table VALUES ({AT}, 'fat')"],
            ("/weight_record_table/1/value", "value-invalid", 1),
        ),
        (
            [f"INSERT INTO weight_record_table VALUES ({AT.replace(str(T), 'NULL')}, 71500)"],
            ("/weight_record_table/1", "time-invalid", 1),
        ),
        (
            [f"INSERT INTO blood_pressure_record_table VALUES ({AT}, 128, NULL, '1')"],
            ("/blood_pressure_record_table/1/value/diastolic", "component-missing", 1),
        ),
    ],
)
def test_what_can_not_be_a_reading_is_told_with_its_place(
    statements: Iterable[str], told: tuple[str, str, int]
) -> None:
    assert refused(read(exported(*statements))) == [told]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SQLite format 3\0",
        exported(*WHOLE)[:9_000],
        b"SQLite format 3\0" + b"\xff" * 8_000,
        zipped("other.txt", b"x"),
        zipped("a.db", exported(), **{"b.db": exported()}),
    ],
)
def test_broken_and_foreign_files_are_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(FileBroken):
        read(content)


def test_a_database_of_something_else_is_refused() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a)")
    with pytest.raises(FileBroken, match="Health Connect"):
        read(connection.serialize())


def test_views_and_tables_that_a_module_makes_up_are_never_read() -> None:
    """A view could run for ever, and a module is code."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS row_id FROM n"
    batch = read(
        exported(
            "DROP TABLE steps_record_table",
            f"CREATE VIEW steps_record_table AS {endless}",
            "CREATE VIRTUAL TABLE extra_record_table USING fts5(a)",
            *WHOLE[:1],
        )
    )
    assert taken(batch).keys() == {"weight"}
