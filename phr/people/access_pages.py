"""The access log as its owner reads it, page by page, latest first."""

from __future__ import annotations

from dataclasses import dataclass

from bson import ObjectId
from pymongo import DESCENDING

from phr.database import Database, Document
from phr.errors import InputInvalid
from phr.people.access_lines import LOG, Line, genuine_sum, key_of, line_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A line; its number in the person's chain, None until it is linked; and whether it is as it was written."""

    id: str
    line: Line
    seq: int | None
    is_intact: bool


@dataclass(frozen=True, slots=True)
class Page:
    lines: list[Shown]
    next_cursor: str | None


def page(database: Database, person: str, limit: int, cursor: str | None = None, *, of_others: bool = False) -> Page:
    """A person's lines; ``of_others``: not the owner's own. Raises InputInvalid for a cursor that is none of ours."""
    wanted: Document = {"person": person}
    if of_others:
        wanted["role"] = {"$ne": "owner"}
    if cursor is not None:
        at_ms, last = _position(cursor)
        wanted["$or"] = [{"at_ms": {"$lt": at_ms}}, {"at_ms": at_ms, "_id": {"$lt": last}}]
    found = database[LOG].find(wanted).sort([("at_ms", DESCENDING), ("_id", DESCENDING)]).limit(limit + 1)
    rows, key = list(found), key_of(database)
    following = f"{rows[limit - 1]['at_ms']}.{rows[limit - 1]['_id']}" if len(rows) > limit else None
    return Page([_shown(key, row) for row in rows[:limit]], following)


def _shown(key: bytes, row: Document) -> Shown:
    return Shown(str(row["_id"]), line_of(row), row.get("seq"), genuine_sum(key, row) is not None)


def _position(cursor: str) -> tuple[int, ObjectId]:
    at_ms, _, last = cursor.partition(".")
    if not at_ms.isdecimal() or len(at_ms) > 16 or not ObjectId.is_valid(last):
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    return int(at_ms), ObjectId(last)
