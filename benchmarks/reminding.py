"""How fast real schedulers find, claim and tell what is due among 5 million schedules, and that none tells twice.

A million people with five schedules each, all daily, at five times of the day; of those at one of the times a part is
made due now. One scheduler role works alone first; then four are killed in turn until nothing is due.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks import Figure, note
from benchmarks.stack import Stack, running
from ops.indexes import ensure_indexes
from phr.clock import MINUTE_MS, now_ms
from phr.database import Database, Document
from phr.reminders.moments import DAY_MIN, day_of
from phr.reminders.reminder import ACTIVE, PARTS

FIGURES = ("reminders_claimed_per_s", "reminders_rss_mb", "reminders_doubled")

STORE = Path(__file__).resolve().parent.parent / ".bench" / "reminders-1"  # a change of what is loaded changes the name
IS_LOADED = "loaded"
PEOPLE = 1_000_000
SCHEDULES = 5
DUE = 160_000  # people whose first schedule is due
ALONE = 100_000  # of them, for one scheduler; the rest for four
SCHEDULERS = 4
KILL_EVERY_S = 1.5
PATIENCE_S = 240
SHANGHAI_MIN = 8 * 60
KINDS = ("medication", "measurement", "medication", "lesson", "visit")


def figures() -> Iterator[Figure]:
    if not (STORE / IS_LOADED).exists():
        shutil.rmtree(STORE, ignore_errors=True)  # a load that was cut off
    with running(STORE) as stack:
        if not (STORE / IS_LOADED).exists():
            _load(_patient(stack))
        slot = _make_due(stack.database)
        yield from _alone(stack)
        yield Figure("reminders_doubled", _killed_in_turn(stack, slot), "")


def _alone(stack: Stack) -> Iterator[Figure]:
    """From the first notice on, so that starting is not counted."""
    database, cpu_s = stack.database, stack.cpu_s()
    stack.start_role("scheduler")
    first = _wait_for(database, 1)
    began = time.monotonic()
    last = _wait_for(database, ALONE)
    took_s = time.monotonic() - began
    used = {name: spent - cpu_s.get(name, 0) for name, spent in stack.cpu_s().items()}
    note(f"{last - first:,} in {took_s:.1f} s; " + ", ".join(f"{name} {spent:.1f} s" for name, spent in used.items()))
    yield Figure("reminders_claimed_per_s", (last - first) / took_s, "/s")
    yield Figure("reminders_rss_mb", stack.rss_mb("scheduler"), "MB")
    stack.stop_role("scheduler")


def _killed_in_turn(stack: Stack, slot: int) -> int:
    """How many occurrences were told twice, or lost, when none was due any more."""
    for _ in range(SCHEDULERS):
        stack.start_role("scheduler")
    roles, deaths = stack.roles["scheduler"], 0
    until = time.monotonic() + PATIENCE_S
    while stack.database["notices"].estimated_document_count() < DUE and time.monotonic() < until:
        time.sleep(KILL_EVERY_S)
        if deaths < 3 * SCHEDULERS:
            _kill(roles.pop(0))
            stack.start_role("scheduler")
            deaths += 1
    stack.stop_role("scheduler")
    note(f"{deaths} schedulers killed; what they had claimed was told by others")
    return _faults(stack.database, slot)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(timeout=10)


def _faults(database: Database, slot: int) -> int:
    """A schedule has one occurrence, at the slot that was due, sent, one notice, and waits for the next."""
    told = {"slot": slot, "state": "sent"}
    sent = database["reminder_occurrences"].count_documents(told)
    counts = {
        "occurrences": database["reminder_occurrences"].estimated_document_count(),
        "sent": sent,
        "notices": database["notices"].estimated_document_count(),
        "gone on": database["reminders"].count_documents({"last": slot, "due_ms": {"$gt": now_ms()}}),
    }
    note(", ".join(f"{name} {count:,}" for name, count in counts.items()))
    return max(abs(count - DUE) for count in counts.values())


def _wait_for(database: Database, count: int) -> int:
    until = time.monotonic() + PATIENCE_S
    while (found := database["notices"].estimated_document_count()) < count:
        if time.monotonic() > until:
            raise RuntimeError(f"{found:,} reminders were told in {PATIENCE_S} s")
        time.sleep(0.05)
    return int(found)


def _patient(stack: Stack) -> Database:
    """The database by a client that waits for as long as it takes."""
    client: MongoClient[Document] = MongoClient(stack.mongod.uri, tz_aware=True)
    return client[stack.database.name]


def _load(database: Database) -> None:
    """By the server itself, out of a thousand numbers; the indexes after it, as they are at every start."""
    began = time.perf_counter()
    database["seeds"].insert_many([{"_id": number} for number in range(1_000)])
    person: Document = {"$concat": [_digits("$n", 14), "bencha"]}
    database["seeds"].aggregate([*_numbered(PEOPLE), {"$project": {"_id": person, **_lived()}}, {"$out": "people"}])
    number = [{"$set": {"k": {"$range": [0, SCHEDULES]}}}, {"$unwind": "$k"}]
    made = {"$project": {"_id": {"$concat": ["r-", _digits("$n", 20), _digits("$k", 4)]}, "person": person, **_asked()}}
    for name in ("reminders", "reminder_occurrences", "notices"):
        database[name].drop()
    database["seeds"].aggregate([*_numbered(PEOPLE), *number, made, {"$out": "reminders"}], allowDiskUse=True)
    ensure_indexes(database)
    (STORE / IS_LOADED).touch()
    note(f"{PEOPLE * SCHEDULES:,} schedules in {time.perf_counter() - began:.0f} s")


def _make_due(database: Database) -> int:
    """The slot, a quarter of an hour ago, at which the first schedules of some people are due; nothing told yet."""
    for name in ("reminder_occurrences", "notices"):
        database[name].drop()
    ensure_indexes(database)
    slot = now_ms() // MINUTE_MS + SHANGHAI_MIN - 15
    planned_ms = (slot - SHANGHAI_MIN) * MINUTE_MS
    is_due: Document = {"_id": {"$gte": "r-" + "0" * 24, "$lt": f"r-{DUE:020}"}, "kind": KINDS[0], "window_min": 240}
    due: Document = {"last": slot - 1, "next_ms": planned_ms, "due_ms": planned_ms, "times": [slot % DAY_MIN]}
    starts_on = day_of(slot).replace(day=1).isoformat()
    changed = database["reminders"].update_many(is_due, {"$set": due | {"starts_on": starts_on}})
    if changed.matched_count != DUE:
        raise RuntimeError(f"{changed.matched_count:,} schedules are due, not {DUE:,}")
    return slot


def _numbered(count: int) -> list[Document]:
    """A document for each number n below a multiple of a thousand."""
    each = {"$range": [0, count // 1_000]}
    n = {"$add": [{"$multiply": ["$_id", count // 1_000]}, "$m"]}
    return [{"$set": {"m": each}}, {"$unwind": "$m"}, {"$project": {"n": n}}]


def _digits(number: Any, count: int) -> Document:
    text = {"$concat": ["0" * count, {"$toString": number}]}
    return {"$substrBytes": [text, {"$subtract": [{"$strLenBytes": text}, count]}, count]}


def _lived() -> Document:
    plain = {"zones": [{"since_ms": None, "zone": "Asia/Shanghai"}], "roles": [], "organisation": None, "sex": None}
    return _said(plain | {"is_demo": True, "consent_withdrawn": False, "seq": 0, "sealed": b"x" * 120, "found_by": []})


def _asked() -> Document:
    """All but the first at times that are far off; the fields that a scheduler reads, and words as long as sealed."""
    plain = {
        "categories": ["care", "medications"], "about": "weight", "words": b"x" * 90, "source": "plan",
        "rrule": "FREQ=DAILY", "starts_on": date(2026, 1, 1).isoformat(), "ends_on": None, "times": [480],
        "zone": None, "quiet": None, "days": {"rule": "FREQ=DAILY", "ends_on": None},
        "state": ACTIVE, "version": 1, "created_at_ms": 0, "changed_at_ms": 0, "last": 0, "next_ms": 2**52, "plan": 1,
    }  # fmt: skip
    kind = {"$arrayElemAt": [{"$literal": list(KINDS)}, "$k"]}
    window = {"$cond": [{"$eq": ["$k", 0]}, 240, 60]}
    # Spread over the years to come, so that the index is as large as it would be, and nothing of it is due.
    due_ms = {"$add": [{"$literal": 2**42}, {"$multiply": ["$n", 1_000]}, "$k"]}
    part = {"$mod": ["$n", PARTS]}
    return _said(plain) | {"kind": kind, "window_min": window, "due_ms": due_ms, "part": part}


def _said(plain: Document) -> Document:
    return {name: {"$literal": value} for name, value in plain.items()}
