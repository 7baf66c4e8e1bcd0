"""Files with secrets in them: written whole or not at all, and never readable by others, not even for a moment."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


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
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
