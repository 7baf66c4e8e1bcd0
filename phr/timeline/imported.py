"""Entries from an import: taken in once however often they come, and taken back as a whole.

What an import replaced returns when it is taken back. What the person wrote, changed or deleted afterwards stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from pymongo import DESCENDING
from pymongo.client_session import ClientSession

from phr.database import Database, Document, transact
from phr.errors import PhrError
from phr.timeline import entries
from phr.timeline.entries import Hand, NewEntry
from phr.timeline.entry import SAID, TOMBSTONE, Author, Draft

TOGETHER = 200  # in one transaction
IMPORT, TAKEN_BACK = "import:", "take-back:"

Outcome = Literal["stored", "replaced", "duplicate", "deleted"]


class ImportTakenBack(PhrError):
    """Nothing more is taken in under the name of an import that was taken back."""

    code: ClassVar[str] = "import-taken-back"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of an import; ``key``: what its source calls it, the same in every export of the same system."""

    key: str
    draft: Draft


@dataclass(frozen=True, slots=True)
class Import:
    """Whose record it goes into, what the import is called ([A-Za-z0-9_-], 1 to 64), and who runs it."""

    person: str
    id: str
    author: Author

    @property
    def source(self) -> str:
        return IMPORT + self.id


@dataclass(frozen=True, slots=True)
class Back:
    """Entries that are gone, that say again what they said before, and that others have changed since and so stay."""

    removed: int
    returned: int
    kept: int


def take_in(database: Database, of: Import, found: Sequence[Found], now_ms: int) -> list[Outcome]:
    """What became of each, in order; safe to repeat, whole or in part.

    "replaced": it was there and said something else. "deleted": the person has deleted it, and it stays so. What an
    entry has said before, too, is a duplicate: an old export does not undo what was corrected since. Raises
    ImportTakenBack.
    """
    hand = Hand(of.author, now_ms, of.source)
    outcomes: list[Outcome] = []
    for low in range(0, len(found), TOGETHER):
        outcomes += transact(database, partial(_take_some, database, of, found[low : low + TOGETHER], hand))
    return outcomes


def weigh(database: Database, of: Import, found: Sequence[Found], now_ms: int) -> list[Outcome]:
    """What ``take_in`` would say, with nothing written."""
    hand = Hand(of.author, now_ms, of.source)
    outcomes: list[Outcome] = []
    for low in range(0, len(found), TOGETHER):
        try:
            transact(database, partial(_only_weigh, database, of, found[low : low + TOGETHER], hand))
        except _Weighed as weighed:
            outcomes += weighed.outcomes
    return outcomes


def take_back(database: Database, of: Import, now_ms: int) -> Back:
    """Undoes all that an import has written; safe to repeat after a break."""
    database["entry_imports"].update_one(
        {"_id": f"{of.person}:{of.id}"},
        {"$setOnInsert": {"person": of.person, "taken_back_at_ms": now_ms}},
        upsert=True,
    )
    hand = Hand(of.author, now_ms, TAKEN_BACK + of.id)
    removed = returned = 0
    while some := [
        row["_id"]
        for row in database["entries"].find({"person": of.person, "source": of.source}, {"_id": 1}).limit(TOGETHER)
    ]:
        gone, back = transact(database, partial(_undo_some, database, of, some, hand))
        removed, returned = removed + gone, returned + back
    ids = database["entry_history"].distinct("id", {"person": of.person, "source": of.source})
    undone = {"person": of.person, "id": {"$in": ids}, "source": hand.source}
    return Back(removed, returned, len(ids) - database["entries"].count_documents(undone))


def entry_id(key: str) -> str:
    """The id that an entry has which its source calls so."""
    return f"x-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def ensure_indexes(database: Database) -> None:
    for name in ("entries", "entry_history"):
        database[name].create_index([("person", 1), ("source", 1)], name="source")
    database["entry_imports"].create_index("person", name="person")


def _take_some(
    database: Database, of: Import, found: Sequence[Found], hand: Hand, session: ClientSession
) -> list[Outcome]:
    undone = _undone(database, of.person, session)
    if of.id in undone:
        raise ImportTakenBack("this import was taken back; take the file in under a new name")
    rows = [
        entries.new_row(
            database,
            NewEntry(person=of.person, draft=one.draft, author=of.author, source=of.source, id=entry_id(one.key)),
            hand.now_ms,
        )
        for one in found
    ]
    ids = [row["_id"] for row in rows]
    there = {row["_id"]: row for row in database["entries"].find({"_id": {"$in": ids}}, session=session)}
    outcomes: list[Outcome] = []
    for row in rows:
        before = there.get(row["_id"])
        outcome = _outcome(database, row, before, undone, session)
        if outcome in ("stored", "replaced"):
            there[row["_id"]] = row if before is None else _after(before, row, hand)
            entries.write(database, session, there[row["_id"]], before)
        outcomes.append(outcome)
    return outcomes


class _Weighed(Exception):
    """Ends a transaction without a trace, and says what would have become of it."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


def _only_weigh(database: Database, of: Import, found: Sequence[Found], hand: Hand, session: ClientSession) -> None:
    raise _Weighed(_take_some(database, of, found, hand, session))


def _outcome(
    database: Database, row: Document, before: Document | None, undone: frozenset[str], session: ClientSession
) -> Outcome:
    if before is None:
        return "stored"
    if before["is_deleted"]:
        return "stored" if before["source"].startswith(TAKEN_BACK) else "deleted"
    if row["said_as"] == before["said_as"]:
        return "duplicate"
    same = {"person": row["person"], "id": row["id"], "said_as": row["said_as"]}
    said_before = database["entry_history"].find(same, {"source": 1}, session=session)
    return "duplicate" if any(_counts(one["source"], undone) for one in said_before) else "replaced"


def _undo_some(
    database: Database, of: Import, ids: Sequence[str], hand: Hand, session: ClientSession
) -> tuple[int, int]:
    """(how many are gone, how many say again what they said)."""
    undone = _undone(database, of.person, session)
    removed = returned = 0
    for row in list(database["entries"].find({"_id": {"$in": list(ids)}, "source": of.source}, session=session)):
        wanted = {"person": of.person, "id": row["id"], "version": {"$lt": row["version"]}}
        earlier = database["entry_history"].find(wanted, session=session).sort("version", DESCENDING)
        last = next((one for one in earlier if _counts(one["source"], undone)), None)
        if last is None or last["is_deleted"]:
            new, removed = entries.next_row(row, TOMBSTONE, hand), removed + 1
        else:
            new, returned = _after(row, last, hand), returned + 1
        entries.write(database, session, new, row)
    return removed, returned


def _after(before: Document, says: Document, hand: Hand) -> Document:
    """The next version, saying what a stored row says."""
    return entries.next_row(before, {name: says[name] for name in SAID} | {"is_deleted": False}, hand)


def _undone(database: Database, person: str, session: ClientSession) -> frozenset[str]:
    """The names of the person's imports that were taken back."""
    found: Iterable[Document] = database["entry_imports"].find({"person": person}, {"_id": 1}, session=session)
    return frozenset(row["_id"].partition(":")[2] for row in found)


def _counts(source: str, undone: frozenset[str]) -> bool:
    """False for a version that an import wrote which was taken back, or that the taking back wrote."""
    return not source.startswith(TAKEN_BACK) and source.removeprefix(IMPORT) not in undone
