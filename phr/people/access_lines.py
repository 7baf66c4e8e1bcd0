"""Lines of the access log as they are stored: numbered by the process that writes them, and changed by nobody unseen.

Collection ``access_log``. A row is a ``Line`` and
    w, n   who wrote it, a process of the house, and its number there: one that is missing was taken away
    lost   numbers before this one that could not be written
    salt   random: what the line commits to tells nothing of it; a line that was renamed has ``sum`` instead
    mac    of the sum, by a key that is not in the database: who has the database alone can make or change no line
    open   until the line is linked into its person's chain: chain, seq, link (phr.audit.chaining)
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from phr.database import Database, Document
from phr.people import keyring

LOG = "access_log"
# Network logs are kept for six months at least. Source: Cybersecurity Law of the PR China, art. 21(3).
LEAST_KEPT_DAYS = 184
ERASED = "erased-"  # what the name begins with that stands for an erased person
MAC_BYTES = 16
SALT_BYTES = 16
_FORM = 1
_USE = b"access log\0"
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the access log."""

    at_ms: int
    who: str
    client_id: str
    act: str | None
    role: str  # "owner", the kind of the grant, or "none"
    grant: str | None
    person: str
    verb: str
    categories: tuple[str, ...]
    about: str
    outcome: Literal["allowed", "refused"]


class Place(NamedTuple):
    """Where a line stands among those of its writer."""

    writer: str
    number: int
    lost: tuple[int, ...]


class Writer:
    """Numbers the lines that one process writes into one database."""

    def __init__(self) -> None:
        self._id = secrets.token_hex(8)
        self._number = 0
        self._lost: list[int] = []
        self._lock = threading.Lock()

    def place(self) -> Place:
        """The next one; it says of those that failed so far."""
        with self._lock:
            self._number += 1
            lost, self._lost = tuple(self._lost), []
            return Place(self._id, self._number, lost)

    def failed(self, place: Place) -> None:
        """The line is not written, or nobody knows; the next one says so."""
        with self._lock:
            self._lost += [*place.lost, place.number]


_writers: dict[tuple[int, int, str], Writer] = {}


def append(database: Database, *lines: Line) -> None:
    """Writes lines; majority-journaled when this returns. Raises what kept any of them from being so."""
    if not lines:
        return
    writer = _writers.setdefault((os.getpid(), id(database.client), database.name), Writer())
    key = key_of(database)
    places = [writer.place() for _ in lines]
    try:
        rows = [
            sealed(key, line, place, os.urandom(SALT_BYTES)) | {"open": True}
            for line, place in zip(lines, places, strict=True)
        ]
        database[LOG].insert_many(rows, ordered=False)
    except BaseException:
        for place in places:
            writer.failed(place)
        raise


def begin_anew(database: Database) -> None:
    """The next line is the first of a new writer: for a database that was emptied."""
    _writers.pop((os.getpid(), id(database.client), database.name), None)


def key_of(database: Database) -> bytes:
    """What lines and what is remembered of them are sealed with: the installation's own, wrapped by the master key."""
    return keyring.key_of(database, keyring.INSTALLATION, makes=True).token_key


def sealed(key: bytes, line: Line, place: Place, salt: bytes) -> Document:
    """The row of a new line."""
    row: Document = {name: getattr(line, name) for name in Line.__slots__}
    row |= {"w": place.writer, "n": place.number, "salt": salt}
    if place.lost:
        row["lost"] = list(place.lost)
    return row | {"mac": mac(key, hashlib.sha256(salt + _body(row)).digest())}


def renamed(key: bytes, row: Document, change: Callable[[Line], Line]) -> Document:
    """The row with other words in it and the sum that it had, so that its place in the chain stays good.

    What somebody had changed stays as bad as it was.
    """
    told, changed = genuine_sum(key, row), change(line_of(row))
    new = row | {name: getattr(changed, name) for name in Line.__slots__}
    if told is not None:
        new |= {"sum": told, "mac": mac(key, told + _body(new))}
        new.pop("salt", None)
    return new


def sum_of(row: Document) -> bytes:
    """What the line commits to, and its chain with it. Raises KeyError, TypeError for what is no line."""
    return bytes(row["sum"]) if "sum" in row else hashlib.sha256(row["salt"] + _body(row)).digest()


def genuine_sum(key: bytes, row: Document) -> bytes | None:
    """The same; None where the row is not as the house wrote it."""
    try:
        told = sum_of(row)
        expected = mac(key, told + _body(row) if "sum" in row else told)
        return told if hmac.compare_digest(expected, row["mac"]) else None
    except (KeyError, TypeError, ValueError):
        return None


def mac(key: bytes, said: bytes) -> bytes:
    """What only the house can make. Source: RFC 7693, 2.9; a third of the time of an HMAC."""
    return hashlib.blake2b(_USE + said, key=key, digest_size=MAC_BYTES).digest()


def line_of(row: Document) -> Line:
    return Line(
        **{name: row[name] for name in Line.__slots__ if name != "categories"}, categories=tuple(row["categories"])
    )


def _body(row: Document) -> bytes:
    """All that a line says, in one form only."""
    said: tuple[Any, ...] = (
        _FORM,
        row["w"],
        row["n"],
        row.get("lost", ()),
        int(row["at_ms"]),  # what the driver gives is a number of its own kind
        row["who"],
        row["client_id"],
        row["act"],
        row["role"],
        row["grant"],
        row["person"],
        row["verb"],
        row["categories"],
        row["about"],
        row["outcome"],
    )
    return _encode(said)
