"""Health Connect: the SQLite database of its export, as it is or in the zip file that the phone writes.

No document describes it; names, units and codes are those of the helpers that write it: Android Open Source Project,
packages/modules/HealthFitness, service/…/storage/datatypehelpers (android 14 to 17). Times are milliseconds since 1970,
offsets seconds; mass is in grams, energy in small calories, volume in litres, percentages are 0 to 100.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, BinaryIO

from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.interchange import archives, sqlite_files
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import refuse, source_name
from phr.interchange.lanes import Lanes, When, Where
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Rejection

NAME = "health-connect"
SUFFIXES = ("health connect.zip", "health_connect_export.zip", "health_connect_export.db")

_INSTANTS = {
    "weight_record_table": ("weight", ("weight", "g")),
    "height_record_table": ("height", ("height", "m")),
    "body_fat_record_table": ("percentage", ("body-fat-pct", "%")),
    "resting_heart_rate_record_table": ("beats_per_minute", ("resting-heart-rate", "/min")),
    "heart_rate_variability_rmssd_record_table": ("heart_rate_variability_millis", ("hrv-rmssd", "ms")),
    "oxygen_saturation_record_table": ("percentage", ("spo2", "%")),
    "respiratory_rate_record_table": ("rate", ("respiratory-rate", "/min")),
    "body_temperature_record_table": ("temperature", ("body-temperature", "Cel")),
    "vo2_max_record_table": ("vo2_milliliters_per_minute_kilogram", ("vo2max", "mL/kg/min")),
}
_GRAMS = {  # metrics that know no grams
    "lean_body_mass_record_table": ("mass", ("lean-body-mass", "kg")),
    "bone_mass_record_table": ("mass", ("bone-mass", "kg")),
    "body_water_mass_record_table": ("body_water_mass", ("body-water", "kg")),
}
_PERIODS = {
    "steps_record_table": ("count", ("steps", "{steps}")),
    "distance_record_table": ("distance", ("distance", "m")),
    "active_calories_burned_record_table": ("energy", ("active-energy", "cal")),
    "floors_climbed_record_table": ("floors", ("floors", "{flights}")),
    "hydration_record_table": ("volume", ("fluid-intake", "L")),
}
_PRESSURE, _GLUCOSE = "blood_pressure_record_table", "blood_glucose_record_table"
_BEATS, _BEAT_SERIES = "heart_rate_record_table", "heart_rate_record_series_table"
_SLEEP, _STAGES = "sleep_session_record_table", "sleep_stages_table"
_KEPT = {*_INSTANTS, *_GRAMS, *_PERIODS, _PRESSURE, _GLUCOSE, _BEATS, _SLEEP}
_STAGE_NAMES = ("unknown", "awake", "sleeping", "out_of_bed", "light", "deep", "rem", "awake")
# BloodGlucoseRecord.SpecimenSource: 1 interstitial fluid, 2 capillary blood, 6 whole blood, 0 not said. Plasma (3) and
# serum (4) are a laboratory's, and of tears (5) no metric is.
_SPECIMENS = {0: "glucose-capillary", 1: "glucose-interstitial", 2: "glucose-capillary", 6: "glucose-capillary"}
_LATEST_OFFSET_S = 18 * 3_600


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    with sqlite_files.opened(_content(file)) as connection:
        reading = _Reading(connection, wish.salt)
        if not reading.tables.keys() & _KEPT:
            raise FileBroken("no database of Health Connect: none of its tables is there")
        for step in reading.steps():
            for row in step:
                reading.take(row)
                if reading.lanes.is_full:
                    yield reading.lanes.give_out()
        reading.count_the_rest()
        yield reading.lanes.give_out()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table, with what is made of it."""

    where: Where
    source: tuple[Any, Any]  # of which application and device
    when: When
    what: tuple[str, str] | None
    value: Any


