"""Episodes as they are stored: collection ``alerts``, of each person and rule at most one open.

A row is an ``Episode`` in the clear (no words of anybody's stand in it), with
    is_open         while it has not ended; of those (person, rule) is unique
    next_ms         when somebody is to be called next, while anybody is
    look_ms         when to look whether readings are back within the limit
    to_panel        until panels know of it (phr.panel.rows)
    leased_until_ms who looks after it holds it until then
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, replace
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.alerts.courses import courses
from phr.alerts.episode import Ended, Episode, Met, Said, steps_left
from phr.database import DURABLE, Database, Document
from phr.errors import NotFound, ServerUnavailable

COLLECTION = "alerts"
LEASE_MS = 60_000
TRIES = 8
LOOK_SOON_MS, LOOK_LATER_MS, SOON_MS = 60_000, 30 * 60_000, 2 * 3_600_000

Change = Callable[[Episode], Episode]


def ensure_indexes(database: Database) -> None:
    rows, is_open = database[COLLECTION], {"is_open": True}
    keys = [("person", ASCENDING), ("rule", ASCENDING)]
    rows.create_index(keys, name="open", unique=True, partialFilterExpression=is_open)
    rows.create_index([("person", ASCENDING), ("opened_ms", DESCENDING)], name="person")
    rows.create_index("next_ms", name="next", partialFilterExpression={"next_ms": {"$exists": True}})
    rows.create_index("look_ms", name="look", partialFilterExpression=is_open)


def of_rules(database: Database, person: str, rule: str, keys: Iterable[str]) -> list[Episode]:
    """The open one of the rule, and those that these readings belong to already."""
    belongs: Document = {"$or": [{"is_open": True}, {"readings.key": {"$in": list(keys)}}]}
    return [_episode(row) for row in database[COLLECTION].find({"person": person, "rule": rule} | belongs)]


def of_readings(database: Database, person: str, keys: Iterable[str]) -> list[Episode]:
    found = database[COLLECTION].find({"person": person, "readings.key": {"$in": list(keys)}})
    return [_episode(row) for row in found]


def of_person(database: Database, person: str, *, is_open: bool | None, limit: int) -> list[Episode]:
    """Newest first."""
    wanted: Document = {"person": person} | ({} if is_open is None else {"is_open": is_open})
    rows = database[COLLECTION].find(wanted).sort([("opened_ms", DESCENDING), ("_id", ASCENDING)]).limit(limit)
    return [_episode(row) for row in rows]


def open_of(database: Database, people: Collection[str]) -> list[Episode]:
    """All that is open, of these people."""
    found = database[COLLECTION].find({"person": {"$in": list(people)}, "is_open": True})
    return [_episode(row) for row in found]


def since(database: Database, people: Collection[str], opened_ms: int) -> list[Episode]:
    """All that were opened from then on, of these people."""
    wanted = {"person": {"$in": list(people)}, "opened_ms": {"$gte": opened_ms}}
    return [_episode(row) for row in database[COLLECTION].find(wanted)]


def find(database: Database, person: str, name: str) -> Episode:
    """Raises NotFound."""
    row = database[COLLECTION].find_one({"_id": name, "person": person})
    if row is None:
        raise NotFound("no such alert")
    return _episode(row)


def insert(database: Database, one: Episode) -> bool:
    """False where it is there already, or the rule has another open one: read again."""
    try:
        database[COLLECTION].with_options(write_concern=DURABLE).insert_one(_row(replace(one, version=1)))
    except DuplicateKeyError:
        return False
    return True


def put(database: Database, before: Episode, after: Episode) -> bool:
    """Stores the next version; False where somebody was quicker, or its rule has another open one."""
    if after == before:
        return True
    row = _row(replace(after, version=before.version + 1))
    guard = {"_id": before.id, "version": before.version}
    rows = database[COLLECTION].with_options(write_concern=DURABLE)
    try:
        return rows.replace_one(guard, row).matched_count == 1
    except DuplicateKeyError:
        return False


def change(database: Database, person: str, name: str, act: Change) -> Episode:
    """The episode after the act, which may be done again on what somebody else has made of it. Raises NotFound."""
    for _ in range(TRIES):
        before = find(database, person, name)
        after = act(before)
        if put(database, before, after):
            return replace(after, version=before.version + (after != before))
    raise ServerUnavailable("too many change this alert at once; try again")


def claim(database: Database, field: str, now_ms: int) -> Episode | None:
    """One whose ``field`` (next_ms, look_ms) has come, the caller's for a minute."""
    free = [{"leased_until_ms": {"$exists": False}}, {"leased_until_ms": {"$lte": now_ms}}]
    row = database[COLLECTION].find_one_and_update(
        {field: {"$lte": now_ms}, "is_open": True, "$or": free},
        {"$set": {"leased_until_ms": now_ms + LEASE_MS}},
        sort=[(field, ASCENDING)],
        return_document=ReturnDocument.AFTER,
    )
    return None if row is None else _episode(row)


def looked(database: Database, one: Episode, now_ms: int) -> None:
    """Looked after: when it is to be looked at again."""
    after_ms = LOOK_SOON_MS if now_ms - one.received_ms < SOON_MS else LOOK_LATER_MS
    change_: Document = {"$set": {"look_ms": now_ms + after_ms}, "$unset": {"leased_until_ms": ""}}
    database[COLLECTION].update_one({"_id": one.id}, change_)


def _row(one: Episode) -> Document:
    row: dict[str, Any] = asdict(one)
    row["_id"] = row.pop("id")
    row["is_open"], row["to_panel"] = one.is_open, True
    row["categories"] = list(one.categories)
    left = steps_left(one, courses())
    if left:
        row["next_ms"] = left[0][0]
    if one.is_open:
        row["look_ms"] = one.received_ms + LOOK_SOON_MS
    return row


def _episode(row: Document) -> Episode:
    fields = {name: row[name] for name in Episode.__slots__ if name not in _OWN}
    gone = row["ended"]
    return Episode(
        **fields,
        id=row["_id"],
        categories=tuple(row["categories"]),
        readings=tuple(Met(**one) for one in row["readings"]),
        acknowledged=tuple(Said(**one) for one in row["acknowledged"]),
        ended=Ended(**gone) if gone else None,
    )


_OWN = frozenset(("id", "categories", "readings", "acknowledged", "ended"))
