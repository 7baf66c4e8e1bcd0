"""What somebody was pushed to read, which topics they have enough of, and when they are looked at next.

Collection ``learners``: _id  the person     v
    due_ms  when to look for something to push, missing for who is told nothing     leased_until_ms  who looks holds it
    to_tell  the number of a push that is decided and of which nobody knows yet whether it was told
    sealed  the pushes of the last months, the topics that are off, how often these were chosen
    ``lesson_marks``: _id "people"     seq  the registry number up to which people have a row

A push is decided and noted in one guarded write, and told afterwards under a key made of its number. So a process may
die anywhere: what was decided is told once, and what is two a week stays two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from phr.database import DURABLE, Database, Document
from phr.errors import VersionConflict
from phr.people import seals, whereabouts
from phr.people.whereabouts import Whereabouts

COLLECTION, MARKS = "learners", "lesson_marks"
PEOPLE = "people"
AT_ONCE = 500
LEASE_MS = 60_000
KEPT_MS = 400 * 86_400_000
TRIES = 8


@dataclass(frozen=True, slots=True)
class Push:
    """``number``: of all pushes to the person, from 1; ``zh``, ``en``: as it was told."""

    number: int
    slug: str
    at_ms: int
    zh: str
    en: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Learner:
    """``off``: the topics that the person has enough of; ``chosen``: how often they have said so."""

    person: str
    pushes: tuple[Push, ...] = ()
    off: tuple[str, ...] = ()
    chosen: int = 0
    version: int = 0
    to_tell: int | None = None

    @property
    def untold(self) -> Push | None:
        return next((one for one in self.pushes if one.number == self.to_tell), None)

    @property
    def next_number(self) -> int:
        return self.pushes[-1].number + 1 if self.pushes else 1


def find(database: Database, person: str) -> Learner:
    """One who was told nothing yet where there is no row. Raises KeyDestroyed."""
    row = database[COLLECTION].find_one({"_id": person})
    return _learner(database, row) if row else Learner(person)


def choose(database: Database, person: str, off: Iterable[str], chosen: int) -> Learner:
    """With these topics off instead of those before. Raises VersionConflict where that was chosen anew since."""

    def choosing(one: Learner) -> Learner:
        if one.chosen != chosen:
            raise VersionConflict("it has changed since you read it; read it again")
        return replace(one, off=tuple(sorted(set(off))), chosen=chosen + 1)

    return _change(database, person, choosing)


def push(
    database: Database, person: str, decide: Callable[[Learner], Push | None], due_ms: int, now_ms: int
) -> Learner:
    """With the push that is decided of the learner as they are at that moment, if any; looked at next at ``due_ms``."""

    def pushed(one: Learner) -> Learner:
        new = None if one.to_tell is not None else decide(one)
        if new is None:
            return one
        kept = tuple(before for before in one.pushes if now_ms - before.at_ms < KEPT_MS)
        return replace(one, pushes=(*kept, new), to_tell=new.number)

    after = _change(database, person, pushed, due_ms)
    set_due(database, person, due_ms)
    return after


def claim(database: Database, now_ms: int) -> str | None:
    """Somebody who is due, the caller's for a minute; None where nobody is."""
    return _claim(database, {"due_ms": {"$lte": now_ms}}, now_ms)


def claim_untold(database: Database, now_ms: int) -> str | None:
    """Somebody to whom a push was decided that nobody may have told: who decided it died."""
    return _claim(database, {"to_tell": {"$exists": True}}, now_ms)


def set_due(database: Database, person: str, due_ms: int | None) -> None:
    """When to look at them next; None: not until they change."""
    update: Document = {"$unset": {"leased_until_ms": ""} | ({} if due_ms is not None else {"due_ms": ""})}
    if due_ms is not None:
        update["$set"] = {"due_ms": due_ms}
    database[COLLECTION].update_one({"_id": person}, update)


def told(database: Database, person: str, number: int) -> None:
    database[COLLECTION].update_one(
        {"_id": person, "to_tell": number}, {"$unset": {"to_tell": "", "leased_until_ms": ""}}
    )


def forget(database: Database, person: str) -> None:
    """Of one who is not there any more."""
    database[COLLECTION].delete_one({"_id": person})


