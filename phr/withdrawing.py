"""What becomes of a vendor's readings when their owner takes back the consent to it: locked, or erased for good.

Collection ``withdrawals``: _id  person:vendor     person, vendor, wanted ("locked", "erased", "open"), by, at_ms,
due_ms  when it is gone on with, or the lease of who does so ends

Locked is taken out of the record, out of sums and reports too, kept as it stood, and given back where the consent is
given again. Erased is taken out first, so that every sum is right without it, and then deleted with its history once
the sums are. Both go source by source and may be broken off anywhere: done again they change nothing. The owner's
access log has a line of each wish before the first reading is touched. Source: PIPL article 47 (deletion where consent
is withdrawn), article 15 (withdrawn as easily as given).
"""

from __future__ import annotations

import re
from typing import Literal

from pymongo import ReturnDocument

from phr import amending
from phr.database import DURABLE, Database, Document
from phr.people import access_lines
from phr.people.access_lines import LOG, Line
from phr.readings import void
from phr.readings.void import Act, Source, Wanted
from phr.timeline.categories import READINGS
from phr.vocabulary.metrics import vocabulary

COLLECTION = "withdrawals"
LOCKED, ERASED, OPEN = "locked", "erased", "open"
Wish = Literal["locked", "erased", "open"]
REASON = "consent to the vendor was withdrawn"
SCHEDULER = "scheduler"  # who does it, in the access log
DID = {
    LOCKED: "took a vendor's readings out",
    ERASED: "erased a vendor's readings",
    OPEN: "gave a vendor's readings back",
}
LEASE_MS, AGAIN_MS = 60_000, 2_000
EVER = Wanted(None, (-4_000_000_000_000, 8_000_000_000_000))  # of the years 1843 to 2223


def ask(database: Database, person: str, vendor: str, wanted: Wish, by: str, now_ms: int) -> None:  # noqa: PLR0913, PLR0917
    """What is to become of a vendor's readings; the latest wish counts, and is done within seconds."""
    row = {"person": person, "vendor": vendor, "wanted": wanted, "by": by, "at_ms": now_ms, "due_ms": now_ms}
    rows = database[COLLECTION].with_options(write_concern=DURABLE)
    rows.update_one({"_id": f"{person}:{vendor}"}, {"$set": row}, upsert=True)


def settle_one(database: Database, now_ms: int) -> bool:
    """Goes on with one; False where none is due. One that waits for sums is looked at again."""
    taken = {"$set": {"due_ms": now_ms + LEASE_MS}}
    row = database[COLLECTION].find_one_and_update(
        {"due_ms": {"$lte": now_ms}}, taken, sort=[("due_ms", 1)], return_document=ReturnDocument.AFTER
    )
    if row is None:
        return False
    left = [
        source
        for source in sources(database, row["person"], row["vendor"])
        if not _settled(database, source, row, now_ms)
    ]
    same = {
        "_id": row["_id"],
        "at_ms": row["at_ms"],
        "wanted": row["wanted"],
    }  # unless they have wished otherwise since
    if left:
        database[COLLECTION].update_one(same, {"$set": {"due_ms": now_ms + AGAIN_MS}})
    else:
        database[COLLECTION].delete_one(same)
    return True


def sources(database: Database, person: str, vendor: str) -> list[Source]:
    """Everything that a vendor's devices ever measured for somebody."""
    of_vendor = {"$regex": f"^{re.escape(vendor)}/"}
    rows = database.sources.find({"p": person, "d": of_vendor}, sort=[("m", 1), ("d", 1)])
    known = vocabulary().metrics
    return [Source(person, known[row["m"]], row["d"]) for row in rows if row["m"] in known]


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("due_ms", name="due")
    database[COLLECTION].create_index("person", name="person")


def _settled(database: Database, source: Source, row: Document, now_ms: int) -> bool:
    """True where nothing is left to do for this source."""
    act = Act(row["by"], REASON, now_ms)
    if row["wanted"] == OPEN:
        for _, _, reasons in void.taken_out(database, source, EVER):
            keys = frozenset(key for key, reason in reasons.items() if reason == REASON)
            if keys:
                _log(database, row, now_ms)
                amending.give_back(database, source, Wanted(keys), act)
        return True
    _log(database, row, now_ms)
    amending.take_out(database, source, EVER, act)
    return row["wanted"] == LOCKED or _is_erased(database, source)


def _log(database: Database, row: Document, now_ms: int) -> None:
    """The owner's line, once a wish: only who holds its lease comes here."""
    line = Line(
        at_ms=now_ms,
        who=SCHEDULER,
        client_id=SCHEDULER,
        act=None,
        role=SCHEDULER,
        grant=None,
        person=row["person"],
        verb="write",
        categories=(READINGS,),
        about=f"{DID[row['wanted']]}: {row['vendor']}",
        outcome="allowed",
    )
    same = {"person": line.person, "at_ms": {"$gte": row["at_ms"]}, "who": SCHEDULER, "about": line.about}
    if database[LOG].find_one(same, {"_id": 1}) is None:
        access_lines.append(database, line)


def _is_erased(database: Database, source: Source) -> bool:
    """Deletes what no sum waits for any more; True where that was all of it."""
    whose = {"p": source.person, "m": source.metric.key, "d": source.device}
    database.readings.delete_many(whose | {"dirty_since": {"$exists": False}})
    if database.readings.find_one(whose, {"_id": 1}) is not None:
        return False
    database.summaries.delete_many(whose)
    begin = f"{source.person}:{source.metric.key}:"
    of_source = {"$gte": begin, "$lt": f"{begin}\uffff", "$regex": f":{re.escape(source.device)}$"}
    for name in ("hours", "views"):
        database[name].delete_many({"_id": of_source})
    database.sources.delete_many(whose)
    return True
