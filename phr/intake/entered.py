"""What is entered by hand: which reading it is, the client-made id says; the instant may be shared by several.

Collection ``entered``, one row an id, written before the reading:
    _id  person:id        p, m, t, q  person, metric, instant, and the seq the reading has at it; together unique
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pymongo import ASCENDING, InsertOne

from phr.database import Database, Document, insert_new, write_new
from phr.errors import ServerUnavailable

HAND = "hand"  # the source of all that is entered by hand; a vendor's device has a slash
SEQ_END = 2**31
MAX_TRIES = 16  # ids of one instant whose digests meet; two are rare already


@dataclass(frozen=True, slots=True)
class Entered:
    person: str
    id: str  # as the client made it
    metric: str
    t_ms: int

    @property
    def key(self) -> str:
        return f"{self.person}:{self.id}"


def claim(database: Database, ones: Sequence[Entered]) -> list[int | None]:
    """The seq of each, for ever the same; None where the id stands for another metric or instant.

    Safe to repeat. Raises PyMongoError when the database fails, ServerUnavailable where no seq is free.
    """
    by_key: dict[str, Entered] = {}
    for one in ones:
        by_key.setdefault(one.key, one)
    for attempt in range(MAX_TRIES):
        there = {row["_id"]: row for row in database["entered"].find({"_id": {"$in": list(by_key)}})}
        fresh = [_row(one, attempt) for key, one in by_key.items() if key not in there]
        if not fresh:
            return [_seq_of(one, there[one.key]) for one in ones]
        _insert_free(database, fresh)
    raise ServerUnavailable("no free place for a reading entered by hand; try again")


def restore(database: Database, person: str, metric: str, known: Iterable[tuple[str, int, int]]) -> None:
    """Ids (with their instants and seqs) that stand for readings put back from an archive; safe to repeat."""
    insert_new(
        database,
        "entered",
        ({"_id": f"{person}:{name}", "p": person, "m": metric, "t": t_ms, "q": seq} for name, t_ms, seq in known),
    )


def ensure_indexes(database: Database) -> None:
    place = [(name, ASCENDING) for name in ("p", "m", "t", "q")]
    database["entered"].create_index(place, name="place", unique=True)


def _row(one: Entered, attempt: int) -> Document:
    digest = int.from_bytes(hashlib.sha256(one.id.encode()).digest()[:4], "big")
    return {"_id": one.key, "p": one.person, "m": one.metric, "t": one.t_ms, "q": (digest + attempt) % SEQ_END}


def _insert_free(database: Database, rows: Iterable[Document]) -> None:
    """Stores the rows whose id and place are free; who finds the others taken looks again."""
    write_new(database["entered"], [InsertOne(row) for row in rows])


def _seq_of(one: Entered, row: Document) -> int | None:
    return int(row["q"]) if (row["m"], row["t"]) == (one.metric, one.t_ms) else None
