"""All entries of a person with every version, as an archive has them; and put back as they were into an empty place.

An entry that was put back carries ``archive`` = [the import that did it, the version that it had then].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import msgspec
from marshmallow import ValidationError
from pymongo.client_session import ClientSession

from phr.database import Database, Document, transact
from phr.feed import feed
from phr.feed.feed import EntryChange
from phr.timeline import effective, files
from phr.timeline.categories import all_categories
from phr.timeline.content import checked
from phr.timeline.effective import Effective, When
from phr.timeline.entry import TOMBSTONE, Author, Draft, Entry, author_row, from_rows, said
from phr.timeline.kinds import kinds
from phr.vocabulary.sight import is_hiding, plain

AT_ONCE = 100
TOGETHER = 100  # entries put back in one transaction
SELF = "self"  # stands for the person, whose id another installation does not know

Outcome = Literal["stored", "duplicate", "taken"]


class VersionInvalid(ValueError):
    """A line that no version can be. ``pointer``: the field at fault."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer, self.detail = pointer, detail


class Time(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """From ``start`` to ``end`` (ms); ``text``: as it was remembered."""

    start: int
    end: int
    offset_min: int | None = None
    text: str | None = None


class Writer(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    subject: str
    client_id: str
    act: str | None = None


class Version(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One version of an entry. A file in ``content`` is named by its checksum: documents/<entry>/<sha256>."""

    id: str
    version: int
    kind: str
    begin: Time
    author: Writer
    source: str
    created_at: int
    changed_at: int
    categories: list[str]
    content: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    sensitive: list[str] = []
    end: Time | None = None
    retained_by: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Whose record entries go into, and the name of the import that brings them."""

    database: Database
    person: str
    mark: str
    now_ms: int


def versions(database: Database, person: str) -> Iterator[tuple[Version, str | None]]:
    """Every version, those of an entry together and the first one first; and the id of the file that it names."""
    after = f"{person}:"
    while True:
        within: Document = {"_id": {"$gt": after, "$lt": f"{person};"}}
        found = list(database["entries"].find(within, sort=[("_id", 1)], limit=AT_ONCE))
        ids = [row["id"] for row in found]
        past = database["entry_history"].find({"person": person, "id": {"$in": ids}})
        rows = sorted([*past, *found], key=lambda row: (row["id"], row["version"]))
        for entry in from_rows(database, rows):
            yield _told(entry)
        if len(found) < AT_ONCE:
            return
        after = found[-1]["_id"]


def put(place: Place, found: Sequence[Sequence[Version]]) -> list[Outcome]:
    """What became of each entry (all of its versions, in order); safe to repeat. Raises VersionInvalid."""
    outcomes: list[Outcome] = []
    for low in range(0, len(found), TOGETHER):
        some = found[low : low + TOGETHER]
        rows = [[_row(place, one) for one in entry] for entry in some]
        outcomes += transact(place.database, partial(_put_some, place, some, rows))
    return outcomes


def weigh(place: Place, found: Sequence[Sequence[Version]]) -> list[Outcome]:
    """What ``put`` would say, with nothing written. Raises VersionInvalid."""
    for entry in found:
        for one in entry:
            _row(place, one)
    there = _there(place, found, None)
    return [_outcome(there.get(entry[-1].id), entry[-1]) for entry in found]


def put_file(place: Place, entry: str, sha256: str, content: bytes) -> bool:
    """Keeps a file of an entry that the import has put there; False where it has not. Safe to repeat."""
    wanted = {"_id": f"{place.person}:{entry}", "archive.0": place.mark}
    row = place.database["entries"].find_one(wanted, {"retained_by": 1})
    if row is not None:
        files.restore(
            place.database, files.Restored(place.person, entry, row["retained_by"], place.mark, sha256), content
        )
    return row is not None


def take_back(place: Place) -> int:
    """Takes away the entries that the import put there and nobody has changed since; how many. Safe to repeat."""
    gone = 0
    rows = list(place.database["entries"].find({"person": place.person, "archive.0": place.mark}))
    for low in range(0, len(rows), TOGETHER):
        gone += transact(place.database, partial(_take_some, place, rows[low : low + TOGETHER]))
    named = place.database["entries"].distinct("id", {"person": place.person, "archive.0": place.mark})
    files.discard_restored(place.database, place.person, place.mark, named)
    return gone


def standing(place: Place) -> int:
    """How many entries the import has put there that are still its own."""
    return place.database["entries"].count_documents({"person": place.person, "archive.0": place.mark})


def ensure_indexes(database: Database) -> None:
    database["entries"].create_index(
        [("person", 1), ("archive.0", 1)], name="archive", partialFilterExpression={"archive": {"$exists": True}}
    )


def _told(entry: Entry) -> tuple[Version, str | None]:
    content, file = dict(entry.content), None
    if isinstance(content.get("file"), dict):
        file = content["file"]["id"]
        content["file"] = content["file"] | {"id": content["file"]["sha256"]}
    subject = SELF if entry.author.subject == entry.person else entry.author.subject
    line = Version(
        id=entry.id,
        version=entry.version,
        kind=entry.kind,
        begin=_told_time(entry.effective.begin),
        author=Writer(subject, entry.author.client_id, entry.author.act),
        source=entry.source,
        created_at=entry.created_at_ms,
        changed_at=entry.changed_at_ms,
        categories=list(entry.categories),
        content=content,
        provenance=dict(entry.provenance),
        sensitive=list(entry.sensitive),
        end=_told_time(entry.effective.end) if entry.effective.end else None,
        retained_by=entry.retained_by,
        is_deleted=entry.is_deleted,
    )
    return line, file


def _told_time(when: When) -> Time:
    return Time(when.start_ms, when.end_ms, when.offset_min, when.text)


def _row(place: Place, line: Version) -> Document:
    """As it is stored, but for ``archive``. Raises VersionInvalid."""
    draft = Draft(
        kind=line.kind,
        content={} if line.is_deleted else _content(place, line),
        effective=Effective(_when(line.begin), _when(line.end) if line.end else None),
        sensitive=tuple(line.sensitive),
        provenance=line.provenance,
        retained_by=line.retained_by,
        is_hidden=any(map(is_hiding, line.categories)),
    )
    if not set(plain(line.categories)) <= set(all_categories()) or not line.categories:
        raise VersionInvalid("/categories", f"some of {', '.join(all_categories())}")
    subject = place.person if line.author.subject == SELF else line.author.subject
    fields = said(place.database, place.person, line.id, draft)
    if line.is_deleted:
        fields |= TOMBSTONE | {"categories": line.categories}
    return {
        "_id": f"{place.person}:{line.id}",
        "id": line.id,
        "person": place.person,
        "is_deleted": False,
        **fields,
        "version": line.version,
        "author": author_row(Author(subject, line.author.client_id, line.author.act)),
        "source": line.source,
        "created_at_ms": line.created_at,
        "changed_at_ms": line.changed_at,
    }


def _content(place: Place, line: Version) -> Any:
    kind = kinds().get(line.kind)
    if kind is None:
        raise VersionInvalid("/kind", "no such kind of entry")
    content = {name: value for name, value in line.content.items() if name in kind.schema().fields}
    if isinstance(content.get("file"), dict):
        content["file"] = content["file"] | {
            "id": files.restored_id(place.person, place.mark, line.id, str(content["file"].get("sha256")))
        }
    try:
        return checked(kind, content)
    except ValidationError as error:
        raise VersionInvalid("/content", str(error.messages)[:200]) from error


def _when(time: Time) -> When:
    return effective.from_row([time.start, time.end, time.offset_min, time.text])


def _put_some(
    place: Place, found: Sequence[Sequence[Version]], rows: Sequence[Sequence[Document]], session: ClientSession
) -> list[Outcome]:
    database = place.database
    there = _there(place, found, session)
    outcomes = [_outcome(there.get(entry[-1].id), entry[-1]) for entry in found]
    new = [entry for entry, outcome in zip(rows, outcomes, strict=True) if outcome == "stored"]
    if new:
        marked = [entry[-1] | {"archive": [place.mark, entry[-1]["version"]]} for entry in new]
        database["entries"].insert_many(marked, session=session)
        feed.entries_changed(session, database, [_change(place, row, row["version"]) for row in marked])
    if past := [row | {"_id": f"{row['_id']}:{row['version']}"} for entry in new for row in entry[:-1]]:
        database["entry_history"].insert_many(past, session=session)
    return outcomes


def _there(place: Place, found: Sequence[Sequence[Version]], session: ClientSession | None) -> dict[str, Version]:
    keys = [f"{place.person}:{entry[-1].id}" for entry in found]
    rows = place.database["entries"].find({"_id": {"$in": keys}}, session=session)
    return {entry.id: _told(entry)[0] for entry in from_rows(place.database, rows)}


def _outcome(there: Version | None, line: Version) -> Outcome:
    if there is None:
        return "stored"
    return "duplicate" if there == line else "taken"


def _change(place: Place, row: Document, version: int) -> EntryChange:
    is_gone = row["is_deleted"] or version > row["version"]
    return EntryChange(place.person, row["id"], version, tuple(row["categories"]), is_gone)


def _take_some(place: Place, rows: Sequence[Document], session: ClientSession) -> int:
    database, changes = place.database, []
    for row in rows:
        guard = {"_id": row["_id"], "version": row["version"], "archive": [place.mark, row["version"]]}
        if database["entries"].delete_one(guard, session=session).deleted_count:
            database["entry_history"].delete_many({"person": place.person, "id": row["id"]}, session=session)
            changes.append(_change(place, row, row["version"] + 1))
    if changes:
        feed.entries_changed(session, database, changes)
    return len(changes)
