"""Zepp and Zepp Life (Mi Fit, Amazfit): the CSV files of "Export data", one at a time or the whole zip file, decrypted.

HEARTRATE_AUTO and ACTIVITY_MINUTE: date, time (local), heartRate or steps. BODY: time with its offset, weight (kg),
height (cm), fatRate (%), boneMass (kg); 0 was not measured. SLEEP: start, stop, minutes of each stage. Not taken:
SPORT and ACTIVITY, which sum up; ACTIVITY_STAGE, the same steps once more; SLEEP_MINUTE, dated a day off at times.

Zepp documents none of it; this is what public readers of real exports agree on. What muscleRate and bodyWaterRate are
shares of is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO

from phr.clock import MINUTE_MS
from phr.formats.building import Item, ItemRefused, take
from phr.interchange import archives, tables
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import refuse
from phr.interchange.lanes import Lanes, When, Where
from phr.interchange.tables import TableRow
from phr.vocabulary.metrics import vocabulary

NAME = "zepp"
SUFFIXES = ("heartrate_auto.csv", "activity_minute.csv")
SOURCE = "zepp"
ZONED, LOCAL = "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M"

_BODY = {
    "weight": ("weight", "kg"),
    "height": ("height", "cm"),
    "fatRate": ("body-fat-pct", "%"),
    "boneMass": ("bone-mass", "kg"),
}
_STAGES = {
    "deepSleepTime": "deep-sleep",
    "shallowSleepTime": "light-sleep",
    "REMTime": "rem-sleep",
    "wakeTime": "awake-time",
}
_TAKEN = ("HEARTRATE_AUTO", "ACTIVITY_MINUTE", "BODY", "SLEEP")
Take = Callable[[Lanes, TableRow, str, Wish], None]


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    for name, stream in archives.each(file, _is_taken, f"file of Zepp's: {', '.join(_TAKEN)}"):
        yield from _one(stream, archives.place_of(name), wish)


def _is_taken(name: str) -> bool:
    """HEARTRATE_AUTO/HEARTRATE_AUTO_1695000000.csv, and the same without folder or number."""
    stem = name.rpartition("/")[2].rpartition(".csv")[0]
    kind, _, number = stem.rpartition("_")
    return stem in _TAKEN or (kind in _TAKEN and number.isdecimal())


def _one(file: BinaryIO, path: str, wish: Wish) -> Iterator[Batch]:
    lanes, take_row = Lanes(), None
    for row in tables.rows(file, check=_of_header):
        take_row = take_row or _of_header(row.cells)
        lanes.batch.records += 1
        try:
            take_row(lanes, row, path, wish)
        except ItemRefused as refused:
            refuse(lanes.batch, SOURCE, f"{path}/{row.number}{refused.pointer}", (refused.code, refused.detail))
        if lanes.is_full:
            yield lanes.give_out()
    yield lanes.give_out()


def _of_header(columns: Collection[str]) -> Take:
    names = set(columns)
    if {"date", "time", "heartRate"} <= names:
        return _beat
    if {"date", "time", "steps"} <= names:
        return _minute
    if {"time", "weight", "fatRate"} <= names:
        return _body
    if {"start", "stop", "deepSleepTime"} <= names:
        return _night
    raise FileBroken(f"none of the files of Zepp's that are taken: {', '.join(sorted(names))[:200]}")


def _beat(lanes: Lanes, row: TableRow, path: str, wish: Wish) -> None:
    t_ms, offset_min = _local(row, wish)
    value = tables.number(row.cells["heartRate"], "/heartRate")
    lanes.add(SOURCE, ("heart-rate", "/min"), value, When(t_ms, offset_min), Where(path, row.number))


def _minute(lanes: Lanes, row: TableRow, path: str, wish: Wish) -> None:
    t_ms, offset_min = _local(row, wish)
    if steps := tables.number(row.cells["steps"], "/steps"):
        when = When(t_ms, offset_min, t_ms + MINUTE_MS)
        lanes.add(SOURCE, ("steps", "{steps}"), steps, when, Where(path, row.number))


def _body(lanes: Lanes, row: TableRow, path: str, wish: Wish) -> None:
    t_ms = _zoned(row, "time", wish)
    for column, what in _BODY.items():
        text = row.cells.get(column)
        if text and text != "null" and (value := tables.number(text, f"/{column}")):
            lanes.add(SOURCE, what, value, When(t_ms), Where(path, row.number))


def _night(lanes: Lanes, row: TableRow, path: str, wish: Wish) -> None:
    """A night that was not worn begins when it ends, and is none."""
    start_ms, end_ms = _zoned(row, "start", wish), _zoned(row, "stop", wish)
    if start_ms == end_ms:
        return
    metrics, batch, place = vocabulary().metrics, lanes.batch.of(SOURCE), f"{path}/{row.number}"
    take(batch, Item(place, metrics["sleep-episode"], start_ms, None, None, end_ms=end_ms))
    for column, metric in _STAGES.items():
        if (text := row.cells.get(column)) and (minutes := tables.number(text, f"/{column}")):
            take(batch, Item(place, metrics[metric], start_ms, minutes, None, "min", end_ms))


def _local(row: TableRow, wish: Wish) -> tuple[int, int | None]:
    return tables.local_instant(f"{row.cells['date']} {row.cells['time'][:5]}", LOCAL, wish.zone, "/time")


def _zoned(row: TableRow, column: str, wish: Wish) -> int:
    """They are written at +0000 wherever the person was: the instant alone is known."""
    return tables.local_instant(row.cells.get(column, ""), ZONED, wish.zone, f"/{column}")[0]
