"""CSV of any kind, with a mapping that says what its columns are (docs/imports.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import BinaryIO

import msgspec

from phr.errors import InputInvalid
from phr.formats.building import Item, ItemRefused, find_metric, find_unit, parse_time, take
from phr.interchange import tables
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import refuse, source_name
from phr.interchange.tables import TableRow
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import vocabulary

NAME = "csv"
SUFFIXES = (".csv",)
ROWS_A_BATCH = 5_000


class Value(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``column``: of a plain number; ``columns``: of the components of one measurement, by component."""

    metric: str
    column: str | None = None
    columns: dict[str, str] = {}
    unit: str | None = None


class Mapping(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``time``: its column, or columns that are joined by a blank. ``time_form``: "rfc3339", "epoch-s", "epoch-ms", or
    what strptime reads; ``end``: of periods, in the same form. ``source``: the column that names the device.
    """

    time: str | list[str]
    values: list[Value]
    time_form: str = "rfc3339"
    end: str | None = None
    source: str | None = None
    delimiter: str = ","
    skipped_lines: int = 0


def check(wish: Wish) -> Mapping:
    """The mapping. Raises InputInvalid with what is wrong with it."""
    if wish.mapping is None:
        raise InputInvalid("a CSV file needs a mapping of its columns", "/mapping")
    try:
        found = msgspec.convert(wish.mapping, Mapping)
        for index, value in enumerate(found.values):
            metric = find_metric(vocabulary(), value.metric)
            find_unit(metric, value.unit)
            if (value.column is None) != (metric.value_type is ValueType.COMPONENTS):
                raise InputInvalid(f"{metric.key}: column, or columns by component", f"/mapping/values/{index}/column")
    except msgspec.ValidationError as error:
        raise InputInvalid(f"the mapping: {error}", "/mapping") from error
    except ItemRefused as refused:
        raise InputInvalid(refused.detail, f"/mapping/values/{index}{refused.pointer}") from refused
    if len(found.delimiter) != 1 or not found.values or not 0 <= found.skipped_lines <= 1_000:
        raise InputInvalid("the mapping: a delimiter of one character, some values, few skipped_lines", "/mapping")
    return found


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken, InputInvalid for a mapping that is none."""
    mapping, batch = check(wish), Batch()
    for row in tables.rows(file, mapping.delimiter, mapping.skipped_lines, partial(_check_header, mapping)):
        _take(batch, row, mapping, wish)
        batch.records += 1
        if batch.records >= ROWS_A_BATCH:
            yield batch
            batch = Batch()
    yield batch


def _check_header(mapping: Mapping, columns: Collection[str]) -> None:
    """A column that is missing is each row's fault; a table that has none of them is another one."""
    named = {mapping.time} if isinstance(mapping.time, str) else set(mapping.time)
    for value in mapping.values:
        named |= {*value.columns.values()} | ({value.column} if value.column else set())
    if named.isdisjoint(columns):
        raise FileBroken(f"none of the columns that the mapping names; there are {', '.join(columns)[:200]}")


def _take(batch: Batch, row: TableRow, mapping: Mapping, wish: Wish) -> None:
    source = source_name(wish.salt, "csv", row.cells.get(mapping.source, "") if mapping.source else "")
    path = f"/{row.number}"
    try:
        t_ms, offset_min = _time(row, mapping.time, mapping, wish)
        end_ms = None if mapping.end is None else _time(row, mapping.end, mapping, wish)[0]
    except ItemRefused as refused:
        refuse(batch, source, path + refused.pointer, (refused.code, refused.detail))
        return
    for value in mapping.values:
        metric = find_metric(vocabulary(), value.metric)
        try:
            said = _value(row, value)
            if said is not None:
                ends = end_ms if metric.value_type is ValueType.INTERVAL else None
                take(batch.of(source), Item(path, metric, t_ms, said, offset_min, value.unit, ends))
        except ItemRefused as refused:
            refuse(batch, source, path + refused.pointer, (refused.code, refused.detail))


def _value(row: TableRow, value: Value) -> float | dict[str, float] | None:
    """None where the cell, or each of the cells, is empty."""
    if value.column is not None:
        text = _cell(row, value.column)
        return tables.number(text, f"/{value.column}") if text else None
    cells = {key: (column, _cell(row, column)) for key, column in value.columns.items()}
    return {key: tables.number(text, f"/{column}") for key, (column, text) in cells.items() if text} or None


def _time(row: TableRow, columns: str | list[str], mapping: Mapping, wish: Wish) -> tuple[int, int | None]:
    names = [columns] if isinstance(columns, str) else columns
    text, pointer = " ".join(_cell(row, name) for name in names), f"/{names[0]}" if names else ""
    if mapping.time_form == "rfc3339":
        return parse_time(text, pointer)
    if mapping.time_form in ("epoch-s", "epoch-ms"):
        seconds = tables.number(text, pointer) * (1_000 if mapping.time_form == "epoch-s" else 1)
        if not abs(seconds) < 2**53:
            raise ItemRefused("time-invalid", "no instant of the years 1 to 9999", pointer)
        return parse_time(round(seconds), pointer)
    return tables.local_instant(text, mapping.time_form, wish.zone, pointer)


def _cell(row: TableRow, column: str) -> str:
    if column not in row.cells:
        raise ItemRefused("column-missing", f"no column {column[:64]!r} in this row", f"/{column}")
    return row.cells[column]
