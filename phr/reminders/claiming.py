"""What is due, found by an index, claimed by lease, told once; any number of schedulers do it side by side.

Schedules lie in ``PARTS`` parts by their ids. Who works on a part leases it, so that a claim is one write for many
schedules; what a scheduler that died had claimed is anybody's when its lease is over. Every other write is keyed by
schedule and slot, so a round that was broken off anywhere, or is done twice, tells nothing twice. After days without a
scheduler a schedule tells its latest occurrence alone, if that is still open; those before are put down as missed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pymongo import UpdateMany

from phr.clock import MINUTE_MS
from phr.database import DURABLE, Database, Document
from phr.notices import outbox
from phr.people import whereabouts
from phr.people.people import ZonePeriod
from phr.people.whereabouts import Whereabouts
from phr.reminders import evidence, ledger, parts, telling
from phr.reminders.ledger import MISSED, PLANNED, SENT, TOLD, Seen
from phr.reminders.moments import Occurrence, closes_ms, following, told_at
from phr.reminders.reminder import ACTIVE, PARTS, REMINDERS, pattern_of_row
from phr.reminders.schedule import bounds_min
from phr.reminders.schedules import due, zones_of

AT_ONCE = 1_000
MOST_BEHIND = 400  # occurrences of a schedule in one round; what was missed longer takes more rounds


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
    """Does one round of what is due in a part that is nobody's; how many schedules that were.

    0 where nothing is due, or all of it is being done by others. Safe to break off and to repeat.
    """
    if not _is_due(database, range(PARTS), now_ms):
        return 0
    for part in random.sample(range(PARTS), PARTS):
        if _is_due(database, [part], now_ms) and (lease := parts.take(database, part, now_ms)):
            rows = due_in(database, part, now_ms, at_once)
            do(database, rows, now_ms)
            parts.give_back(database, lease)
            if rows:
                return len(rows)
    return 0


def due_in(database: Database, part: int, now_ms: int, at_once: int = AT_ONCE) -> list[Document]:
    """Schedules of a part that are due, those that have waited longest first."""
    found = database[REMINDERS].find({"part": part, "due_ms": {"$lte": now_ms}}, sort=[("due_ms", 1)], limit=at_once)
    return list(found.batch_size(at_once))


def do(database: Database, rows: Sequence[Document], now_ms: int) -> None:
    """All that is to be done about schedules that are due."""
    if rows:
        places = whereabouts.of_people(database, (row["person"] for row in rows))
        rounds = [round_of(row, places.get(row["person"]), now_ms) for row in rows]
        put_down(database, rounds, now_ms)
        go_on(database, rounds)


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
    """Each schedule waits for what follows, unless somebody has changed it, or done this, since it was read.

    Most people's reminders are at the same few times: those of which the same follows are one write.
    """
    alike: dict[tuple[tuple[str, int], ...], list[str]] = defaultdict(list)
    for one in rounds:
        fields: Document = {} if one.last_slot is None else {"last": one.last_slot}
        if one.next is not None and one.is_asked:
            fields |= due(one.row, one.next)
        was = {"was_plan": one.row["plan"], "was_last": one.row["last"]}
        alike[tuple((was | fields).items())].append(one.row["_id"])
    writes = []
    for said, ids in alike.items():
        fields = dict(said)
        mine = {"_id": {"$in": ids}, "plan": fields.pop("was_plan"), "last": fields.pop("was_last")}
        update: Document = {"$set": fields} if fields else {}
        update |= {} if "due_ms" in fields else {"$unset": {"due_ms": "", "next_ms": ""}}
        writes.append(UpdateMany(mine, update, hint="_id_"))
    database[REMINDERS].with_options(write_concern=DURABLE).bulk_write(writes, ordered=False)


def _is_due(database: Database, some: Iterable[int], now_ms: int) -> bool:
    wanted = {"part": {"$in": list(some)}, "due_ms": {"$lte": now_ms}}
    return database[REMINDERS].find_one(wanted, {"_id": 1}) is not None


def _write(database: Database, some: Sequence[Seen], state: str, now_ms: int) -> set[str]:
    return ledger.put(database, [ledger.row(one) for one in some], state, now_ms)


def _take_back(database: Database, asked: Sequence[Seen], now_ms: int) -> None:
    """Of those that somebody settled between the ledger and the notice, which was not there to be withdrawn then."""
    ids = [one.id for one in asked]
    is_settled = {"_id": {"$in": ids}, "state": {"$nin": list(TOLD)}}
    settled = database[ledger.OCCURRENCES].find(is_settled, {"_id": 1}, hint="_id_")
    keys = [ledger.notice_key(row["_id"]) for row in settled]
    if keys:
        outbox.withdraw_keys(database, keys, now_ms)
