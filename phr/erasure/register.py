"""The register of erasures: a file beside the database and outside its backups, replayed after every restore.

One JSON object a line, only ever appended to:
    {"did": "asked", "person", "at_ms", "asked_by", "asked_at_ms", "receipt", "due_at_ms"}
    {"did": "cancelled", "person", "at_ms"}
    {"did": "began", … the same}      on the disk before anything is taken
    {"did": "finished", "person", "at_ms", "certificate"}
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from phr.errors import SettingInvalid

FILE = Path("registers") / "erasures.jsonl"
Line = dict[str, Any]


def append(data_dir: Path, line: Line) -> None:
    """On the disk when this returns. Raises OSError: then nothing may be erased."""
    path = data_dir / FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        is_torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        file.write(b"\n" + text if is_torn else text)
        os.fsync(file.fileno())
    if is_new:
        for folder in (path.parent, data_dir):
            _to_disk(folder)


def lines(data_dir: Path) -> list[Line]:
    """All of them, oldest first; none where there is no file.

    A line that a crash cut off was never acted on and is passed over. Raises SettingInvalid for one that is damaged
    otherwise: to go on would bring somebody back.
    """
    path = data_dir / FILE
    try:
        found = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    whole = []
    for number, text in enumerate(found, start=1):
        try:
            line = json.loads(text) if text else None
        except ValueError as error:
            # json.dumps ends each with a brace: what was cut off does not, whatever came after it.
            if not text.endswith(b"}"):
                continue
            raise SettingInvalid(f"{path}, line {number}, is damaged; put the register back from a copy") from error
        if line is not None:
            whole.append(line)
    return whole


def has(data_dir: Path, person: str, did: str) -> bool:
    return any((line["person"], line["did"]) == (person, did) for line in lines(data_dir))


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
