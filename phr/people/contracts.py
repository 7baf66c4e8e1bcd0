"""Contracts of residents with a family doctor's team (签约), each with the grant that begins and ends by it.

Collection ``contracts``: _id, organisation, team, person, starts_on, ends_on (both included), grant (its id),
made_by, made_at_ms. What has become of one is what has become of its grant. Source: 国卫基层发〔2022〕10号,
关于推进家庭医生签约服务高质量发展的指导意见 (contracts with a team, for one to three years).
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.people import granting, grants, organisations, people
from phr.people.grants import FAMILY_DOCTOR, Grant, NewGrant
from phr.people.people import Person

LONGEST = timedelta(days=3 * 366)
OPEN = ("proposed", "accepted", "frozen")
COLLECTION = "contracts"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContract:
    """With which team, from which day through which; what the team may see and write when the resident consents."""

    person: str
    team: str  # "organisation/team"
    starts_on: date
    ends_on: date
    categories: tuple[str, ...] = (grants.EVERYTHING,)
    verbs: tuple[str, ...] = ("read", "write")


@dataclass(frozen=True, slots=True)
class Contract:
    id: str
    organisation: str
    team: str
    person: str
    starts_on: date
    ends_on: date
    made_by: str
    grant: Grant


def make(database: Database, draft: NewContract, by: str, now_ms: int) -> Contract:
    """The contract, its grant proposed to the resident; the same again is the one that is there.

    Raises InputInvalid, NotFound (team, person), AlreadyThere where the resident has another that is not over. The
    contract is stored first: after a crash in between, the same again makes the grant.
    """
    resident, team = people.require(database, draft.person), organisations.find_team(database, draft.team)
    if team is None:
        raise NotFound(f"no team {draft.team}")
    _check_days(draft, resident, now_ms)
    for there in database[COLLECTION].find({"person": draft.person}):
        if _terms(there) == _terms(_row(draft)) and not _is_over(database, there, now_ms):
            return _contract(_with_grant(database, there, resident, draft, now_ms), there)
        if not _is_over(database, there, now_ms):
            raise AlreadyThere("this resident has a contract that is not over", "/person")
    row = {"_id": secrets.token_urlsafe(12), "grant": secrets.token_urlsafe(12), "made_by": by, "made_at_ms": now_ms}
    row |= _row(draft)
    database[COLLECTION].insert_one(row)
    return _contract(_with_grant(database, row, resident, draft, now_ms), row)


def of_person(database: Database, person: str, now_ms: int) -> list[Contract]:
    """A resident's contracts, latest first; one whose making broke off is left out."""
    return _found(database, {"person": person}, now_ms)


def of_organisation(database: Database, slug: str, now_ms: int) -> list[Contract]:
    return _found(database, {"organisation": slug}, now_ms)


def find(database: Database, person: str, contract_id: str, now_ms: int) -> Contract:
    """Raises NotFound."""
    for one in _found(database, {"_id": contract_id, "person": person}, now_ms):
        return one
    raise NotFound("no such contract")


def end(database: Database, contract: Contract, by: str, now_ms: int) -> None:
    """Ends it, and what was granted by it, at once. Safe to repeat."""
    if contract.grant.state(now_ms) == "proposed":
        granting.decline(database, contract.grant, now_ms)
    else:
        grants.revoke(database, contract.grant.id, now_ms, by)


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("person", name="person")
    database[COLLECTION].create_index("organisation", name="organisation")


def _check_days(draft: NewContract, resident: Person, now_ms: int) -> None:
    if draft.ends_on < draft.starts_on or draft.ends_on - draft.starts_on > LONGEST:
        raise InputInvalid("a contract ends after it begins, within three years", "/ends_on")
    if _end_ms(draft.ends_on, resident) <= now_ms:
        raise InputInvalid("a contract that is over is none", "/ends_on")


def _end_ms(ends_on: date, resident: Person) -> int:
    """Its last day is over: by the resident's clock."""
    return resident.midnight_ms(ends_on + timedelta(days=1))


def _with_grant(database: Database, row: Document, resident: Person, draft: NewContract, now_ms: int) -> Grant:
    there = grants.find(database, row["grant"])
    if there is not None:
        return there
    wanted = NewGrant(
        id=row["grant"],
        person=draft.person,
        grantee=f"{organisations.TEAM}{draft.team}",
        kind=FAMILY_DOCTOR,
        categories=draft.categories,
        verbs=draft.verbs,
        purpose=granting.KINDS[FAMILY_DOCTOR].purpose,
        from_ms=resident.midnight_ms(draft.starts_on),
        until_ms=_end_ms(draft.ends_on, resident),
    )
    return granting.lay_before(database, wanted, row["made_by"], now_ms)


def _is_over(database: Database, row: Document, now_ms: int) -> bool:
    """One without its grant was just begun, or broke off while it was made."""
    grant = grants.find(database, row["grant"])
    return grant is not None and grant.state(now_ms) not in OPEN


def _row(draft: NewContract) -> Document:
    told = asdict(draft) | {"starts_on": draft.starts_on.isoformat(), "ends_on": draft.ends_on.isoformat()}
    organisation = draft.team.partition("/")[0]
    return told | {"organisation": organisation, "categories": list(draft.categories), "verbs": list(draft.verbs)}


def _terms(row: Document) -> tuple[object, ...]:
    return tuple(row[name] for name in ("team", "starts_on", "ends_on", "categories", "verbs"))


def _found(database: Database, wanted: Document, now_ms: int) -> list[Contract]:
    rows = list(database[COLLECTION].find(wanted, sort=[("made_at_ms", -1), ("_id", 1)]))
    by_id = grants.find_many(database, [row["grant"] for row in rows])
    found = [_contract(by_id[row["grant"]], row) for row in rows if row["grant"] in by_id]
    return sorted(found, key=lambda one: one.grant.state(now_ms) not in OPEN)


def _contract(grant: Grant, row: Document) -> Contract:
    starts_on, ends_on = (date.fromisoformat(row[name]) for name in ("starts_on", "ends_on"))
    return Contract(
        row["_id"], row["organisation"], row["team"], row["person"], starts_on, ends_on, row["made_by"], grant
    )
