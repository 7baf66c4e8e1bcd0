"""What a backup is made of: each collection's documents, byte by byte, in files that ``mongorestore --gzip`` reads too.

A backup is a directory:
    <collection>.bson.gz       the documents, one after the other
    manifest.json              what they are
    SHA256SUMS                 of every file, for ``sha256sum -c`` too; written last: a backup cut off has none
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Never, TypeAlias

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from tqdm import tqdm

from phr.database import Database
from phr.errors import InputInvalid

Bar: TypeAlias = "tqdm[Never]"  # advanced by hand, a document at a time
MANIFEST, SUMS, FORMAT = "manifest.json", "SHA256SUMS", 1
BATCH_BYTES, BATCH_DOCUMENTS = 8_000_000, 1_000
LARGEST_DOCUMENT = 16 * 1024 * 1024 + 16 * 1024  # MongoDB's own limit and its overhead
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument, tz_aware=True)
_DIGEST_BITS = 128


@dataclass(frozen=True, slots=True)
class Contents:
    """Of one collection. ``digest``: sum of the documents' BLAKE2b-128, in hex, which no order of theirs changes."""

    documents: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    made_at: str  # RFC 3339
    database: str
    collections: dict[str, Contents]

    def write(self, directory: Path) -> None:
        """Beside the collections' files, and then the sums of all."""
        text = json.dumps({"format": FORMAT} | asdict(self), indent=2)
        (directory / MANIFEST).write_text(text, encoding="utf-8")
        lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(directory.iterdir())]
        (directory / SUMS).write_text("".join(lines), encoding="ascii")


class Summing:
    """Makes a collection's Contents, document by document."""

    def __init__(self) -> None:
        self._documents = self._bytes = self._sum = 0

    def add(self, raw: bytes | memoryview) -> None:
        self._documents += 1
        self._bytes += len(raw)
        self._sum += int.from_bytes(hashlib.blake2b(raw, digest_size=_DIGEST_BITS // 8).digest(), "big")

    def contents(self) -> Contents:
        return Contents(self._documents, self._bytes, f"{self._sum % 2**_DIGEST_BITS:0{_DIGEST_BITS // 4}x}")


def names(database: Database) -> list[str]:
    """The collections of a record, in order."""
    found = database.list_collection_names(filter={"type": "collection"})
    return sorted(name for name in found if not name.startswith("system."))


def raw(database: Database, name: str) -> Collection[RawBSONDocument]:
    return database[name].with_options(codec_options=_RAW)


def contents(database: Database, name: str, session: ClientSession | None = None) -> Contents:
    """What a collection holds now, or at the session's snapshot."""
    summing = Summing()
    for document in raw(database, name).find({}, session=session, batch_size=BATCH_DOCUMENTS):
        summing.add(document.raw)
    return summing.contents()


def check(directory: Path, tell: Callable[[str], None]) -> Manifest:
    """What a backup holds, once every file of it proved to be as it was written; ``tell`` hears which one is looked at.

    Raises InputInvalid that names what is missing or damaged.
    """
    try:
        text = (directory / SUMS).read_bytes().decode("ascii")
        lines = [line.split("  ", 1) for line in text.removesuffix("\n").split("\n")]  # at nothing else that ends lines
        sums = {name: expected for expected, name in lines}
    except OSError as error:
        raise InputInvalid(f"{directory} is no backup, or one that was cut off: {SUMS}: {error.strerror}") from error
    except ValueError as error:
        raise InputInvalid(f"{directory / SUMS} is damaged; take another backup") from error
    for name, expected in sums.items():
        tell(name)
        try:
            found = sha256(directory / name)
        except (OSError, ValueError) as error:
            raise InputInvalid(f"{directory / name} can't be read: {error}") from error
        if found != expected:
            raise InputInvalid(f"{directory / name} is damaged; take another backup")
    return _manifest(directory, sums.keys())


def _manifest(directory: Path, files: Iterable[str]) -> Manifest:
    try:
        found: dict[str, Any] = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        if found.pop("format") != FORMAT:
            raise InputInvalid(f"{directory} is a backup in another format; restore it with the version that made it")
        collections = {name: Contents(**row) for name, row in found.pop("collections").items()}
        manifest = Manifest(collections=collections, **found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputInvalid(f"{directory / MANIFEST} is damaged: {error}") from error
    if set(files) != {MANIFEST, *map(file_name, collections)}:
        raise InputInvalid(f"{directory / SUMS} is damaged: it does not name the files of {MANIFEST}")
    return manifest


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_name(collection: str) -> str:
    return f"{collection}.bson.gz"


def documents(path: Path) -> Iterator[bytes]:
    """Each document of a file, as BSON. Raises InputInvalid for one that is cut off or too large."""
    with gzip.open(path, "rb") as file:
        while head := file.read(4):
            length = int.from_bytes(head, "little")
            if len(head) < 4 or not 5 <= length <= LARGEST_DOCUMENT:  # an empty document has five bytes
                raise InputInvalid(f"{path} is damaged: a document of {length} bytes")
            body = file.read(length - 4)
            if len(body) < length - 4:
                raise InputInvalid(f"{path} is damaged: its last document is cut off")
            yield head + body
