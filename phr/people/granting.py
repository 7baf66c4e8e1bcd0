"""How a grant comes about: given by the owner, or proposed to the owner and accepted or declined; what each kind needs.

Collection ``grants``; see phr.people.grants for who decides by them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.clock import DAY_MS
from phr.database import Database, Document
from phr.errors import AccessDenied, AlreadyThere, InputInvalid, NotFound, PhrError
from phr.passwords import hash_of
from phr.people import consent_texts, grants, organisations, people, seals
from phr.people.grants import (
    BY_CODE,
    CODE,
    CODE_LIFE_MS,
    EVERYTHING,
    FAMILY_DOCTOR,
    PROPOSAL_LIFE_MS,
    PROXY,
    RELATIVE,
    SPECIALIST,
    SUPPORT,
    Grant,
    NewGrant,
    grant_of,
)
from phr.people.organisations import PROFESSIONS, TEAM
from phr.vocabulary.sight import Period

MOST_WAITING = 20  # proposals that wait for one person's answer
MOST_CODES = 5  # invitations of one person that are open at a time; this project's own choice
ALPHABET, LETTERS = "BCDFGHJKLMNPQRSTVWXZ", 12  # 51 bits; RFC 8628, 6.1 has the letters
NO_CODE = "there is no such invitation, or it was used, taken back or is over"


class GrantSettled(PhrError):
    """It was accepted, declined, revoked or has expired: it can't be answered any more."""

    code: ClassVar[str] = "grant-settled"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Kind:
    """What a grant of a kind must be. ``longest_days``: a limit of its own choosing where no law names one."""

    purpose: str
    is_for_professionals: bool = False
    is_for_operators: bool = False
    is_whole: bool = False  # all categories, reading and writing
    has_question: bool = False
    may_write: bool = True
    longest_days: int | None = None


KINDS: Mapping[str, Kind] = {
    RELATIVE: Kind("family"),
    FAMILY_DOCTOR: Kind("care", is_for_professionals=True),
    SPECIALIST: Kind("second-opinion", is_for_professionals=True, has_question=True, may_write=False, longest_days=90),
    PROXY: Kind("representation", is_whole=True, longest_days=366),
    SUPPORT: Kind("support", is_for_operators=True, longest_days=7),
}


@dataclass(frozen=True, slots=True)
class Consent:
    """Who consents, and to which text as it was shown; ``assisted``: see ``Assisted``."""

    by: str
    version: int
    language: str
    assisted: Assisted | None = None


HOWS = ("sms-reply", "tablet-signature", "paper")


@dataclass(frozen=True, slots=True)
class Assisted:
    """Consent of somebody who does not use the app, taken down by staff: how, by whom, and what proves it.

    ``evidence``: when and to which number the SMS was sent, or where the signature or the scan is kept; sealed.
    """

    how: str  # one of HOWS
    by: str
    organisation: str  # where they work
    evidence: str
    witness: str | None = None  # of paper: a colleague who was there


def hold_to_living(database: Database, person: str) -> None:
    """Raises AccessDenied for one who was reported dead: whoever holds their phone lets nobody in."""
    if people.require(database, person).died_on is not None:
        raise AccessDenied("this person was reported dead: a relative's request goes to the privacy officer")


def check_assisted(database: Database, assisted: Assisted, now_ms: int) -> None:
    """Raises InputInvalid where what proves the consent is not enough."""
    if assisted.how not in HOWS:
        raise InputInvalid(f"consent is taken down by {', '.join(HOWS)}", "/how")
    if (assisted.witness is not None) != (assisted.how == "paper"):
        raise InputInvalid("paper has a witness; nothing else has", "/witness")
    if assisted.witness is None:
        return
    member = organisations.membership(database, assisted.witness, now_ms)
    if assisted.witness == assisted.by or member is None or member.organisation != assisted.organisation:
        raise InputInvalid("the witness is a colleague of the same organisation", "/witness")


def give(database: Database, draft: NewGrant, consent: Consent, now_ms: int) -> Grant:
    """The grant, live from now on. Raises InputInvalid, TextOutdated, AccessDenied for a proxy who makes another."""
    _hold_to_owner(draft, consent)
    hold_to_living(database, draft.person)
    checked = _checked(database, draft, now_ms)
    text = consent_texts.seen(draft.kind, consent.version, consent.language)
    accepted = {"accepted_by": consent.by, "accepted_at_ms": now_ms, "text": text}
    return grants.create(database, replace(checked, from_ms=now_ms, **accepted))  # type: ignore[arg-type]


