"""Grants as JSON, in and out, for both of their sides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, NotRequired, TypedDict

from marshmallow import Schema, fields, validate

from phr.api.shapes import At, MomentField, one_of
from phr.auth.scopes import scopes
from phr.clock import rfc3339
from phr.people.access import Caller
from phr.people.consent_texts import LANGUAGES
from phr.people.granting import KINDS, Consent
from phr.people.grants import CODE, EVERYTHING, SUPPORT, WITH_KIND, Grant, NewGrant
from phr.people.organisations import PROFESSIONS, TEAM
from phr.people.people import Person
from phr.vocabulary.sight import Period

PERSON = r"[a-z2-7]{20}\Z"
GRANTEE = rf"({SUPPORT}|[a-z2-7]{{20}}|{TEAM}[a-z0-9-]{{1,24}}/[a-z0-9-]{{1,24}})\Z"
LONGEST_TOLD = 2_000
DATES = (date(1900, 1, 1), date(2200, 1, 1))


def categories_known() -> tuple[str, ...]:
    """All that a grant can list, and what comes with its kind."""
    return tuple(sorted({category for scope in scopes().values() for category in scope.categories}))


def grantable() -> tuple[str, ...]:
    return tuple(one for one in categories_known() if one not in WITH_KIND)


class TextSeen(Schema):
    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, 10_000))
    language = fields.String(required=True, validate=validate.OneOf(LANGUAGES))


class ConsentBody(Schema):
    text = fields.Nested(TextSeen, required=True)


class AskedBody(Schema):
    """``question``: what a specialist is asked; ``note``: words to the person, both kept sealed."""

    grantee = fields.String(load_default=None, validate=validate.Regexp(GRANTEE))
    kind = fields.String(required=True, validate=validate.OneOf(tuple(KINDS)))
    categories = fields.List(
        fields.String(validate=validate.OneOf((EVERYTHING, *grantable()))),
        load_default=(EVERYTHING,),
        validate=validate.Length(1, 40),
    )
    verbs = fields.List(
        fields.String(validate=validate.OneOf(("read", "write"))), load_default=("read",), validate=validate.Length(1)
    )
    until = MomentField(load_default=None)
    data_from = fields.Date(load_default=None, validate=validate.Range(*DATES))
    data_through = fields.Date(load_default=None, validate=validate.Range(*DATES))
    note = fields.String(validate=validate.Length(1, LONGEST_TOLD))
    question = fields.String(validate=validate.Length(1, LONGEST_TOLD))


class GivenBody(AskedBody):
    grantee = fields.String(required=True, validate=validate.Regexp(GRANTEE))
    text = fields.Nested(TextSeen, required=True)


class InvitedBody(AskedBody):
    """``grantee`` comes with the code."""

    class Meta:
        exclude = ("grantee", "question")

    text = fields.Nested(TextSeen, required=True)


GrantState = Annotated[str, one_of("proposed", "invited", "accepted", "frozen", "declined", "revoked", "expired")]


class TextTold(TypedDict):
    version: int
    language: str


class PeriodTold(TypedDict):
    data_from: At | None
    data_until: At | None


_From = TypedDict("_From", {"from": At | None})  # a word of the language


class GrantTold(PeriodTold, _From):
    """``grantee``: None while whoever has the code may come; ``assisted``: how staff took the consent down."""

    id: str
    person: str
    grantee: str | None
    grantee_name: NotRequired[str | None]
    organisation: NotRequired[str | None]
    kind: str
    state: GrantState
    categories: list[str]
    comes_with: list[str]
    verbs: list[str]
    purpose: str
    until: At | None
    proposed_by: str | None
    proposed_at: At | None
    accepted_by: str | None
    accepted_at: At | None
    assisted: dict[str, str] | None
    declined_at: At | None
    revoked_at: At | None
    revoked_by: str | None
    text: TextTold | None


class ReferralTold(TypedDict):
    grant: str
    specialist: str
    proposed_by: str | None
    state: GrantState
    until: At | None
    question: str | None
    answer: str | None


def draft_of(whose: Person, body: Mapping[str, Any]) -> NewGrant:
    """The grant that a body describes; its kind has the purpose, and who consents the beginning.

    ``data_from`` and ``data_through``: the first and the last of the person's own days whose data it is on.
    """
    return NewGrant(
        person=whose.id,
        grantee=body["grantee"],
        kind=body["kind"],
        categories=tuple(sorted(set(body["categories"]))),
        verbs=tuple(sorted(set(body["verbs"]))),
        purpose=KINDS[body["kind"]].purpose,
        from_ms=0,
        until_ms=body["until"] and body["until"].t_ms,
        data_from_ms=body["data_from"] and whose.midnight_ms(body["data_from"]),
        data_until_ms=body["data_through"] and whose.midnight_ms(body["data_through"] + timedelta(days=1)),
        told={name: body[name] for name in ("note", "question") if name in body} or None,
    )


def consent_of(who: Caller, text: Mapping[str, Any]) -> Consent:
    return Consent(who.subject, text["version"], text["language"])


def grant_json(
    one: Grant, now_ms: int, grantee: Person | None = None, teams: Mapping[str, str] | None = None
) -> GrantTold:
    """``grantee``: who it is, where they asked for it themselves or are a professional: a name that may be told.

    ``teams``: what teams are called, by grantee.
    """
    is_named = grantee and (one.proposed_by == one.grantee or PROFESSIONS & set(grantee.roles))
    told: GrantTold = {
        "id": one.id,
        "person": one.person,
        "grantee": None if one.grantee.startswith(CODE) else one.grantee,
        "kind": one.kind,
        "state": one.state(now_ms),
        "categories": sorted(one.categories),
        "comes_with": sorted(category for category, kinds in WITH_KIND.items() if one.kind in kinds),
        "verbs": sorted(one.verbs),
        "purpose": one.purpose,
        "from": None if one.awaits else rfc3339(one.from_ms),
        "until": _moment(one.until_ms),
        "data_from": _moment(one.period.from_ms),
        "data_until": _moment(one.period.until_ms),
        "proposed_by": one.proposed_by,
        "proposed_at": _moment(one.proposed_at_ms),
        "accepted_by": one.accepted_by,
        "accepted_at": _moment(one.accepted_at_ms),
        "assisted": dict(one.assisted) if one.assisted else None,
        "declined_at": _moment(one.declined_at_ms),
        "revoked_at": _moment(one.revoked_at_ms),
        "revoked_by": one.revoked_by,
        "text": {"version": one.text.version, "language": one.text.language} if one.text else None,
    }
    if grantee and is_named:
        told["grantee_name"], told["organisation"] = grantee.name, grantee.organisation
    if teams and one.grantee in teams:
        told["grantee_name"] = teams[one.grantee]
    return told


def period_json(period: Period) -> PeriodTold:
    return {"data_from": _moment(period.from_ms), "data_until": _moment(period.until_ms)}


def referral_json(one: Grant, told: Mapping[str, str], now_ms: int) -> ReferralTold:
    return {
        "grant": one.id,
        "specialist": one.grantee,
        "proposed_by": one.proposed_by,
        "state": one.state(now_ms),
        "until": _moment(one.until_ms),
        "question": told.get("question"),
        "answer": told.get("answer"),
    }


def is_referral(one: Grant) -> bool:
    return KINDS[one.kind].has_question if one.kind in KINDS else False


def _moment(t_ms: int | None) -> str | None:
    return None if t_ms is None else rfc3339(t_ms)
