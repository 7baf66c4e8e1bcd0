"""A resident's contracts with family doctors' teams, and consent that staff take down for who does not use the app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from flask import Blueprint, g
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, caller, returns, takes
from phr.api.grant_shapes import LONGEST_TOLD, PERSON, GrantState, GrantTold, TextSeen, grant_json, grantable
from phr.api.grants import GrantsTold
from phr.api.installation import database
from phr.clock import On, now_ms
from phr.errors import AccessDenied, NotFound
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import contracts, deaths, granting, organisations, people
from phr.people.access import REFUSED, STAFF
from phr.people.contracts import Contract, NewContract
from phr.people.granting import HOWS, Assisted, Consent
from phr.people.grants import EVERYTHING, PROXY, Grant
from phr.people.organisations import Member

blueprint = Blueprint("contracts", __name__)


class ContractBody(Schema):
    team = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,24}\Z"))
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    categories = fields.List(
        fields.String(validate=validate.OneOf((EVERYTHING, *grantable()))),
        load_default=(EVERYTHING,),
        validate=validate.Length(1, 40),
    )


class DeathBody(Schema):
    died_on = fields.Date(required=True)


class AssistedBody(Schema):
    how = fields.String(required=True, validate=validate.OneOf(HOWS))
    evidence = fields.String(required=True, validate=validate.Length(1, LONGEST_TOLD))
    witness = fields.String(load_default=None, validate=validate.Regexp(PERSON))
    text = fields.Nested(TextSeen, required=True)


class ContractTold(TypedDict):
    """From the first day through the last; ``grant``: what it gives, its state is the contract's.

    ``assisted``: how staff took the resident's consent down, where they did.
    """

    id: str
    person: str
    organisation: str
    team: str
    starts_on: On
    ends_on: On
    state: GrantState
    grant: str
    assisted: dict[str, str] | None


class ContractsTold(TypedDict):
    contracts: list[ContractTold]


class DeathTold(TypedDict):
    person: str
    died_on: On


@blueprint.post("/v1/people/<person>/contracts")
@access("contracts.write")
@takes(ContractBody)
@returns(status=201)
def make_contract(person: str, body: dict[str, Any]) -> ContractTold:
    """By who works in the team's organisation; the resident is told, and nothing is granted before they consent."""
    now, staff = now_ms(), _staff()
    if staff is None or people.find(database(), person) is None:
        raise AccessDenied(REFUSED)
    draft = NewContract(
        person=person,
        team=f"{staff.organisation}/{body['team']}",
        starts_on=body["starts_on"],
        ends_on=body["ends_on"],
        categories=tuple(sorted(set(body["categories"]))),
    )
    made = contracts.make(database(), draft, staff.person, now)
    zh, en = "有一份家庭医生签约等待您确认。", "A contract with a family doctor's team waits for your word."
    outbox.tell(database(), Telling(f"contract:{made.id}", person, "contract-proposed", zh, en), now)
    return contract_json(made, now)


@blueprint.get("/v1/people/<person>/contracts")
@access("contracts.read")
@returns()
def list_contracts(person: str) -> ContractsTold:
    now, staff = now_ms(), _staff()
    found = [one for one in contracts.of_person(database(), person, now) if _concerns(one, staff)]
    return {"contracts": [contract_json(one, now) for one in found]}


@blueprint.delete("/v1/people/<person>/contracts/<contract>")
@access("contracts.write")
@returns(status=204)
def end_contract(person: str, contract: str) -> None:
    """By the resident or by the organisation: it and what it granted end at once."""
    now = now_ms()
    contracts.end(database(), _find(person, contract, now), caller().subject, now)


@blueprint.post("/v1/people/<person>/contracts/<contract>/consent")
@access("contracts.write")
@takes(AssistedBody)
@returns()
def take_consent_down(person: str, contract: str, body: dict[str, Any]) -> GrantTold:
    """The resident's consent as staff took it down; the resident is told, and can take it back like any other."""
    now, staff = now_ms(), _staff()
    if staff is None:
        raise AccessDenied(REFUSED)
    return _taken_down(_find(person, contract, now).grant, staff, body, now)


