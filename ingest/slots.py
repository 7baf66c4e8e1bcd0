"""Worker slots: leases in MongoDB that give each ingest worker a stable MQTT client id, and so its old session back.

Collection ``worker_slots``: {_id: slot number, host, pid, until_ms}.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pymongo
from pymongo.errors import DuplicateKeyError, PyMongoError

from phr.database import Database, Document

log = logging.getLogger(__name__)

LEASE_MS = 15_000
RENEW_EVERY_MS = 4_000
MOST_WORKERS = 64
LEAVES_WITHIN_S = 1.0  # one that is told to stop waits so long for a database that is away


class NoSlotFree(Exception):
    """Every slot is held by a live worker."""


def claim(database: Database, now_ms: int) -> int:
    """The lowest slot that is free, run out, or was held by a process of this host that is gone. Raises NoSlotFree."""
    held = {row["_id"]: row for row in database["worker_slots"].find()}
    for slot in range(MOST_WORKERS):
        row = held.get(slot)
        if (row is None or _is_abandoned(row, now_ms)) and _take(database, slot, row, now_ms):
            return slot
    raise NoSlotFree(f"{MOST_WORKERS} ingest workers hold a lease")


def adopt(
    database: Database, own: int, now_ms: int, may_take: Callable[[Document], bool] = lambda _: True
) -> int | None:
    """A slot whose worker is gone, now held by this process beside its own; None where there is none.

    ``may_take`` is asked about each that looks abandoned.
    """
    for row in database["worker_slots"].find({"_id": {"$ne": own}}).sort("_id", 1):
        if _is_abandoned(row, now_ms) and may_take(row) and _take(database, row["_id"], row, now_ms):
            return int(row["_id"])
    return None


def seize(database: Database, slot: int, now_ms: int) -> bool:
    """True where this process now holds the slot, be it known or not; False where a live worker has it."""
    row = database["worker_slots"].find_one({"_id": slot})
    return (row is None or _is_abandoned(row, now_ms)) and _take(database, slot, row, now_ms)


def is_certainly_gone(row: Document) -> bool:
    """True where the worker gave the slot back or its process is gone; a lease that ran out alone proves less."""
    return bool(row["until_ms"] == 0) or (row["host"] == socket.gethostname() and not _is_alive(row["pid"]))


def forget(database: Database, slot: int) -> None:
    """Strikes out a slot that this process holds and whose session it has ended."""
    database["worker_slots"].delete_one({"_id": slot, "host": socket.gethostname(), "pid": os.getpid()})


def renew(database: Database, slot: int, now_ms: int) -> bool:
    """Keeps the slot; False where another worker has it now, so that this one must stop using its client id."""
    mine = {"_id": slot, "host": socket.gethostname(), "pid": os.getpid()}
    return database["worker_slots"].update_one(mine, {"$set": {"until_ms": now_ms + LEASE_MS}}).matched_count == 1


def release(database: Database, slot: int) -> None:
    """Gives the slot back. Where the database is away its lease runs out by itself, and nobody waits here for long."""
    mine = {"_id": slot, "host": socket.gethostname(), "pid": os.getpid()}
    try:
        with pymongo.timeout(LEAVES_WITHIN_S):
            database["worker_slots"].update_one(mine, {"$set": {"until_ms": 0}})
    except PyMongoError as error:
        log.warning("slot %d was not given back: %s", slot, type(error).__name__)


def _take(database: Database, slot: int, row: Document | None, now_ms: int) -> bool:
    """True where nobody else was faster."""
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "until_ms": now_ms + LEASE_MS}
    if row is None:
        try:
            database["worker_slots"].insert_one({"_id": slot, **mine})
        except DuplicateKeyError:
            return False
        return True
    return database["worker_slots"].replace_one(row, mine).modified_count == 1


def _is_abandoned(row: Document, now_ms: int) -> bool:
    return bool(row["until_ms"] <= now_ms) or is_certainly_gone(row)


def _is_alive(pid: int) -> bool:
    """False also for a process that has ended and whose parent has not noticed yet: it publishes nothing any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][:1]
    except OSError:
        return True  # a system without /proc
    return state not in ("Z", "X")
