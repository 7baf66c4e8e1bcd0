"""What is said of a person in versions: a document a thing, sealed, with every version before it.

_id  person:name     person  v version     by, at_ms  who said the present version, and when
sealed  what it says     earlier  the versions before, oldest first     and fields of its store that are looked for
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import DuplicateKeyError

from phr.database import DURABLE, Database, Document
from phr.errors import InputInvalid, VersionConflict
from phr.people import seals
from phr.people.keyring import KeyDestroyed

MOST_VERSIONS = 500  # a document must stay small; nobody honestly changes a thing so often
_STAMP = ("v", "by", "at_ms", "sealed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version; ``body`` as MessagePack holds it."""

    person: str
    name: str
    version: int
    by: str
    at_ms: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """``found_by``: fields in the clear that the store's indexes hold; nothing in them tells of a disease."""

    person: str
    name: str
    by: str
    at_ms: int
    body: Mapping[str, Any]
    found_by: Mapping[str, Any] = field(default_factory=dict)


def put(database: Database, collection: str, new: New, expected: int) -> Version:
    """The thing saying something else; what it said is kept. ``expected``: the version that is replaced, 0 for none.

    Raises VersionConflict where it is at another one by now; InputInvalid where it was changed too often.
    """
    if expected >= MOST_VERSIONS:
        raise InputInvalid(f"changed {MOST_VERSIONS} times; end it and make another")
    key, things = f"{new.person}:{new.name}", database[collection].with_options(write_concern=DURABLE)
    place = _place(collection, new.name, expected + 1)
    row: Document = dict(new.found_by) | {"v": expected + 1, "by": new.by, "at_ms": new.at_ms}
    row["sealed"] = seals.seal(database, new.person, place, dict(new.body))
    if expected == 0:
        try:
            things.insert_one({"_id": key, "person": new.person, "earlier": [], **row})
        except DuplicateKeyError as error:
            raise VersionConflict("it is there already; read it again") from error
        return _version(new.person, new.name, row, new.body)
    before = things.find_one({"_id": key, "v": expected}, dict.fromkeys(_STAMP, 1))
    kept = {name: before[name] for name in _STAMP} if before else {}
    changed = things.update_one({"_id": key, "v": expected}, {"$set": row, "$push": {"earlier": kept}})
    if before is None or not changed.matched_count:
        raise VersionConflict("it has changed since it was read; read it again")
    return _version(new.person, new.name, row, new.body)


def find(database: Database, collection: str, person: str, name: str) -> Version | None:
    """The present version; None where there is none."""
    row = database[collection].find_one({"_id": f"{person}:{name}"}, {"earlier": False})
    return opened(database, collection, row) if row else None


def find_all(database: Database, collection: str, people: Iterable[str]) -> list[Version]:
    """The present versions of all things of these people, in order of their ids."""
    rows = database[collection].find({"person": {"$in": list(people)}}, {"earlier": False}).sort("_id", 1)
    return opened_all(database, collection, rows)


def find_all_in(database: Database, collections: Sequence[str], people: Iterable[str]) -> Mapping[str, list[Version]]:
    """As ``find_all``, of several collections in one question, by their names and in no order."""
    asked: list[Document] = [{"$match": {"person": {"$in": list(people)}}}, {"$unset": "earlier"}]
    first, *others = ((name, [*asked, {"$set": {"_in": name}}]) for name in collections)
    steps = [*first[1], *({"$unionWith": {"coll": name, "pipeline": own}} for name, own in others)]
    rows: dict[str, list[Document]] = {name: [] for name in collections}
    for row in database[first[0]].aggregate(steps):
        rows[row["_in"]].append(row)
    return {name: opened_all(database, name, some) for name, some in rows.items()}


def opened_all(database: Database, collection: str, rows: Iterable[Document]) -> list[Version]:
    """The versions of stored rows, but of those who are being erased."""
    found = []
    for row in rows:
        with contextlib.suppress(KeyDestroyed):
            found.append(opened(database, collection, row))
    return found


def all_of(database: Database, collection: str, person: str) -> Iterator[Version]:
    """Every version of all things of a person, the first one first."""
    for row in database[collection].find({"person": person}, sort=[("_id", 1)]):
        for stamp in (*row["earlier"], row):
            yield opened(database, collection, stamp | {"_id": row["_id"], "person": person})


def history(database: Database, collection: str, person: str, name: str) -> list[Version]:
    """Every version, newest first; empty where there is no such thing."""
    row = database[collection].find_one({"_id": f"{person}:{name}"})
    if row is None:
        return []
    stamps = [*row["earlier"], row]
    return [opened(database, collection, stamp | {"_id": row["_id"], "person": person}) for stamp in reversed(stamps)]


def opened(database: Database, collection: str, row: Document) -> Version:
    """The version of a stored row. Raises KeyDestroyed, SealBroken."""
    name = row["_id"].partition(":")[2]
    place = _place(collection, name, row["v"])
    return _version(row["person"], name, row, seals.unseal(database, row["person"], place, row["sealed"]))


def _version(person: str, name: str, row: Document, body: Mapping[str, Any]) -> Version:
    return Version(person=person, name=name, version=row["v"], by=row["by"], at_ms=row["at_ms"], body=body)


def _place(collection: str, name: str, version: int) -> str:
    return f"{collection}.{name}.{version}"