@blueprint.post("/v1/people/<person>/contracts/<contract>/death")
@access("contracts.write")
@takes(DeathBody)
@returns()
def report_death(person: str, contract: str, body: dict[str, Any]) -> DeathTold:
    """By staff of the organisation that the resident has the contract with: what was granted is frozen."""
    now = now_ms()
    if _staff() is None:
        raise AccessDenied(REFUSED)
    found = _consented(person, contract, now)
    dead = deaths.report(database(), found.person, body["died_on"], now)
    return {"person": dead.id, "died_on": body["died_on"].isoformat()}


@blueprint.get("/v1/people/<person>/contracts/<contract>/proxies")
@access("contracts.read")
@returns()
def list_proxies(person: str, contract: str) -> GrantsTold:
    """Who has asked to be the resident's proxy, and whom they have made one before staff."""
    now = now_ms()
    _consented(person, contract, now)
    found = [one for one in granting.of_person(database(), person) if _concerns_staff(one, now)]
    known = people.find_many(database(), {one.grantee for one in found})
    return {"grants": [grant_json(one, now, known.get(one.grantee)) for one in found]}


@blueprint.post("/v1/people/<person>/contracts/<contract>/proxies/<grant>/consent")
@access("contracts.write")
@takes(AssistedBody)
@returns()
def confirm_proxy(person: str, contract: str, grant: str, body: dict[str, Any]) -> GrantTold:
    """An elder's word before staff that somebody who has asked to is their proxy."""
    now, staff = now_ms(), _staff()
    if staff is None:
        raise AccessDenied(REFUSED)
    _consented(person, contract, now)
    asked = granting.find(database(), person, grant)
    if asked.kind != PROXY:
        raise NotFound("no such proxy")
    return _taken_down(asked, staff, body, now)


def contract_json(one: Contract, now_ms: int) -> ContractTold:
    return {
        "id": one.id,
        "person": one.person,
        "organisation": one.organisation,
        "team": one.team.partition("/")[2],
        "starts_on": one.starts_on.isoformat(),
        "ends_on": one.ends_on.isoformat(),
        "state": one.grant.state(now_ms),
        "grant": one.grant.id,
        "assisted": dict(one.grant.assisted) if one.grant.assisted else None,
    }


def _taken_down(grant: Grant, staff: Member, body: Mapping[str, Any], now: int) -> GrantTold:
    assisted = Assisted(body["how"], staff.person, staff.organisation, body["evidence"], body["witness"])
    granting.check_assisted(database(), assisted, now)
    consent = Consent(grant.person, body["text"]["version"], body["text"]["language"], assisted)
    accepted = granting.accept(database(), grant, consent, now)
    zh = "工作人员已按您的同意登记一项授权，如有不符请收回。"
    en = "Staff took down your consent to a grant; if that is not so, take it back."
    outbox.tell(database(), Telling(f"consent:{accepted.id}", grant.person, "consent-taken-down", zh, en), now)
    return grant_json(accepted, now)


def _staff() -> Member | None:
    """Where the caller works, if it is as staff that they ask."""
    is_staff = g.permission.line.role == STAFF
    return organisations.membership(database(), caller().subject, now_ms()) if is_staff else None


def _concerns_staff(one: Grant, now: int) -> bool:
    """A proxy who waits for the elder's word, or to whom it was given before staff."""
    return one.kind == PROXY and (one.state(now) == "proposed" or (one.state(now) == "accepted" and bool(one.assisted)))


def _concerns(one: Contract, staff: Member | None) -> bool:
    return staff is None or staff.organisation == one.organisation


def _consented(person: str, contract: str, now_ms: int) -> Contract:
    """A contract that the resident has consented to: what is only proposed gives staff no part in the person."""
    found = _find(person, contract, now_ms)
    if found.grant.state(now_ms) not in ("accepted", "frozen"):
        raise AccessDenied(REFUSED)
    return found


def _find(person: str, contract: str, now_ms: int) -> Contract:
    """Raises NotFound, for one of another organisation too."""
    found = contracts.find(database(), person, contract, now_ms)
    if not _concerns(found, _staff()):
        raise NotFound("no such contract")
    return found
