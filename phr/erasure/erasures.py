"""Erasures as stored: who is to be erased, when, how far it is, and the certificate.

Collection ``erasures``, a row a person:
    _id            person
    state          "asked" (→ "cancelled") → "closing" → "closed" → "swept" → "done"
    asked_at_ms, asked_by ("owner" | "guardian" | "operator"), receipt (hash), due_at_ms   next_at_ms: the next step
    noted_at_ms    when the register heard of it; one that was cancelled goes then
    alias          the name that stands for the person in what must stay; gone when all is done
    stays, others  the devices that were theirs, the people whose records they wrote in
    archives       where organisations keep what they must
    closed_at_ms   when the key was destroyed; removed: rows taken away, by collection (":" for ".")
    certificate    the signed one
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.clock import DAY_MS, At, rfc3339
from phr.database import Database, Document
from phr.erasure.certificate import By, CertificateTold
from phr.errors import NotFound, PhrError
from phr.passwords import hash_of

COLLECTION = "erasures"
State = Literal["asked", "cancelled", "closing", "closed", "swept", "done"]


class ErasureTold(TypedDict):
    """``due_at``: until then it can be taken back; ``certificate``: when all is done."""

    state: State
    asked_at: At
    asked_by: By
    due_at: At
    certificate: CertificateTold | None


class AskedTold(ErasureTold):
    """``receipt``: shows the certificate one day; told once."""

    receipt: str


class TooLate(PhrError):
    """The cooling-off period is over and the erasure has begun."""

    code: ClassVar[str] = "erasure-begun"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Erasure:
    person: str
    state: State
    asked_at_ms: int
    asked_by: By
    due_at_ms: int
    certificate: CertificateTold | None

    def as_json(self) -> ErasureTold:
        """As the API and the command line show it; without the person, whom who asks knows."""
        return {
            "state": self.state,
            "asked_at": rfc3339(self.asked_at_ms),
            "asked_by": self.asked_by,
            "due_at": rfc3339(self.due_at_ms),
            "certificate": self.certificate,
        }


def ask(database: Database, person: str, by: By, days: int, now_ms: int) -> tuple[Erasure, str]:
    """The erasure, due after so many days, and the receipt that shows its certificate one day.

    Asked again it is due when it was, and the new receipt counts. Raises TooLate.
    """
    receipt = secrets.token_urlsafe(24)
    new = {"_id": person, "state": "asked", "asked_at_ms": now_ms, "asked_by": by}
    new |= {"due_at_ms": now_ms + days * DAY_MS, "next_at_ms": now_ms + days * DAY_MS}
    there_or_new = {"$cond": [{"$eq": ["$state", "asked"]}, "$$ROOT", new]}
    try:
        row = database[COLLECTION].find_one_and_update(
            {"_id": person, "state": {"$in": ["asked", "cancelled"]}},
            [{"$replaceWith": {"$mergeObjects": [there_or_new, {"receipt": hash_of(receipt)}]}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
    except DuplicateKeyError as error:
        if find(database, person).state == "asked":  # by another just now
            return ask(database, person, by, days, now_ms)
        raise TooLate("this record is being erased") from error
    assert row is not None  # upserted
    return _erasure(row), receipt


def cancel(database: Database, person: str) -> None:
    """The record stays. Raises NotFound where nobody asked, TooLate."""
    change = {"$set": {"state": "cancelled"}, "$unset": {"noted_at_ms": "", "next_at_ms": ""}}
    if not database[COLLECTION].update_one({"_id": person, "state": "asked"}, change).matched_count:
        find(database, person)
        raise TooLate("this record is being erased; that can't be taken back")


def unnoted(database: Database) -> Document | None:
    """A request, or the end of one, that the register has not heard of."""
    wanted = {"state": {"$in": ["asked", "cancelled"]}, "noted_at_ms": {"$exists": False}}
    return database[COLLECTION].find_one(wanted)


def set_noted(database: Database, row: Document, now_ms: int) -> None:
    """The register has heard of the row as it was read; one that has changed since is noted again."""
    as_read = {"_id": row["_id"], "state": row["state"], "receipt": row["receipt"]}
    if row["state"] == "cancelled":
        database[COLLECTION].delete_one(as_read)
    else:
        database[COLLECTION].update_one(as_read, {"$set": {"noted_at_ms": now_ms}})


def find(database: Database, person: str) -> Erasure:
    """Raises NotFound."""
    return _found(database, {"_id": person})


def find_by_receipt(database: Database, receipt: str) -> Erasure:
    """For who holds the receipt, when there is nobody left to log in. Raises NotFound."""
    return _found(database, {"receipt": hash_of(receipt)})


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("next_at_ms", name="next", sparse=True)
    database[COLLECTION].create_index("state", name="state")
    database[COLLECTION].create_index("receipt", name="receipt")


def _found(database: Database, wanted: Document) -> Erasure:
    row = database[COLLECTION].find_one(wanted | {"state": {"$ne": "cancelled"}})
    if row is None:
        raise NotFound("no erasure was asked for")
    return _erasure(row)


def _erasure(row: Document) -> Erasure:
    return Erasure(
        row["_id"], row["state"], row["asked_at_ms"], row["asked_by"], row["due_at_ms"], row.get("certificate")
    )
