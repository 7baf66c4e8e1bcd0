"""Settles what is open: done where the record shows it, missed where the window is over, withdrawn in time from who
would still be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database
from phr.feed.landings import LANDINGS
from phr.reminders import evidence, ledger
from phr.reminders.ledger import DONE, MISSED, Seen, Settlement
from phr.reminders.replanning import MARKS

AT_ONCE = 500
SWEPT = 20_000  # open occurrences looked at in a tick
_OVERLAP = timedelta(seconds=30)  # those who write landings have clocks of their own
_LANDED = "landings"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person has done: ``kind`` and ``about`` as of the schedule that asks for it."""

    person: str
    kind: str
    about: str | None
    at_ms: int


def close_some(database: Database, now_ms: int) -> int:
    """Settles occurrences whose window is over, as the record shows them; how many. Safe to break off."""
    over = ledger.closing(database, now_ms, AT_ONCE)
    shown = evidence.found(database, over)
    missed = (Settlement(one.id, MISSED, "window", one.closes_ms) for one in over if one.id not in shown)
    ledger.settle(database, [*shown.values(), *missed], now_ms)
    return len(over)


def sweep(database: Database, now_ms: int) -> int:
    """Settles what entries show: intakes, visits, lessons. How many; those that close first are looked at first."""
    count, after = 0, 0
    for _ in range(SWEPT // AT_ONCE):
        wanted = {"kind": {"$ne": "measurement"}, "open_until": {"$gt": max(now_ms, after)}}
        some = ledger.open_ones(database, wanted, AT_ONCE)
        count += ledger.settle(database, evidence.found(database, some).values(), now_ms)
        if len(some) < AT_ONCE or some[-1].closes_ms == after:
            break
        after = some[-1].closes_ms - 1  # of those that close in the same millisecond some are looked at twice
    return count


def meet_readings(database: Database, now_ms: int) -> int:
    """Takes back reminders to measure whose reading has landed since the last round; how many.

    Word of landings is hasty and may be lost: then the reminder is settled when its window is over.
    """
    mark = database[MARKS].find_one({"_id": _LANDED})
    since = mark["at"] - _OVERLAP if mark else to_datetime(now_ms) - 2 * _OVERLAP
    landed: set[tuple[str, str]] = set()
    latest = since
    for row in database[LANDINGS].find({"at": {"$gt": since}}, {"b": 1, "at": 1}):
        latest = max(latest, row["at"])
        for bucket in row["b"]:
            person, metric, _ = bucket.split(":", 2)
            landed.add((person, metric))
    count = _meet(database, landed, now_ms)
    if mark is None or latest > mark["at"]:
        database[MARKS].update_one({"_id": _LANDED}, {"$max": {"at": latest}}, upsert=True)
    return count


def came(database: Database, events: Iterable[Event], now_ms: int) -> int:
    """Settles what is open of what these people have done, at once; how many. Safe to repeat."""
    done = list(events)
    wanted = {"person": {"$in": sorted({one.person for one in done})}}
    some = ledger.open_ones(database, wanted, SWEPT)
    met = [(one, event) for one in some for event in done if _is_met(one, event)]
    return ledger.settle(database, [Settlement(one.id, DONE, "event", event.at_ms) for one, event in met], now_ms)


def _is_met(one: Seen, event: Event) -> bool:
    is_it = (one.person, one.kind, one.about) == (event.person, event.kind, event.about)
    return is_it and one.from_ms <= event.at_ms < one.until_ms


def _meet(database: Database, landed: set[tuple[str, str]], now_ms: int) -> int:
    count, people = 0, sorted({person for person, _ in landed})
    for low in range(0, len(people), AT_ONCE):
        wanted = {"person": {"$in": people[low : low + AT_ONCE]}, "kind": "measurement"}
        some = [one for one in ledger.open_ones(database, wanted, SWEPT) if (one.person, one.about) in landed]
        count += ledger.settle(database, evidence.found(database, some).values(), now_ms)
    return count
