"""Brings what waits in line with people who have changed: another zone, a death, a consent taken back or given again.

The last change that was looked at is kept in ``reminder_marks``; a round may be broken off and is done again.
"""

from __future__ import annotations

from pymongo import UpdateOne
from pymongo.read_concern import ReadConcern

from phr.database import DURABLE, Database, Document
from phr.people import whereabouts
from phr.people.whereabouts import Whereabouts
from phr.reminders import ledger
from phr.reminders.moments import following
from phr.reminders.reminder import ACTIVE, REMINDERS, pattern_of_row
from phr.reminders.schedules import due, waiting, zones_of

MARKS = "reminder_marks"
PEOPLE = "people"
AT_ONCE = 500


def replan_some(database: Database, now_ms: int) -> bool:
    """One round; True where somebody had changed."""
    certain = database.with_options(read_concern=ReadConcern("majority"))
    mark = certain[MARKS].find_one({"_id": PEOPLE})
    changed = whereabouts.changed_since(certain, mark["seq"] if mark else 0, AT_ONCE)
    if not changed:
        return False
    ids = [person for person, _ in changed]
    places = whereabouts.of_people(certain, ids)
    writes: list[UpdateOne] = []
    ended = []
    for row in certain[REMINDERS].find({"person": {"$in": ids}, "state": ACTIVE}):
        where = places.get(row["person"])
        if where is None or not where.is_reminded:
            ended.append(row["_id"])
        writes.append(_write(row, where, now_ms))
    if writes:
        database[REMINDERS].with_options(write_concern=DURABLE).bulk_write(writes, ordered=False)
    ledger.withdraw(database, ended, now_ms)
    database[MARKS].update_one({"_id": PEOPLE}, {"$max": {"seq": changed[-1][1]}}, upsert=True)
    return True


def _write(row: Document, where: Whereabouts | None, now_ms: int) -> UpdateOne:
    """A scheduler's round that knows the person as they were comes to nothing: the plan is another one."""
    update = _plan(row, where, now_ms)
    return UpdateOne({"_id": row["_id"], "version": row["version"]}, update | {"$inc": {"plan": 1}})


def _plan(row: Document, where: Whereabouts | None, now_ms: int) -> Document:
    nothing: Document = {"$unset": {"due_ms": "", "next_ms": ""}}
    if where is None or not where.is_reminded:
        return nothing
    zones = zones_of(row, where)
    if "due_ms" not in row:
        fields = waiting(row, zones, now_ms)
        return {"$set": fields | {"last": max(fields["last"], row["last"])}}
    after = next(following(pattern_of_row(row), zones, row["last"]), None)
    return nothing if after is None else {"$set": due(row, after)}
