"""Answers that were given to requests with an Idempotency-Key, for a day, so that one sent again does nothing twice.

Collection ``repeats``: _id of caller and key, person (or vendor), said (digest of the request), at, and answer, sealed
with that one's key, once there is one. Only what succeeded is kept: what failed may be tried again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from pymongo.errors import DuplicateKeyError

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.errors import AlreadyThere, PhrError
from phr.people import seals
from phr.people.access import Caller

REPEATS = "repeats"
KEPT_S = 86_400
PATIENCE_S = 60  # after so long without an answer the first request is taken for dead


class StillRunning(PhrError):
    """The first request with this key has not been answered yet."""

    code: ClassVar[str] = "request-in-progress"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Request:
    """One request: who sends it under which key, about whom, and a digest of all that it says."""

    id: str
    person: str
    said: bytes
    now_ms: int

    @property
    def mine(self) -> Document:
        """The row while this request is the one to be answered."""
        return {"_id": self.id, "at": to_datetime(self.now_ms)}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def name_of(caller: Caller, key: str) -> str:
    return hashlib.sha256("\0".join((caller.subject, caller.client_id, key)).encode()).hexdigest()


def begin(database: Database, request: Request) -> Answer | None:
    """The answer that was given before; None where this request is the one to be answered.

    Raises AlreadyThere where the key stands for another request, StillRunning.
    """
    row = request.mine | {"person": request.person, "said": request.said}
    try:
        database[REPEATS].insert_one(row)
    except DuplicateKeyError:
        there = database[REPEATS].find_one({"_id": request.id})
        return _given(database, request, there) if there else begin(database, request)
    return None


def keep(database: Database, request: Request, answer: Answer) -> None:
    told = (answer.status, answer.headers, answer.body)
    sealed = seals.seal(database, request.person, _place(request), told)
    database[REPEATS].update_one(request.mine, {"$set": {"answer": sealed}})


def forget(database: Database, request: Request) -> None:
    """The request failed: it may be sent again."""
    database[REPEATS].delete_one(request.mine)


def ensure_indexes(database: Database) -> None:
    database[REPEATS].create_index("at", name="expiry", expireAfterSeconds=KEPT_S)
    database[REPEATS].create_index("person", name="person")


def _given(database: Database, request: Request, there: Document) -> Answer | None:
    if (there["said"], there["person"]) != (request.said, request.person):
        raise AlreadyThere("this Idempotency-Key stands for another request")
    if "answer" in there:
        return Answer(*seals.unseal(database, request.person, _place(request), there["answer"]))
    at = request.mine["at"]
    if there["at"] <= at - timedelta(seconds=PATIENCE_S):
        dead = {"_id": request.id, "at": there["at"], "answer": {"$exists": False}}
        if database[REPEATS].update_one(dead, {"$set": {"at": at}}).matched_count:
            return None
    raise StillRunning("the first request with this Idempotency-Key is still running; try again")


def _place(request: Request) -> str:
    return f"repeats.{request.id}"