def invite(database: Database, draft: NewGrant, consent: Consent, now_ms: int) -> tuple[Grant, str]:
    """A grant to whoever comes with the code, once, within three days; the code is shown once and kept as a token.

    Raises InputInvalid, TextOutdated, AlreadyThere where too many are open.
    """
    if draft.kind != RELATIVE:
        raise InputInvalid("by a code one invites a relative; all others are named", "/kind")
    hold_to_living(database, draft.person)
    checked = _formed(draft, now_ms)
    text = consent_texts.seen(draft.kind, consent.version, consent.language)
    is_open: Document = {"person": draft.person, "awaits": BY_CODE, "revoked_at_ms": None}
    is_open |= {"proposed_at_ms": {"$gt": now_ms - CODE_LIFE_MS}}
    if database["grants"].count_documents(is_open, limit=MOST_CODES) >= MOST_CODES:
        raise AlreadyThere("too many invitations are open: take one back first")
    code = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    waits = {"grantee": _coded(database, code), "awaits": BY_CODE, "proposed_by": consent.by, "proposed_at_ms": now_ms}
    accepted = {"accepted_by": consent.by, "accepted_at_ms": now_ms, "text": text}
    made = grants.create(database, replace(checked, **waits, **accepted))  # type: ignore[arg-type]
    return made, "-".join(code[at : at + 4] for at in range(0, LETTERS, 4))


def by_code(database: Database, code: str, who: str, now_ms: int) -> Grant:
    """The open invitation of a code as it is typed. Raises NotFound, for one's own as well."""
    row = database["grants"].find_one({"grantee": _coded(database, code), "awaits": BY_CODE})
    found = grant_of(row) if row else None
    if found is None or found.state(now_ms) != "invited" or found.person == who:
        raise NotFound(NO_CODE)
    if people.OPERATOR in people.require(database, who).roles:
        raise NotFound(NO_CODE)
    return found


def take_up(database: Database, invited: Grant, who: str, now_ms: int) -> Grant:
    """The grant, whose grantee is who came with its code, from now on. Raises NotFound where another was quicker."""
    is_open = {"_id": invited.id, "awaits": BY_CODE, "revoked_at_ms": None, "frozen": None}
    change = {"$set": {"grantee": who, "from_ms": now_ms}, "$unset": {"awaits": ""}}
    row = database["grants"].find_one_and_update(is_open, change, return_document=ReturnDocument.AFTER)
    if row is None:
        raise NotFound(NO_CODE)
    return grant_of(row)


def propose(database: Database, draft: NewGrant, by: str, now_ms: int) -> Grant:
    """The grant, waiting for the person's word, for 30 days.

    One asks for oneself; for a specialist the family doctor asks, and for a team who works in its organisation.

    Raises InputInvalid, AlreadyThere where one of the kind waits already or too many wait.
    """
    if not _may_ask(database, draft, by, now_ms):
        raise InputInvalid("one asks for oneself; only the family doctor asks for a specialist", "/grantee")
    return lay_before(database, draft, by, now_ms)


def lay_before(database: Database, draft: NewGrant, by: str, now_ms: int) -> Grant:
    """As ``propose``, where who asks was decided elsewhere."""
    checked = _checked(database, draft, now_ms)
    _forget_unanswered(database, draft.person, now_ms)
    if database["grants"].count_documents({"awaits": draft.person}, limit=MOST_WAITING) >= MOST_WAITING:
        raise AlreadyThere("too many proposals wait for this person's answer")
    proposed = {"awaits": draft.person, "proposed_by": by, "proposed_at_ms": now_ms}
    try:
        return grants.create(database, replace(checked, **proposed))  # type: ignore[arg-type]
    except DuplicateKeyError as error:
        raise AlreadyThere("a proposal of this kind waits for an answer already") from error


def accept(database: Database, grant: Grant, consent: Consent, now_ms: int) -> Grant:
    """The grant, live from now on. Raises GrantSettled, TextOutdated, AccessDenied as ``give``."""
    hold_to_living(database, grant.person)
    return accept_for(database, grant, consent, now_ms)


