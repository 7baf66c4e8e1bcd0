"""Whom a person has chosen to be called, and who wants to hear nothing of a rule for a while.

Collections ``alert_contacts``: _id (the person), emergency, low_glucose, crisis (people's ids), version; and
``alert_snoozes``: _id (person:rule:who), person, who, rule, until_ms, expires_at. To be chosen gives no right: who may
see what an alert is made of is asked each time (phr.people.access).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from phr.alerts.episode import CALL_120, Episode
from phr.clock import to_datetime
from phr.database import DURABLE, Database
from phr.errors import VersionConflict
from phr.people import access, grants
from phr.people.access import Ask, Caller
from phr.people.grants import GUARDIAN, MINORS_GUARDIAN, PROXY, RELATIVE

CONTACTS, SNOOZES = "alert_contacts", "alert_snoozes"
MOST = 5
For = Literal["emergency", "low_glucose", "crisis"]
FOR: tuple[For, ...] = ("emergency", "low_glucose", "crisis")
FAMILY = (RELATIVE, GUARDIAN, MINORS_GUARDIAN, PROXY)


@dataclass(frozen=True, slots=True)
class Contacts:
    """People by their ids. ``crisis``: who is called when somebody may harm themself."""

    emergency: tuple[str, ...] = ()
    low_glucose: tuple[str, ...] = ()
    crisis: tuple[str, ...] = ()
    version: int = 0


def contacts(database: Database, person: str) -> Contacts:
    row = database[CONTACTS].find_one({"_id": person})
    return Contacts(**{name: tuple(row[name]) for name in FOR}, version=row["version"]) if row else Contacts()


def choose(database: Database, person: str, chosen: Contacts, version: int) -> Contacts:
    """Raises VersionConflict where it has changed since ``version``."""
    row = {name: list(getattr(chosen, name)) for name in FOR} | {"version": version + 1}
    rows = database[CONTACTS].with_options(write_concern=DURABLE)
    guard = {"_id": person, "version": version}
    if version == 0:
        if rows.update_one({"_id": person}, {"$setOnInsert": row}, upsert=True).upserted_id is None:
            raise VersionConflict("it has changed since you read it; read it again")
    elif not rows.replace_one(guard, row).matched_count:
        raise VersionConflict("it has changed since you read it; read it again")
    return contacts(database, person)


def family(database: Database, person: str, now_ms: int) -> list[str]:
    """Relatives and who stands in for the person, by their live grants."""
    wanted = {"person": person, "kind": {"$in": list(FAMILY)}, "revoked_at_ms": None}
    named = dict.fromkeys(row["grantee"] for row in database["grants"].find(wanted, {"grantee": 1}))
    return [one for one in named if grants.live(database, person, one, now_ms)]


def who_may_see(
    database: Database, person: str, among: Iterable[str], categories: Collection[str], now_ms: int
) -> list[str]:
    """Those of them who may see, now, all that is of these categories."""
    ask = Ask(person, "read", tuple(sorted(categories)), "alert")
    found = []
    for one in among:
        sight = access.visible(database, Caller(one, "", frozenset(), None, "person"), ask, now_ms)
        if sight.sees(categories, now_ms):
            found.append(one)
    return found


def snooze(database: Database, person: str, rule: str, who: str, until_ms: int) -> None:
    """Of this rule alone, and for this one alone; until an earlier time ends an earlier wish."""
    row = {"person": person, "rule": rule, "who": who, "until_ms": until_ms, "expires_at": to_datetime(until_ms)}
    database[SNOOZES].update_one({"_id": f"{person}:{rule}:{who}"}, {"$set": row}, upsert=True)


def snoozed(database: Database, person: str, who: str, now_ms: int) -> dict[str, int]:
    """By rule, until when."""
    found = database[SNOOZES].find({"person": person, "who": who, "until_ms": {"$gt": now_ms}})
    return {row["rule"]: row["until_ms"] for row in found}


def awake(database: Database, one: Episode, among: Iterable[str], now_ms: int) -> list[str]:
    """Those of them who have not put off this rule's alerts; of an emergency all."""
    if one.level >= CALL_120:
        return list(among)
    asleep = {"person": one.person, "rule": one.rule, "until_ms": {"$gt": now_ms}}
    who = {row["who"] for row in database[SNOOZES].find(asleep, {"who": 1})}
    return [person for person in among if person not in who]


def ensure_indexes(database: Database) -> None:
    database[SNOOZES].create_index([("person", 1), ("who", 1)], name="person_who")
    database[SNOOZES].create_index("who", name="who")
    database[SNOOZES].create_index("expires_at", name="expires", expireAfterSeconds=0)
    for name in FOR:
        database[CONTACTS].create_index(name, name=name)
