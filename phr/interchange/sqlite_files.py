"""SQLite databases of strangers, read from memory: only plain tables, only SELECT, and nothing of theirs is run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from phr.interchange.formats import FileBroken

MAGIC = b"SQLite format 3\0"
LARGEST_BYTES = 256 * 2**20  # in memory, twice while it is opened; real ones of some years have about 50
LONGEST_ROW_BYTES = 16 * 2**20
_HEADER_BYTES = 100
_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ))


@contextmanager
def opened(content: bytearray) -> Iterator[sqlite3.Connection]:
    """The database; ``content`` is empty then. It is in memory and nowhere else: what files of ours hold is sealed.

    Raises FileBroken.
    """
    if len(content) < _HEADER_BYTES or not content.startswith(MAGIC):
        raise FileBroken("not a SQLite database")
    content[18:20] = b"\x01\x01"  # a database that kept a log beside it can't be read without one; it is whole
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(content)
            content.clear()
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("PRAGMA query_only = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_ROW_BYTES)
            connection.set_authorizer(_allow)
            yield connection
        except sqlite3.Error as error:
            raise FileBroken(f"not a whole SQLite database: {error}") from error


def tables(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """The columns of every plain table: no view, and none that a module makes up."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    plain = [name for name, sql in found if isinstance(sql, str) and sql.upper().startswith("CREATE TABLE")]
    return {name: _columns(connection, name) for name in plain if '"' not in name}


def _columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    described = connection.execute(f'SELECT * FROM "{table}" LIMIT 0').description  # noqa: S608 - a table's own name
    return frozenset(column[0] for column in described)


def _allow(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY
