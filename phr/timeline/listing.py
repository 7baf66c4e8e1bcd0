"""Entries newest first, a page at a time; a page begins after the entry that the one before ended with."""

from __future__ import annotations

import math
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

FEW = 200  # so many entries with a word are looked through in no time
_HIDDEN = re.compile(f"^{HIDDEN}")
NEWEST_FIRST = [("effective_ms", DESCENDING), ("_id", DESCENDING)]
_SHOWN = {"words": False, "said_as": False}  # what only the index and a writer need is half of a row


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


@dataclass(frozen=True, slots=True)
class RowPage:
    """Entries as they are stored, for who does not open them all."""

    rows: list[Document]
    next_cursor: str | None


def page(database: Database, person: str, wanted: Filter, limit: int = 50, cursor: str | None = None) -> Page:
    """Deleted ones are left out. Raises InputInvalid for a cursor that is none of ours."""
    found = row_page(database, person, wanted, limit, cursor)
    return Page(from_rows(database, found.rows), found.next_cursor)


def row_page(database: Database, person: str, wanted: Filter, limit: int, cursor: str | None) -> RowPage:
    """As ``page``."""
    within: Document = {"$gte": wanted.from_ms, "$lt": wanted.to_ms}
    place: Document = {}
    if cursor is not None:
        at_ms, last_id = _position(cursor)
        within["$lte"] = at_ms  # so that the index is entered where the last page ended
        after = {"effective_ms": at_ms, "_id": {"$lt": f"{person}:{last_id}"}}
        place = {"$or": [{"effective_ms": {"$lt": at_ms}}, after]}
    within = {operator: value for operator, value in within.items() if value is not None}
    span: Document = {"effective_ms": within} if within else {}
    query = _query(database, person, wanted, span) | span | place
    index = "words" if wanted.is_search else None
    found = list(database["entries"].find(query, _SHOWN, sort=NEWEST_FIRST, limit=limit + 1, hint=index))
    rows = found[:limit]
    has_more = len(found) > limit
    return RowPage(rows, f"{rows[-1]['effective_ms']}.{rows[-1]['id']}" if has_more else None)


def by_id(database: Database, person: str, wanted: Filter, limit: int, after: str) -> list[Entry]:
    """Entries in order of their ids, which no change moves, beginning after one ("": with the first)."""
    query = _query(database, person, wanted, {}) | {"_id": {"$gt": f"{person}:{after}", "$lt": f"{person};"}}
    return from_rows(database, _certain(database).find(query, _SHOWN, sort=[("_id", 1)], limit=limit, hint="_id_"))


def standing(database: Database, person: str, entry_ids: Iterable[str]) -> dict[str, Entry]:
    """Those of the entries that are not deleted, by id."""
    keys = [f"{person}:{entry_id}" for entry_id in entry_ids]
    found = from_rows(database, _certain(database).find({"_id": {"$in": keys}, "is_deleted": False}, _SHOWN))
    return {entry.id: entry for entry in found}


def _certain(database: Database) -> Collection[Document]:
    """What no failover takes back: a phone keeps what it is told."""
    return database["entries"].with_options(read_concern=MAJORITY)


def _query(database: Database, person: str, wanted: Filter, span: Document) -> Document:
    """``span``: of the instants that are looked through, as a query; it stands not in what is given."""
    query: Document = {"person": person, "is_deleted": False}
    if wanted.is_search:
        query |= _searched(database, person, wanted, span)
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


def _searched(database: Database, person: str, wanted: Filter, span: Document) -> Document:
    """By the rarest word, which the index begins with; the others are looked for in what has it.

    Raises InputInvalid for a text without a word.
    """
    words = [] if wanted.text is None else sought(wanted.text)
    if wanted.text is not None and not words:
        raise InputInvalid("there is no word in it to look for", "/text")
    words += [] if wanted.code is None else [sought_code(wanted.code)]
    rarest, *others = _rarest_first(database, seals.tokens(database, person, words), span)
    # As an expression, lest the index be entered with a word of half the record.
    also = {"$expr": {"$and": [{"$in": [{"$literal": one}, "$words"]} for one in others]}} if others else {}
    return {"words": rarest} | also


def _rarest_first(database: Database, tokens: list[bytes], span: Document) -> list[bytes]:
    """By how far back the newest FEW entries with each reach: to count all with a common word takes ten times as long.

    What is covered by the index is asked for alone, so that no entry is fetched.
    """
    if len(tokens) == 1:
        return tokens

    def reach(token: bytes) -> float:
        found = database["entries"].find(
            {"words": token} | span, {"_id": 0, "effective_ms": 1}, sort=NEWEST_FIRST, skip=FEW, limit=1, hint="words"
        )
        return next((float(row["effective_ms"]) for row in found), -math.inf)

    return sorted(tokens, key=reach)


def _position(cursor: str) -> tuple[int, str]:
    at_ms, _, last_id = cursor.partition(".")
    if not at_ms.removeprefix("-").isdecimal() or len(at_ms) > 16 or not last_id:
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    return int(at_ms), last_id
