"""Files with secrets in them, written whole or not at all, and files of lines; never readable by others."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def write(path: Path, text: str, *, replaces: bool = True) -> None:
    """On disk, its name in its folder too, when this returns; without ``replaces`` the first writer's file stays."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            temporary.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    _to_disk(path.parent)


def append_line(path: Path, line: Line) -> None:
    """One JSON object more in a file of lines; on the disk when this returns, its folder too. Raises OSError."""
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
        for folder in (path.parent, path.parent.parent):
            _to_disk(folder)


def lines(path: Path) -> list[Line]:
    """All of them, oldest first; none where there is no file.

    A line that a crash cut off was never acted on and is passed over. Raises ValueError, saying which, for one that is
    damaged otherwise.
    """
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
            raise ValueError(f"{path}, line {number}, is damaged") from error
        if line is not None:
            whole.append(line)
    return whole


def stamp(path: Path | None) -> tuple[int, int] | None:
    """Another one each time the file was written; None where there is none."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
