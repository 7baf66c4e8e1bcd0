"""Grants: who may see what of whom, why, and until when."""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from mongoengine import ValidationError

from phr import together
from phr.database import Database, Document
from phr.errors import InputInvalid, NotFound
from phr.people import organisations, people, seals
from phr.people.consent_texts import Seen
from phr.people.documents import GrantDocument
from phr.vocabulary.sight import Period

SUPPORT = "support"  # the grantee and the kind of a grant to the operators of this installation
EVERYTHING = "*"
_TO_TEAMS = re.compile(f"^{organisations.TEAM}")
PROPOSAL_LIFE_MS = 30 * 86_400_000  # how long a proposal waits for an answer
BY_CODE = (
    "code"  # what a grant awaits whose grantee comes with a code; till then its grantee is CODE + the code's token
)
CODE = "code:"
CODE_LIFE_MS = 3 * 86_400_000
RELATIVE, FAMILY_DOCTOR, SPECIALIST = "relative", "family-doctor", "specialist"
GUARDIAN = "guardian"  # stands in for a child under 14
MINORS_GUARDIAN = "minors-guardian"  # no longer stands in for who is 14
PROXY = "proxy"  # stands in for an elder
BREAK_GLASS = "break-glass"  # of a doctor in an emergency, for an hour
OWNERS_ALONE = "held"  # readings that are nobody's yet or can't be right, and what the owner's devices are told
SHARING = "grants"  # who may see the record
ERASURE = "erasure"  # the end of the record
LOGINS = "logins"  # how the owner comes in
CONSENTS = "consents"  # to processing
CONTRACTS = "contracts"  # with family doctors' teams; staff come to them without a grant
ACCESS_LOG = "access-log"  # who has seen the record
EMERGENCY = "emergency"  # the summary for an emergency
REFERRALS = "referrals"  # questions to specialists and their answers
# What no grant lists, "*" neither: the owner has it, and those whose kind of grant it comes with.
WITH_KIND: Mapping[str, frozenset[str]] = {
    OWNERS_ALONE: frozenset((GUARDIAN, PROXY)),
    SHARING: frozenset((GUARDIAN, PROXY)),
    ERASURE: frozenset((GUARDIAN,)),
    LOGINS: frozenset((GUARDIAN,)),
    CONSENTS: frozenset((GUARDIAN, PROXY)),
    CONTRACTS: frozenset((GUARDIAN, PROXY)),
    EMERGENCY: frozenset((BREAK_GLASS,)),
    ACCESS_LOG: frozenset((GUARDIAN, PROXY)),
    REFERRALS: frozenset((GUARDIAN, PROXY, FAMILY_DOCTOR, SPECIALIST)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Live over [from, until) while it awaits nobody and is not revoked. "*" stands for all that can be granted."""

    id: str
    person: str
    grantee: str
    kind: str
    categories: frozenset[str]
    verbs: frozenset[str]
    purpose: str
    from_ms: int
    until_ms: int | None = None
    revoked_at_ms: int | None = None
    awaits: str | None = None  # the person who has to accept it first; BY_CODE: whoever has the code
    proposed_by: str | None = None
    proposed_at_ms: int | None = None
    accepted_by: str | None = None  # the owner, or who stood in
    accepted_at_ms: int | None = None
    declined_at_ms: int | None = None
    revoked_by: str | None = None
    assisted: Mapping[str, str] | None = None  # how consent was taken down where the owner did not give it in the app
    text: Seen | None = None  # what they saw who accepted it
    data_from_ms: int | None = None
    data_until_ms: int | None = None
    frozen: str | None = None  # why it is worth nothing for the time being
    sealed: bytes | None = None

    @property
    def period(self) -> Period:
        """The data it is on: all, or what was measured or took effect over [data_from, data_until)."""
        return Period(self.data_from_ms, self.data_until_ms)

    def covers(self, verb: str, categories: Iterable[str]) -> bool:
        """True where it allows the verb on every one of the categories."""
        asked = set(categories)
        special = asked & WITH_KIND.keys()
        is_covered = EVERYTHING in self.categories or asked - special <= self.categories
        has_verb = verb in self.verbs or asked == {REFERRALS}  # a specialist reads, and answers
        return has_verb and is_covered and all(self.kind in WITH_KIND[one] for one in special)

    def state(self, now_ms: int) -> str:
        """One of "proposed", "invited", "accepted", "frozen", "declined", "revoked" and "expired"."""
        if self.declined_at_ms is not None:
            return "declined"
        if self.revoked_at_ms is not None:
            return "revoked"
        ends_ms = [self.until_ms] if self.until_ms is not None else []
        if self.awaits is not None:
            life_ms = CODE_LIFE_MS if self.awaits == BY_CODE else PROPOSAL_LIFE_MS
            ends_ms.append((self.proposed_at_ms or 0) + life_ms)
        if ends_ms and min(ends_ms) <= now_ms:
            return "expired"
        if self.frozen is not None:
            return "frozen"
        if self.awaits is None:
            return "accepted"
        return "invited" if self.awaits == BY_CODE else "proposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """``told``: words about it ("note", "question"), kept sealed. ``id``: where its maker names it."""

    person: str
    grantee: str
    kind: str
    categories: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: str
    from_ms: int
    until_ms: int | None = None
    awaits: str | None = None
    proposed_by: str | None = None
    proposed_at_ms: int | None = None
    accepted_by: str | None = None
    accepted_at_ms: int | None = None
    text: Seen | None = None
    data_from_ms: int | None = None
    data_until_ms: int | None = None
    told: Mapping[str, str] | None = None
    id: str | None = None


def create(database: Database, draft: NewGrant) -> Grant:
    """The grant, stored. Raises InputInvalid with a pointer; who may give it is decided by the caller."""
    grant_id = draft.id or secrets.token_urlsafe(12)
    document = GrantDocument(id=grant_id, **(_plain(draft) | _sealed(database, grant_id, draft)))
    try:
        document.validate()
    except ValidationError as error:
        field = next(iter(error.errors or {"": ""}))
        raise InputInvalid(f"{field}: {error.to_dict().get(field)}", f"/{field}") from error
    row: Document = document.to_mongo().to_dict()
    database["grants"].insert_one(row)
    return grant_of(row)


def revoke(database: Database, grant_id: str, now_ms: int, by: str | None = None) -> None:
    """Ends the grant now; one that is revoked stays as it was. Raises NotFound."""
    grants, told = database["grants"], {"revoked_at_ms": now_ms} | ({"revoked_by": by} if by else {})
    ended = grants.update_one({"_id": grant_id, "revoked_at_ms": None}, {"$set": told})
    if not ended.matched_count and grants.find_one({"_id": grant_id}, {"_id": 1}) is None:
        raise NotFound("no such grant")


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands to a person: the grants that hold, and the person as stored, where there is one."""

    grants: list[Grant]
    person: Document | None


def live(database: Database, person: str, grantee: str, now_ms: int) -> list[Grant]:
    """The grants of a person to a grantee, or to a team that the grantee is in, that hold now."""
    return standing(database, person, grantee, now_ms).grants


def standing(database: Database, person: str, grantee: str, now_ms: int) -> Standing:
    """What ``live`` gives, and the person beside it. Who asks at the same time in this process is answered together."""
    return together.of(database, _Question(database, person, grantee, now_ms), _standings)


class _Question(NamedTuple):
    database: Database
    person: str
    grantee: str
    now_ms: int


def _standings(asked: Sequence[_Question]) -> list[Standing]:
    """Of each, as it is at the latest of their moments; in one question of the database's: three would cost twice."""
    database, now_ms = asked[0].database, max(one.now_ms for one in asked)
    persons, grantees = {one.person for one in asked}, {one.grantee for one in asked}
    wanted: Document = {"person": _any_of(persons), "grantee": {"$in": [*grantees, _TO_TEAMS]}} | _holding(now_ms)
    teams = {"coll": "team_members", "pipeline": organisations.teams_steps(_any_of(grantees), now_ms)}
    people_ = {"coll": "people", "pipeline": people.steps(_any_of(persons))}
    steps: list[Document] = [{"$match": wanted}, {"$unionWith": teams}, {"$unionWith": people_}]
    granted: defaultdict[str, list[Document]] = defaultdict(list)
    held = {one: {one} for one in grantees}
    found: dict[str, Document] = {}
    for row in database["grants"].aggregate(steps):
        if "grantee" in row:
            granted[row["person"]].append(row)
        elif "team" in row:
            held[row["person"]].add(f"{organisations.TEAM}{row['team']}")
        else:
            found[row["_id"]] = row
    return [
        Standing(
            [grant_of(row) for row in granted[one.person] if row["grantee"] in held[one.grantee]],
            found.get(one.person),
        )
        for one in asked
    ]


def _any_of(names: Collection[str]) -> Any:
    """Of one name itself, which the server finds soonest."""
    return next(iter(names)) if len(names) == 1 else {"$in": list(names)}


def of_kind(database: Database, person: str, kind: str, now_ms: int) -> list[Grant]:
    """The person's live grants of a kind, to whomever."""
    return [grant_of(row) for row in database["grants"].find({"person": person, "kind": kind} | _holding(now_ms))]


def alike_to(database: Database, grantees: Iterable[str], now_ms: int) -> list[tuple[Grant, dict[str, str]]]:
    """What people have granted to any of these and holds now: one of each sort, and by id of whom there is one like it.

    A doctor's residents are thousands and their grants mostly one and the same.
    """
    wanted = {"grantee": {"$in": list(grantees)}} | _holding(now_ms)
    alike = {name: f"${name}" for name in ("kind", "categories", "verbs", "data_from_ms", "data_until_ms")}
    steps: list[Document] = [
        {"$match": wanted},
        {"$group": {"_id": alike, "ids": {"$push": "$_id"}, "people": {"$push": "$person"}}},
    ]
    return [
        (
            grant_of(row["_id"] | {"_id": "", "person": "", "grantee": "", "purpose": "", "from_ms": 0, "text": None}),
            dict(zip(row["ids"], row["people"], strict=True)),
        )
        for row in database["grants"].aggregate(steps, hint="grantee")
    ]


def _holding(now_ms: int) -> Document:
    return {
        "awaits": None,
        "from_ms": {"$lte": now_ms},
        "revoked_at_ms": None,
        "frozen": None,
        "$or": [{"until_ms": None}, {"until_ms": {"$gt": now_ms}}],
    }


def find(database: Database, grant_id: str) -> Grant | None:
    row = database["grants"].find_one({"_id": grant_id})
    return grant_of(row) if row else None


def find_many(database: Database, grant_ids: Iterable[str]) -> dict[str, Grant]:
    """Those of them that exist, by id."""
    return {row["_id"]: grant_of(row) for row in database["grants"].find({"_id": {"$in": list(grant_ids)}})}


def freeze(database: Database, person: str, why: str, but: Collection[str] = (GUARDIAN, PROXY)) -> None:
    """Whatever the person has granted is worth nothing until ``thaw``, but to some kinds; safe to repeat."""
    live = {
        "person": person,
        "awaits": {"$in": [None, BY_CODE]},
        "revoked_at_ms": None,
        "kind": {"$nin": list(but)},
        "frozen": None,
    }
    database["grants"].update_many(live, {"$set": {"frozen": why}})


def thaw(database: Database, person: str, why: str) -> None:
    """What was frozen for this reason holds again as it did."""
    database["grants"].update_many({"person": person, "frozen": why}, {"$unset": {"frozen": ""}})


def told(database: Database, grant: Grant) -> dict[str, str]:
    """What was said about it: some of {"note", "question", "answer"}."""
    if grant.sealed is None:
        return {}
    words: dict[str, str] = seals.unseal(database, grant.person, _place(grant.id), grant.sealed)
    return words


def seal_told(database: Database, grant_id: str, person: str, words: Mapping[str, str]) -> bytes:
    """What ``told`` opens again."""
    return seals.seal(database, person, _place(grant_id), dict(words))


def grant_of(row: Document) -> Grant:
    """The grant of a stored row."""
    values: dict[str, Any] = {name: row.get(name) for name in _FIELDS}
    text = row.get("text")
    return Grant(
        **(
            values
            | {"id": row["_id"], "text": Seen(**text) if text else None}
            | {name: frozenset(row[name]) for name in ("categories", "verbs")}
        )
    )


def ensure_indexes(database: Database) -> None:
    database["grants"].create_index([("person", 1), ("grantee", 1)], name="person")
    database["grants"].create_index("grantee", name="grantee")
    database["grants"].create_index([("kind", 1), ("until_ms", 1)], name="ending")
    # At most one proposal of a kind waits between two people.
    waits = {"awaits": {"$exists": True}}
    keys = [("person", 1), ("grantee", 1), ("kind", 1)]
    database["grants"].create_index(keys, name="waiting", unique=True, partialFilterExpression=waits)


_FIELDS = tuple(one.name for one in fields(Grant))


def _plain(draft: NewGrant) -> Document:
    values = {name: getattr(draft, name) for name in NewGrant.__slots__ if name not in ("told", "text", "id")}
    listed = {"categories": sorted(draft.categories), "verbs": sorted(draft.verbs)}
    return values | listed | {"text": asdict(draft.text) if draft.text else None}


def _sealed(database: Database, grant_id: str, draft: NewGrant) -> Document:
    return {"sealed": seal_told(database, grant_id, draft.person, draft.told)} if draft.told else {}


def _place(grant_id: str) -> str:
    return f"grants.{grant_id}"
