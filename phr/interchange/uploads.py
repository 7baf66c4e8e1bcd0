"""Files on their way in: sent in parts, kept sealed until their import is done, read as one file.

Collection ``import_parts``, a document a part: ``_id`` import:offset, the bytes sealed with the person's key.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from datetime import timedelta
from typing import ClassVar

from phr.clock import to_datetime
from phr.database import Database, insert_new
from phr.errors import PhrError
from phr.interchange.formats import FileBroken
from phr.people import seals

LARGEST_PART_BYTES = 2 * 2**20
LARGEST_FILE_BYTES = 8 * 2**30
KEPT = timedelta(days=7)  # a file that nobody goes on sending


class PartMisplaced(PhrError):
    """A part does not begin where the file ends so far; ``next_byte`` of the import says where that is."""

    code: ClassVar[str] = "part-misplaced"
    status: ClassVar[int] = 409


def received(database: Database, import_id: str) -> int:
    """How many bytes of the file are there."""
    last = database["import_parts"].find_one({"import": import_id}, {"offset": 1, "size": 1}, sort=[("offset", -1)])
    return 0 if last is None else int(last["offset"] + last["size"])


def put(database: Database, person: str, import_id: str, offset: int, content: bytes, now_ms: int) -> int:  # noqa: PLR0913, PLR0917
    """Keeps a part; the bytes that are there then. The same part again changes nothing. Raises PartMisplaced."""
    there = received(database, import_id)
    if offset > there or (offset < there and not _is_there(database, import_id, offset, len(content))):
        raise PartMisplaced(f"the next part begins at byte {there}", "/from")
    if offset == there and content:
        row = {
            "_id": _key(import_id, offset),
            "import": import_id,
            "person": person,
            "offset": offset,
            "size": len(content),
            "sealed": seals.seal_bytes(database, person, f"import_parts.{import_id}.{offset}", content),
            "expires_at": to_datetime(now_ms) + KEPT,
        }
        insert_new(database, "import_parts", [row])
    return received(database, import_id)


def opened(database: Database, person: str, import_id: str) -> io.BufferedReader:
    """The parts as one file."""
    return io.BufferedReader(_Parts(database, person, import_id), LARGEST_PART_BYTES)


def remove(database: Database, import_id: str) -> None:
    database["import_parts"].delete_many({"import": import_id})


def ensure_indexes(database: Database) -> None:
    database["import_parts"].create_index([("import", 1), ("offset", 1)], name="import")
    database["import_parts"].create_index("person", name="person")
    database["import_parts"].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _is_there(database: Database, import_id: str, offset: int, size: int) -> bool:
    return database["import_parts"].find_one({"_id": _key(import_id, offset), "size": size}, {"_id": 1}) is not None


def _key(import_id: str, offset: int) -> str:
    return f"{import_id}:{offset:015d}"


class _Parts(io.RawIOBase):
    """Reads a part at a time; only one is open."""

    def __init__(self, database: Database, person: str, import_id: str) -> None:
        self._database, self._person, self._import = database, person, import_id
        found = database["import_parts"].find({"import": import_id}, {"offset": 1, "size": 1}, sort=[("offset", 1)])
        rows = list(found)
        self._offsets = [int(row["offset"]) for row in rows]
        self._size = int(rows[-1]["offset"] + rows[-1]["size"]) if rows else 0
        self._at = 0
        self._open: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        offset = self._offsets[bisect_right(self._offsets, self._at) - 1]
        if self._open[0] != offset:
            row = self._database["import_parts"].find_one({"_id": _key(self._import, offset)})
            if row is None:
                raise FileBroken("a part of the file is gone; it was kept for 7 days")
            place = f"import_parts.{self._import}.{offset}"
            self._open = offset, seals.unseal_bytes(self._database, self._person, place, row["sealed"])
        piece = self._open[1][self._at - offset : self._at - offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