class _Reading:
    def __init__(self, connection: sqlite3.Connection, salt: str) -> None:
        self.lanes = Lanes()
        self.tables = sqlite_files.tables(connection)
        self._connection = connection
        self._salt = salt
        self._apps = self._named("application_info_table", "package_name")
        self._devices = self._named("device_info_table", "manufacturer", "model")
        self._sources: dict[tuple[Any, Any], str] = {}

    def steps(self) -> Iterator[Iterator[_Row]]:
        """The tables, one after the other, in a fixed order."""
        for table, (column, what) in _INSTANTS.items():
            yield self._plain(table, column, what, 1)
        for table, (column, what) in _GRAMS.items():
            yield self._plain(table, column, what, 0.001)
        for table, (column, what) in _PERIODS.items():
            yield self._plain(table, column, what, 1, is_period=True)
        yield self._beats()
        yield self._glucose()
        yield self._pressures()
        yield self._nights()

    def take(self, row: _Row) -> None:
        batch, source = self.lanes.batch, self._source(row.source)
        batch.records += 1
        try:
            if row.what is None:
                raise ItemRefused("type-not-kept", "no metric keeps glucose of this specimen", "/specimen_source")
            if isinstance(row.value, dict):
                metric = vocabulary().metrics[row.what[0]]
                t_ms, end_ms = _instant(row.when.t_ms), row.when.end_ms
                unit = row.what[1] or None
                item = Item(str(row.where), metric, t_ms, row.value, row.when.offset_min, unit, end_ms)
                take(batch.of(source), item)
            else:
                self.lanes.add(source, row.what, row.value, row.when, row.where)
        except ItemRefused as refused:
            refuse(batch, source, f"{row.where}{refused.pointer}", (refused.code, refused.detail))

    def count_the_rest(self) -> None:
        """Tables of records that nothing here keeps: how many rows each has."""
        others = [one for one in self.tables if one.lower().replace("_", "").endswith("recordtable")]
        for table in sorted({*others} - _KEPT):
            if count := sum(1 for _ in self._select(table, ())):
                self.lanes.batch.records += count
                why = "type-not-kept", f"no metric keeps {table[:64]}"
                self.lanes.batch.of("app").rejections.append(Rejection(f"/{table}", *why, count=count))

    def _plain(
        self, table: str, column: str, what: tuple[str, str], factor: float, *, is_period: bool = False
    ) -> Iterator[_Row]:
        end = "end_time" if is_period else "NULL"
        for number, (value, until, *head) in enumerate(self._records(table, (column, end), is_period=is_period), 1):
            is_scaled = factor != 1 and isinstance(value, int | float)
            yield _row(table, number, head, what, value * factor if is_scaled else value, until)

    def _beats(self) -> Iterator[_Row]:
        if not {_BEATS, _BEAT_SERIES} <= self.tables.keys():
            return
        columns = "s.beats_per_minute, s.epoch_millis, p.start_zone_offset, p.app_info_id, p.device_info_id"
        joined = f'FROM "{_BEAT_SERIES}" s JOIN "{_BEATS}" p ON p.row_id = s.parent_key ORDER BY s.rowid'
        for number, (value, *head) in enumerate(self._connection.execute(f"SELECT {columns} {joined}"), 1):
            yield _row(_BEAT_SERIES, number, head, ("heart-rate", "/min"), value)

    def _glucose(self) -> Iterator[_Row]:
        rows = self._records(_GLUCOSE, ("level", "specimen_source"))
        for number, (value, specimen, *head) in enumerate(rows, 1):
            metric = _SPECIMENS.get(_whole(specimen))
            yield _row(_GLUCOSE, number, head, (metric, "mmol/L") if metric else None, value)

    def _pressures(self) -> Iterator[_Row]:
        rows = self._records(_PRESSURE, ("systolic", "diastolic"))
        for number, (systolic, diastolic, *head) in enumerate(rows, 1):
            value = {"systolic": systolic, "diastolic": diastolic}
            yield _row(_PRESSURE, number, head, ("blood-pressure", "mm[Hg]"), value)

    def _nights(self) -> Iterator[_Row]:
        """Sessions in order of their keys, and beside them the stages of all in the same order."""
        stages = groupby(self._stages(), key=itemgetter(0))
        parent, of_parent = next(stages, (None, iter(())))
        sessions = self._records(_SLEEP, ("row_id", "end_time"), is_period=True)
        for number, (key, until, *head) in enumerate(sessions, 1):
            while parent is not None and type(key) is int and parent < key:
                parent, of_parent = next(stages, (None, iter(())))
            found = [_stage(*one) for _, *one in of_parent] if parent == key else []
            yield _row(_SLEEP, number, head, ("sleep-episode", ""), {"stages": found}, until)

    def _stages(self) -> Iterator[Any]:
        if _STAGES in self.tables:
            columns = "parent_key, stage_type, stage_start_time, stage_end_time"
            query = f'SELECT {columns} FROM "{_STAGES}" ORDER BY parent_key, stage_start_time'  # noqa: S608 - names of ours
            yield from (row for row in self._connection.execute(query) if type(row[0]) is int)

    def _records(self, table: str, columns: tuple[str, ...], *, is_period: bool = False) -> Iterator[Any]:
        """The columns, then instant, offset, application and device; nothing where the table is not there."""
        if table not in self.tables:
            return iter(())
        head = ("start_time", "start_zone_offset") if is_period else ("time", "zone_offset")
        return self._select(table, (*columns, *head, "app_info_id", "device_info_id"))

    def _select(self, table: str, columns: tuple[str, ...]) -> Iterator[Any]:
        wanted = ", ".join(columns) or "1"
        return self._connection.execute(f'SELECT {wanted} FROM "{table}" ORDER BY rowid')  # noqa: S608 - names of ours

    def _named(self, table: str, *columns: str) -> dict[Any, str]:
        if table not in self.tables:
            return {}
        return {key: " ".join(str(part) for part in parts) for key, *parts in self._select(table, ("row_id", *columns))}

    def _source(self, of: tuple[Any, Any]) -> str:
        found = self._sources.get(of)
        if found is None:
            app, device = self._apps.get(of[0], ""), self._devices.get(of[1], "")
            found = self._sources[of] = source_name(self._salt, app or "health-connect", device)
        return found


