"""Withings: the CSV files of its account export (weight, bp, height, sleep, raw tracker), one at a time.

What a file is shows in its header. Times are RFC 3339 or local without a zone. Raw trackers list values and their
seconds: "[60,60]","[12,30]". Nightly and daily totals of activity are not taken.
Source: headers of the account export, "Download your data" of account.withings.com.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import BinaryIO

from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.formats.rfc3339 import is_date_time
from phr.interchange import tables
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import refuse
from phr.interchange.tables import TableRow
from phr.vocabulary.metrics import vocabulary

NAME = "withings"
SUFFIXES = ("weight.csv", "bp.csv", "height.csv", "sleep.csv", "raw_hr_hr.csv", "raw_tracker_steps.csv")
ROWS_A_BATCH = 5_000
SOURCE = "withings"
LOCAL = "%Y-%m-%d %H:%M:%S"

_SCALE = {
    "Weight (kg)": ("weight", "kg"),
    "Bone mass (kg)": ("bone-mass", "kg"),
    "Muscle mass (kg)": ("muscle-mass", "kg"),
    "Height (m)": ("height", "m"),
}
_STAGES = {"light (s)": "light-sleep", "deep (s)": "deep-sleep", "rem (s)": "rem-sleep", "awake (s)": "awake-time"}
Take = Callable[[Batch, TableRow, Wish], None]


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken, also for a file that is none of these."""
    batch, take_row = Batch(), None
    for row in tables.rows(file, check=partial(_of_header, wish)):
        take_row = take_row or _of_header(wish, row.cells)
        try:
            take_row(batch, row, wish)
        except ItemRefused as refused:
            refuse(batch, SOURCE, f"/{row.number}{refused.pointer}", (refused.code, refused.detail))
        batch.records += 1
        if batch.records >= ROWS_A_BATCH:
            yield batch
            batch = Batch()
    yield batch


def _of_header(wish: Wish, columns: Collection[str]) -> Take:
    names = set(columns)
    if {"Systolic", "Diastolic"} <= names:
        return _pressure
    if names & _SCALE.keys():
        return _scale
    if {"from", "to", "deep (s)"} <= names:
        return _sleep
    if {"start", "duration", "value"} <= names:
        return _tracker(wish)
    raise FileBroken(f"none of the files of a Withings export: {', '.join(columns)[:200]}")


def _scale(batch: Batch, row: TableRow, wish: Wish) -> None:
    t_ms, offset_min = _time(row, "Date", wish)
    for column, (metric, unit) in _SCALE.items():
        if text := row.cells.get(column):
            value = tables.number(text, f"/{column}")
            item = Item(f"/{row.number}", vocabulary().metrics[metric], t_ms, value, offset_min, unit)
            take(batch.of(SOURCE), item)


def _pressure(batch: Batch, row: TableRow, wish: Wish) -> None:
    t_ms, offset_min = _time(row, "Date", wish)
    names = {"systolic": "Systolic", "diastolic": "Diastolic", "pulse": "Heart rate"}
    value = {key: tables.number(text, f"/{name}") for key, name in names.items() if (text := row.cells.get(name))}
    item = Item(f"/{row.number}", vocabulary().metrics["blood-pressure"], t_ms, value, offset_min, "mm[Hg]")
    take(batch.of(SOURCE), item)


def _sleep(batch: Batch, row: TableRow, wish: Wish) -> None:
    """The night as an episode without stages, whose order the file does not tell, and the length of each."""
    (t_ms, offset_min), (end_ms, _) = _time(row, "from", wish), _time(row, "to", wish)
    metrics, path = vocabulary().metrics, f"/{row.number}"
    take(batch.of(SOURCE), Item(path, metrics["sleep-episode"], t_ms, None, offset_min, end_ms=end_ms))
    for column, metric in _STAGES.items():
        if text := row.cells.get(column):
            value = tables.number(text, f"/{column}")
            take(batch.of(SOURCE), Item(path, metrics[metric], t_ms, value, offset_min, "s", end_ms))


def _tracker(wish: Wish) -> Take:
    """Which tracker it is stands in the file's name alone, so the person says it: ``mapping`` = {"metric": "steps"}."""
    known = {"steps": "{steps}", "distance": "m", "heart-rate": "/min", "active-energy": "kcal"}
    metric = (wish.mapping or {}).get("metric")
    if metric not in known:
        raise FileBroken(
            f"a raw tracker does not say what it tracked: the mapping names a metric of {', '.join(known)}"
        )

    def take_row(batch: Batch, row: TableRow, wish: Wish) -> None:
        t_ms, offset_min = _time(row, "start", wish)
        seconds, values = _list(row, "duration"), _list(row, "value")
        if len(seconds) != len(values):
            raise ItemRefused("value-invalid", "as many values as durations", "/value")
        for second, value in zip(seconds, values, strict=True):
            end_ms = t_ms + round(second * 1_000) if 0 <= second < 2**31 else t_ms - 1
            period = None if metric == "heart-rate" else end_ms
            item = Item(f"/{row.number}", vocabulary().metrics[metric], t_ms, value, offset_min, known[metric], period)
            take(batch.of(SOURCE), item)
            t_ms = max(t_ms, end_ms)

    return take_row


def _list(row: TableRow, column: str) -> list[float]:
    text = row.cells.get(column, "").strip("[]")
    return [tables.number(one, f"/{column}") for one in text.split(",") if one.strip()]


def _time(row: TableRow, column: str, wish: Wish) -> tuple[int, int | None]:
    text = row.cells.get(column, "")
    if is_date_time(text):
        return parse_time(text, f"/{column}")
    return tables.local_instant(text, LOCAL, wish.zone, f"/{column}")
