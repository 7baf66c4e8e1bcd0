"""Schedules put, changed and ended; plans and people use the same door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from phr.database import DURABLE, Database, Document
from phr.errors import AlreadyThere, NotFound, VersionConflict
from phr.people import whereabouts
from phr.people.people import ZonePeriod
from phr.people.whereabouts import Whereabouts
from phr.reminders import categories, ledger
from phr.reminders.moments import Occurrence, first_from, told_at
from phr.reminders.reminder import (
    ACTIVE,
    ENDED,
    NEVER_SLOT,
    REMINDERS,
    Reminder,
    from_row,
    id_of,
    pattern_of_row,
    to_row,
    words_of,
)
from phr.reminders.schedule import Schedule, pattern_of

PLAN = "plan"
MOST_OF_PERSON = 200
# What two schedules that ask for the same have in common, words aside, which are sealed and compared in the clear.
_SAID = (
    *("person", "kind", "categories", "about", "source", "rrule", "starts_on", "ends_on", "times", "zone"),
    *("window_min", "quiet", "state"),
)
_WAITING: Document = {"due_ms": "", "next_ms": ""}


def put(database: Database, schedule: Schedule, now_ms: int, source: str = PLAN) -> Reminder:
    """The schedule under its key, asking from now on: made, changed to say this, or left as it is. Safe to repeat.

    Raises InputInvalid with a pointer to what can't be, NotFound where there is no such person, AlreadyThere where
    the key stands for somebody else's.
    """
    pattern, schedule = pattern_of(schedule), _with_categories(database, schedule)
    where = whereabouts.of_people(database, [schedule.person]).get(schedule.person)
    if where is None:
        raise NotFound("no such person")
    row = to_row(database, schedule, pattern, source)
    there = database[REMINDERS].find_one({"_id": row["_id"]})
    if there is None:
        made = _made(database, row, where, now_ms)
        return _as_of_now(database, made, where, now_ms) if made else put(database, schedule, now_ms, source)
    if there["person"] != schedule.person:
        raise AlreadyThere("this key stands for another schedule", "/key")
    if _is_same(database, there, row):
        return from_row(there)
    return _as_of_now(database, _replaced(database, there, row, where, now_ms), where, now_ms)


def create(database: Database, schedule: Schedule, now_ms: int, source: str) -> Reminder:
    """As ``put``, for one who must not change what is there: the same again is the one that is there.

    Raises AlreadyThere, too, where the key stands for something else.
    """
    schedule = _with_categories(database, schedule)
    row = database[REMINDERS].find_one({"_id": id_of(schedule.key)})
    if row is not None and not _is_same(database, row, to_row(database, schedule, pattern_of(schedule), source)):
        raise AlreadyThere("this Idempotency-Key stands for another reminder")
    return put(database, schedule, now_ms, source)


def change(database: Database, reminder: Reminder, schedule: Schedule, now_ms: int) -> Reminder:
    """The reminder saying this from now on. Raises as ``put``; VersionConflict where it has changed since."""
    pattern, schedule = pattern_of(schedule), _with_categories(database, schedule)
    where = whereabouts.of_people(database, [reminder.person]).get(reminder.person)
    there = database[REMINDERS].find_one({"_id": reminder.id, "version": reminder.version})
    if there is None or where is None:
        raise VersionConflict("the reminder has changed since it was read")
    row = to_row(database, schedule, pattern, reminder.source, one=reminder.id)
    if _is_same(database, there, row):
        return from_row(there)
    return _as_of_now(database, _replaced(database, there, row, where, now_ms), where, now_ms)


def end(database: Database, key: str, now_ms: int) -> None:
    """Nothing is asked under this key any more, and what is open is withdrawn. Safe to repeat; unknown keys too."""
    end_id(database, id_of(key), now_ms)


def end_id(database: Database, one: str, now_ms: int, version: int | None = None) -> None:
    """As ``end``, by id. Raises VersionConflict where it is no longer at ``version``."""
    wanted: Document = {"_id": one, "state": ACTIVE} | ({} if version is None else {"version": version})
    fields = {"$set": {"state": ENDED, "changed_at_ms": now_ms}, "$unset": _WAITING, "$inc": {"version": 1, "plan": 1}}
    if not _rows(database).update_one(wanted, fields).matched_count and version is not None:
        raise VersionConflict("the reminder has changed since it was read")
    ledger.withdraw(database, [one], now_ms)


def find(database: Database, person: str, one: str) -> Reminder:
    """Raises NotFound, for one that has ended too."""
    row = database[REMINDERS].find_one({"_id": one, "person": person, "state": ACTIVE})
    if row is None:
        raise NotFound("no such reminder")
    return from_row(row)


def of_person(database: Database, person: str) -> list[tuple[Reminder, Document]]:
    """Those that are active, each with its row, in order of making."""
    rows = database[REMINDERS].find(
        {"person": person, "state": ACTIVE}, sort=[("created_at_ms", ASCENDING), ("_id", ASCENDING)]
    )
    return [(from_row(row), row) for row in rows]


def row_of(database: Database, one: str) -> Document:
    """Raises NotFound."""
    row = database[REMINDERS].find_one({"_id": one})
    if row is None:
        raise NotFound("no such reminder")
    return row


def waiting(row: Document, zones: Sequence[ZonePeriod], now_ms: int) -> Document:
    """The fields of a row that asks from now on."""
    first = first_from(pattern_of_row(row), zones, now_ms)
    return {"last": NEVER_SLOT} if first is None else {"last": first.slot - 1} | due(row, first)


def due(row: Document, following: Occurrence) -> Document:
    """The fields of a row whose next occurrence this is; one that is never told is looked at when it is planned."""
    told_ms = told_at(pattern_of_row(row), following)
    return {"next_ms": following.planned_ms, "due_ms": following.planned_ms if told_ms is None else told_ms}


def ensure_indexes(database: Database) -> None:
    reminders = database[REMINDERS]
    is_waiting = {"due_ms": {"$exists": True}}
    reminders.create_index([("part", 1), ("due_ms", 1)], name="due", partialFilterExpression=is_waiting)
    reminders.create_index([("person", 1), ("state", 1)], name="person")
    ledger.ensure_indexes(database)


def _with_categories(database: Database, schedule: Schedule) -> Schedule:
    """As of what it is about too, whoever puts it."""
    asked = (schedule.person, schedule.kind, schedule.about)
    found = categories.of_entries(database, [asked]).get(asked, frozenset())
    return replace(schedule, categories=tuple(sorted({*schedule.categories, *found})))


def _made(database: Database, row: Document, where: Whereabouts, now_ms: int) -> Reminder | None:
    """None where another was quicker."""
    made = (
        row | {"version": 1, "plan": 1, "created_at_ms": now_ms, "changed_at_ms": now_ms} | _asking(row, where, now_ms)
    )
    try:
        _rows(database).insert_one(made)
    except DuplicateKeyError:
        return None
    return from_row(made)


def _replaced(database: Database, there: Document, row: Document, where: Whereabouts, now_ms: int) -> Reminder:
    """From now on; what was asked before stays in the ledger, and a slot that was asked is not asked again."""
    asking = _asking(row, where, now_ms)
    asking["last"] = max(asking["last"], there["last"]) if "due_ms" in asking else there["last"]
    unset = {name: "" for name in _WAITING if name not in asking}
    update = {"$set": row | asking | {"changed_at_ms": now_ms}, "$inc": {"version": 1, "plan": 1}, "$unset": unset}
    guard = {"_id": row["_id"], "version": there["version"]}
    if not _rows(database).update_one(guard, update).matched_count:
        raise VersionConflict("the reminder has changed since it was read")
    return from_row(row_of(database, row["_id"]))


def _as_of_now(database: Database, stored: Reminder, where: Whereabouts, now_ms: int) -> Reminder:
    """Somebody who changed before it was stored is replanned without it, so it is looked at once more."""
    now = whereabouts.of_people(database, [stored.person]).get(stored.person)
    if now is None or now == where:
        return stored
    row = row_of(database, stored.id)
    asking = _asking(row, now, now_ms)
    unset = {name: "" for name in _WAITING if name not in asking}
    update = {"$set": asking, "$inc": {"plan": 1}} | ({"$unset": unset} if unset else {})
    _rows(database).update_one({"_id": stored.id, "plan": row["plan"]}, update)
    return from_row(row_of(database, stored.id))


def _asking(row: Document, where: Whereabouts, now_ms: int) -> Document:
    if not where.is_reminded:
        return {"last": NEVER_SLOT}
    return waiting(row, zones_of(row, where), now_ms)


def zones_of(row: Document, where: Whereabouts) -> tuple[ZonePeriod, ...]:
    """The schedule's own zone, or those of its person."""
    return where.zones if row["zone"] is None else (ZonePeriod(None, row["zone"]),)


def _is_same(database: Database, there: Document, row: Document) -> bool:
    if any(there[name] != row[name] for name in _SAID):
        return False
    return words_of(database, there) == words_of(database, row)


def _rows(database: Database) -> Collection[Document]:
    return database[REMINDERS].with_options(write_concern=DURABLE)
