"""The register of erasures: a file beside the database and outside its backups, replayed after every restore.

One JSON object a line, only ever appended to:
    {"did": "asked", "person", "at_ms", "asked_by", "asked_at_ms", "receipt", "due_at_ms"}
    {"did": "cancelled", "person", "at_ms"}
    {"did": "began", … the same}      on the disk before anything is taken
    {"did": "finished", "person", "at_ms", "certificate"}
"""

from __future__ import annotations

from pathlib import Path

from phr import private_files
from phr.errors import SettingInvalid
from phr.private_files import Line

FILE = Path("registers") / "erasures.jsonl"


def append(data_dir: Path, line: Line) -> None:
    """On the disk when this returns. Raises OSError: then nothing may be erased."""
    private_files.append_line(data_dir / FILE, line)


def lines(data_dir: Path) -> list[Line]:
    """All of them, oldest first; none where there is no file.

    Raises SettingInvalid for one that is damaged: to go on would bring somebody back.
    """
    try:
        return private_files.lines(data_dir / FILE)
    except ValueError as error:
        raise SettingInvalid(f"{error}; put the register back from a copy") from error


def has(data_dir: Path, person: str, did: str) -> bool:
    return any((line["person"], line["did"]) == (person, did) for line in lines(data_dir))
