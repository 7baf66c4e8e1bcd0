"""Zip files of strangers: one member is streamed, nothing is unpacked, and what was made to do harm is refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from phr.interchange.formats import FileBroken

MOST_MEMBERS = 200_000
LARGEST_DIRECTORY_BYTES = 64 * 2**20
# Records in XML or JSON shrink to a twentieth; a bomb of equal bytes to a thousandth.
MOST_RATIO = 200
RATIO_FROM_BYTES = 32 * 2**20
LARGEST_MEMBER_BYTES = 64 * 2**30

_TAIL_BYTES = 22 + 20 + 56 + 65_535  # end record, its 64-bit locator and record, and the longest comment
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"


def is_zip(file: BinaryIO) -> bool:
    """By its first bytes; the position is left at the beginning."""
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    return head in (b"PK\x03\x04", _END)


@contextmanager
def opened(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """The archive, looked at before it is trusted. Raises FileBroken."""
    _check_directory(file)
    try:
        with zipfile.ZipFile(file) as archive:
            for one in archive.infolist():
                _check_name(one.filename)
            yield archive
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError) as error:
        raise FileBroken(f"not a whole zip file: {error}") from error


def members(archive: zipfile.ZipFile, is_wanted: Callable[[str], bool]) -> list[zipfile.ZipInfo]:
    """The wanted files of an archive in the order of their names. Raises FileBroken for an encrypted one."""
    found = sorted((one for one in archive.infolist() if is_wanted(one.filename)), key=lambda one: one.filename)
    for one in found:
        if one.flag_bits & 1:
            raise FileBroken(f"{one.filename[:100]} is encrypted")
    return found


def each(file: BinaryIO, is_wanted: Callable[[str], bool], what: str) -> Iterator[tuple[str, BinaryIO]]:
    """The wanted files of an archive with their names, in order; what is no archive is the one file, without a name.

    Raises FileBroken for an archive without any: ``what`` says what it should hold.
    """
    if not is_zip(file):
        yield "", file
        return
    with opened(file) as archive:
        found = members(archive, is_wanted)
        if not found:
            raise FileBroken(f"this archive holds no {what}")
        for member in found:
            with open_member(archive, member) as stream:
                yield member.filename, stream


def place_of(name: str) -> str:
    """Where a file of an archive stands, as reports begin; "" for a file that is by itself."""
    return f"/{name.rpartition('/')[2]}" if name else ""


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most_ratio: int = MOST_RATIO) -> BinaryIO:
    """The unpacked bytes of one member as they come. Reading raises FileBroken where they are a bomb or broken."""
    try:
        return cast(BinaryIO, _Guarded(archive.open(member), member, most_ratio))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FileBroken(f"not a whole zip file: {error}") from error


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most_bytes: int) -> bytes:
    """A small member whole. Raises FileBroken where it is larger."""
    content = open_member(archive, member).read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FileBroken(f"{member.filename[:100]} is larger than {most_bytes} bytes")
    return content


class _Guarded(io.RawIOBase):
    def __init__(self, stream: object, member: zipfile.ZipInfo, most_ratio: int) -> None:
        self._stream = cast(BinaryIO, stream)
        self._member = member
        self._most_ratio = most_ratio
        self._given = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            found = self._stream.read(size if size >= 0 else RATIO_FROM_BYTES)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise FileBroken(f"{self._member.filename[:100]} is damaged: {error}") from error
        self._given += len(found)
        limit = max(RATIO_FROM_BYTES, self._member.compress_size * self._most_ratio)
        if self._given > min(limit, LARGEST_MEMBER_BYTES):
            raise FileBroken(
                f"{self._member.filename[:100]} unpacks to more than {self._most_ratio} times its size: a bomb"
            )
        return found

    def close(self) -> None:
        self._stream.close()
        super().close()


def _check_directory(file: BinaryIO) -> None:
    """Before the library reads the directory into memory, by the sizes that the end of the file states."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    file.seek(0)
    stated = []
    if (at := tail.rfind(_END)) >= 0 and len(tail) >= at + 22:
        count, length = struct.unpack_from("<HL", tail, at + 10)
        stated.append((count if count != 0xFFFF else 0, length if length != 0xFFFFFFFF else 0))
    if (at := tail.rfind(_END_64)) >= 0 and len(tail) >= at + 56:
        stated.append(struct.unpack_from("<QQ", tail, at + 32))
    if not stated:
        raise FileBroken("not a whole zip file: its end is missing")
    if any(count > MOST_MEMBERS or length > LARGEST_DIRECTORY_BYTES for count, length in stated):
        raise FileBroken(f"a zip file of more than {MOST_MEMBERS} files")


def _check_name(name: str) -> None:
    """Nothing is unpacked to a path; an archive that names one outside itself is not an export all the same."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        raise FileBroken(f"a zip file with a path that leads out of it: {name[:100]!r}")
