"""What is due, found by an index, claimed by lease, told once; any number of schedulers do it side by side.

A claim moves ``due_ms`` ahead: who claims has until then, and what a scheduler that died had claimed is due again by
itself. Every write is keyed by schedule and slot, so a round that was broken off anywhere is done again by whoever
comes next, and tells nothing twice. After days without a scheduler a schedule tells its latest occurrence alone, if
that is still open; those before are put down as missed.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pymongo import UpdateOne
from pymongo.collection import Collection

from phr.database import DURABLE, Database, Document
from phr.notices import outbox
from phr.people import whereabouts
from phr.people.people import ZonePeriod
from phr.people.whereabouts import Whereabouts
from phr.reminders import evidence, ledger, telling
from phr.reminders.ledger import MISSED, PLANNED, SENT, TOLD, Seen
from phr.reminders.moments import MINUTE_MS, Occurrence, closes_ms, following, told_at
from phr.reminders.reminder import ACTIVE, REMINDERS, pattern_of_row
from phr.reminders.schedule import bounds_min
from phr.reminders.schedules import due, zones_of

AT_ONCE = 500
LEASE_MS = 60_000
MOST_BEHIND = 400  # occurrences of a schedule in one round; what was missed longer takes more rounds
_SPREAD = 4  # how many more are looked at than taken, so that schedulers side by side seldom want the same


@dataclass(slots=True)
class Round:
    """What a schedule's round comes to: what was missed, what is only put down, what is told, and what follows."""

    row: Document
    missed: list[Seen] = field(default_factory=list)
    planned: list[Seen] = field(default_factory=list)
    told: list[Seen] = field(default_factory=list)
    last_slot: int | None = None
    next: Occurrence | None = None
    is_asked: bool = True


def claim_some(database: Database, now_ms: int, at_once: int = AT_ONCE) -> int:
    """Does one round of what is due; how many schedules that were. Safe to break off and to repeat."""
    rows = claim(database, now_ms, at_once)
    if rows:
        places = whereabouts.of_people(database, (row["person"] for row in rows))
        rounds = [round_of(row, places.get(row["person"]), now_ms) for row in rows]
        put_down(database, rounds, now_ms)
        go_on(database, rounds)
    return len(rows)


def claim(database: Database, now_ms: int, at_once: int = AT_ONCE) -> list[Document]:
    """Schedules that are due, and nobody else's for ``LEASE_MS``."""
    is_due = {"due_ms": {"$lte": now_ms}}
    found = database[REMINDERS].find(is_due, {"_id": 1}, sort=[("due_ms", 1), ("_id", 1)], limit=at_once * _SPREAD)
    ids = [row["_id"] for row in found.batch_size(at_once * _SPREAD)]
    if len(ids) > at_once:
        low = random.randrange(len(ids) - at_once + 1)  # noqa: S311 - nobody's secret
        ids = ids[low : low + at_once]
    if not ids:
        return []
    token = secrets.token_bytes(12)
    mine = {"$set": {"claim": token, "due_ms": now_ms + LEASE_MS}}
    _rows(database).update_many({"_id": {"$in": ids}} | is_due, mine)
    return list(database[REMINDERS].find({"_id": {"$in": ids}, "claim": token}).batch_size(at_once))


def round_of(row: Document, where: Whereabouts | None, now_ms: int) -> Round:
    """What is to be done about a schedule now; pure."""
    found = Round(row)
    if where is None or not where.is_reminded or row["state"] != ACTIVE:
        found.is_asked = False
        return found
    return _asked(found, zones_of(row, where), now_ms)