def follow_people(database: Database, due_of: Callable[[Whereabouts], int]) -> bool:
    """Gives those a row who have come or changed since the last round; True where there were some.

    ``due_of``: when somebody is to be looked at first. Broken off, the round is done again alike.
    """
    certain = database.with_options(read_concern=ReadConcern("majority"))
    mark = certain[MARKS].find_one({"_id": PEOPLE})
    changed = whereabouts.changed_since(certain, mark["seq"] if mark else 0, AT_ONCE)
    if not changed:
        return False
    places = whereabouts.of_people(certain, [person for person, _ in changed])
    writes = [_followed(person, places.get(person), due_of) for person, _ in changed]
    database[COLLECTION].with_options(write_concern=DURABLE).bulk_write(writes, ordered=False)
    database[MARKS].update_one({"_id": PEOPLE}, {"$max": {"seq": changed[-1][1]}}, upsert=True)
    return True


def ensure_indexes(database: Database) -> None:
    is_due = {"due_ms": {"$exists": True}}
    database[COLLECTION].create_index("due_ms", name="due", partialFilterExpression=is_due)
    database[COLLECTION].create_index("to_tell", name="to_tell", sparse=True)


def _followed(person: str, where: Whereabouts | None, due_of: Callable[[Whereabouts], int]) -> UpdateOne:
    if where is None or not where.is_reminded:  # nothing is made for a record that is about to end
        return UpdateOne({"_id": person}, {"$unset": {"due_ms": ""}})
    return UpdateOne({"_id": person}, {"$set": {"due_ms": due_of(where)}, "$setOnInsert": {"v": 0}}, upsert=True)


def _claim(database: Database, wanted: Document, now_ms: int) -> str | None:
    free = [{"leased_until_ms": {"$exists": False}}, {"leased_until_ms": {"$lte": now_ms}}]
    row = database[COLLECTION].find_one_and_update(
        wanted | {"$or": free}, {"$set": {"leased_until_ms": now_ms + LEASE_MS}}, {"_id": 1}, sort=[("due_ms", 1)]
    )
    return None if row is None else str(row["_id"])


def _change(database: Database, person: str, act: Callable[[Learner], Learner], due_ms: int | None = None) -> Learner:
    """The learner after the act, which may be done again on what somebody else has made of them."""
    rows = database[COLLECTION].with_options(write_concern=DURABLE)
    for _ in range(TRIES):
        before = find(database, person)
        after = act(before)
        if after == before:
            return before
        after = replace(after, version=before.version + 1)
        fields: Document = {"v": after.version, "sealed": _sealed(database, after)}
        if after.to_tell is not None:
            fields["to_tell"] = after.to_tell
        if due_ms is not None:
            fields["due_ms"] = due_ms
        try:
            done = rows.update_one({"_id": person, "v": before.version}, {"$set": fields}, upsert=not before.version)
        except DuplicateKeyError:  # somebody else was quicker
            continue
        if done.matched_count or done.upserted_id is not None:
            return after
    raise VersionConflict("it is changed by others faster than it can be read")


def _sealed(database: Database, one: Learner) -> bytes:
    pushes = [[p.number, p.slug, p.at_ms, p.zh, p.en, list(p.categories)] for p in one.pushes]
    body = {"pushes": pushes, "off": list(one.off), "chosen": one.chosen}
    return seals.seal(database, one.person, _place(one.person, one.version), body)


def _learner(database: Database, row: Document) -> Learner:
    """One whose row was made when they came has said and heard nothing yet."""
    person = row["_id"]
    if not row["v"]:
        return Learner(person)
    body: dict[str, Any] = seals.unseal(database, person, _place(person, row["v"]), row["sealed"])
    return Learner(
        person=person,
        pushes=tuple(Push(number, slug, at, zh, en, tuple(some)) for number, slug, at, zh, en, some in body["pushes"]),
        off=tuple(body["off"]),
        chosen=body["chosen"],
        version=row["v"],
        to_tell=row.get("to_tell"),
    )


def _place(person: str, version: int) -> str:
    return f"{COLLECTION}.{person}.{version}"
