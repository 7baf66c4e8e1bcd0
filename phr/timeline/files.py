"""Files of documents: kept in GridFS in pieces, each sealed with its owner's key and bound to its place in the file."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count

from gridfs import GridFSBucket, NoFile
from gridfs.errors import CorruptGridFile

from phr.database import Database, Document
from phr.errors import NotFound
from phr.people import seals

BUCKET = "documents"
PIECE_BYTES = 255 * 1024 - seals.OVERHEAD_BYTES  # sealed, one chunk of GridFS
LARGEST_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """A file of an archive: whose, of which entry, who retains it; the import that brings it, and its checksum."""

    person: str
    entry: str
    retained_by: str | None
    mark: str
    sha256: str

    @property
    def id(self) -> str:
        """The same each time."""
        return restored_id(self.person, self.mark, self.entry, self.sha256)


def restored_id(person: str, mark: str, entry: str, sha256: str) -> str:
    """What a file is called that an import brings back."""
    named = "\0".join((person, mark, entry, sha256))
    return hashlib.sha256(named.encode()).hexdigest()[:24]


def keep(database: Database, person: str, entry: str, content: bytes, retained_by: str | None = None) -> str:
    """The id of the file, stored. Nothing in the clear: name, type and checksum belong into the entry.

    ``retained_by``: the organisation whose key seals it, as it does its entry. Raises KeyDestroyed.
    """
    file_id = secrets.token_urlsafe(12)
    _write(database, file_id, content, {"person": person, "entry": entry, "retained_by": retained_by})
    return file_id


def is_there(database: Database, name: Restored) -> bool:
    """True for one that is there whole."""
    return database[f"{BUCKET}.files"].find_one(_of(name.person, name.entry) | {"_id": name.id}, {"_id": 1}) is not None


def restore(database: Database, name: Restored, content: bytes) -> None:
    """Keeps a file that an import brings back, under ``name.id``; the same again writes the same."""
    with contextlib.suppress(NoFile):
        _bucket(database).delete(name.id)  # what a broken try has left
    metadata = {"person": name.person, "entry": name.entry, "retained_by": name.retained_by, "archive": name.mark}
    _write(database, name.id, content, metadata)


def discard_restored(database: Database, person: str, mark: str, but: Collection[str]) -> None:
    """Takes away what an import has brought back, but for these entries' files."""
    theirs = {"metadata.person": person, "metadata.archive": mark, "metadata.entry": {"$nin": list(but)}}
    for row in list(database[f"{BUCKET}.files"].find(theirs, {"_id": 1})):
        _bucket(database).delete(row["_id"])


def pieces(database: Database, person: str, entry: str, file_id: str) -> Iterator[bytes]:
    """The content, piece by piece. Raises NotFound, KeyDestroyed before the first; SealBroken where one was changed."""
    found = database[f"{BUCKET}.files"].find_one(_of(person, entry) | {"_id": file_id}, {"metadata": 1})
    if found is None:
        raise NotFound("no such file")
    owner = _owner(person, found["metadata"]["retained_by"])
    try:
        stream = _bucket(database).open_download_stream(file_id)
    except NoFile as error:
        raise NotFound("no such file") from error
    sealed_bytes, left = PIECE_BYTES + seals.OVERHEAD_BYTES, stream.length
    for number in count():
        try:
            sealed = stream.read(min(sealed_bytes, left))
        except CorruptGridFile as error:
            raise seals.SealBroken(f"the file {file_id} is not as it was written") from error
        left -= len(sealed)
        yield seals.unseal_bytes(database, owner, _place(file_id, number, is_last=left <= 0), sealed)
        if left <= 0:
            return


def discard(database: Database, person: str, entry: str, file_id: str) -> None:
    """Takes away a file that no entry names."""
    if database[f"{BUCKET}.files"].find_one(_of(person, entry) | {"_id": file_id}, {"_id": 1}) is not None:
        _bucket(database).delete(file_id)


def ensure_indexes(database: Database) -> None:
    database[f"{BUCKET}.files"].create_index([("metadata.person", 1), ("metadata.entry", 1)], name="entry")


def _write(database: Database, file_id: str, content: bytes, metadata: Document) -> None:
    owner = _owner(metadata["person"], metadata["retained_by"])
    with _bucket(database).open_upload_stream_with_id(file_id, file_id, metadata=metadata) as stream:
        for number, begin in enumerate(range(0, max(1, len(content)), PIECE_BYTES)):
            is_last = begin + PIECE_BYTES >= len(content)
            place = _place(file_id, number, is_last=is_last)
            stream.write(seals.seal_bytes(database, owner, place, content[begin : begin + PIECE_BYTES]))


def _bucket(database: Database) -> GridFSBucket:
    return GridFSBucket(database, BUCKET, chunk_size_bytes=PIECE_BYTES + seals.OVERHEAD_BYTES)


def _owner(person: str, retained_by: str | None) -> str:
    return seals.organisation(retained_by) if retained_by else person


def _of(person: str, entry: str) -> dict[str, str]:
    return {"metadata.person": person, "metadata.entry": entry}


def _place(file_id: str, number: int, *, is_last: bool) -> str:
    return f"files.{file_id}.{number}{'.last' if is_last else ''}"
