"""The feed itself: what of a person's record changed last at which position, one row a thing, collection ``feed``.

A row, moved to another position when its thing changes again:
    _id  person:e:entry id | person:r:metric:from:device
    p    person          n  position          c  its categories          at  when it was told, for its expiry
    k    "entry": e id, v version, x true when it was deleted, o what categories it had before, if others
         "span":  m metric, d device, f from, t to (ms), v version of the bucket: read it again
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from phr.database import Database, Document, transact
from phr.feed import positions
from phr.feed.positions import MAJORITY
from phr.vocabulary.sight import is_within

FEED = "feed"
EPOCHS = "feed_epochs"
KEPT_DAYS = 400  # a phone may be away for a year and a month
_SLACK_DAYS = 30  # rows outlive the cursors that need them
PEOPLE_AT_ONCE = 100  # whose feeds one transaction holds while others wait
READINGS = "readings"


@dataclass(frozen=True, slots=True)
class EntryChange:
    person: str
    entry: str
    version: int
    categories: tuple[str, ...]
    is_deleted: bool
    former: tuple[tuple[str, ...], ...] = ()  # categories that it had before: who saw it then must hear of it now

    def is_told(self, sight: Collection[str]) -> bool:
        """True for one who may see it, or could once."""
        return any(is_within(one, sight) for one in (self.categories, *self.former))


@dataclass(frozen=True, slots=True)
class SpanChange:
    """The readings of one metric and device over [from, to) are now at a version of their own, which only grows."""

    person: str
    metric: str
    device: str
    from_ms: int
    to_ms: int
    version: int

    def is_told(self, sight: Collection[str]) -> bool:
        return READINGS in sight


@dataclass(frozen=True, slots=True)
class Told:
    """A change and its position."""

    position: int
    change: EntryChange | SpanChange


def entry_changed(session: ClientSession, database: Database, change: EntryChange) -> None:
    """Tells of a changed entry in the transaction that changes it."""
    _tell(session, database, [change])


def entries_changed(session: ClientSession, database: Database, changes: Sequence[EntryChange]) -> None:
    """As ``entry_changed`` for many, in their order; a thousand in a transaction are well."""
    _tell(session, database, changes)


def spans_changed(database: Database, changes: Iterable[SpanChange]) -> None:
    """Tells of changed spans in transactions of its own, a few people at once; safe to repeat."""
    by_person: dict[str, list[SpanChange]] = {}
    for change in changes:
        by_person.setdefault(change.person, []).append(change)
    people = list(by_person)
    for low in range(0, len(people), PEOPLE_AT_ONCE):
        part = [change for person in people[low : low + PEOPLE_AT_ONCE] for change in by_person[person]]
        transact(database, lambda session, part=part: _tell(session, database, part))  # type: ignore[misc]


def since(database: Database, person: str, position: int, limit: int) -> list[Told]:
    """What changed after the position, in order of commits, of all categories."""
    feed = database[FEED].with_options(read_concern=MAJORITY)
    return [_told(row) for row in feed.find({"p": person, "n": {"$gt": position}}, sort=[("n", 1)], limit=limit)]


def epoch(database: Database) -> str:
    """What every cursor carries: positions of another epoch say nothing here."""
    epochs = database[EPOCHS].with_options(read_concern=MAJORITY)
    found = epochs.find_one({"_id": FEED})
    if found is None:
        database[EPOCHS].update_one({"_id": FEED}, {"$setOnInsert": {"name": _new_name()}}, upsert=True)
        found = epochs.find_one({"_id": FEED})
        assert found is not None
    return str(found["name"])


def begin_anew(database: Database) -> None:
    """Ends the epoch: every phone reads the record from the start. To be called after each restore of a backup."""
    database[EPOCHS].update_one({"_id": FEED}, {"$set": {"name": _new_name()}}, upsert=True)


def ensure_indexes(database: Database) -> None:
    database[FEED].create_index([("p", 1), ("n", 1)], name="person_position")
    positions.ensure_indexes(database)
    database[FEED].create_index("at", name="expiry", expireAfterSeconds=(KEPT_DAYS + _SLACK_DAYS) * 86_400)


def _tell(session: ClientSession, database: Database, changes: Sequence[EntryChange | SpanChange]) -> None:
    if not changes:
        return
    following = positions.take(database, session, Counter(change.person for change in changes))
    writes = []
    for change in changes:
        row = _row(change) | {"p": change.person, "n": following[change.person]}
        following[change.person] += 1
        # The server expires rows by its own clock, so that is the one that stamps them.
        update: Document = {"$set": row, "$currentDate": {"at": True}}
        if isinstance(change, EntryChange) and change.former:
            update["$addToSet"] = {"o": {"$each": [list(one) for one in change.former]}}
        writes.append(UpdateOne({"_id": row["_id"]}, update, upsert=True, hint="_id_"))
    database[FEED].bulk_write(writes, session=session)


def _row(change: EntryChange | SpanChange) -> Document:
    if isinstance(change, EntryChange):
        row: Document = {"_id": f"{change.person}:e:{change.entry}", "k": "entry", "c": list(change.categories)}
        return row | {"e": change.entry, "v": change.version, "x": change.is_deleted}
    key = f"{change.person}:r:{change.metric}:{change.from_ms}:{change.device}"
    row = {"_id": key, "k": "span", "c": [READINGS], "m": change.metric, "d": change.device}
    return row | {"f": change.from_ms, "t": change.to_ms, "v": change.version}


def _told(row: Document) -> Told:
    if row["k"] == "entry":
        former = tuple(tuple(one) for one in row.get("o", ()))
        return Told(row["n"], EntryChange(row["p"], row["e"], row["v"], tuple(row["c"]), row["x"], former))
    return Told(row["n"], SpanChange(row["p"], row["m"], row["d"], row["f"], row["t"], row["v"]))


def _new_name() -> str:
    return secrets.token_urlsafe(6)
