"""What became of each occurrence: planned, sent, delivered, opened, and then done, skipped, missed or withdrawn.

Collection ``reminder_occurrences``, a row an occurrence:
    _id  reminder:slot     person, reminder, kind, about, categories
    slot  its local day and time     planned_ms  when that is     closes_ms  end of its window
    from_ms, until_ms  what is done in between counts for it
    state     open_until  as closes_ms while it is open: the index of what is to be settled
    sent_ms, delivered_ms, opened_ms, settled_ms, by  who or what settled it ("intake", "reading", an id …)
    to_enter  true while the timeline does not say what became of it     entered  the outcome that it says

Every step is one guarded write: a state is only left for a later one, so that what is told twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pymongo import ASCENDING, InsertOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from phr.database import DURABLE, Database, Document, write_new
from phr.notices import outbox

OCCURRENCES = "reminder_occurrences"
PLANNED, SENT, DELIVERED, OPENED = "planned", "sent", "delivered", "opened"
DONE, SKIPPED, MISSED, WITHDRAWN = "done", "skipped", "missed", "withdrawn"
OPEN = (PLANNED, SENT, DELIVERED, OPENED)
SETTLED = (DONE, SKIPPED, MISSED, WITHDRAWN)
STATES = (*OPEN, *SETTLED)
TOLD = (SENT, DELIVERED, OPENED)
NOTICE = "reminder:"  # what the key of its notice begins with
_BEFORE = {DELIVERED: (PLANNED, SENT), OPENED: (PLANNED, SENT, DELIVERED)}


@dataclass(frozen=True, slots=True)
class Seen:
    """An occurrence as it is kept."""

    id: str
    person: str
    reminder: str
    kind: str
    about: str | None
    categories: tuple[str, ...]
    slot: int
    planned_ms: int
    closes_ms: int
    from_ms: int
    until_ms: int
    state: str = PLANNED
    by: str | None = None
    settled_ms: int | None = None
    entered: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of an occurrence: ``state`` is one of ``SETTLED``; ``by`` whom or what; ``at_ms`` when."""

    id: str
    state: str
    by: str
    at_ms: int


def id_of(reminder: str, slot: int) -> str:
    return f"{reminder}:{slot}"


def notice_key(occurrence: str) -> str:
    return f"{NOTICE}{occurrence}"


def put(database: Database, rows: Sequence[Document], state: str, now_ms: int) -> set[str]:
    """The occurrences at a state, unless they are further; the ids of those that were there. Journaled, repeatable.

    ``rows``: as ``row`` gives them. A row in the state "planned" that is there goes on to ``state``.
    """
    if not rows:
        return set()
    stamps = _stamps(state, now_ms)
    made = [one | stamps | ({} if state in SETTLED else {"open_until": one["closes_ms"]}) for one in rows]
    # Inserting many at once costs the server a quarter of what as many upserts do, and nearly all are new.
    there = [rows[number] for number in write_new(_rows(database), list(map(InsertOne, made))).there]
    update: Document = {"$set": stamps} | ({"$unset": {"open_until": ""}} if state in SETTLED else {})
    for one in there:
        _rows(database).update_one({"_id": one["_id"], "state": PLANNED}, update)
    return {one["_id"] for one in there}


def row(seen: Seen) -> Document:
    """As it is stored, without its state."""
    return {
        "_id": seen.id,
        "person": seen.person,
        "reminder": seen.reminder,
        "kind": seen.kind,
        "about": seen.about,
        "categories": list(seen.categories),
        "slot": seen.slot,
        "planned_ms": seen.planned_ms,
        "closes_ms": seen.closes_ms,
        "from_ms": seen.from_ms,
        "until_ms": seen.until_ms,
    }


def settle(database: Database, settlements: Iterable[Settlement], now_ms: int) -> int:
    """Of those that are open: what became of them, and their notices are taken back. How many; safe to repeat."""
    found = list(settlements)
    writes = [
        UpdateOne(
            {"_id": one.id, "state": {"$in": list(OPEN)}},
            {"$set": _stamps(one.state, one.at_ms) | {"by": one.by}, "$unset": {"open_until": ""}},
            hint="_id_",
        )
        for one in found
    ]
    if not writes:
        return 0
    count = _rows(database).bulk_write(writes, ordered=False).modified_count
    outbox.withdraw_keys(database, [notice_key(one.id) for one in found], now_ms)
    return count


