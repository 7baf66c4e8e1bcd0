"""Leases of parts: who works on what is due in a part, until when. Collection ``reminder_parts``: _id, by, until_ms."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from phr.database import Database

PARTS_TAKEN = "reminder_parts"
LEASE_MS = 20_000  # a round takes a second; who is slower is overtaken, which costs work and doubles nothing


@dataclass(frozen=True, slots=True)
class Lease:
    part: int
    by: bytes


def take(database: Database, part: int, now_ms: int) -> Lease | None:
    """The lease; None where another has it."""
    lease = Lease(part, secrets.token_bytes(12))
    is_free = {"_id": part, "until_ms": {"$lte": now_ms}}
    try:
        database[PARTS_TAKEN].update_one(
            is_free, {"$set": {"by": lease.by, "until_ms": now_ms + LEASE_MS}}, upsert=True
        )
    except DuplicateKeyError:
        return None
    return lease


def give_back(database: Database, lease: Lease) -> None:
    """Anybody may take it now, unless somebody has already."""
    database[PARTS_TAKEN].update_one({"_id": lease.part, "by": lease.by}, {"$set": {"until_ms": 0}})