def _asked(found: Round, zones: Sequence[ZonePeriod], now_ms: int) -> Round:
    row = found.row
    pattern = pattern_of_row(row)
    early_min, late_min = bounds_min(row["kind"], pattern)
    open_ones: list[tuple[Seen, bool]] = []
    for one in following(pattern, zones, row["last"]):
        told_ms = told_at(pattern, one)
        if (one.planned_ms if told_ms is None else told_ms) > now_ms:
            found.next = one
            break
        found.last_slot = one.slot
        seen = seen_of(row, one, closes_ms(pattern, one.planned_ms), (early_min, late_min))
        if seen.closes_ms <= now_ms:
            found.missed.append(seen)
        else:
            open_ones.append((seen, told_ms is not None))
        if len(found.missed) == MOST_BEHIND:
            found.next = next(following(pattern, zones, one.slot), None)
            break
    for number, (seen, may_be_told) in enumerate(open_ones, 1):
        is_told = may_be_told and number == len(open_ones)
        (found.told if is_told else found.planned).append(seen)
    return found


def seen_of(row: Document, one: Occurrence, closes: int, bounds: tuple[int, int]) -> Seen:
    """The occurrence of a schedule, as nothing has become of it yet."""
    return Seen(
        id=ledger.id_of(row["_id"], one.slot),
        person=row["person"],
        reminder=row["_id"],
        kind=row["kind"],
        about=row["about"],
        categories=tuple(row["categories"]),
        slot=one.slot,
        planned_ms=one.planned_ms,
        closes_ms=closes,
        from_ms=one.planned_ms - bounds[0] * MINUTE_MS,
        until_ms=one.planned_ms + bounds[1] * MINUTE_MS,
    )


def put_down(database: Database, rounds: Iterable[Round], now_ms: int) -> None:
    """Writes what was missed and what is open into the ledger, and tells what is to be told and is not done yet."""
    done = list(rounds)
    missed = [seen for one in done for seen in one.missed]
    told = [seen for one in done for seen in one.told]
    shown = evidence.found(database, [*missed, *told])
    _write(database, [seen for seen in missed if seen.id not in shown], MISSED, now_ms)
    _write(database, [seen for one in done for seen in one.planned], PLANNED, now_ms)
    _write(database, [seen for seen in [*missed, *told] if seen.id in shown], PLANNED, now_ms)
    ledger.settle(database, shown.values(), now_ms)
    asked = [seen for seen in told if seen.id not in shown]
    there = _write(database, asked, SENT, now_ms)
    # Another round may have got as far as this and been broken off before it told anybody.
    untold = {seen.id for seen in ledger.find_many(database, there) if seen.state in TOLD}
    telling.tell(database, [seen for seen in asked if seen.id not in there or seen.id in untold], now_ms)
    _take_back(database, asked, now_ms)


def go_on(database: Database, rounds: Iterable[Round]) -> None:
    """Each schedule waits for what follows, unless somebody has changed it or claimed it since."""
    writes = []
    for one in rounds:
        fields: Document = {} if one.last_slot is None else {"last": one.last_slot}
        unset: Document = {"claim": ""}
        if one.next is not None and one.is_asked:
            fields |= due(one.row, one.next)
        else:
            unset |= {"due_ms": "", "next_ms": ""}
        mine = {"_id": one.row["_id"], "claim": one.row["claim"]}
        writes.append(UpdateOne(mine, {"$unset": unset} | ({"$set": fields} if fields else {})))
    _rows(database).bulk_write(writes, ordered=False)


def _write(database: Database, some: Sequence[Seen], state: str, now_ms: int) -> set[str]:
    return ledger.put(database, [ledger.row(one) for one in some], state, now_ms)


def _take_back(database: Database, asked: Sequence[Seen], now_ms: int) -> None:
    """Of those that somebody settled between the ledger and the notice, which was not there to be withdrawn then."""
    ids = [one.id for one in asked]
    settled = database[ledger.OCCURRENCES].find({"_id": {"$in": ids}, "state": {"$nin": list(TOLD)}}, {"_id": 1})
    keys = [ledger.notice_key(row["_id"]) for row in settled]
    if keys:
        outbox.withdraw_keys(database, keys, now_ms)


def _rows(database: Database) -> Collection[Document]:
    return database[REMINDERS].with_options(write_concern=DURABLE)
