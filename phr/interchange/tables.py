"""Tables of strangers, row by row: CSV with a header, lines of any length refused before they fill the memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta, tzinfo
from typing import BinaryIO, NamedTuple

from phr.clock import to_ms
from phr.formats.building import ItemRefused
from phr.interchange.formats import FileBroken

LONGEST_LINE = 64 * 1024
MOST_COLUMNS = 500


class TableRow(NamedTuple):
    """``number``: its line in the file; ``cells``: by the column's name, stripped of blanks."""

    number: int
    cells: dict[str, str]


def _any(_: Collection[str]) -> None:
    """Most tables are told apart by their rows."""


def rows(
    file: BinaryIO, delimiter: str = ",", skipped: int = 0, check: Callable[[Collection[str]], object] = _any
) -> Iterator[TableRow]:
    """The rows below the header, which comes after ``skipped`` lines. Raises FileBroken, naming the line.

    ``check`` gets the names of the columns and raises FileBroken where they are another table's.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
        for _ in range(skipped):
            next(reader, None)
        header = [name.strip() for name in next(reader, [])]
        if not any(header) or len(header) > MOST_COLUMNS:
            raise FileBroken("no header: the first row names the columns")
        check(header)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                yield TableRow(reader.line_num, found)
    except UnicodeDecodeError as error:
        raise FileBroken("not UTF-8") from error
    except csv.Error as error:
        raise FileBroken(f"line {reader.line_num}: {error}") from error
    finally:
        text.detach()


def local_instant(text: str, form: str, zone: tzinfo | None, pointer: str) -> tuple[int, int | None]:
    """(milliseconds since 1970, offset in minutes) of a time as strptime's ``form`` reads it.

    Raises ItemRefused: time-invalid, time-zone-missing where neither the text nor the person says its zone.
    """
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - its zone is given below
        if moment.tzinfo is None:
            if zone is None:
                raise ItemRefused("time-zone-missing", "a local time needs its zone: say --zone", pointer)
            moment = moment.replace(tzinfo=zone)
        offset = moment.utcoffset() or timedelta()
        return to_ms(moment), offset // timedelta(minutes=1)
    except (ValueError, OverflowError) as error:
        raise ItemRefused("time-invalid", f"not a time of the form {form}", pointer) from error


def number(text: str, pointer: str) -> float:
    """Raises ItemRefused value-invalid; a comma is the decimal point where there is no other."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError as error:
        raise ItemRefused("value-invalid", "a value is a number", pointer) from error


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    count = 0
    while line := text.readline(LONGEST_LINE + 1):
        count += 1
        if len(line) > LONGEST_LINE:
            raise FileBroken(f"line {count} is longer than {LONGEST_LINE} characters")
        yield line
