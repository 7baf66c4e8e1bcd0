"""Break-glass over HTTP: a doctor opens a case and reads a summary, the owner is told, an officer closes it."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, caller, returns, takes
from phr.api.entry_shapes import EntryTold, entry_json
from phr.api.installation import database, installation
from phr.api.overview import LatestTold, latest_json
from phr.auth import tries
from phr.auth.protector import SecondFactorMissing
from phr.auth.tokens import TWO_FACTORS, acr_of
from phr.clock import At, now_ms, rfc3339
from phr.errors import AccessDenied, NotFound
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import access as deciding
from phr.people import directory, emergencies, organisations
from phr.people.access import REFUSED
from phr.people.access_lines import Line
from phr.people.emergencies import Case
from phr.people.grants import BREAK_GLASS, EMERGENCY, SHARING
from phr.people.organisations import DOCTOR, OFFICER, VILLAGE_DOCTOR, Member
from phr.readings.latest import latest
from phr.timeline import listing
from phr.timeline.categories import SENSITIVE
from phr.timeline.kinds import kinds
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight

blueprint = Blueprint("emergencies", __name__)

SHOWN = ("allergies", "medications", "conditions")  # and the latest readings
MOST_ENTRIES = 100
# What proves a second factor (RFC 8176): several at once, or one that a password is not.
FACTOR_LIFE_MS = 12 * 3_600_000


class ReasonBody(Schema):
    reason = fields.String(required=True, validate=validate.Length(5, 500))


class OpenBody(ReasonBody):
    identity_number = fields.String(required=True, validate=validate.Length(5, 24))


class FindingBody(Schema):
    is_justified = fields.Boolean(required=True, truthy={True}, falsy={False})


class OpenedTold(TypedDict):
    case: str
    person: str
    until: At


class EmergencyTold(TypedDict):
    """``is_whole``: there are no more entries; ``special``: the special categories are in it.

    ``until``: how long the doctor sees it; None for the owner.
    """

    entries: list[EntryTold]
    is_whole: bool
    latest: list[LatestTold]
    special: bool
    until: At | None


class CaseTold(TypedDict):
    """``special_reason``: where the special categories were opened; ``due_at``: until then an officer closes it."""

    case: str
    doctor: str
    person: str
    opened_at: At
    due_at: At
    special: bool
    reason: str
    special_reason: NotRequired[str]
    closed_at: At | None
    closed_by: str | None
    is_justified: bool | None


class CasesTold(TypedDict):
    cases: list[CaseTold]


class ExclusionsTold(TypedDict):
    organisations: list[str]


@blueprint.post("/v1/emergencies")
@access("emergencies.write")
@takes(OpenBody)
@returns(status=201)
def open_emergency(member: Member, body: dict[str, Any]) -> OpenedTold:
    """By the exact identity number alone; nobody learns whether one is registered whom they may not see."""
    now = now_ms()
    _check_doctor(member, now)
    tries.begin(database(), f"emergency:{member.person}", now)
    found = directory.find_by_identity_number(database(), body["identity_number"])
    if len(found) != 1 or found[0] == member.person:
        raise AccessDenied(REFUSED)
    person = found[0]
    try:
        emergencies.check(database(), member.person, member.organisation, person, now)
        draft = Case("", member.person, member.organisation, person, now, now + emergencies.LIFE_MS, *[None] * 4)
        case = emergencies.open_case(database(), draft, body["reason"], installation().settings.timezone, now)
    except AccessDenied:
        _log(member, person, "opened an emergency", now, outcome="refused")
        raise
    tries.forget(database(), f"emergency:{member.person}")
    _log(member, person, "opened an emergency", now)
    _tell(case, now)
    emergencies.let_in(database(), case)  # last: who sees has been told of before
    return {"case": case.id, "person": person, "until": rfc3339(case.until_ms)}


@blueprint.post("/v1/emergencies/<case>/special")
@access("emergencies.write")
@takes(ReasonBody)
@returns()
def open_special(member: Member, case: str, body: dict[str, Any]) -> OpenedTold:
    """A second reason, and the summary holds the special categories as well, until the hour is over."""
    now = now_ms()
    _check_doctor(member, now)
    found = emergencies.require(database(), case)
    if found.doctor != member.person:
        raise NotFound(emergencies.NO_CASE)
    if found.until_ms <= now:
        raise AccessDenied(REFUSED)
    _log(member, found.person, "opened special categories in an emergency", now)
    changed = emergencies.add_reason(database(), found, body["reason"], now)
    return {"case": changed.id, "person": changed.person, "until": rfc3339(changed.until_ms)}


@blueprint.get("/v1/people/<person>/emergency-summary")
@access("emergency.read")
@returns()
def show_emergency_summary(person: str) -> EmergencyTold:
    """Allergies, medicines, conditions and the latest readings; to a doctor what the reasons have opened."""
    now, who = now_ms(), caller()
    live = emergencies.live(database(), who.subject, person, now)
    is_special = who.subject == person or any(one.special_at_ms is not None for one in live)
    sight = Sight.of((*SHOWN, *(SENSITIVE if is_special else ())))
    shown = frozenset(name for name, kind in kinds().items() if kind.category in SHOWN)
    page = listing.page(database(), person, listing.Filter(sight=sight, kinds=shown), MOST_ENTRIES)
    readings = latest(database(), person, vocabulary().metrics)
    return {
        "entries": [entry_json(one) for one in page.entries],
        "is_whole": page.next_cursor is None,
        "latest": [latest_json(one, now) for one in readings],
        "special": is_special,
        "until": rfc3339(max(one.until_ms for one in live)) if live else None,
    }


@blueprint.get("/v1/organisation/emergencies")
@access("organisation.write")
@returns()
def list_emergencies(member: Member) -> CasesTold:
    """For the privacy officer; those that wait come first."""
    _check_officer(member)
    found = emergencies.of_organisation(database(), member.organisation)
    return {"cases": [_case_json(one) for one in found]}


@blueprint.post("/v1/organisation/emergencies/<case>/close")
@access("organisation.write")
@takes(FindingBody)
@returns()
def close_emergency(member: Member, case: str, body: dict[str, Any]) -> CaseTold:
    """Within seven days of its opening, or the doctor opens no other until it is closed."""
    _check_officer(member)
    found = emergencies.require(database(), case)
    if found.organisation != member.organisation:
        raise NotFound(emergencies.NO_CASE)
    if found.doctor == member.person:
        raise AccessDenied("nobody closes a case of their own")
    now = now_ms()
    return _case_json(
        emergencies.close(database(), found, member.person, is_justified=body["is_justified"], now_ms=now)
    )


@blueprint.get("/v1/people/<person>/emergency-exclusions")
@access("grants.read", categories=(SHARING,))
@returns()
def list_exclusions(person: str) -> ExclusionsTold:
    return {"organisations": emergencies.excluded(database(), person)}


@blueprint.put("/v1/people/<person>/emergency-exclusions/<organisation>")
@access("grants.write", categories=(SHARING,))
@returns(status=204)
def exclude_organisation(person: str, organisation: str) -> None:
    """Nobody of this organisation opens an emergency of this person from now on."""
    organisations.require(database(), organisation)
    emergencies.exclude(database(), person, organisation)


@blueprint.delete("/v1/people/<person>/emergency-exclusions/<organisation>")
@access("grants.write", categories=(SHARING,))
@returns(status=204)
def include_organisation(person: str, organisation: str) -> None:
    emergencies.include(database(), person, organisation)


def _check_doctor(member: Member, now: int) -> None:
    who = caller()
    if member.role not in (DOCTOR, VILLAGE_DOCTOR):
        raise AccessDenied("this is for doctors")
    is_fresh = who.auth_at_ms is not None and who.auth_at_ms > now - FACTOR_LIFE_MS
    if not is_fresh or acr_of(who.amr) != TWO_FACTORS:
        raise SecondFactorMissing("log in with a second factor first")


def _check_officer(member: Member) -> None:
    if member.role != OFFICER:
        raise AccessDenied("this is for the organisation's privacy officer")


def _log(member: Member, person: str, about: str, now: int, *, outcome: Any = "allowed") -> None:
    line = Line(
        at_ms=now,
        who=member.person,
        client_id=caller().client_id,
        act=None,
        role=BREAK_GLASS if outcome == "allowed" else "none",
        grant=None,
        person=person,
        verb="read",
        categories=(EMERGENCY,),
        about=about,
        outcome=outcome,
    )
    deciding.record(database(), line)


def _tell(case: Case, now: int) -> None:
    """The owner in words that give nothing away on a locked screen; the officers, who have seven days."""
    zh, en = (
        "有医务人员以紧急情况为由查看了您的档案，详见访问记录。",
        "Somebody looked at your record as an emergency: see who.",
    )
    outbox.tell(database(), Telling(f"emergency:{case.id}", case.person, BREAK_GLASS, zh, en), now)
    for one in organisations.members(database(), case.organisation, now):
        if one.role == OFFICER:
            zh, en = "有一例紧急访问需在七天内审核。", "An emergency access waits for your finding, within seven days."
            outbox.tell(database(), Telling(f"emergency:{case.id}:{one.person}", one.person, BREAK_GLASS, zh, en), now)


def _case_json(one: Case) -> CaseTold:
    reasons = emergencies.reasons(database(), one)
    told: CaseTold = {
        "case": one.id,
        "doctor": one.doctor,
        "person": one.person,
        "opened_at": rfc3339(one.opened_at_ms),
        "due_at": rfc3339(one.due_at_ms),
        "special": one.special_at_ms is not None,
        "reason": reasons["reason"],
        "closed_at": None if one.closed_at_ms is None else rfc3339(one.closed_at_ms),
        "closed_by": one.closed_by,
        "is_justified": one.is_justified,
    }
    if "special_reason" in reasons:
        told["special_reason"] = reasons["special_reason"]
    return told
