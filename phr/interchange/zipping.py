"""A zip file that is written in one go and given away piece by piece; the same content gives the same bytes."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from phr.interchange.archive_lines import Member

PIECE_BYTES = 256 * 1024
LEVEL = 1  # of deflate: numbers shrink to a third, and more would take longer than all else
# The same for every archive, so that two of one record are alike.
WRITTEN = (1980, 1, 1, 0, 0, 0)

Counted = tuple[bytes, int]  # a piece of a member, and how many things it counts for


class Zip:
    """``members``: what is in it so far."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._out = _Out()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)  # type: ignore[call-overload]

    def member(self, name: str, found: Iterable[Counted]) -> Iterator[bytes]:
        """Adds one; gives the bytes that are ready."""
        info = zipfile.ZipInfo(name, WRITTEN)
        info.compress_type = zipfile.ZIP_DEFLATED
        info._compresslevel = LEVEL  # type: ignore[attr-defined]
        member, digest = Member(name, 0, "", 0), hashlib.sha256()
        with self._zip.open(info, "w", force_zip64=True) as stream:
            for piece, count in found:
                stream.write(piece)
                digest.update(piece)
                member.bytes += len(piece)
                member.count += count
                if self._out.size >= PIECE_BYTES:
                    yield self._out.taken()
        member.sha256 = digest.hexdigest()
        self.members.append(member)

    def close(self) -> bytes:
        """The last bytes."""
        self._zip.close()
        return self._out.taken()


@dataclass(slots=True)
class _Out:
    """What the zip file writes to: it can't be sought, and gives away what it has."""

    size: int = 0
    _pieces: list[bytes] = field(default_factory=list)

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        self.size += len(piece)
        return len(piece)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        whole_piece = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return whole_piece
