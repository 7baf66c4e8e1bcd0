"""Vendors' stored mappings: the declarative formats ("map:vendor/name") that devices can be registered with."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.formats import Format
from phr.formats.mapping import Mapping, MappingInvalid, check, read
from phr.intake.devices import MAPPED
from phr.people import numbers
from phr.vocabulary.metrics import vocabulary

COLLECTION = "mappings"
MOST_PER_VENDOR = 100


@dataclass(frozen=True, slots=True)
class Stored:
    name: str
    text: str
    changed_at_ms: int

    @property
    def summary(self) -> Document:
        return {"name": self.name, "bytes": len(self.text.encode())}


def checked(text: str, vendor: str, name: str) -> Mapping:
    """The mapping that a file describes. Raises MappingInvalid naming what is wrong, or a failed example."""
    mapping = read(text, vocabulary())
    for field, said, wanted in (("vendor", mapping.vendor, vendor), ("name", mapping.name, name)):
        if said != wanted:
            raise MappingInvalid(f"{field}: must be {wanted}", field)
    for problem in check(mapping, vocabulary()):
        where = f"examples[{problem.example}]"
        raise MappingInvalid(f"{where}: expected {problem.expected}, found {problem.found}"[:1000], where)
    return mapping


def put(database: Database, vendor: str, name: str, text: str, now_ms: int) -> bool:
    """Stores a mapping in place of the one before; True where there was none. Raises MappingInvalid, InputInvalid."""
    checked(text, vendor, name)
    key = f"{vendor}/{name}"

    def change(session: ClientSession, number: int) -> bool:
        others = database[COLLECTION].count_documents({"vendor": vendor, "_id": {"$ne": key}}, session=session)
        if others >= MOST_PER_VENDOR:
            raise InputInvalid(f"a vendor has at most {MOST_PER_VENDOR} mappings")
        row = {"vendor": vendor, "name": name, "text": text, "changed_at_ms": now_ms, "seq": number}
        done = database[COLLECTION].replace_one({"_id": key}, row, upsert=True, session=session)
        return done.upserted_id is not None

    return numbers.change(database, change)


def find(database: Database, vendor: str, name: str) -> Stored:
    """Raises NotFound."""
    row = database[COLLECTION].find_one({"_id": f"{vendor}/{name}"})
    if row is None:
        raise NotFound(f"no mapping {name}")
    return Stored(row["name"], row["text"], row["changed_at_ms"])


def of_vendor(database: Database, vendor: str) -> list[Stored]:
    rows = database[COLLECTION].find({"vendor": vendor}).sort("name", 1)
    return [Stored(row["name"], row["text"], row["changed_at_ms"]) for row in rows]


def delete(database: Database, vendor: str, name: str) -> None:
    """Raises NotFound, AlreadyThere while a device or a model uses it."""
    key = f"{vendor}/{name}"

    def change(session: ClientSession, _number: int) -> None:
        for collection, noun in (("devices", "device"), ("models", "model")):
            user = database[collection].find_one({"vendor": vendor, "format": MAPPED + key}, session=session)
            if user is not None:
                raise AlreadyThere(f"{noun} {user['_id']} uses it")
        if not database[COLLECTION].delete_one({"_id": key}, session=session).deleted_count:
            raise NotFound(f"no mapping {name}")

    numbers.change(database, change)


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("vendor", 1), ("name", 1)], name="vendor")


class Mappings:
    """A process's memory of mappings; one small query a batch says which have changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[int, Format]] = {}  # "vendor/name" -> (seq, format)

    def in_place(self, formats: Dict[str, str | None]) -> dict[str, str | Format | None]:
        """The same, with each "map:…" replaced by the mapping itself; a name where there is none."""
        keys = {name[len(MAPPED) :] for name in formats.values() if name and name.startswith(MAPPED)}
        if keys:
            self._load(keys)
        found = {MAPPED + key: self._known[key][1] for key in keys if key in self._known}
        return {ref: found.get(name, name) if name else None for ref, name in formats.items()}

    def _load(self, keys: set[str]) -> None:
        rows = self._database[COLLECTION].find({"_id": {"$in": list(keys)}}, {"seq": 1})
        seqs = {row["_id"]: row["seq"] for row in rows}
        for key in keys - seqs.keys():
            self._known.pop(key, None)
        stale = [key for key, seq in seqs.items() if key not in self._known or self._known[key][0] != seq]
        if not stale:
            return
        for row in self._database[COLLECTION].find({"_id": {"$in": stale}}):
            mapping = read(row["text"], vocabulary())
            self._known[row["_id"]] = row["seq"], Format(mapping.format, "application/json", mapping.decode)
