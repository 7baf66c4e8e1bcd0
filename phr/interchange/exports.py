"""Exports as stored: who took what out of a record in which form, and how far it came; nothing of what was in it.

One document an export, collection ``exports``. ``state`` goes waiting → running → done, or → broken where it ended
before its end; a file that is fetched once more is written anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypedDict

from pymongo import DESCENDING

from phr.clock import At, rfc3339
from phr.database import Database, Document
from phr.errors import NotFound
from phr.interchange.exporters import Asked, ExportFormat, Language, Told, find_format

State = Literal["waiting", "running", "done", "broken"]
TOLD_EVERY_MS = 1_000
COLLECTION = "exports"


class ExportTold(TypedDict):
    """``readings``, ``entries``, ``documents``, ``bytes``: written so far."""

    id: str
    format: str
    metric: str | None
    language: Language
    state: State
    created_at: At
    changed_at: At
    readings: int
    entries: int
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Export:
    id: str
    person: str
    format: str
    metric: str | None
    language: Language
    state: State
    author: str
    created_at_ms: int
    changed_at_ms: int
    told: Told
    bytes: int

    def as_json(self) -> ExportTold:
        return {
            "id": self.id,
            "format": self.format,
            "metric": self.metric,
            "language": self.language,
            "state": self.state,
            "created_at": rfc3339(self.created_at_ms),
            "changed_at": rfc3339(self.changed_at_ms),
            "readings": self.told.readings,
            "entries": self.told.entries,
            "documents": self.told.documents,
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExport:
    """Raises nothing; that the format and the metric exist is looked at before."""

    person: str
    format: str
    author: str
    metric: str | None = None
    language: Language = "zh"


def create(database: Database, draft: NewExport, now_ms: int) -> Export:
    """The export, stored; it is written when its file is fetched."""
    one = Export(
        id=secrets.token_hex(8),
        person=draft.person,
        format=draft.format,
        metric=draft.metric,
        language=draft.language,
        state="waiting",
        author=draft.author,
        created_at_ms=now_ms,
        changed_at_ms=now_ms,
        told=Told(),
        bytes=0,
    )
    database[COLLECTION].insert_one(_row(one))
    return one


def find(database: Database, person: str, export_id: str) -> Export:
    """Raises NotFound, for an export of another person too."""
    row = database[COLLECTION].find_one({"_id": export_id, "person": person})
    if row is None:
        raise NotFound("no such export")
    return _export(row)


def of_person(database: Database, person: str, limit: int = 100) -> list[Export]:
    """A person's exports, latest first."""
    rows = database[COLLECTION].find({"person": person}).sort([("created_at_ms", DESCENDING), ("_id", 1)]).limit(limit)
    return [_export(row) for row in rows]


def write(database: Database, one: Export, clock: Callable[[], int]) -> tuple[ExportFormat, Iterator[bytes]]:
    """The file as it is now, piece by piece; how far it is is kept while it is written. Raises as its format."""
    form = find_format(one.format)
    return form, _written(database, one, form, clock)


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("person", 1), ("created_at_ms", -1), ("_id", 1)], name="person")


def _written(database: Database, one: Export, form: ExportFormat, clock: Callable[[], int]) -> Iterator[bytes]:
    asked = Asked(database, one.person, clock(), one.metric, one.language)
    one = _saved(database, replace(one, state="running", told=Told(), bytes=0), clock())
    try:
        for piece in form.write(asked):
            one = replace(one, bytes=one.bytes + len(piece))
            if clock() - one.changed_at_ms >= TOLD_EVERY_MS:
                one = _saved(database, replace(one, told=asked.told), clock())
            yield piece
        one = replace(one, state="done")
    finally:
        state: State = "done" if one.state == "done" else "broken"  # whoever reads may hang up in between
        _saved(database, replace(one, state=state, told=asked.told), clock())


def _saved(database: Database, one: Export, now_ms: int) -> Export:
    one = replace(one, changed_at_ms=now_ms)
    database[COLLECTION].replace_one({"_id": one.id}, _row(one))
    return one


def _row(one: Export) -> Document:
    row: Document = {name: getattr(one, name) for name in Export.__slots__ if name not in ("id", "told")}
    return row | {"_id": one.id, "told": [one.told.readings, one.told.entries, one.told.documents]}


def _export(row: Document) -> Export:
    fields = {name: row[name] for name in Export.__slots__ if name not in ("id", "told")}
    return Export(id=row["_id"], told=Told(*row["told"]), **fields)
