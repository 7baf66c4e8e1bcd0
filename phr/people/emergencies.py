"""Break-glass: a doctor without a grant sees a summary for an hour, and every such case is looked into.

Collections:
    emergencies            _id, doctor, organisation, person, opened_at_ms, until_ms, special_at_ms, sealed (reasons,
                           with the person's key), closed_at_ms, closed_by, is_justified
    emergency_exclusions   _id  person:organisation    person  organisation
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from pymongo.errors import DuplicateKeyError

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.errors import AccessDenied, AlreadyThere, NotFound, TooManyTries
from phr.people import grants, seals
from phr.people.access import REFUSED
from phr.people.grants import BREAK_GLASS, EMERGENCY, NewGrant

CASES, EXCLUSIONS = "emergencies", "emergency_exclusions"
NO_CASE = "no such case"
LIFE_MS = 60 * 60_000
A_DAY = 3
CLOSED_WITHIN_MS = 7 * 86_400_000


class BreakGlassSuspended(AccessDenied):
    """A case of this doctor waits for its officer for more than seven days."""

    code: ClassVar[str] = "break-glass-suspended"


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    doctor: str
    organisation: str
    person: str
    opened_at_ms: int
    until_ms: int
    special_at_ms: int | None
    closed_at_ms: int | None
    closed_by: str | None
    is_justified: bool | None

    @property
    def due_at_ms(self) -> int:
        """Until when an officer closes it, or the doctor opens no other."""
        return self.opened_at_ms + CLOSED_WITHIN_MS


def check(database: Database, doctor: str, organisation: str, person: str, now_ms: int) -> None:
    """Returns where a case may be opened. Raises BreakGlassSuspended; AccessDenied for an excluded organisation."""
    overdue = {"doctor": doctor, "closed_at_ms": None, "opened_at_ms": {"$lte": now_ms - CLOSED_WITHIN_MS}}
    if database[CASES].find_one(overdue, {"_id": 1}):
        raise BreakGlassSuspended(
            "a case of yours waits for your privacy officer; until it is closed you open no other"
        )
    if database[EXCLUSIONS].find_one({"_id": f"{person}:{organisation}"}):
        raise AccessDenied(REFUSED)


def open_case(database: Database, draft: Case, reason: str, zone: str, now_ms: int) -> Case:
    """The case, stored; it gives nothing before ``let_in``. Raises TooManyTries after three a day."""
    day = to_datetime(now_ms).astimezone(ZoneInfo(zone)).date()
    for slot in range(A_DAY):
        name = hashlib.sha256(f"{draft.doctor}\0{day}\0{slot}".encode()).hexdigest()[:24]
        row: Document = {field: getattr(draft, field) for field in Case.__slots__ if field != "id"}
        row |= {"_id": name, "sealed": _sealed(database, draft.person, name, {"reason": reason})}
        try:
            database[CASES].insert_one(row)
        except DuplicateKeyError:
            continue
        return _case(row)
    raise TooManyTries("three emergencies a day, and you have had them", _until_tomorrow_s(now_ms, zone))


def let_in(database: Database, case: Case) -> None:
    """From here on the doctor sees the summary, until the hour is over."""
    draft = NewGrant(
        person=case.person,
        grantee=case.doctor,
        kind=BREAK_GLASS,
        categories=(EMERGENCY,),
        verbs=("read",),
        purpose="emergency",
        from_ms=case.opened_at_ms,
        until_ms=case.until_ms,
    )
    grants.create(database, draft)


def add_reason(database: Database, case: Case, reason: str, now_ms: int) -> Case:
    """A second reason, which opens what is special, once."""
    words = {**reasons(database, case), "special_reason": reason}
    change = {"special_at_ms": now_ms, "sealed": _sealed(database, case.person, case.id, words)}
    database[CASES].update_one({"_id": case.id, "special_at_ms": None}, {"$set": change})
    return require(database, case.id)


def live(database: Database, doctor: str, person: str, now_ms: int) -> list[Case]:
    """The doctor's cases of this person whose hour is not over."""
    wanted = {"doctor": doctor, "person": person, "until_ms": {"$gt": now_ms}}
    return [_case(row) for row in database[CASES].find(wanted)]


def of_organisation(database: Database, organisation: str, limit: int = 200) -> list[Case]:
    """An organisation's cases, those that wait first, then the newest."""
    rows = list(database[CASES].find({"organisation": organisation}).sort("opened_at_ms", -1).limit(limit))
    return sorted((_case(row) for row in rows), key=lambda one: one.closed_at_ms is not None)


def close(database: Database, case: Case, officer: str, *, is_justified: bool, now_ms: int) -> Case:
    """An officer's finding. Raises AlreadyThere for a case that is closed."""
    change = {"closed_at_ms": now_ms, "closed_by": officer, "is_justified": is_justified}
    if not database[CASES].update_one({"_id": case.id, "closed_at_ms": None}, {"$set": change}).matched_count:
        raise AlreadyThere("the case is closed")
    return require(database, case.id)


def require(database: Database, case_id: str) -> Case:
    row = database[CASES].find_one({"_id": case_id})
    if row is None:
        raise NotFound(NO_CASE)
    return _case(row)


def reasons(database: Database, case: Case) -> Mapping[str, str]:
    """{"reason", "special_reason" where there is one}. Raises KeyDestroyed."""
    row = database[CASES].find_one({"_id": case.id})
    assert row is not None
    found: Mapping[str, str] = seals.unseal(database, case.person, f"emergencies.{case.id}", row["sealed"])
    return found


def exclude(database: Database, person: str, organisation: str) -> None:
    """The organisation's doctors open no case of this person. Repeatable."""
    row = {"person": person, "organisation": organisation}
    database[EXCLUSIONS].update_one({"_id": f"{person}:{organisation}"}, {"$set": row}, upsert=True)


def include(database: Database, person: str, organisation: str) -> None:
    database[EXCLUSIONS].delete_one({"_id": f"{person}:{organisation}"})


def excluded(database: Database, person: str) -> list[str]:
    return sorted(row["organisation"] for row in database[EXCLUSIONS].find({"person": person}))


def ensure_indexes(database: Database) -> None:
    database[CASES].create_index([("doctor", 1), ("opened_at_ms", -1)], name="doctor")
    database[CASES].create_index([("organisation", 1), ("opened_at_ms", -1)], name="organisation")
    database[CASES].create_index("person", name="person")
    database[EXCLUSIONS].create_index("person", name="person")


def _sealed(database: Database, person: str, name: str, words: Mapping[str, str]) -> bytes:
    return seals.seal(database, person, f"emergencies.{name}", dict(words))


def _case(row: Document) -> Case:
    return Case(id=row["_id"], **{name: row[name] for name in Case.__slots__ if name != "id"})


def _until_tomorrow_s(now_ms: int, zone: str) -> int:
    here: datetime = to_datetime(now_ms).astimezone(ZoneInfo(zone))
    return 86_400 - (here.hour * 3600 + here.minute * 60 + here.second)