def accept_for(database: Database, grant: Grant, consent: Consent, now_ms: int) -> Grant:
    """As ``accept``, where somebody else decides for the dead (phr.people.deaths)."""
    _hold_to_owner(grant, consent)
    text = consent_texts.seen(grant.kind, consent.version, consent.language)
    seen = {name: getattr(text, name) for name in text.__slots__}
    told: Document = {"accepted_by": consent.by, "accepted_at_ms": now_ms, "text": seen}
    told |= {"from_ms": max(now_ms, grant.from_ms)} | _assisted(database, grant, consent.assisted)
    return _settled(database, grant, {"$set": told, "$unset": {"awaits": ""}}, now_ms)


def decline(database: Database, grant: Grant, now_ms: int) -> Grant:
    """The proposal, declined: by the owner, or taken back by who made it. Raises GrantSettled."""
    return _settled(database, grant, {"$set": {"declined_at_ms": now_ms}, "$unset": {"awaits": ""}}, now_ms)


def answer(database: Database, grant: Grant, words: str) -> Grant:
    """The referral with the specialist's answer, which may be given anew while the grant lives. Raises NotFound."""
    told = grants.told(database, grant) | {"answer": words}
    sealed = grants.seal_told(database, grant.id, grant.person, told)
    row = database["grants"].find_one_and_update(
        {"_id": grant.id}, {"$set": {"sealed": sealed}}, return_document=ReturnDocument.AFTER
    )
    if row is None:
        raise NotFound("no such grant")
    return grant_of(row)


def ending(database: Database, kinds: Collection[str], before_ms: int, now_ms: int) -> Grant | None:
    """A grant of these kinds that ends by itself before then, and of which nobody has been reminded."""
    soon = {"until_ms": {"$gt": now_ms, "$lte": before_ms}, "reminded_at_ms": None, "from_ms": {"$lte": now_ms}}
    wanted = {"kind": {"$in": sorted(kinds)}, "awaits": None, "revoked_at_ms": None, "frozen": None, **soon}
    row = database["grants"].find_one(wanted)
    return grant_of(row) if row else None


def set_reminded(database: Database, grant: Grant, now_ms: int) -> None:
    database["grants"].update_one({"_id": grant.id}, {"$set": {"reminded_at_ms": now_ms}})


def of_person(database: Database, person: str) -> list[Grant]:
    """All that a person has granted or is asked to, latest first."""
    return _sorted(database, {"person": person})


def to_grantee(database: Database, grantee: str, now_ms: int) -> list[Grant]:
    """All that somebody and their teams hold, and what they have asked for, latest first."""
    held = [grantee, *organisations.teams_of(database, grantee, now_ms)]
    return _sorted(database, {"$or": [{"grantee": {"$in": held}}, {"proposed_by": grantee}]})


def find(database: Database, person: str, grant_id: str) -> Grant:
    """The person's grant. Raises NotFound."""
    row = database["grants"].find_one({"_id": grant_id, "person": person})
    if row is None:
        raise NotFound("no such grant")
    return grant_of(row)


def _hold_to_owner(grant: Grant | NewGrant, consent: Consent) -> None:
    if grant.kind == PROXY and consent.by != grant.person:
        raise AccessDenied("only the owner makes somebody a proxy")


def _settled(database: Database, grant: Grant, change: Document, now_ms: int) -> Grant:
    if grant.state(now_ms) != "proposed":
        raise GrantSettled(f"this one is {grant.state(now_ms)}: it can't be answered any more")
    row = database["grants"].find_one_and_update(
        {"_id": grant.id, "awaits": grant.person}, change, return_document=ReturnDocument.AFTER
    )
    if row is None:
        raise GrantSettled("somebody answered it meanwhile")
    return grant_of(row)


def _checked(database: Database, draft: NewGrant, now_ms: int) -> NewGrant:
    """The draft as its kind wants it. Raises InputInvalid naming the field."""
    _check_grantee(database, draft)
    return _formed(draft, now_ms)


