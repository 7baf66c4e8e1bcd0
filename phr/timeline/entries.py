"""Entries of the timeline: made, changed, deleted, restored, all by one write that loses nothing."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace

from pymongo.client_session import ClientSession

from phr.database import Database, Document, transact
from phr.errors import AlreadyThere, InputInvalid, NotFound, VersionConflict
from phr.feed import feed
from phr.feed.feed import EntryChange
from phr.timeline import history
from phr.timeline.entry import HAND, SAID, TOMBSTONE, Author, Draft, Entry, author_row, from_row, said
from phr.vocabulary.sight import Sight, hidden_but_from, plain

WEIGHED = frozenset(("questionnaire",))  # kinds whose answers somebody may have to look at
IMPORTED = "import:"  # how the source of what an import brought begins


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """``id``: made by the client; or ``idempotency_key``: the same key of the same author is the same entry."""

    person: str
    draft: Draft
    author: Author
    source: str = HAND
    id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Hand:
    """Who changes something, from where, and when."""

    author: Author
    now_ms: int
    source: str = HAND


def create(database: Database, new: NewEntry, now_ms: int) -> Entry:
    """The entry, stored; sent again (same id or key, same content) it is the one that is there.

    Raises AlreadyThere where the id or key stands for another entry or a deleted one.
    """
    row = new_row(database, new, now_ms)

    def created(session: ClientSession) -> Document:
        there = database["entries"].find_one({"_id": row["_id"]}, session=session)
        if there is None:
            write(database, session, row, None)
            return row
        if there["is_deleted"] or row["said_as"] != history.first_said_as(database, session, there):
            raise AlreadyThere("this id or Idempotency-Key stands for another entry", "/id")
        return there

    return from_row(database, transact(database, created))


def find(database: Database, person: str, entry_id: str) -> Entry:
    """The entry. Raises NotFound, for a deleted one too."""
    row = database["entries"].find_one({"_id": f"{person}:{entry_id}", "is_deleted": False})
    if row is None:
        raise NotFound("no such entry")
    return from_row(database, row)


def change(database: Database, entry: Entry, draft: Draft, hand: Hand) -> Entry:
    """The entry saying something else; what it said goes to the history.

    Raises NotFound, VersionConflict where it is no longer as ``entry`` says, InputInvalid for another kind.
    """
    if draft.kind != entry.kind:
        raise InputInvalid("an entry stays what it is; delete it and make another", "/kind")
    draft = replace(draft, is_hidden=entry.is_hidden)
    return _replace(database, entry, said(database, entry.person, entry.id, draft), hand)


def hide(database: Database, entry: Entry, hand: Hand, *, is_hidden: bool) -> Entry:
    """The entry of a professional, out of others' sight or in it again; what it says stays. Raises as ``change``.

    InputInvalid for one that nobody must retain.
    """
    if entry.retained_by is None:
        raise InputInvalid("only what a professional wrote is hidden; your own you may change or delete")
    if entry.is_hidden == is_hidden:
        return entry
    return _replace(database, entry, {"categories": _categories(entry, is_hidden=is_hidden)}, hand)


def delete(database: Database, entry: Entry, hand: Hand) -> None:
    """Leaves a tombstone without content; the last version goes to the history. Raises as ``change``."""
    _replace(database, entry, TOMBSTONE, hand)


def restore(database: Database, current: Entry, version: int, hand: Hand) -> Entry:
    """The entry saying what an earlier version of it said, as a new version. Raises as ``change``."""
    row = history.row_of(database, current, version)
    fields = {name: row[name] for name in SAID} | {"is_deleted": False}
    earlier = replace(current, categories=tuple(row["categories"]))
    return _replace(database, current, fields | {"categories": _categories(earlier, is_hidden=current.is_hidden)}, hand)


def write(database: Database, session: ClientSession, row: Document, before: Document | None) -> None:
    """The one way a version gets stored, inside a transaction: what was there before goes to the history.

    ``before`` is the stored row that the transaction read, None where there was none.
    """
    if before is not None:
        history.keep(database, session, before)
    if row["kind"] in WEIGHED and not row["is_deleted"] and not row["source"].startswith(IMPORTED):
        row["to_weigh"] = True  # until phr.answers has looked at it
    database["entries"].replace_one({"_id": row["_id"]}, row, upsert=True, session=session)
    feed.entry_changed(session, database, _change(row, before))


def new_row(database: Database, new: NewEntry, now_ms: int) -> Document:
    """The first version of an entry, as it is stored."""
    entry_id = new.id or _id_of_key(new) or secrets.token_urlsafe(12)
    return {
        "_id": f"{new.person}:{entry_id}",
        "id": entry_id,
        "person": new.person,
        **said(database, new.person, entry_id, new.draft),
        "version": 1,
        "author": author_row(new.author),
        "source": new.source,
        "created_at_ms": now_ms,
        "changed_at_ms": now_ms,
        "is_deleted": False,
    }


def next_row(before: Document, fields: Document, hand: Hand) -> Document:
    """The version after a stored one."""
    stamp = {"author": author_row(hand.author), "source": hand.source, "changed_at_ms": hand.now_ms}
    return before | fields | stamp | {"version": before["version"] + 1}


def is_seen(entry: Entry, sight: Sight) -> bool:
    """True for one who may see all of its categories, as they are of its time."""
    return sight.sees(entry.categories, entry.effective_ms)


def ensure_indexes(database: Database) -> None:
    newest_first = [("effective_ms", -1), ("_id", -1)]
    entries = database["entries"]
    entries.create_index([("person", 1), ("is_deleted", 1), *newest_first], name="newest")
    entries.create_index([("person", 1), ("is_deleted", 1), ("kind", 1), *newest_first], name="kind")
    entries.create_index("to_weigh", name="to_weigh", sparse=True)
    entries.create_index([("words", 1), *newest_first], name="words")  # tokens are one person's alone


def _categories(entry: Entry, *, is_hidden: bool) -> list[str]:
    hiding = [hidden_but_from(entry.retained_by)] if is_hidden and entry.retained_by else []
    return [*plain(entry.categories), *hiding]


def _replace(database: Database, entry: Entry, fields: Document, hand: Hand) -> Entry:
    def replaced(session: ClientSession) -> Document:
        before = database["entries"].find_one({"_id": f"{entry.person}:{entry.id}"}, session=session)
        if before is None:
            raise NotFound("no such entry")
        if before["version"] != entry.version:
            raise VersionConflict("the entry has changed since it was read")
        row = next_row(before, fields, hand)
        write(database, session, row, before)
        return row

    return from_row(database, transact(database, replaced))


def _change(row: Document, before: Document | None) -> EntryChange:
    had = () if before is None or before["categories"] == row["categories"] else (tuple(before["categories"]),)
    return EntryChange(row["person"], row["id"], row["version"], tuple(row["categories"]), row["is_deleted"], had)


def _id_of_key(new: NewEntry) -> str | None:
    if new.idempotency_key is None:
        return None
    text = f"{new.author.subject}\0{new.idempotency_key}"
    return f"k-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
