"""Devices from a CSV file: batches of 1,000, each whole or not at all; what is there already is skipped."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from phr.database import Database
from phr.errors import InputInvalid, NotFound, PhrError
from phr.intake import devices, enrolment
from phr.intake.devices import NewDevice
from phr.intake.enrolment import Enrolled

COLUMNS = ("device", "model", "format", "made_on")
HEADER = ("device", "mqtt_username", "mqtt_password", "claim_code")

_DEVICE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def run(database: Database, file: Path, output: Path, vendor: str, now_ms: int) -> dict[str, Any]:
    """{"created", "existing", "credentials"}. A file with a fault in it is refused before anything is stored.

    Raises InputInvalid naming line and column, NotFound for a vendor that does not exist. After a crash the same
    command goes on; where the output names a device twice, the last line counts.
    """
    if not devices.vendor_exists(database, vendor):
        raise NotFound(f"no vendor {vendor}")
    rows = read(file, vendor)
    _check_formats(database, file, rows)
    created = existing = 0
    with _appending(output) as target, tqdm(total=len(rows), unit=" devices", file=sys.stderr) as bar:
        for first in range(0, len(rows), enrolment.MOST):
            batch = [draft for _, draft in rows[first : first + enrolment.MOST]]
            there = devices.find_many(database, [f"{vendor}/{one.name}" for one in batch])
            new = [one for one in batch if f"{vendor}/{one.name}" not in there]
            if new:
                _enrol(database, new, target, now_ms)
            created, existing = created + len(new), existing + len(there)
            bar.update(len(batch))
    return {"created": created, "existing": existing, "credentials": str(output)}


def read(file: Path, vendor: str) -> list[tuple[int, NewDevice]]:
    """(line, device) of every row. Raises InputInvalid naming the line and the column at fault."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            lines = csv.reader(source, strict=True)
            header = next(lines, [])
            _check_header(file, header)
            rows = [(lines.line_num, _draft(file, lines.line_num, header, row, vendor)) for row in lines if row]
    except UnicodeDecodeError as error:
        raise InputInvalid(f"{file.name}: not UTF-8") from error
    except csv.Error as error:
        raise InputInvalid(f"{file.name} line {lines.line_num}: {error}") from error
    seen: dict[str, int] = {}
    for line, draft in rows:
        if draft.name in seen:
            raise _fault(file, line, "device", f"{draft.name} stands in line {seen[draft.name]} already")
        seen[draft.name] = line
    return rows


def _check_header(file: Path, header: Sequence[str]) -> None:
    odd = sorted(set(header) - set(COLUMNS)) or ([] if "device" in header else ["device"])
    if odd or len(set(header)) < len(header):
        raise InputInvalid(f"{file.name} line 1, column {(odd or ['twice'])[0]}: the columns are {', '.join(COLUMNS)}")


def _draft(file: Path, line: int, header: Sequence[str], row: Sequence[str], vendor: str) -> NewDevice:
    if len(row) != len(header):
        raise InputInvalid(f"{file.name} line {line}: {len(row)} columns instead of {len(header)}")
    said = {name: value.strip() or None for name, value in zip(header, row, strict=True)}
    name, made_on = said["device"] or "", said.get("made_on")
    if not _DEVICE.fullmatch(name):
        raise _fault(file, line, "device", "1 to 64 of [A-Za-z0-9._:-]")
    try:
        made = date.fromisoformat(made_on) if made_on else None
    except ValueError as error:
        raise _fault(file, line, "made_on", "a date such as 2026-11-23") from error
    return NewDevice(vendor=vendor, name=name, model=said.get("model"), format=said.get("format"), made_on=made)


def _check_formats(database: Database, file: Path, rows: Sequence[tuple[int, NewDevice]]) -> None:
    """Each pair of model and format is looked at once, at the first line that has it."""
    first = {(draft.model, draft.format): (line, draft) for line, draft in reversed(rows)}
    for line, draft in first.values():
        try:
            enrolment.with_formats(database, [draft])
        except PhrError as error:
            raise _fault(file, line, error.pointer.strip("/") or "format", error.detail) from error


def _enrol(database: Database, drafts: Sequence[NewDevice], target: IO[str], now_ms: int) -> None:
    """Written to the file first, so that no stored device is without; taken out again where storing fails."""
    begin = target.tell()

    def write(made: Sequence[Enrolled]) -> None:
        csv.writer(target).writerows(astuple(one) for one in made)
        _flush(target)

    try:
        enrolment.enrol(database, drafts, now_ms, before=write)
    except PhrError:
        target.truncate(begin)
        raise


@contextmanager
def _appending(output: Path) -> Iterator[IO[str]]:
    """The output at its end, readable by this user only, with its header."""
    descriptor = os.open(output, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8", newline="") as file:
        if file.seek(0, os.SEEK_END) == 0:
            csv.writer(file).writerow(HEADER)
        yield file


def _flush(file: IO[str]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _fault(file: Path, line: int, column: str, detail: str) -> InputInvalid:
    return InputInvalid(f"{file.name} line {line}, column {column}: {detail}")