def _formed(draft: NewGrant, now_ms: int) -> NewGrant:
    kind = KINDS[draft.kind]
    if kind.is_whole:
        draft = replace(draft, categories=(EVERYTHING,), verbs=("read", "write"))
    if not kind.may_write and "write" in draft.verbs:
        raise InputInvalid(f"a {draft.kind} reads, and answers the question; nothing more", "/verbs")
    if kind.has_question != ("question" in (draft.told or {})):
        wanted = "needs a question" if kind.has_question else "takes no question"
        raise InputInvalid(f"a {draft.kind} {wanted}", "/question")
    _check_period(kind, draft)
    return replace(draft, purpose=kind.purpose, until_ms=_until(kind, draft, now_ms))


def _check_grantee(database: Database, draft: NewGrant) -> None:
    if KINDS[draft.kind].is_for_operators != (draft.grantee == SUPPORT):
        raise InputInvalid(f"the grantee of {SUPPORT}, and of nothing else, is {SUPPORT}", "/grantee")
    if draft.grantee == SUPPORT:
        return
    if draft.grantee.startswith(TEAM):
        if draft.kind != FAMILY_DOCTOR or organisations.find_team(database, draft.grantee[len(TEAM) :]) is None:
            raise InputInvalid("there is no such team, or it is asked for no team", "/grantee")
        return
    grantee = None if draft.grantee == draft.person else people.find(database, draft.grantee)
    if grantee is None or people.OPERATOR in grantee.roles:
        raise InputInvalid("there is no such person, or it is the record's own, or an operator's login", "/grantee")
    if KINDS[draft.kind].is_for_professionals and not PROFESSIONS & set(grantee.roles):
        raise InputInvalid(f"a {draft.kind} is a registered professional", "/grantee")


def _check_period(kind: Kind, draft: NewGrant) -> None:
    period = Period(draft.data_from_ms, draft.data_until_ms)
    if period.length_ms <= 0:
        raise InputInvalid("the period of data ends before it begins", "/data_through")
    if not period.is_all and kind.is_whole:
        raise InputInvalid(f"a {draft.kind} has the whole record", "/data_from")
    if not period.is_all and "write" in draft.verbs:
        raise InputInvalid("a period of data is for reading; write in a grant of its own", "/verbs")


def _until(kind: Kind, draft: NewGrant, now_ms: int) -> int | None:
    latest = None if kind.longest_days is None else now_ms + kind.longest_days * DAY_MS
    until = draft.until_ms if draft.until_ms is not None or not kind.is_whole else latest
    if until is not None and until <= now_ms:
        raise InputInvalid("it would end before it begins", "/until")
    if latest is not None and (until is None or until > latest):
        raise InputInvalid(f"a {draft.kind} has an end, within {kind.longest_days} days", "/until")
    return until


def _may_ask(database: Database, draft: NewGrant, by: str, now_ms: int) -> bool:
    if by == draft.grantee:
        return True
    if draft.grantee.startswith(TEAM):
        member = organisations.membership(database, by, now_ms)
        return member is not None and draft.grantee.startswith(f"{TEAM}{member.organisation}/")
    held = grants.live(database, draft.person, by, now_ms)
    return draft.kind == SPECIALIST and any(one.kind == FAMILY_DOCTOR for one in held)


def _coded(database: Database, code: str) -> str:
    """What stands for a code where its grantee will."""
    letters = "".join(sign for sign in code.upper() if sign in ALPHABET)
    return CODE + seals.lookup_tokens(database, "grant-invitation", [hash_of(letters)])[0].hex()


def _assisted(database: Database, grant: Grant, assisted: Assisted | None) -> Document:
    if assisted is None:
        return {}
    told = {"how": assisted.how, "by": assisted.by, "organisation": assisted.organisation}
    told |= {"witness": assisted.witness} if assisted.witness else {}
    words = grants.told(database, grant) | {"evidence": assisted.evidence}
    return {"assisted": told, "sealed": grants.seal_told(database, grant.id, grant.person, words)}


def _forget_unanswered(database: Database, person: str, now_ms: int) -> None:
    """Proposals that nobody answered make room."""
    old = {"awaits": person, "proposed_at_ms": {"$lte": now_ms - PROPOSAL_LIFE_MS}}
    database["grants"].update_many(old, {"$set": {"declined_at_ms": now_ms}, "$unset": {"awaits": ""}})


def _sorted(database: Database, wanted: Document) -> list[Grant]:
    found: Iterable[Document] = database["grants"].find(wanted)
    return sorted(map(grant_of, found), key=lambda one: (one.proposed_at_ms or one.from_ms, one.id), reverse=True)
