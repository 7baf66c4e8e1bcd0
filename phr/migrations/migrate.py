"""Runs the steps that a database has not had yet, one process at a time."""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

import phr.migrations
from phr.clock import now_ms
from phr.database import Database
from phr.errors import ServerUnavailable

LEASE_MS = 60_000
WAITS_S = 0.2
_LEASE = "lease"  # the one document of ``migrations`` whose _id is no number


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    name: str
    run: Callable[[Database], Iterator[int]]


@cache
def steps() -> tuple[Step, ...]:
    """Every step there is, in order."""
    names = sorted(info.name for info in pkgutil.iter_modules(phr.migrations.__path__) if info.name[:1] == "m")
    return tuple(
        Step(int(name[1:5]), name[6:], import_module(f"phr.migrations.{name}").run)
        for name in names
        if name[1:5].isdecimal()
    )


def pending(database: Database, known: tuple[Step, ...] | None = None) -> list[Step]:
    """The steps that have not run to their end. Raises ServerUnavailable where the data is newer than this code."""
    known = steps() if known is None else known
    done = {row["_id"] for row in database.migrations.find({"finished_ms": {"$exists": True}}, {"_id": 1})}
    if newer := sorted(done - {step.number for step in known}):
        raise ServerUnavailable(
            f"the database has had migration {newer[-1]}, which this version does not know; run the version it was "
            "last used with, or a later one"
        )
    return [step for step in known if step.number not in done]


def run_pending(
    database: Database,
    tell: Callable[[Step, int], None] = lambda _step, _count: None,
    known: tuple[Step, ...] | None = None,
) -> int:
    """Runs what is pending, in order; how many documents changed. Waits for another process that is at it.

    ``tell(step, count)`` is called after each batch with the documents changed so far. Raises what ``pending`` does.
    """
    if not pending(database, known):
        return 0
    holder, total = str(uuid4()), 0
    _take_lease(database, holder)
    try:
        for step in pending(database, known):
            total += _run(database, step, holder, tell)
    finally:
        database.migrations.delete_one({"_id": _LEASE, "holder": holder})
    return total


def _run(database: Database, step: Step, holder: str, tell: Callable[[Step, int], None]) -> int:
    count = 0
    for changed in step.run(database):
        count += changed
        tell(step, count)
        _keep_lease(database, holder)
    done = {"name": step.name, "changed": count, "finished_ms": now_ms()}
    database.migrations.update_one({"_id": step.number}, {"$set": done}, upsert=True)
    return count


def _take_lease(database: Database, holder: str) -> None:
    while True:
        free = {"_id": _LEASE, "until_ms": {"$lt": now_ms()}}
        try:
            lease = {"$set": {"holder": holder, "until_ms": now_ms() + LEASE_MS}}
            database.migrations.update_one(free, lease, upsert=True)
        except DuplicateKeyError:  # somebody else holds it
            time.sleep(WAITS_S)
        else:
            return


def _keep_lease(database: Database, holder: str) -> None:
    kept = database.migrations.update_one(
        {"_id": _LEASE, "holder": holder}, {"$set": {"until_ms": now_ms() + LEASE_MS}}
    )
    if not kept.matched_count:
        raise ServerUnavailable("another process took the migrations over; look whether it ends, then start again")
