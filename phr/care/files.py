"""Reading a file of rules: what is wrong in it is named with file, line and field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from phr.care.rows import DocumentRow, SourceRow
from phr.care.source import Evidence, Source
from phr.errors import DataFileInvalid

SOURCES_FILE = Path(__file__).with_name("sources.toml")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")

Read = TypeVar("Read")


def read_documents(path: Path) -> Mapping[str, DocumentRow]:
    """The guidelines that rules name, by id. Raises DataFileInvalid."""
    text, tables = read_toml(path)
    return {key: at(path, text, f"[{key}]", lambda row=row: convert(row, DocumentRow)) for key, row in tables.items()}


@cache
def documents() -> Mapping[str, DocumentRow]:
    """Those that this project ships, read once a process."""
    return read_documents(SOURCES_FILE)


def cited(document: str, says: str, note: str, evidence: Evidence = Evidence.READ) -> Source:
    """What a protocol or a score takes from a document of ``sources.toml``; ``note``: how the sheet came to it.

    Raises DataFileInvalid for one that is not there.
    """
    return source_of(SourceRow(id=document, section=says, evidence=evidence, note=note), documents())


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """A file's text and tables. Raises DataFileInvalid with the line."""
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)  # says the line itself
    except (OSError, ValueError) as error:
        raise DataFileInvalid(f"{path.name}: {error}") from error


def convert(table: Any, kind: type[Read]) -> Read:
    """A table as a row. Raises DataFileInvalid that names the field."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise DataFileInvalid(str(error)) from error


def duration_ms(field: str, written: str) -> int:
    """ISO 8601, days to minutes: "PT24H". Raises DataFileInvalid."""
    found = _DURATION.fullmatch(written)
    if found is None or not any(found.groups()):
        raise DataFileInvalid(f"{field}: {written!r} is not a duration such as PT24H")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60_000


def source_of(row: SourceRow, documents: Mapping[str, DocumentRow]) -> Source:
    """The place in a document. Raises DataFileInvalid."""
    document = documents.get(row.id)
    if document is None:
        raise DataFileInvalid(f"source.id: {row.id!r} is not in {SOURCES_FILE.name}")
    if not row.section or not row.note:
        raise DataFileInvalid("source: section or note is empty")
    return Source(**msgspec.structs.asdict(row), **msgspec.structs.asdict(document))


def at(path: Path, text: str, header: str, read: Any, named: str = "") -> Any:
    """What ``read`` gives; where it complains, the complaint with file and line."""
    try:
        return read()
    except DataFileInvalid as error:
        raise DataFileInvalid(f"{path.name} line {_line_of(text, header)}: {named}{error.detail}") from error


def complaint(path: Path, header: str, said: str) -> DataFileInvalid:
    """What is wrong with the table of that header in a file that was read before."""
    return DataFileInvalid(f"{path.name} line {_line_of(path.read_text(encoding='utf-8'), header)}: {said}")


def _line_of(text: str, header: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith(header)), 1)
