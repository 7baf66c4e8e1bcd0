"""What happens in the record itself, as entries that the record writes: the one door for alerts, device events and all
else that nobody enters. Keyed, so that the same thing is one entry, however often it is told.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo.client_session import ClientSession

from phr.database import Database, Document, transact
from phr.people import people
from phr.timeline import entries
from phr.timeline.content import checked
from phr.timeline.effective import Effective, instant
from phr.timeline.entries import Hand, NewEntry
from phr.timeline.entry import SAID, TOMBSTONE, Author, Draft
from phr.timeline.kinds import kinds

RECORD = "record"  # where such an entry is from, and who wrote it
AUTHOR = Author(RECORD, RECORD, None)
TOGETHER = 200  # in one transaction


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to one person; ``key``: the same each time it is told.

    ``is_so``: False where it turned out not to have been, the reading that raised it taken out of the record.
    """

    key: str
    person: str
    kind: str
    at_ms: int
    content: dict[str, Any]
    is_so: bool = True
    sensitive: tuple[str, ...] = ()  # categories besides its kind's, of what it was made of


def put(database: Database, happenings: Iterable[Happening], now_ms: int) -> int:
    """Brings the timelines in line with what happened; how many entries that changed. Safe to repeat and to break off.

    What its owner has deleted stays deleted. Nothing is written for somebody who is not there, or is being erased.
    """
    by_person: dict[str, list[Happening]] = defaultdict(list)
    for one in happenings:
        by_person[one.person].append(one)
    changed = 0
    for person in people.find_many(database, by_person):
        found = by_person[person]
        for low in range(0, len(found), TOGETHER):
            changed += _put_some(database, found[low : low + TOGETHER], now_ms)
    return changed


def entry_id(key: str) -> str:
    """The id of the entry of what happened."""
    return f"h-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _put_some(database: Database, found: Sequence[Happening], now_ms: int) -> int:
    """One person's. Looked at before the transaction: most of what is told again is there."""
    there = _rows(database, found, None)
    open_ = [one for one in found if _is_behind(one, there)]
    if not open_:
        return 0
    rows = {one.key: _row(database, one, now_ms) for one in open_}
    return transact(database, partial(_write, database, open_, rows, Hand(AUTHOR, now_ms, RECORD)))


def _write(
    database: Database, open_: Sequence[Happening], rows: dict[str, Document], hand: Hand, session: ClientSession
) -> int:
    there, changed = _rows(database, open_, session), 0
    for one in open_:
        if not _is_behind(one, there):
            continue
        row, before = rows[one.key], there.get(rows[one.key]["_id"])
        if before is not None:
            fields = {name: row[name] for name in SAID} | {"is_deleted": False} if one.is_so else TOMBSTONE
            row = entries.next_row(before, fields, hand)
        entries.write(database, session, row, before)
        there[row["_id"]] = row
        changed += 1
    return changed


def _is_behind(one: Happening, there: dict[str, Document]) -> bool:
    """True where the entry does not say what happened and its owner has not said otherwise."""
    row = there.get(_key(one))
    if row is None:
        return one.is_so
    return bool(row["source"] == RECORD and row["is_deleted"] is one.is_so)


def _rows(database: Database, found: Collection[Happening], session: ClientSession | None) -> dict[str, Document]:
    ids = [_key(one) for one in found]
    return {row["_id"]: row for row in database["entries"].find({"_id": {"$in": ids}}, session=session)}


def _row(database: Database, one: Happening, now_ms: int) -> Document:
    content = checked(kinds()[one.kind], one.content)
    draft = Draft(
        kind=one.kind,
        content=content,
        effective=Effective(instant(one.at_ms, None)),
        sensitive=one.sensitive,
        provenance={"how": "sensed"},
    )
    new = NewEntry(person=one.person, draft=draft, author=AUTHOR, source=RECORD, id=entry_id(one.key))
    return entries.new_row(database, new, now_ms)


def _key(one: Happening) -> str:
    return f"{one.person}:{entry_id(one.key)}"
