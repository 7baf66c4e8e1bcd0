"""How a person comes in: the ways there are, another that joins by a clinic's invitation, and that taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api import recency
from phr.api.deciding import access, caller, returns, takes
from phr.api.installation import database, installation
from phr.auth import browsers, links, tries
from phr.auth.endpoints import good_token
from phr.auth.ways import PASSKEY_TOUCHED
from phr.clock import At, now_ms, rfc3339
from phr.errors import AccessDenied, InputInvalid
from phr.feed import positions
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import access as deciding
from phr.people import contracts, joining, passkeys, people, second_factors
from phr.people.access_lines import Line
from phr.people.grants import LOGINS
from phr.people.joining import NO_INVITATION, Invitation, Login
from phr.people.openids import WECHAT
from phr.people.organisations import PROFESSIONS, Member

blueprint = Blueprint("logins", __name__)

BY_KEY = PASSKEY_TOUCHED[0]


class InvitationBody(Schema):
    """``identity_number``: as it stands in the document that the person has shown to the staff."""

    person = fields.String(required=True, validate=validate.Length(1, 64))
    identity_number = fields.String(validate=validate.Length(1, 40))


class JoinBody(Schema):
    """``proof``: an access token of the record's person by a login of the last five minutes."""

    code = fields.String(required=True, validate=validate.Length(1, 64))
    proof = fields.String(validate=validate.Length(1, 8_192))


class LoginInvitedTold(TypedDict):
    """``code``: told once; ``needs_proof``: no document was shown, so that another login must prove who it is."""

    code: str
    until: At
    needs_proof: bool


class LoginTold(TypedDict):
    """``undo_until``: of one that joined, until when that can be taken back."""

    login: str
    kind: str
    made_at: At | None
    joined_at: At | None
    undo_until: At | None


class FactorTold(TypedDict):
    made_at: At
    recovery_codes_left: int


class LoginsTold(TypedDict):
    logins: list[LoginTold]
    second_factor: FactorTold | None


@blueprint.post("/v1/organisation/login-invitations")
@access("organisation.write")
@takes(InvitationBody)
@returns(status=201)
def create_invitation(member: Member, body: dict[str, Any]) -> LoginInvitedTold:
    """For a resident under contract, whom the code is given by hand; the document in their hand is the second proof."""
    now, person = now_ms(), body["person"]
    recency.hold_to(database(), caller(), now)
    if member.role not in PROFESSIONS or "mfa" not in caller().amr:
        raise AccessDenied("this is for professionals who have logged in with a second factor")
    known = contracts.of_person(database(), person, now)
    if not any(one.organisation == member.organisation and one.grant.state(now) == "accepted" for one in known):
        raise AccessDenied("this is for a resident who has a contract with your organisation")
    _check_document(person, body.get("identity_number"))
    draft = Invitation("", person, member.organisation, member.person, "identity_number" in body)
    code, until_ms = joining.invite(database(), draft, now)
    _log(person, "staff", "invited a login", now)
    return {"code": code, "until": rfc3339(until_ms), "needs_proof": not draft.is_proven}


@blueprint.get("/v1/people/<person>/logins")
@access("logins.read")
@returns()
def list_logins(person: str) -> LoginsTold:
    factor = second_factors.told(database(), person)
    shown: FactorTold | None = (
        None if factor is None else {"made_at": rfc3339(factor[0]), "recovery_codes_left": factor[1]}
    )
    return {"logins": [_json(one) for one in joining.of_person(database(), person)], "second_factor": shown}


@blueprint.post("/v1/people/<person>/logins/join")
@access("logins.write")
@takes(JoinBody)
@returns()
def join_record(person: str, body: dict[str, Any]) -> LoginTold:
    """The WeChat login that calls, whose record is empty, comes to the invitation's record from the next login on."""
    now = now_ms()
    tries.begin(database(), f"invitation:{person}", now)
    found = joining.find(database(), body["code"], now)
    if found is None or caller().amr != {WECHAT} or caller().subject != person:
        raise AccessDenied(NO_INVITATION)
    _check_target(found, body.get("proof"), now)
    if positions.last(database(), person):
        raise AccessDenied("this login has a record of its own that is not empty")
    _log(found.person, WECHAT, "joined a login", now)
    zh = "一个新的微信登录方式已关联到您的健康档案。如非本人操作，请在七天内于“登录方式”中撤回。"
    en = "A new WeChat login has joined your record. If that was not you, take it back under logins within seven days."
    outbox.tell(database(), Telling(f"joined:{found.id}", found.person, "login-joined", zh, en), now)
    joined = joining.join(database(), found, person, now)  # last: who comes in has been told of before
    tries.forget(database(), f"invitation:{person}")
    _end_links(person, now)
    return _json(joined)


@blueprint.delete("/v1/people/<person>/logins/<login>")
@access("logins.write")
@returns(status=204)
def undo_join(person: str, login: str) -> None:
    """A passkey is removed at any time. What was given to logins of its kind, for this record, ends within a second."""
    now = now_ms()
    if passkeys.remove(database(), person, login):
        browsers.end_of(database(), person, BY_KEY)
        _end_links(person, now, lambda amr: BY_KEY in amr)
        return
    joining.undo(database(), person, login, now)
    _end_links(person, now)


def _check_document(person: str, number: str | None) -> None:
    known = people.require(database(), person).identity_number
    if number is not None and (known is None or number.strip().upper() != known):
        raise InputInvalid("this is not the identity number of the record", "/identity_number")


def _check_target(found: Invitation, proof: str | None, now: int) -> None:
    """Raises AccessDenied without the second proof, and for a record whose person needs two factors each time."""
    if second_factors.is_needed(database(), found.person, now):
        raise AccessDenied("who sees other people's records logs in with two factors")
    if found.is_proven:
        return
    token = good_token(installation().protector.validator, proof) if proof else None
    claims: dict[str, Any] = token.claims if token else {}
    is_theirs = claims.get("sub") == found.person and "act" not in claims
    if not is_theirs or now // 1000 - claims.get("auth_time", 0) > recency.LONGEST_S:
        raise AccessDenied("a second proof is needed: log in to the record in another way, or show a document")


def _end_links(person: str, now: int, is_meant: Callable[[tuple[str, ...]], bool] = lambda amr: WECHAT in amr) -> None:
    for one in links.of_person(database(), person, now):
        if is_meant(one.amr):
            links.end(database(), one.id, links.TAKEN_BACK, now)
    installation().protector.validator.revocations.read(now)


def _log(person: str, role: str, about: str, now: int) -> None:
    who = caller()
    line = Line(
        at_ms=now,
        who=who.subject,
        client_id=who.client_id,
        act=None,
        role=role,
        grant=None,
        person=person,
        verb="write",
        categories=(LOGINS,),
        about=about,
        outcome="allowed",
    )
    deciding.record(database(), line)


def _json(one: Login) -> LoginTold:
    return {
        "login": one.id,
        "kind": one.kind,
        "made_at": _moment(one.made_at_ms),
        "joined_at": _moment(one.joined_at_ms),
        "undo_until": _moment(one.undo_until_ms),
    }


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
