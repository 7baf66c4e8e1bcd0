"""Entries newest first, a page at a time; a page begins after the entry that the one before ended with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pymongo import DESCENDING
from pymongo.collection import Collection

from phr.database import Database, Document
from phr.errors import InputInvalid
from phr.feed.positions import MAJORITY
from phr.people import seals
from phr.timeline.entry import Entry, from_rows
from phr.timeline.words import sought, sought_code
from phr.vocabulary.sight import HIDDEN, Sight

COMMON = 5_000  # from here on one word is as common as another: to count further costs more than it spares
_HIDDEN = re.compile(f"^{HIDDEN}")
NEWEST_FIRST = [("effective_ms", DESCENDING), ("_id", DESCENDING)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries; None leaves open. ``source``: "hand", "record", "import" or one "import:ID"."""

    from_ms: int | None = None
    to_ms: int | None = None
    kinds: frozenset[str] | None = None
    sight: Sight | None = None  # only those of whose categories all may be seen
    source: str | None = None
    text: str | None = None  # all of its words
    code: str | None = None  # "icd-10:E11.9", or "E11" for all that stand below it, whatever its system

    @property
    def is_search(self) -> bool:
        return self.text is not None or self.code is not None


@dataclass(frozen=True, slots=True)
class Page:
    entries: list[Entry]
    next_cursor: str | None


def page(database: Database, person: str, wanted: Filter, limit: int = 50, cursor: str | None = None) -> Page:
    """Deleted ones are left out. Raises InputInvalid for a cursor that is none of ours."""
    query = _query(database, person, wanted)
    bounds: Document = {"$gte": wanted.from_ms, "$lt": wanted.to_ms}
    if cursor is not None:
        at_ms, last_id = _position(cursor)
        bounds["$lte"] = at_ms  # so that the index is entered where the last page ended
        after = {"effective_ms": at_ms, "_id": {"$lt": f"{person}:{last_id}"}}
        query["$or"] = [{"effective_ms": {"$lt": at_ms}}, after]
    if bounds := {operator: value for operator, value in bounds.items() if value is not None}:
        query["effective_ms"] = bounds
    index = "words" if wanted.is_search else None
    found = from_rows(database, database["entries"].find(query, sort=NEWEST_FIRST, limit=limit + 1, hint=index))
    entries = found[:limit]
    has_more = len(found) > limit
    return Page(entries, f"{entries[-1].effective_ms}.{entries[-1].id}" if has_more else None)


def by_id(database: Database, person: str, wanted: Filter, limit: int, after: str) -> list[Entry]:
    """Entries in order of their ids, which no change moves, beginning after one ("": with the first)."""
    query = _query(database, person, wanted) | {"_id": {"$gt": f"{person}:{after}", "$lt": f"{person};"}}
    return from_rows(database, _certain(database).find(query, sort=[("_id", 1)], limit=limit, hint="_id_"))


def standing(database: Database, person: str, entry_ids: Iterable[str]) -> dict[str, Entry]:
    """Those of the entries that are not deleted, by id."""
    keys = [f"{person}:{entry_id}" for entry_id in entry_ids]
    found = from_rows(database, _certain(database).find({"_id": {"$in": keys}, "is_deleted": False}))
    return {entry.id: entry for entry in found}


def _certain(database: Database) -> Collection[Document]:
    """What no failover takes back: a phone keeps what it is told."""
    return database["entries"].with_options(read_concern=MAJORITY)


def _query(database: Database, person: str, wanted: Filter) -> Document:
    query: Document = {"person": person, "is_deleted": False}
    if wanted.is_search:
        query |= _searched(database, person, wanted)
    if wanted.kinds is not None:
        query["kind"] = {"$in": sorted(wanted.kinds)}
    if wanted.sight is not None:
        seen = [*sorted(wanted.sight), *([_HIDDEN] if HIDDEN in wanted.sight else [])]
        query["categories"] = {"$not": {"$elemMatch": {"$nin": seen}}}
        if beyond := _beyond(wanted.sight):
            query["$nor"] = beyond
    if wanted.source is not None:
        is_whole = ":" in wanted.source or wanted.source != "import"
        query["source"] = wanted.source if is_whole else {"$gte": "import:", "$lt": "import;"}
    return query


def _beyond(sight: Sight) -> list[Document]:
    """What is of a category that may be seen, and not of its period."""
    found: list[Document] = []
    for category, period in sorted(sight.limited.items()):
        if period.from_ms is not None:
            found.append({"categories": category, "effective_ms": {"$lt": period.from_ms}})
        if period.until_ms is not None:
            found.append({"categories": category, "effective_ms": {"$gte": period.until_ms}})
    return found


def _searched(database: Database, person: str, wanted: Filter) -> Document:
    """By the rarest word, which the index begins with; the others are looked for in what has it.

    Raises InputInvalid for a text without a word.
    """
    words = [] if wanted.text is None else sought(wanted.text)
    if wanted.text is not None and not words:
        raise InputInvalid("there is no word in it to look for", "/text")
    words += [] if wanted.code is None else [sought_code(wanted.code)]
    rarest, *others = _rarest_first(database, seals.tokens(database, person, words))
    # As an expression, lest the index be entered with a word of half the record.
    also = {"$expr": {"$setIsSubset": [{"$literal": others}, "$words"]}} if others else {}
    return {"words": rarest} | also


def _rarest_first(database: Database, tokens: list[bytes]) -> list[bytes]:
    if len(tokens) == 1:
        return tokens
    entries = database["entries"]
    return sorted(tokens, key=lambda token: entries.count_documents({"words": token}, limit=COMMON, hint="words"))


def _position(cursor: str) -> tuple[int, str]:
    at_ms, _, last_id = cursor.partition(".")
    if not at_ms.removeprefix("-").isdecimal() or len(at_ms) > 16 or not last_id:
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    return int(at_ms), last_id
