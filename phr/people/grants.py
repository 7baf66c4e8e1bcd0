"""Grants: who may see what of whom, why, and until when."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from mongoengine import ValidationError

from phr.clock import to_ms
from phr.database import Database, Document
from phr.errors import InputInvalid, NotFound
from phr.people.documents import GrantDocument
from phr.people.people import Person

SUPPORT = "support"  # the grantee and the kind of a grant to the operators of this installation
# Personal Information Protection Law of the People's Republic of China, article 31: a guardian consents for a child
# under 14.
GUARDED_UNTIL_AGE = 14
EVERYTHING = "*"
GUARDIAN = "guardian"  # stands in for a child: the only kind of grant that covers what owners alone may do
OWNERS_ALONE = "held"  # readings that are nobody's yet or can't be right: no other grant covers them, "*" neither
ERASURE = "erasure"  # nor this: the end of the record
_NEVER_GRANTED = {OWNERS_ALONE, ERASURE}


@dataclass(frozen=True, slots=True)
class Grant:
    """Live over [from, until) while not revoked. The category "*" stands for all that can be granted."""

    id: str
    person: str
    grantee: str
    kind: str  # "support" | "family-doctor" | "relative" | "guardian"
    categories: frozenset[str]
    verbs: frozenset[str]
    purpose: str
    from_ms: int
    until_ms: int | None
    revoked_at_ms: int | None

    def covers(self, verb: str, categories: Iterable[str]) -> bool:
        """True where it allows the verb on every one of the categories."""
        asked = set(categories)
        is_covered = EVERYTHING in self.categories or asked <= self.categories
        return verb in self.verbs and is_covered and (not asked & _NEVER_GRANTED or self.kind == GUARDIAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    person: str
    grantee: str
    kind: str
    categories: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: str
    from_ms: int
    until_ms: int | None = None


def create(database: Database, draft: NewGrant) -> Grant:
    """The grant, stored. Raises InputInvalid with a pointer; who may give it is decided by the caller."""
    document = GrantDocument(
        id=secrets.token_urlsafe(12),
        person=draft.person,
        grantee=draft.grantee,
        kind=draft.kind,
        categories=sorted(draft.categories),
        verbs=sorted(draft.verbs),
        purpose=draft.purpose,
        from_ms=draft.from_ms,
        until_ms=draft.until_ms,
    )
    try:
        document.validate()
    except ValidationError as error:
        field = next(iter(error.errors or {"": ""}))
        raise InputInvalid(f"{field}: {error.to_dict().get(field)}", f"/{field}") from error
    row: Document = document.to_mongo().to_dict()
    database["grants"].insert_one(row)
    return _grant(row)


def revoke(database: Database, grant_id: str, now_ms: int) -> None:
    """Ends the grant now; one that is revoked stays as it was. Raises NotFound."""
    grants = database["grants"]
    ended = grants.update_one({"_id": grant_id, "revoked_at_ms": None}, {"$set": {"revoked_at_ms": now_ms}})
    if not ended.matched_count and grants.find_one({"_id": grant_id}, {"_id": 1}) is None:
        raise NotFound("no such grant")


def live(database: Database, person: str, grantee: str, now_ms: int) -> list[Grant]:
    """The grants of a person to a grantee that hold now."""
    wanted: Document = {
        "person": person,
        "grantee": grantee,
        "from_ms": {"$lte": now_ms},
        "revoked_at_ms": None,
        "$or": [{"until_ms": None}, {"until_ms": {"$gt": now_ms}}],
    }
    return [_grant(row) for row in database["grants"].find(wanted)]


def guarded_until_ms(child: Person) -> int | None:
    """When the child comes of the age from which nobody stands in for it; None: its birth date is not known."""
    if child.birth_on is None:
        return None
    born = child.birth_on
    year, is_leap_day = born.year + GUARDED_UNTIL_AGE, (born.month, born.day) == (2, 29)
    on = datetime(year, *((3, 1) if is_leap_day else (born.month, born.day)), tzinfo=UTC)
    zone = child.zone_at(to_ms(on))
    return to_ms(on.replace(tzinfo=ZoneInfo(zone)))


def ensure_indexes(database: Database) -> None:
    database["grants"].create_index([("person", 1), ("grantee", 1)], name="person")
    database["grants"].create_index("grantee", name="grantee")


def _grant(row: Document) -> Grant:
    return Grant(
        id=row["_id"],
        person=row["person"],
        grantee=row["grantee"],
        kind=row["kind"],
        categories=frozenset(row["categories"]),
        verbs=frozenset(row["verbs"]),
        purpose=row["purpose"],
        from_ms=row["from_ms"],
        until_ms=row.get("until_ms"),
        revoked_at_ms=row.get("revoked_at_ms"),
    )