def say(database: Database, seen: Seen, settlement: Settlement, now_ms: int) -> tuple[Seen, bool]:
    """The person's own word on an occurrence, before it is due or after it was missed too; True where it was settled
    already, as it stands then.
    """
    fields = row(seen) | _stamps(settlement.state, settlement.at_ms) | {"by": settlement.by}
    del fields["_id"]
    wanted = {"_id": seen.id, "state": {"$in": [*OPEN, MISSED]}}
    is_late = False
    try:
        _rows(database).update_one(wanted, {"$set": fields, "$unset": {"open_until": ""}}, upsert=True)
    except DuplicateKeyError:
        is_late = True
    outbox.withdraw_keys(database, [notice_key(seen.id)], now_ms)
    found = find(database, seen.id)
    assert found is not None
    return found, is_late


def withdraw(database: Database, reminders: Iterable[str], now_ms: int) -> None:
    """What is open of these is asked no more. Safe to repeat and to break off."""
    of_them = [{"_id": {"$gte": f"{one}:", "$lt": f"{one};"}} for one in reminders]  # ';' follows ':'
    if not of_them:
        return
    rows = database[OCCURRENCES].find({"$or": of_them, "state": {"$in": list(OPEN)}}, {"_id": 1})
    settle(database, [Settlement(one["_id"], WITHDRAWN, "schedule", now_ms) for one in rows], now_ms)


def heard(database: Database, key: str, state: str, now_ms: int) -> None:
    """A channel says of a notice that it was delivered or opened; other notices' keys are no matter."""
    if key.startswith(NOTICE):
        wanted = {"_id": key.removeprefix(NOTICE), "state": {"$in": list(_BEFORE[state])}}
        _rows(database).update_one(wanted, {"$set": {"state": state, f"{state}_ms": now_ms}})


def find(database: Database, one: str) -> Seen | None:
    found = database[OCCURRENCES].find_one({"_id": one})
    return from_row(found) if found else None


def find_many(database: Database, ids: Iterable[str]) -> list[Seen]:
    return [from_row(one) for one in database[OCCURRENCES].find({"_id": {"$in": list(ids)}})]


def of_person(database: Database, person: str, from_ms: int, to_ms: int) -> list[Seen]:
    """Those planned in [from, to), in order of time."""
    wanted = {"person": person, "planned_ms": {"$gte": from_ms, "$lt": to_ms}}
    return [from_row(one) for one in database[OCCURRENCES].find(wanted, sort=[("planned_ms", 1), ("_id", 1)])]


def closing(database: Database, now_ms: int, limit: int) -> list[Seen]:
    """Open ones whose window is over, the oldest first."""
    rows = database[OCCURRENCES].find({"open_until": {"$lte": now_ms}}, sort=[("open_until", 1)], limit=limit)
    return [from_row(one) for one in rows]


def open_ones(database: Database, wanted: Document, limit: int) -> list[Seen]:
    """Open ones, those that close first first."""
    rows = database[OCCURRENCES].find({"open_until": {"$exists": True}} | wanted, sort=[("open_until", 1), ("_id", 1)])
    return [from_row(one) for one in rows.limit(limit)]


def to_enter(database: Database, limit: int) -> list[Seen]:
    """Those of which the timeline does not say yet what became of them."""
    return [from_row(one) for one in database[OCCURRENCES].find({"to_enter": True}).limit(limit)]


def set_entered(database: Database, seen: Iterable[Seen]) -> None:
    """The timeline says of these what they were read as; one that has changed since is told again."""
    writes = [
        UpdateOne({"_id": one.id, "state": one.state}, {"$unset": {"to_enter": ""}, "$set": {"entered": one.state}})
        for one in seen
    ]
    if writes:
        _rows(database).bulk_write(writes, ordered=False)


def from_row(one: Document) -> Seen:
    return Seen(
        id=one["_id"],
        person=one["person"],
        reminder=one["reminder"],
        kind=one["kind"],
        about=one["about"],
        categories=tuple(one["categories"]),
        slot=one["slot"],
        planned_ms=one["planned_ms"],
        closes_ms=one["closes_ms"],
        from_ms=one["from_ms"],
        until_ms=one["until_ms"],
        state=one["state"],
        by=one.get("by"),
        settled_ms=one.get("settled_ms"),
        entered=one.get("entered"),
    )


def ensure_indexes(database: Database) -> None:
    occurrences = database[OCCURRENCES]
    is_open = {"open_until": {"$exists": True}}
    occurrences.create_index([("person", ASCENDING), ("planned_ms", ASCENDING)], name="person")
    occurrences.create_index("open_until", name="open", partialFilterExpression=is_open)
    occurrences.create_index("to_enter", name="to_enter", sparse=True)


def _stamps(state: str, at_ms: int) -> Document:
    if state in SETTLED:
        return {"state": state, "settled_ms": at_ms, "to_enter": True}
    return {"state": state} | ({} if state == PLANNED else {f"{state}_ms": at_ms})


def _rows(database: Database) -> Collection[Document]:
    return database[OCCURRENCES].with_options(write_concern=DURABLE)
