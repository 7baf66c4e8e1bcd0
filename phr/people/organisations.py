"""Organisations, who works in them as what, and their teams; a grant to a team is a grant to whoever is in it.

Collections:
    organisations  _id  slug     name  as people and entries name it
    members        _id  organisation:person     organisation  person  role  until_ms (a deputy's, else none)
    teams          _id  organisation/team       organisation  name  hours (texts of shifts; none: the usual)  zone
    team_members   _id  organisation/team:person     team  person  until_ms (as the member's)  duty (texts of shifts)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.people import people
from phr.people.hours import Shift, parsed

DOCTOR, NURSE, VILLAGE_DOCTOR, DEPUTY, OFFICER = "doctor", "nurse", "village-doctor", "deputy", "privacy-officer"
ROLES = (DOCTOR, NURSE, VILLAGE_DOCTOR, DEPUTY, OFFICER)
PROFESSIONS = frozenset((DOCTOR, NURSE, VILLAGE_DOCTOR, DEPUTY))
SLUG = re.compile(r"[a-z0-9-]{1,24}")
DOCTORS = frozenset((DOCTOR, VILLAGE_DOCTOR, DEPUTY))  # who may be on duty; a deputy stands in for one of them
LONGEST_NAME = 200
CLOCK = "Asia/Shanghai"  # of a team that has not said by whose it works
TEAM = "team:"  # how a grant to a team begins


@dataclass(frozen=True, slots=True)
class Organisation:
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody's work in an organisation; a deputy's ends by itself."""

    organisation: str
    person: str
    role: str
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Team:
    id: str  # "organisation/team"
    organisation: str
    name: str
    shifts: tuple[Shift, ...] = ()  # none: the usual
    zone: str = CLOCK

    @property
    def grantee(self) -> str:
        return f"{TEAM}{self.id}"


def create(database: Database, slug: str, name: str) -> Organisation:
    """Raises InputInvalid for what is no slug or name, AlreadyThere for a slug or a name that is taken."""
    _check(slug, "/organisation")
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise InputInvalid(f"a name has 1 to {LONGEST_NAME} characters", "/name")
    try:
        database["organisations"].insert_one({"_id": slug, "name": name.strip()})
    except DuplicateKeyError as error:
        raise AlreadyThere(f"there is an organisation {slug} or one of this name") from error
    return Organisation(slug, name.strip())


def name_of(database: Database, slug: str) -> str:
    """As people and entries name it; of one that there is not any more its slug."""
    row = database["organisations"].find_one({"_id": slug})
    return str(row["name"]) if row else slug


def require(database: Database, slug: str) -> Organisation:
    """Raises NotFound."""
    row = database["organisations"].find_one({"_id": slug})
    if row is None:
        raise NotFound(f"no organisation {slug}")
    return Organisation(row["_id"], row["name"])


def put_member(database: Database, member: Member, now_ms: int) -> Member:
    """Somebody working there as this from now on, and nowhere else. Raises InputInvalid, NotFound, AlreadyThere.

    First the membership, then what the person is known as: a crash between leaves a member who can't write as one yet.
    """
    organisation = require(database, member.organisation)
    if member.role not in ROLES:
        raise InputInvalid(f"a member is one of {', '.join(ROLES)}", "/role")
    if (member.until_ms is not None) != (member.role == DEPUTY) or (member.until_ms or now_ms + 1) <= now_ms:
        raise InputInvalid("a deputy has an end, which lies ahead; nobody else has one", "/until")
    people.require(database, member.person)
    elsewhere = membership(database, member.person, now_ms)
    if elsewhere is not None and elsewhere.organisation != member.organisation:
        raise AlreadyThere(f"this person works in {elsewhere.organisation}", "/person")
    row = {"organisation": member.organisation, "person": member.person, "role": member.role}
    key = {"_id": f"{member.organisation}:{member.person}"}
    database["members"].replace_one(key, row | {"until_ms": member.until_ms}, upsert=True)
    if member.role in PROFESSIONS:
        database["team_members"].update_many({"person": member.person}, {"$set": {"until_ms": member.until_ms}})
    else:
        database["team_members"].delete_many({"person": member.person})
    people.set_work(database, member.person, (member.role,), organisation.name)
    return member


def remove_member(database: Database, slug: str, person: str) -> None:
    """Somebody works there no more: out of its teams at once. Safe to repeat. Raises NotFound for nobody there."""
    key = {"_id": f"{slug}:{person}"}
    if database["members"].find_one(key) is None:
        raise NotFound("no such member")
    database["team_members"].delete_many({"person": person})
    people.set_work(database, person, (), None)
    database["members"].delete_one(key)


def membership(database: Database, person: str, now_ms: int) -> Member | None:
    """Where somebody works now, and as what."""
    row = database["members"].find_one({"person": person, **_now(now_ms)})
    return _member(row) if row else None


def members(database: Database, slug: str, now_ms: int) -> list[Member]:
    return [_member(row) for row in database["members"].find({"organisation": slug, **_now(now_ms)}).sort("_id")]


def create_team(database: Database, slug: str, team: str, name: str) -> Team:
    """Raises InputInvalid, NotFound, AlreadyThere."""
    organisation = require(database, slug)
    _check(team, "/team")
    made = Team(f"{organisation.slug}/{team}", organisation.slug, name.strip() or team)
    try:
        database["teams"].insert_one({"_id": made.id, "organisation": made.organisation, "name": made.name})
    except DuplicateKeyError as error:
        raise AlreadyThere(f"there is a team {made.id}") from error
    return made


