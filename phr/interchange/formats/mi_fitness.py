"""Mi Fitness: the CSV file "…_hlth_center_fitness_data.csv" of Xiaomi's export, or the whole zip file, once decrypted.

Uid, Sid, Key, Time (seconds since 1970), Value (JSON in a cell), UpdateTime. One Uid an account: rows of another one
are refused. Steps are those of the minute that begins then. Days that were summed up (aggregated files) are not taken.

Xiaomi documents none of it; this is what public readers of real exports agree on. Not known: the numbers that stand for
stages of sleep, so a night keeps its bounds and how long each stage was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

from phr.clock import MINUTE_MS
from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.interchange import archives, tables
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import refuse, source_name
from phr.interchange.lanes import Lanes, When, Where
from phr.interchange.tables import TableRow
from phr.vocabulary.metrics import vocabulary

NAME = "mi-fitness"
SUFFIXES = ("hlth_center_fitness_data.csv",)
COLUMNS = {"Uid", "Sid", "Key", "Time", "Value"}

_NUMBERS = {
    "heart_rate": ("bpm", ("heart-rate", "/min")),
    "single_heart_rate": ("bpm", ("heart-rate", "/min")),
    "resting_heart_rate": ("bpm", ("resting-heart-rate", "/min")),
    "spo2": ("spo2", ("spo2", "%")),
    "single_spo2": ("spo2", ("spo2", "%")),
    "weight": ("weight", ("weight", "kg")),
    "vo2_max": ("vo2_max", ("vo2max", "mL/kg/min")),
    "steps": ("steps", ("steps", "{steps}")),
}
_NIGHTS = ("sleep", "watch_night_sleep", "watch_daytime_sleep")
_STAGES = {
    "sleep_light_duration": "light-sleep",
    "sleep_deep_duration": "deep-sleep",
    "sleep_rem_duration": "rem-sleep",
    "sleep_awake_duration": "awake-time",
}
_FILE = re.compile(r"hlth_center_fitness_data\.csv\Z", re.IGNORECASE)


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    for name, stream in archives.each(file, _is_taken, "hlth_center_fitness_data.csv"):
        yield from _one(stream, archives.place_of(name), wish)


def _is_taken(name: str) -> bool:
    return _FILE.search(name) is not None and "aggregated" not in name


def _one(file: BinaryIO, path: str, wish: Wish) -> Iterator[Batch]:
    reading = _Reading(path, wish.salt)
    for row in tables.rows(file, check=_check):
        reading.take(row)
        if reading.lanes.is_full:
            yield reading.lanes.give_out()
    yield reading.lanes.give_out()


def _check(columns: Collection[str]) -> None:
    if not set(columns) >= COLUMNS:
        raise FileBroken(f"no file of Mi Fitness: its columns are {', '.join(columns)[:200]}")


class _Reading:
    def __init__(self, path: str, salt: str) -> None:
        self.lanes = Lanes()
        self._path = path
        self._salt = salt
        self._account: str | None = None

    def take(self, row: TableRow) -> None:
        cells = row.cells
        self._account = self._account or cells["Uid"]
        source = source_name(self._salt, "mi-fitness", cells.get("Sid", ""))
        self.lanes.batch.records += 1
        try:
            if cells["Uid"] != self._account:
                raise ItemRefused("other-person", "of another account than the rest of this file", "/Uid")
            self._take(source, cells, row.number)
        except ItemRefused as refused:
            path = f"{self._path}/{row.number}{refused.pointer}"
            refuse(self.lanes.batch, source, path, (refused.code, refused.detail))

    def _take(self, source: str, cells: dict[str, str], number: int) -> None:
        key, t_ms, value = cells["Key"], _millis(cells["Time"], "/Time"), _object(cells["Value"])
        if key in _NUMBERS:
            name, what = _NUMBERS[key]
            when = When(t_ms, None, t_ms + MINUTE_MS)
            self.lanes.add(source, what, value.get(name), when, Where(self._path, number))
        elif key in _NIGHTS:
            self._night(source, value, f"{self._path}/{number}")
        else:
            raise ItemRefused("type-not-kept", f"no metric keeps {key[:64]}", "/Key")

    def _night(self, source: str, value: dict[str, Any], path: str) -> None:
        metrics, batch = vocabulary().metrics, self.lanes.batch.of(source)
        start_ms, end_ms = _seconds(value, "bedtime"), _seconds(value, "wake_up_time")
        take(batch, Item(path, metrics["sleep-episode"], start_ms, None, None, end_ms=end_ms))
        for name, metric in _STAGES.items():
            if type(minutes := value.get(name)) in (int, float) and minutes:
                take(batch, Item(path, metrics[metric], start_ms, minutes, None, "min", end_ms))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ItemRefused("value-invalid", "not JSON", "/Value") from error
    if not isinstance(found, dict):
        raise ItemRefused("value-invalid", "an object", "/Value")
    return found


def _seconds(value: dict[str, Any], name: str) -> int:
    return _millis(str(value.get(name)), f"/Value/{name}")


def _millis(text: str, pointer: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):
        raise ItemRefused("time-invalid", "seconds since 1970", pointer)
    return parse_time(int(text) * 1_000, pointer)[0]