def _row(  # noqa: PLR0913, PLR0917 - a row's parts
    table: str, number: int, head: list[Any], what: tuple[str, str] | None, value: Any, until: Any = None
) -> _Row:
    t_ms, offset_s, app, device = head
    has_offset = type(offset_s) is int and abs(offset_s) <= _LATEST_OFFSET_S
    when = When(t_ms, offset_s // 60 if has_offset else None, until)
    return _Row(Where(f"/{table}", number), (_key(app), _key(device)), when, what, value)


def _stage(kind: Any, start_ms: Any, end_ms: Any) -> dict[str, Any]:
    is_known = type(kind) is int and 0 <= kind < len(_STAGE_NAMES)
    return {"stage": _STAGE_NAMES[kind] if is_known else "unknown", "t": start_ms, "end": end_ms}


def _key(value: Any) -> Any:
    return value if type(value) is int else None


def _whole(value: Any) -> int:
    """A code, which stands in a column of texts."""
    return int(value) if isinstance(value, str | int) and str(value).isdecimal() and len(str(value)) < 4 else -1


def _instant(value: Any) -> int:
    if type(value) is not int:
        raise ItemRefused("time-invalid", "milliseconds since 1970", "/time")
    return parse_time(value, "/time")[0]


def _content(file: BinaryIO) -> bytearray:
    if not archives.is_zip(file):
        content = bytearray(file.read(sqlite_files.LARGEST_BYTES + 1))
    else:
        with archives.opened(file) as archive:
            found = archives.members(archive, lambda name: name.lower().endswith(".db"))
            if len(found) != 1:
                raise FileBroken(f"{len(found)} databases in this archive, and one is an export of Health Connect")
            content = bytearray(archives.read_member(archive, found[0], sqlite_files.LARGEST_BYTES))
    if len(content) > sqlite_files.LARGEST_BYTES:
        raise FileBroken(f"larger than {sqlite_files.LARGEST_BYTES} bytes")
    return content
