"""What organisations must keep of a person who is erased: out of the record, sealed with the organisation's own key.

Collection ``retained``; no route leads there:
    _id  archive                     organisation, until_ms, sealed: whose record it was
    _id  archive:entry:version       archive, organisation, entry: the row of that version, its words sealed as before
Files stay where they are, the archive in the place of the person.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from phr.clock import to_datetime, to_ms
from phr.database import Database, Document, insert_new
from phr.errors import NotFound
from phr.people import people, seals
from phr.people.keyring import KeyDestroyed
from phr.timeline import entry
from phr.timeline.entry import Entry

COLLECTION = "retained"
_KEYED_TO_PERSON = ("_id", "person", "words", "said_as")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Archive:
    """One organisation's part; ``versions`` of entries, their histories included."""

    id: str
    organisation: str
    versions: int
    until_ms: int


def move(database: Database, person: str, years: int) -> list[str]:
    """Ids of the archives into which it copied what organisations must keep; safe to repeat.

    To be called while the person's key is there: who it was is sealed anew, for the organisation alone. ``years`` run
    from the last version that the organisation wrote. Source of the 15 years: implementing rules of the regulations on
    medical institutions of the PR China, art. 53.
    """
    moved_to = []
    for organisation in _organisations(database, person):
        archive, last_ms = _id(person, organisation), 0
        moved_to.append(archive)
        for rows in _batches(database, person, organisation):
            insert_new(database, COLLECTION, [_kept(archive, row) for row in rows])
            last_ms = max(last_ms, *(int(row["changed_at_ms"]) for row in rows))
        _keep_identity(database, person, (archive, organisation), _years_after(last_ms, years))
        files = {"metadata.person": person, "metadata.retained_by": organisation}
        database["documents.files"].update_many(files, {"$set": {"metadata.person": archive}})
    return moved_to


def found(database: Database, archives: Iterable[str]) -> list[Archive]:
    """Those of the archives that are there."""
    return [
        _archive(database, row) for row in database[COLLECTION].find({"_id": {"$in": list(archives)}}).sort("_id", 1)
    ]


def of_organisation(database: Database, organisation: str) -> list[Archive]:
    rows = database[COLLECTION].find({"organisation": organisation, "until_ms": {"$exists": True}}).sort("_id", 1)
    return [_archive(database, row) for row in rows]


def opened(database: Database, archive: str) -> tuple[dict[str, Any], list[Entry]]:
    """Whose record it was, and the versions, for the organisation that keeps them. Raises NotFound.

    Their files: ``files.pieces`` with the archive for the person.
    """
    head = database[COLLECTION].find_one({"_id": archive, "until_ms": {"$exists": True}})
    if head is None:
        raise NotFound("no such archive")
    whose: dict[str, Any] = seals.unseal(database, _owner(head), _place(archive), head["sealed"])
    rows = database[COLLECTION].find({"archive": archive}).sort("_id", 1)
    return whose, [entry.from_row(database, row["entry"] | {"person": archive}) for row in rows]


def expire_one(database: Database, now_ms: int) -> bool:
    """Takes away one archive whose time is over; True where there was one. Safe to break off."""
    head = database[COLLECTION].find_one({"until_ms": {"$lte": now_ms}}, {"_id": 1})
    if head is None:
        return False
    files = [row["_id"] for row in database["documents.files"].find({"metadata.person": head["_id"]}, {"_id": 1})]
    database["documents.chunks"].delete_many({"files_id": {"$in": files}})
    database["documents.files"].delete_many({"_id": {"$in": files}})
    database[COLLECTION].delete_many({"archive": head["_id"]})
    database[COLLECTION].delete_one({"_id": head["_id"]})
    return True


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("archive", name="archive", sparse=True)
    database[COLLECTION].create_index("until_ms", name="until", sparse=True)


def _organisations(database: Database, person: str) -> list[str]:
    wanted = {"person": person, "retained_by": {"$ne": None}}
    found = {one for name in ("entries", "entry_history") for one in database[name].distinct("retained_by", wanted)}
    files = {"metadata.person": person, "metadata.retained_by": {"$ne": None}}
    return sorted(found | set(database["documents.files"].distinct("metadata.retained_by", files)))


def _batches(database: Database, person: str, organisation: str) -> Iterator[list[Document]]:
    for name in ("entry_history", "entries"):
        batch: list[Document] = []
        for row in database[name].find({"person": person, "retained_by": organisation}):
            batch.append(row)
            if len(batch) == _AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch


def _kept(archive: str, row: Document) -> Document:
    said = {name: value for name, value in row.items() if name not in _KEYED_TO_PERSON}
    key = f"{archive}:{row['id']}:{row['version']}"
    return {"_id": key, "archive": archive, "organisation": row["retained_by"], "entry": said}


def _keep_identity(database: Database, person: str, of: tuple[str, str], until_ms: int) -> None:
    archive, organisation = of
    with contextlib.suppress(KeyDestroyed):  # then it was kept before
        known = people.find(database, person)
        whose: Document = {name: getattr(known, name) for name in (*people.SEALED, "sex")} if known else {}
        whose["birth_on"] = known.birth_on.isoformat() if known and known.birth_on else None
        head: Document = {"_id": archive, "organisation": organisation, "until_ms": until_ms}
        sealed = seals.seal(database, _owner(head), _place(archive), {"person": person} | whose)
        insert_new(database, COLLECTION, [head | {"sealed": sealed}])
    database[COLLECTION].update_one({"_id": archive}, {"$max": {"until_ms": until_ms}})


def _archive(database: Database, head: Document) -> Archive:
    versions = database[COLLECTION].count_documents({"archive": head["_id"]})
    return Archive(head["_id"], head["organisation"], versions, head["until_ms"])


def _id(person: str, organisation: str) -> str:
    """The same whenever it is made, so that a restore fills the archive that the certificate names."""
    return f"archive-{hashlib.sha256(person.encode() + bytes(1) + organisation.encode()).hexdigest()[:24]}"


def _owner(head: Document) -> str:
    return seals.organisation(head["organisation"])


def _place(archive: str) -> str:
    return f"retained.{archive}"


def _years_after(t_ms: int, years: int) -> int:
    begun: datetime = to_datetime(t_ms)
    try:
        return to_ms(begun.replace(year=begun.year + years))
    except ValueError:  # the 29th of February
        return to_ms(begun.replace(year=begun.year + years, month=3, day=1))
