"""An archive of a whole record, as this house writes it (docs/exports.md), checked line by line and by its manifest."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeVar

import msgspec

from phr.interchange import archives
from phr.interchange.archive_lines import (
    DOCUMENTS,
    ENTRIES,
    FORMAT,
    INFORMATIVE,
    MANIFEST,
    PROFILE,
    READINGS,
    VERSION,
    Manifest,
    Member,
    Profile,
)
from phr.interchange.formats import Batch, FileBroken, Part, Wish
from phr.readings.telling import Line
from phr.timeline.whole import Version

NAME = "phr-archive"
SUFFIXES = (".phr.zip",)
FOR_OPERATORS = True

LARGEST_MANIFEST_BYTES = 64 * 2**20
LARGEST_PROFILE_BYTES = 2**20
LARGEST_DOCUMENT_BYTES = 10 * 2**20
LONGEST_LINE_BYTES = 32 * 2**20
READINGS_A_BATCH = 100_000
VERSIONS_A_BATCH = 200
MOST_VERSIONS = 10_000  # of one entry
PIECE_BYTES = 256 * 1024
MOST_RATIO = 1_100  # deflate reaches 1,032, on numbers that are all the same; every line is checked as it comes

T = TypeVar("T")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:  # noqa: ARG001 - every format is asked alike
    """A batch for the profile, then for some entries, each document, some readings. Raises FileBroken."""
    if not archives.is_zip(file):
        raise FileBroken("an archive is a zip file")
    with archives.opened(file) as archive:
        there = {one.filename: one for one in archives.members(archive, lambda name: not name.endswith("/"))}
        manifest = _manifest(archive, there)
        for member in sorted(manifest.files, key=_turn):
            yield from _read_member(_Source(archive, there[member.name], member), manifest)


def _manifest(archive: zipfile.ZipFile, there: dict[str, zipfile.ZipInfo]) -> Manifest:
    if MANIFEST not in there:
        raise FileBroken("an archive without a manifest.json is none of ours")
    content = archives.read_member(archive, there[MANIFEST], LARGEST_MANIFEST_BYTES)
    manifest = _decoded(content, msgspec.json.Decoder(Manifest), f"/{MANIFEST}")
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise FileBroken(f"/{MANIFEST}: this version reads {FORMAT} {VERSION}, and the file says {manifest.version}")
    names = [one.name for one in manifest.files]
    if odd := {*names} ^ (there.keys() - {MANIFEST}):
        raise FileBroken(f"/{MANIFEST}/files: {min(odd)[:100]!r} is named or in the archive, but not both")
    if len(names) != len(set(names)):
        raise FileBroken(f"/{MANIFEST}/files: a name that is there twice")
    return manifest


def _turn(member: Member) -> tuple[int, str]:
    """Who it is, then what happened, then its documents, then what was measured."""
    order = (member.name != PROFILE, member.name != ENTRIES, not member.name.startswith("documents/"))
    return (order.index(False) if False in order else len(order)), member.name


class _Source:
    """One member, read once; its checksum is known at the end."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, member: Member) -> None:
        self._stream = archives.open_member(archive, info, MOST_RATIO)
        self.member = member
        self._digest = hashlib.sha256()
        self._bytes = 0

    def pieces(self) -> Iterator[bytes]:
        """Raises FileBroken, at the end too: it is not what the manifest says."""
        while piece := self._stream.read(PIECE_BYTES):
            self._digest.update(piece)
            self._bytes += len(piece)
            yield piece
        if (self._bytes, self._digest.hexdigest()) != (self.member.bytes, self.member.sha256):
            raise FileBroken(f"/{self.member.name} is not what the manifest says: it was cut off or changed")

    def whole(self, most_bytes: int) -> bytes:
        content = bytearray()
        for piece in self.pieces():
            content += piece
            if len(content) > most_bytes:
                raise FileBroken(f"/{self.member.name} is larger than {most_bytes} bytes")
        return bytes(content)

    def lines(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        """Each line and where it stands, from 1."""
        decoder = msgspec.json.Decoder(kind)
        for number, line in enumerate(self._split(), 1):
            path = f"/{self.member.name}/{number}"
            yield path, _decoded(line, decoder, path)

    def _split(self) -> Iterator[bytes | bytearray]:
        rest = bytearray()
        for piece in self.pieces():
            rest += piece
            if b"\n" in piece:
                *whole, rest = rest.split(b"\n")
                yield from whole
            if len(rest) > LONGEST_LINE_BYTES:
                raise FileBroken(f"/{self.member.name}: a line longer than {LONGEST_LINE_BYTES} bytes")
        if rest:
            yield rest


def _read_member(source: _Source, manifest: Manifest) -> Iterator[Batch]:
    name = source.member.name
    if name == PROFILE:
        profile = _decoded(source.whole(LARGEST_PROFILE_BYTES), msgspec.json.Decoder(Profile), f"/{PROFILE}")
        yield _batch([Part(f"/{PROFILE}", profile)], 1)
    elif name == ENTRIES:
        yield from _entries(source)
    elif found := DOCUMENTS.fullmatch(name):
        content = source.whole(LARGEST_DOCUMENT_BYTES)
        if found[2] != source.member.sha256:
            raise FileBroken(f"/{name} is not the file that its name says")
        yield _batch([Part(f"/{name}", (found[1], found[2], content))], 1)
    elif found := READINGS.fullmatch(name):
        yield from _readings(source, found[1], manifest)
    elif INFORMATIVE.fullmatch(name):
        for _ in source.pieces():
            pass  # whole or not, and no part of the record
    else:
        raise FileBroken(f"/{name[:100]}: an archive has no such file")


def _entries(source: _Source) -> Iterator[Batch]:
    parts: list[Part] = []
    entry: list[Version] = []
    count, first = 0, ""
    for path, line in source.lines(Version):
        if entry and line.id != entry[0].id:
            parts.append(Part(first, entry))
            if count >= VERSIONS_A_BATCH:
                yield _batch(parts, count)
                parts, count = [], 0
            entry = []
        if line.version != len(entry) + 1 or line.version > MOST_VERSIONS:
            raise FileBroken(f"{path}/version: the versions of an entry stand together, from 1")
        first = first if entry else path
        entry.append(line)
        count += 1
    if entry:
        parts.append(Part(first, entry))
    yield _batch(parts, count)


def _readings(source: _Source, metric: str, manifest: Manifest) -> Iterator[Batch]:
    if metric not in manifest.metrics:
        raise FileBroken(f"/{MANIFEST}/metrics: nothing says in which unit {metric} is")
    parts: list[Part] = []
    count = 0
    for path, line in source.lines(Line):
        parts.append(Part(path, (metric, manifest.metrics[metric], line)))
        count += len(line)
        if count >= READINGS_A_BATCH:
            yield _batch(parts, count)
            parts, count = [], 0
    yield _batch(parts, count)


def _batch(parts: list[Part], records: int) -> Batch:
    return Batch(parts=parts, records=records)


def _decoded(content: Any, decoder: msgspec.json.Decoder[T], path: str) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileBroken(f"{path}: {str(error)[:200]}") from error
