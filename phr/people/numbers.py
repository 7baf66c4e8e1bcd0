"""The registry number: raised by every change of a person or a device that ingestion must hear of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document, transact

T = TypeVar("T")
REGISTRY = "registry"


def change(database: Database, work: Callable[[ClientSession, int], T]) -> T:
    """What ``work(session, number)`` gives, run in a transaction that has raised the number.

    The counter is written first, so a second change waits for (or retries after) the first: the order of numbers is the
    order of commits. ``work`` may run more than once and must do all its reading and writing with the session.
    """

    def numbered(session: ClientSession) -> T:
        counter = database["counters"].find_one_and_update(
            {"_id": REGISTRY}, {"$inc": {"n": 1}}, upsert=True, return_document=ReturnDocument.AFTER, session=session
        )
        assert counter is not None  # upserted
        return work(session, int(counter["n"]))

    return transact(database, numbered)


def last_number(database: Database, session: ClientSession) -> int:
    """The number of the last committed change, 0 before the first; what was changed up to it is visible."""
    counter = database["counters"].find_one({"_id": REGISTRY}, session=session)
    return int(counter["n"]) if counter else 0


def ensure_indexes(database: Database) -> None:
    """The counter itself: two first changes at once must not both create it."""
    try:
        database["counters"].update_one({"_id": REGISTRY}, {"$setOnInsert": {"n": 0}}, upsert=True)
    except DuplicateKeyError:
        return


def changed_ids(database: Database, collection: str, since: int, session: ClientSession) -> list[str]:
    """Ids of the documents of a collection changed after a number."""
    found: list[Document] = list(database[collection].find({"seq": {"$gt": since}}, {"_id": 1}, session=session))
    return [row["_id"] for row in found]
