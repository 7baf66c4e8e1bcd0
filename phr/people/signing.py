"""Signatures of an installation's clinicians on texts as they are: a collection for each kind of text.

    _id  text:digest     FIELD  which text (the field has the name of the kind)     version     name, by  who signed, as
    readers see it and by id     at_ms

A text that says anything else has another digest, and is unsigned again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from phr.database import DURABLE, Database, Document


@dataclass(frozen=True, slots=True)
class Signature:
    text: str
    version: int
    name: str  # of the clinician
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Text:
    """What is signed: its name and the digest of all that it says."""

    name: str
    digest: str
    version: int = 1

    @property
    def id(self) -> str:
        return f"{self.name}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Book:
    """The signatures on texts of one kind."""

    collection: str
    field: str

    def sign(self, database: Database, text: Text, who: tuple[str, str], now_ms: int) -> Signature:
        """By ``who``, name and id, on the text as it is; a signature that is there stays."""
        row = {self.field: text.name, "version": text.version, "name": who[0], "by": who[1], "at_ms": now_ms}
        signatures = database[self.collection].with_options(write_concern=DURABLE)
        signatures.update_one({"_id": text.id}, {"$setOnInsert": row}, upsert=True)
        found = signatures.find_one({"_id": text.id})
        assert found is not None
        return self._signature(found)

    def take_back(self, database: Database, text: Text) -> None:
        """The text as it is counts as unsigned again. Safe to repeat."""
        database[self.collection].with_options(write_concern=DURABLE).delete_one({"_id": text.id})

    def of_all(self, database: Database, texts: Mapping[str, Text]) -> dict[str, Signature]:
        """The signatures that hold for the texts as they are, by the same keys."""
        by_id = {text.id: key for key, text in texts.items()}
        rows = database[self.collection].find({"_id": {"$in": list(by_id)}})
        return {by_id[row["_id"]]: self._signature(row) for row in rows}

    def _signature(self, row: Document) -> Signature:
        return Signature(row[self.field], row["version"], row["name"], row["by"], row["at_ms"])
