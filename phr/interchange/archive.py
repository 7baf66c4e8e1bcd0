"""Writes a person's whole record as one archive, piece by piece: what is in memory is one span of one device."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec

from phr.clock import rfc3339
from phr.database import Database
from phr.errors import NotFound
from phr.interchange.archive_lines import (
    ENTRIES,
    FORMAT,
    MANIFEST,
    PROFILE,
    VERSION,
    Manifest,
    Member,
    Profile,
    Scale,
    Zone,
)
from phr.people import people
from phr.people.people import Person
from phr.readings import priorities, whole
from phr.readings.telling import Line
from phr.timeline import files
from phr.timeline import whole as whole_entries
from phr.vocabulary.metric import Metric

PIECE_BYTES = 256 * 1024
LEVEL = 1  # of deflate: numbers shrink to a third, and more would take longer than all else
# The same for every archive, so that two of one record are alike.
WRITTEN = (1980, 1, 1, 0, 0, 0)

_encode = msgspec.json.Encoder(enc_hook=int, order="deterministic").encode  # large stored numbers are bson's Int64


@dataclass(slots=True)
class Told:
    """How far an export is: readings (voided ones too) and versions of entries that are written."""

    readings: int = 0
    entries: int = 0
    documents: int = 0


def write(
    database: Database, person: str, now_ms: int, tell: Callable[[Told], None] = lambda _: None
) -> Iterator[bytes]:
    """The bytes of the archive. Raises NotFound where there is no such person, before the first."""
    profile, archive = _profile(database, people.require(database, person)), _Archive()
    yield from archive.lines(PROFILE, [(profile, 1)])
    named: list[tuple[str, str, str]] = []
    yield from archive.lines(ENTRIES, _versions(database, person, named, archive, tell))
    for entry, sha256, file_id in sorted(set(named)):
        yield from archive.file(f"documents/{entry}/{sha256}", files.pieces(database, person, entry, file_id))
        archive.told.documents += 1
    scales = {}
    for metric, found in groupby(whole.lines(database, person), key=itemgetter(0)):
        scales[metric.key] = scale_of(metric)
        yield from archive.lines(f"readings/{metric.key}.jsonl", _lines(found, person, archive, tell))
    told = Manifest(FORMAT, VERSION, rfc3339(now_ms), scales, archive.members)
    yield from archive.lines(MANIFEST, [(told, 1)])
    yield archive.close()


def scale_of(metric: Metric) -> Scale:
    return Scale(metric.unit.code if metric.unit else "", metric.scale)


def _profile(database: Database, person: Person) -> Profile:
    ranked = database[priorities.COLLECTION].find({"p": person.id}, sort=[("m", 1)])
    return Profile(
        zones=[Zone(period.zone, period.since_ms) for period in person.zones],
        name=person.name,
        birth_on=person.birth_on.isoformat() if person.birth_on else None,
        sex=person.sex,
        phone=person.phone,
        identity_number=person.identity_number,
        rankings={row["m"]: row["sources"] for row in ranked if row["sources"]},
    )


def _versions(
    database: Database, person: str, named: list[tuple[str, str, str]], archive: _Archive, tell: Callable[[Told], None]
) -> Iterator[tuple[Any, int]]:
    for line, file_id in whole_entries.versions(database, person):
        if file_id is not None:
            named.append((line.id, line.content["file"]["sha256"], file_id))
        archive.told.entries += 1
        tell(archive.told)
        yield line, 1


def _lines(
    found: Iterator[tuple[Metric, Line]], person: str, archive: _Archive, tell: Callable[[Told], None]
) -> Iterator[tuple[Any, int]]:
    for _, line in found:
        for act in line.acts:
            act.by = whole_entries.SELF if act.by == person else act.by
        yield line, len(line)
        archive.told.readings += len(line)
        tell(archive.told)


class _Archive:
    """A zip file that is written in one go; ``members``: what is in it so far."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.told = Told()
        self._out = _Out()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)  # type: ignore[call-overload]

    def lines(self, name: str, found: Any) -> Iterator[bytes]:
        """A member of JSON Lines; each comes with what it counts."""
        return self._member(name, ((_encode(line) + b"\n", count) for line, count in found))

    def file(self, name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """A member of bytes; one that is gone is left out."""
        try:
            first = next(pieces)
        except NotFound:
            return
        yield from self._member(name, _counted(first, pieces))

    def close(self) -> bytes:
        self._zip.close()
        return self._out.taken()

    def _member(self, name: str, found: Iterator[tuple[bytes, int]]) -> Iterator[bytes]:
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


def _counted(first: bytes, pieces: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    yield first, 1
    for piece in pieces:
        yield piece, 0


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
