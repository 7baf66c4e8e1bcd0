"""A table for each metric, as spreadsheets read them: RFC 4180, in UTF-8, one reading a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from phr.interchange.exporters import Asked
from phr.interchange.measured import lanes, rows_of
from phr.interchange.zipping import Counted, Zip
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.table import listed, of_readings

NAME = "csv"
MEDIA_TYPE = "application/zip"
SUFFIX = ".csv.zip"

FIELDS = ("device", "quality", "context", "seq")


def write(asked: Asked) -> Iterator[bytes]:
    """METRIC.csv for each. Raises NotFound, InputInvalid where there is no such metric."""
    archive = Zip()
    for lane in lanes(asked):
        yield from archive.member(f"{lane.metric.key}.csv", _table(lane, asked))
    yield archive.close()


def _table(lane: Lane, asked: Asked) -> Iterator[Counted]:
    names: list[str] = []
    for rows in rows_of(lane):
        columns = _columns(rows, lane)
        if not names:
            names = list(columns)
            yield _written([names]), 0
        n = int(rows.t.size)
        yield _written(zip(*(columns[name] for name in names), strict=True)), n
        asked.count(readings=n)


def _columns(rows: Rows, lane: Lane) -> dict[str, list[Any]]:
    """The same for each part: ``t``, ``end``, the values, their unit, ``flag`` and the fields."""
    n = int(rows.t.size)
    columns: dict[str, list[Any]] = {"end": [None] * n, "flag": [None] * n}
    columns |= listed(of_readings(rows, lane.metric, FIELDS))
    columns["unit"] = [lane.metric.unit.code if lane.metric.unit else None] * n
    return {name: [_cell(one) for one in columns[name]] for name in sorted(columns, key=_turn)}


_ORDER = ("t", "end", "value")


def _turn(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _cell(value: Any) -> Any:
    return msgspec.json.encode(value, enc_hook=int).decode() if isinstance(value, dict | list) else value


def _written(rows: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
