"""What residents need, remembered for the panel: made anew when something changed, and every few hours.

Collections ``panel_rows``: _id organisation:person, organisation, person, at_ms, sealed (needs and programmes, with the
organisation's key); and ``panel_due``: _id (a person), due_ms, news, leased_until_ms. A memory: it may be dropped, and
is made again. What has changed is marked where it is stored (``to_panel`` in alerts, plans, visits, tasks), so that
nothing is noted in a second place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pymongo import ReturnDocument, UpdateOne

from phr.alerts import store as alerts
from phr.database import Database, Document
from phr.panel import gathering
from phr.panel.needs import Need
from phr.people import grants, organisations, people, seals
from phr.plans import plans, tasks, visits

ROWS, DUE = "panel_rows", "panel_due"
MARKED = (alerts.COLLECTION, plans.COLLECTION, visits.COLLECTION, tasks.COLLECTION)
AT_ONCE = 500
LEASE_MS = 60_000
ANEW_MS = 6 * 3_600_000  # days pass, and who is silent is not stored anywhere


@dataclass(frozen=True, slots=True)
class Row:
    person: str
    needs: tuple[Need, ...]
    programmes: tuple[str, ...]


def mark(database: Database, persons: Iterable[str], now_ms: int) -> None:
    """Their rows are made anew soon."""
    news = {"$min": {"due_ms": now_ms}, "$inc": {"news": 1}}
    writes = [UpdateOne({"_id": one}, news, upsert=True) for one in dict.fromkeys(persons)]
    if writes:
        database[DUE].bulk_write(writes, ordered=False)


def gather_some(database: Database, now_ms: int) -> bool:
    """Marks whose alerts, plans, visits or tasks have changed; True where there were any."""
    has_found = False
    for name in MARKED:
        found = list(database[name].find({"to_panel": True}, {"person": 1, "v": 1, "version": 1}).limit(AT_ONCE))
        if not found:
            continue
        has_found = True
        mark(database, (row["person"] for row in found), now_ms)
        # One that has changed since is marked again.
        same: list[Document] = [{key: row[key] for key in ("_id", "v", "version") if key in row} for row in found]
        unset = {"$unset": {"to_panel": ""}}
        database[name].bulk_write([UpdateOne(one, unset) for one in same], ordered=False)
    return has_found


def refresh_one(database: Database, now_ms: int) -> bool:
    """Makes the rows of one who is due anew; False where nobody is."""
    free = [{"leased_until_ms": {"$exists": False}}, {"leased_until_ms": {"$lte": now_ms}}]
    row = database[DUE].find_one_and_update(
        {"due_ms": {"$lte": now_ms}, "$or": free},
        {"$set": {"leased_until_ms": now_ms + LEASE_MS}},
        sort=[("due_ms", 1)],
        return_document=ReturnDocument.AFTER,
    )
    if row is None:
        return False
    is_kept = refresh(database, row["_id"], now_ms)
    same = {"_id": row["_id"], "news": row["news"]}  # what was marked meanwhile is due as it was
    if is_kept:
        database[DUE].update_one(same, {"$set": {"due_ms": now_ms + ANEW_MS}})
    else:
        database[DUE].delete_one(same)
    database[DUE].update_one({"_id": row["_id"]}, {"$unset": {"leased_until_ms": ""}})
    return True


def refresh(database: Database, person_id: str, now_ms: int) -> bool:
    """The person's rows as they are now; False for somebody of whom there is nothing to remember."""
    person = people.find(database, person_id)
    if person is None:
        database[ROWS].delete_many({"person": person_id})
        return False
    found, programmes = gathering.needs_of(
        database, person, _organisations(database, person_id, now_ms), alerts.open_of(database, [person_id]), now_ms
    )
    kept = [name for name in found if found[name] or programmes[name]]
    for name in kept:
        body = {"needs": [asdict(one) for one in found[name]], "programmes": programmes[name]}
        sealed = seals.seal(database, seals.organisation(name), _place(name, person_id), body)
        row = {"organisation": name, "person": person_id, "at_ms": now_ms, "sealed": sealed}
        database[ROWS].replace_one({"_id": f"{name}:{person_id}"}, row, upsert=True)
    database[ROWS].delete_many({"person": person_id, "organisation": {"$nin": kept}})
    return bool(kept)


def of_organisation(database: Database, organisation: str) -> Mapping[str, Row]:
    """By person."""
    rows = database[ROWS].find({"organisation": organisation}, {"person": 1, "sealed": 1}).batch_size(5_000)
    return {row["person"]: _opened(database, organisation, row) for row in rows}


def ensure_indexes(database: Database) -> None:
    database[ROWS].create_index("organisation", name="organisation")
    database[ROWS].create_index("person", name="person")
    database[DUE].create_index("due_ms", name="due")
    for name in MARKED:
        database[name].create_index("to_panel", name="to_panel", sparse=True)


def _organisations(database: Database, person: str, now_ms: int) -> list[str]:
    """Those of the teams that look after the person."""
    found = grants.of_kind(database, person, grants.FAMILY_DOCTOR, now_ms)
    begin = organisations.TEAM
    return [one.grantee.removeprefix(begin).partition("/")[0] for one in found if one.grantee.startswith(begin)]


def _opened(database: Database, organisation: str, row: Document) -> Row:
    body: Any = seals.unseal(
        database, seals.organisation(organisation), _place(organisation, row["person"]), row["sealed"]
    )
    return Row(row["person"], tuple(map(_need, body["needs"])), tuple(body["programmes"]))


def _need(said: Mapping[str, Any]) -> Need:
    words: Sequence[tuple[str, Any]] = list(said["words"].items())
    return Need(said["code"], tuple(said["categories"]), {name: (one[0], one[1]) for name, one in words})


def _place(organisation: str, person: str) -> str:
    return f"panel.{organisation}.{person}"
