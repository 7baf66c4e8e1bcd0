"""Entries of the timeline: for now notes made by hand, every version of them, and the tombstones of deleted ones."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound, VersionConflict

NOTE = "note"


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a version, as the token said."""

    subject: str
    client_id: str
    act: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    person: str
    kind: str
    content: Mapping[str, Any]  # of a note: {"text": …}
    effective_ms: int  # when what it tells of was
    offset_min: int | None
    version: int  # 1, 2, …
    author: Author  # of this version
    created_at_ms: int
    changed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """``id``: made by the client; or ``idempotency_key``: the same key of the same author is the same entry."""

    person: str
    kind: str
    content: Mapping[str, Any]
    effective_ms: int
    offset_min: int | None
    author: Author
    id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Which entries, newest first: effective in [from, to); ``cursor`` as the page before gave it."""

    from_ms: int | None = None
    to_ms: int | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    entries: list[Entry]
    next_cursor: str | None


def create(database: Database, draft: NewEntry, now_ms: int) -> Entry:
    """The entry, stored; sent again (same id or key, same content) it is the one that is there.

    Raises AlreadyThere where the id or key stands for another entry or a deleted one.
    """
    entry_id = draft.id or _id_of_key(draft) or secrets.token_urlsafe(12)
    row = {
        "_id": f"{draft.person}:{entry_id}",
        "id": entry_id,
        "person": draft.person,
        "kind": draft.kind,
        "content": dict(draft.content),
        "effective_ms": draft.effective_ms,
        "offset_min": draft.offset_min,
        "version": 1,
        "author": _author_row(draft.author),
        "source": "hand",
        "created_at_ms": now_ms,
        "changed_at_ms": now_ms,
        "created_as": _digest(draft),
        "is_deleted": False,
    }
    try:
        database["entries"].insert_one(row)
    except DuplicateKeyError:
        return _same_or_refused(database, row)
    return _entry(row)


def find(database: Database, person: str, entry_id: str) -> Entry:
    """The entry. Raises NotFound, for a deleted one too."""
    return _entry(_require(database, person, entry_id))


def page(database: Database, person: str, span: Span) -> Page:
    """Entries newest first, deleted ones left out. Raises InputInvalid for a cursor that is none of ours."""
    wanted: Document = {"person": person, "is_deleted": False}
    bounds: Document = {"$gte": span.from_ms, "$lt": span.to_ms}
    if span.cursor is not None:
        at_ms, last_id = _position(span.cursor)
        bounds["$lte"] = at_ms  # so that the index is entered where the last page ended
        after = {"effective_ms": at_ms, "_id": {"$lt": f"{person}:{last_id}"}}
        wanted["$or"] = [{"effective_ms": {"$lt": at_ms}}, after]
    if bounds := {operator: value for operator, value in bounds.items() if value is not None}:
        wanted["effective_ms"] = bounds
    order = [("effective_ms", DESCENDING), ("_id", DESCENDING)]
    found = [_entry(row) for row in database["entries"].find(wanted).sort(order).limit(span.limit + 1)]
    entries = found[: span.limit]
    has_more = len(found) > span.limit
    return Page(entries, f"{entries[-1].effective_ms}.{entries[-1].id}" if has_more else None)


def change(database: Database, entry: Entry, changes: Mapping[str, Any], author: Author, now_ms: int) -> Entry:
    """The entry with new ``content``, ``effective_ms`` or ``offset_min``; the version before it goes to the history.

    Raises NotFound, VersionConflict where it is no longer as ``entry`` says.
    """
    fields = {key: value for key, value in changes.items() if key in ("content", "effective_ms", "offset_min")}
    return _entry(_replace(database, entry, fields | _stamp(author, now_ms)))


def delete(database: Database, entry: Entry, author: Author, now_ms: int) -> None:
    """Leaves a tombstone without content; the last version goes to the history. Raises as ``change``."""
    _replace(database, entry, {"is_deleted": True, "content": {}} | _stamp(author, now_ms))


def history(database: Database, person: str, entry_id: str) -> list[Entry]:
    """The versions before the present one, oldest first."""
    found = database["entry_history"].find({"person": person, "id": entry_id}).sort("version", 1)
    return [_entry(row) for row in found]


def ensure_indexes(database: Database) -> None:
    newest_first = [("person", 1), ("is_deleted", 1), ("effective_ms", -1), ("_id", -1)]
    database["entries"].create_index(newest_first, name="newest")
    database["entry_history"].create_index([("person", 1), ("id", 1), ("version", 1)], name="entry")


def _replace(database: Database, entry: Entry, fields: Document) -> Document:
    """History first, keyed by person, entry and version: a crash in between leaves one row too many, never too few."""
    row = _require(database, entry.person, entry.id)
    if row["version"] != entry.version:
        raise VersionConflict("the entry has changed since it was read")
    old_id = f"{row['_id']}:{row['version']}"
    database["entry_history"].update_one({"_id": old_id}, {"$setOnInsert": row | {"_id": old_id}}, upsert=True)
    new = row | fields | {"version": entry.version + 1}
    replaced = database["entries"].replace_one({"_id": row["_id"], "version": entry.version}, new)
    if not replaced.matched_count:
        raise VersionConflict("the entry has changed since it was read")
    return new


def _require(database: Database, person: str, entry_id: str) -> Document:
    row = database["entries"].find_one({"_id": f"{person}:{entry_id}", "is_deleted": False})
    if row is None:
        raise NotFound("no such entry")
    return row


def _same_or_refused(database: Database, row: Document) -> Entry:
    there = database["entries"].find_one({"_id": row["_id"]})
    if there is None or there["is_deleted"] or there["created_as"] != row["created_as"]:
        raise AlreadyThere("this id or Idempotency-Key stands for another entry", "/id")
    return _entry(there)


def _id_of_key(draft: NewEntry) -> str | None:
    if draft.idempotency_key is None:
        return None
    text = f"{draft.author.subject}\0{draft.idempotency_key}"
    return f"k-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _digest(draft: NewEntry) -> str:
    told = (draft.kind, draft.content, draft.effective_ms, draft.offset_min)
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()


def _stamp(author: Author, now_ms: int) -> Document:
    return {"author": _author_row(author), "changed_at_ms": now_ms}


def _author_row(author: Author) -> Document:
    return {"subject": author.subject, "client_id": author.client_id, "act": author.act}


def _position(cursor: str) -> tuple[int, str]:
    at_ms, _, last_id = cursor.partition(".")
    if not at_ms.removeprefix("-").isdecimal() or len(at_ms) > 16 or not last_id:
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    return int(at_ms), last_id


def _entry(row: Document) -> Entry:
    return Entry(
        id=row["id"],
        person=row["person"],
        kind=row["kind"],
        content=row["content"],
        effective_ms=row["effective_ms"],
        offset_min=row["offset_min"],
        version=row["version"],
        author=Author(**row["author"]),
        created_at_ms=row["created_at_ms"],
        changed_at_ms=row["changed_at_ms"],
    )