def find_team(database: Database, team_id: str) -> Team | None:
    row = database["teams"].find_one({"_id": team_id})
    return _team(row) if row else None


def set_hours(database: Database, team_id: str, hours: Sequence[str], zone: str) -> Team:
    """When the team works from now on; without shifts the usual hours. Raises InputInvalid, NotFound."""
    shifts = parsed(hours)
    if zone not in available_timezones():
        raise InputInvalid(f"{zone[:40]!r} is no time zone such as {CLOCK}", "/zone")
    told = {"hours": [str(one) for one in shifts], "zone": zone}
    if not database["teams"].update_one({"_id": team_id}, {"$set": told}).matched_count:
        raise NotFound(f"no team {team_id}")
    return require_team(database, team_id)


def require_team(database: Database, team_id: str) -> Team:
    """Raises NotFound."""
    found = find_team(database, team_id)
    if found is None:
        raise NotFound(f"no team {team_id}")
    return found


def teams(database: Database, slug: str) -> list[Team]:
    rows = database["teams"].find({"organisation": slug}).sort("_id")
    return [_team(row) for row in rows]


def join_team(database: Database, team_id: str, person: str, now_ms: int) -> None:
    """A professional of the organisation in one of its teams. Safe to repeat. Raises NotFound, InputInvalid."""
    team, member = find_team(database, team_id), membership(database, person, now_ms)
    if team is None:
        raise NotFound(f"no team {team_id}")
    if member is None or member.organisation != team.organisation or member.role not in PROFESSIONS:
        raise InputInvalid("in a team are professionals of its own organisation", "/person")
    key = {"_id": f"{team_id}:{person}"}
    row = {"team": team_id, "person": person, "until_ms": member.until_ms}
    database["team_members"].update_one(key, {"$setOnInsert": row}, upsert=True)


def leave_team(database: Database, team_id: str, person: str) -> None:
    """Raises NotFound."""
    if not database["team_members"].delete_one({"_id": f"{team_id}:{person}"}).deleted_count:
        raise NotFound("no such member of the team")


def people_of_team(database: Database, team_id: str) -> list[str]:
    return sorted(row["person"] for row in database["team_members"].find({"team": team_id}))


def set_duty(database: Database, team_id: str, person: str, shifts: Sequence[str], now_ms: int) -> tuple[Shift, ...]:
    """When a doctor of a team is on duty from now on, on the team's clock; without shifts never. It ends with leaving.

    Raises InputInvalid, NotFound.
    """
    duty, member = parsed(shifts), membership(database, person, now_ms)
    if duty and (member is None or member.role not in DOCTORS):
        raise InputInvalid("on duty are doctors of the team", "/person")
    told = {"$set": {"duty": [str(one) for one in duty]}}
    if not database["team_members"].update_one({"_id": f"{team_id}:{person}"}, told).matched_count:
        raise NotFound("no such member of the team")
    return duty


def duty_of_team(database: Database, team_id: str, now_ms: int) -> dict[str, tuple[Shift, ...]]:
    """Who is ever on duty, and when."""
    rows = database["team_members"].find({"team": team_id, "duty.0": {"$exists": True}, **_now(now_ms)})
    return {row["person"]: parsed(row["duty"]) for row in rows}


def nurses_among(database: Database, some: Iterable[str]) -> set[str]:
    rows = database["members"].find({"person": {"$in": list(some)}, "role": NURSE}, {"person": 1})
    return {row["person"] for row in rows}


def teams_of(database: Database, person: str, now_ms: int) -> list[str]:
    """The grantees that stand for the teams somebody is in."""
    rows = database["team_members"].find({"person": person, **_now(now_ms)}, {"team": 1})
    return [f"{TEAM}{row['team']}" for row in rows]


def teams_steps(person: Any, now_ms: int) -> list[Document]:
    """Steps of an aggregation over team_members: rows with the ``team`` of each that a ``person`` is in.

    ``person``: one, or what stands for several in a query.
    """
    return [{"$match": {"person": person, **_now(now_ms)}}, {"$project": {"team": 1, "person": 1}}]


def ensure_indexes(database: Database) -> None:
    database["organisations"].create_index("name", name="name", unique=True)
    database["members"].create_index("person", name="person")
    database["members"].create_index("organisation", name="organisation")
    database["teams"].create_index("organisation", name="organisation")
    database["team_members"].create_index("person", name="person")
    database["team_members"].create_index("team", name="team")


def _team(row: Document) -> Team:
    shifts = parsed(row.get("hours", ()))
    return Team(row["_id"], row["organisation"], row["name"], shifts, row.get("zone", CLOCK))


def _check(slug: str, pointer: str) -> None:
    if SLUG.fullmatch(slug) is None:
        raise InputInvalid(f"{slug[:40]!r} is no slug: 1 to 24 of a-z, 0-9 and -", pointer)


def _now(now_ms: int) -> Document:
    return {"$or": [{"until_ms": None}, {"until_ms": {"$gt": now_ms}}]}


def _member(row: Document) -> Member:
    return Member(row["organisation"], row["person"], row["role"], row["until_ms"])


def names_of(database: Database, grantees: Sequence[str]) -> dict[str, str]:
    """What the teams among the grantees are called."""
    ids = [one.removeprefix(TEAM) for one in grantees if one.startswith(TEAM)]
    return {f"{TEAM}{row['_id']}": row["name"] for row in database["teams"].find({"_id": {"$in": ids}})} if ids else {}
