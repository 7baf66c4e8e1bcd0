"""A workbook of plain tables (Office Open XML, ECMA-376): texts and numbers, no formulas, styles or macros.

Written here, since a library for it would stay in the memory of every worker for a file that is wanted once a month.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

Cell = str | int | float | None
Table = tuple[str, Iterable[Sequence[Cell]]]  # the sheet's name, at most 31 characters, and its rows

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OF_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_IS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def workbook(tables: Sequence[Table]) -> bytes:
    """The file; what begins with an equals sign is words like any other."""
    numbers = range(1, len(tables) + 1)
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _types(numbers))
        package.writestr("_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")]))
        package.writestr("xl/workbook.xml", _book([name for name, _ in tables]))
        sheets = [(f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
        package.writestr("xl/_rels/workbook.xml.rels", _relations(sheets))
        for number, (_, rows) in zip(numbers, tables, strict=True):
            package.writestr(f"xl/worksheets/sheet{number}.xml", "".join(_sheet(rows)))
    return file.getvalue()


def _types(numbers: Iterable[int]) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_IS}.worksheet+xml"/>'
        for number in numbers
    )
    return (
        f'{_HEAD}<Types xmlns="{_TYPES}">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_IS}.sheet.main+xml"/>{sheets}</Types>'
    )


def _relations(found: Iterable[tuple[str, str, str]]) -> str:
    parts = "".join(
        f'<Relationship Id="{name}" Type="{_OF_OFFICE}/{kind}" Target="{target}"/>' for name, kind, target in found
    )
    return f'{_HEAD}<Relationships xmlns="{_RELATIONS}">{parts}</Relationships>'


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>' for number, name in enumerate(names, 1)
    )
    return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OF_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _sheet(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'
    for number, row in enumerate(rows, 1):
        cells = "".join(_cell(f"{_letters(place)}{number}", value) for place, value in enumerate(row, 1))
        yield f'<row r="{number}">{cells}</row>'
    yield "</sheetData></worksheet>"


def _cell(place: str, value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        text = escape(_NOT_IN_XML.sub("", value))
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f'<c r="{place}"><v>{value!r}</v></c>'


def _letters(place: int) -> str:
    """The name of a column: 1 is A, 27 is AA."""
    text = ""
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
