"""Guardians of children: the whole record until 14, most of it until 18, nothing after.

Sources: Personal Information Protection Law of the PR China, article 31 (who is 14 consents for themselves); Civil Code
of the PR China, article 17 (of age at 18). What a guardian sees from 14 on leaves out what is a young person's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from phr.clock import DAY_MS
from phr.database import Database
from phr.errors import InputInvalid
from phr.people import grants, people
from phr.people.grants import EVERYTHING, GUARDIAN, MINORS_GUARDIAN, Grant, NewGrant, grant_of
from phr.people.people import Person

GUARDED_UNTIL_AGE = 14
OF_AGE = 18
OWN_FROM_14 = frozenset(("mental", "notes", "reproductive", "sexual-health"))
LATELY_MS = 30 * DAY_MS  # who was not told by then, the installation being down, sees it with their consents
_UNTIL = {GUARDIAN: GUARDED_UNTIL_AGE, MINORS_GUARDIAN: OF_AGE}


@dataclass(frozen=True, slots=True)
class Appointment:
    """Whose guardian somebody is, what proved it, and the categories of which most are left to them from 14 on."""

    child: str
    guardian: str
    reason: str
    categories: tuple[str, ...]


def appoint(database: Database, wanted: Appointment, now_ms: int) -> list[Grant]:
    """What the guardian holds, first what holds first: until 14, and then until 18. Who is 14 has the second alone.

    Raises NotFound, InputInvalid for who is of age.
    """
    child, guardian = wanted.child, wanted.guardian
    ward = people.require(database, child)
    people.require(database, guardian)
    at_14, at_18 = birthday_ms(ward, GUARDED_UNTIL_AGE), birthday_ms(ward, OF_AGE)
    if child == guardian or at_14 is None or at_18 is None or at_18 <= now_ms:
        raise InputInvalid(f"only a child under {OF_AGE} has a guardian, who is somebody else")
    left = tuple(sorted(set(wanted.categories) - OWN_FROM_14))
    spans = [(GUARDIAN, (EVERYTHING,), now_ms, at_14), (MINORS_GUARDIAN, left, max(now_ms, at_14), at_18)]
    return [
        grants.create(
            database,
            NewGrant(
                person=child,
                grantee=guardian,
                kind=kind,
                categories=some,
                verbs=("read", "write"),
                purpose="representation",
                told={"note": wanted.reason},
                from_ms=from_ms,
                until_ms=until_ms,
            ),
        )
        for kind, some, from_ms, until_ms in spans
        if from_ms < until_ms
    ]


def left_one(database: Database, now_ms: int) -> Grant | None:
    """A guardian's grant over a whole record that its child's 14th birthday has ended lately, not put down yet."""
    lately = {"until_ms": {"$gt": now_ms - LATELY_MS, "$lte": now_ms}}
    over = {"kind": GUARDIAN, "frozen": None, "asked_anew_ms": None, **lately}  # of the dead it is frozen
    row = database["grants"].find_one(over)
    return grant_of(row) if row else None


def set_asked_anew(database: Database, grant: Grant, now_ms: int) -> None:
    database["grants"].update_one({"_id": grant.id}, {"$set": {"asked_anew_ms": now_ms}})


def settle(database: Database, child: Person) -> None:
    """After a corrected birth date guardians hold no longer than by it; longer only by a new appointment.

    A guardian who writes a later birth date than is true gains nothing by it. Safe to repeat.
    """
    for kind, age in _UNTIL.items():
        until_ms = birthday_ms(child, age)
        if until_ms is not None:
            held = {"person": child.id, "kind": kind, "until_ms": {"$gt": until_ms}}
            database["grants"].update_many(held, {"$set": {"until_ms": until_ms}})
        if until_ms is not None and kind == GUARDIAN:
            later = {"person": child.id, "kind": MINORS_GUARDIAN, "from_ms": {"$gt": until_ms}}
            database["grants"].update_many(later, {"$set": {"from_ms": until_ms}})


def birthday_ms(child: Person, age: int) -> int | None:
    """When the child comes of an age, where it lives then; None: its birth date is not known.

    Who was born on 29 February does so on 1 March where there is none.
    """
    if child.birth_on is None:
        return None
    born, year = child.birth_on, child.birth_on.year + age
    try:
        return child.midnight_ms(born.replace(year=year))
    except ValueError:
        return child.midnight_ms(date(year, 3, 1))
