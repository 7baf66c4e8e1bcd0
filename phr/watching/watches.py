"""Who is to be judged, and when: collection ``watches``, a row a person.

_id  person     m  metrics whose readings have changed since they were judged ("*": all)
news  how often that was noted
due_ms  when to judge, missing while nothing has changed (partial index)     lease, lease_ms  who judges, until when
judged_ms  when it was last done
open  {rule: [begun, found]}  what has been found and is not over: when it was first found, and last
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne

from phr.database import DURABLE, Database, Document, write_new

COLLECTION = "watches"
EVERYTHING = "*"
LEASE_MS = 60_000
SOON_MS = 60_000  # at the soonest after one was judged before
_NEVER = 2**53


@dataclass(frozen=True, slots=True)
class News:
    """That a person's readings of some metrics have changed; ``gap_ms``: how long after the last time to judge."""

    person: str
    metrics: frozenset[str]
    gap_ms: int


@dataclass(frozen=True, slots=True)
class Watch:
    """One person to judge now."""

    person: str
    metrics: frozenset[str]
    news: int
    open: Mapping[str, tuple[int, int]]


def note(database: Database, news: Iterable[News], now_ms: int) -> None:
    """Has these people judged. Noting the same twice judges twice and does no other harm.

    Who waits to be judged for these metrics, soon enough and by nobody yet, is left alone: most of those who wear
    something do. Whoever claims them after this look reads what has landed before it.
    """
    told = list(news)
    waiting = database[COLLECTION].find({"_id": {"$in": [one.person for one in told]}}, _WAITING)
    there = {row["_id"]: row for row in waiting}
    writes = [
        UpdateOne({"_id": one.person}, [{"$set": _noted(one, now_ms)}], upsert=True)
        for one in told
        if not _is_noted(one, there.get(one.person), now_ms)
    ]
    if writes:
        write_new(database[COLLECTION].with_options(write_concern=DURABLE), writes)


def claim(database: Database, most: int, now_ms: int) -> list[Watch]:
    """Some who are due and whom nobody else judges, for a minute; who has died holding them leaves them to others."""
    watches, token = database[COLLECTION], secrets.token_urlsafe(8)
    is_free = {"$or": [{"lease_ms": {"$exists": False}}, {"lease_ms": {"$lte": now_ms}}]}
    due = watches.find({"due_ms": {"$lte": now_ms}} | is_free, {"_id": 1}, sort=[("due_ms", 1)], limit=most)
    ids = [row["_id"] for row in due]
    if not ids:
        return []
    leased = {"$set": {"lease": token, "lease_ms": now_ms + LEASE_MS}}
    watches.update_many({"_id": {"$in": ids}, "due_ms": {"$lte": now_ms}} | is_free, leased)
    return [_watch(row) for row in watches.find({"_id": {"$in": ids}, "lease": token})]


def set_open(database: Database, found: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
    """What is open of each of these people from now on; to be stored before anybody is told of it."""
    writes = [
        UpdateOne({"_id": person}, {"$set": {"open": {rule: list(times) for rule, times in some.items()}}})
        for person, some in found.items()
    ]
    if writes:
        database[COLLECTION].with_options(write_concern=DURABLE).bulk_write(writes, ordered=False)


def set_judged(database: Database, judged: Iterable[Watch], now_ms: int) -> None:
    """These are done; of whom there was news meanwhile is judged again."""
    writes = [UpdateOne({"_id": one.person}, [{"$set": _judged(one, now_ms)}, _FREED]) for one in judged]
    if writes:
        database[COLLECTION].bulk_write(writes, ordered=False)


def forget(database: Database, people: Iterable[str]) -> None:
    """Nobody watches over those who are not there (any more)."""
    gone = list(people)
    if gone:
        database[COLLECTION].delete_many({"_id": {"$in": gone}})


def ensure_indexes(database: Database) -> None:
    is_due = {"due_ms": {"$exists": True}}
    database[COLLECTION].create_index("due_ms", name="due", partialFilterExpression=is_due)


_WAITING = {"m": 1, "due_ms": 1, "judged_ms": 1, "lease_ms": 1}
_FREED: Document = {"$unset": ["lease", "lease_ms"]}


def _is_noted(one: News, row: Document | None, now_ms: int) -> bool:
    if row is None or "due_ms" not in row or "lease_ms" in row:
        return False
    soonest = max(now_ms, row.get("judged_ms", 0) + one.gap_ms)
    return row["due_ms"] <= soonest and (EVERYTHING in row["m"] or one.metrics <= set(row["m"]))


def _noted(one: News, now_ms: int) -> Document:
    soonest = {"$max": [now_ms, {"$add": [{"$ifNull": ["$judged_ms", 0]}, one.gap_ms]}]}
    return {
        "m": {"$setUnion": [{"$ifNull": ["$m", []]}, sorted(one.metrics)]},
        "news": {"$add": [{"$ifNull": ["$news", 0]}, 1]},
        "due_ms": {"$min": [{"$ifNull": ["$due_ms", _NEVER]}, soonest]},
    }


def _judged(one: Watch, now_ms: int) -> Document:
    is_over: Any = {"$eq": ["$news", one.news]}
    return {
        "m": {"$cond": [is_over, [], "$m"]},
        "due_ms": {"$cond": [is_over, "$$REMOVE", now_ms + SOON_MS]},
        "judged_ms": now_ms,
    }


def _watch(row: Document) -> Watch:
    known = {rule: (times[0], times[1]) for rule, times in row.get("open", {}).items()}
    return Watch(row["_id"], frozenset(row["m"]), row["news"], known)
