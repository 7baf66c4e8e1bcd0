"""Who may see a record: what its owner has granted and is asked to grant."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, caller, returns, takes
from phr.api.grant_shapes import (
    ConsentBody,
    GivenBody,
    GrantTold,
    InvitedBody,
    PeriodTold,
    categories_known,
    consent_of,
    draft_of,
    grant_json,
    period_json,
)
from phr.api.installation import database
from phr.api.shapes import At
from phr.clock import now_ms, rfc3339
from phr.people import access as deciding
from phr.people import granting, grants, organisations, people
from phr.people.access import Ask, Caller
from phr.people.consent_texts import texts

blueprint = Blueprint("grants", __name__)


class GrantsQuery(Schema):
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(("proposed", "invited", "accepted", "frozen", "declined", "revoked", "expired")),
    )


class ConsentTextTold(TypedDict):
    topic: str
    version: int
    zh: str
    en: str


class ConsentTextsTold(TypedDict):
    texts: list[ConsentTextTold]


class GrantsTold(TypedDict):
    grants: list[GrantTold]


class InvitedTold(GrantTold):
    code: str
    code_until: At


class GrantWithWords(GrantTold):
    """``told``: some of "note", "question" and "answer"."""

    told: dict[str, str]


class PreviewTold(TypedDict):
    """By category the period of data."""

    grantee: str
    read: dict[str, PeriodTold]
    write: dict[str, PeriodTold]


@blueprint.get("/v1/consent-texts")
@returns()
def list_texts() -> ConsentTextsTold:
    """The present wording of each: what is shown before somebody consents."""
    present = [versions[-1] for versions in texts().values()]
    return {"texts": [{"topic": one.topic, "version": one.version, "zh": one.zh, "en": one.en} for one in present]}


@blueprint.post("/v1/people/<person>/grants")
@access("grants.write")
@takes(GivenBody)
@returns(status=201)
def give_grant(person: str, body: dict[str, Any]) -> Answer[GrantTold]:
    """To somebody who is named; to the operators as the kind and the grantee ``support``, for seven days at most."""
    now, draft = now_ms(), draft_of(people.require(database(), person), body)
    made = granting.give(database(), draft, consent_of(caller(), body["text"]), now)
    return Answer(grant_json(made, now), headers={"Location": f"/v1/people/{person}/grants/{made.id}"})


@blueprint.post("/v1/people/<person>/grants/invitations")
@access("grants.write")
@takes(InvitedBody)
@returns(status=201)
def invite_relative(person: str, body: dict[str, Any]) -> InvitedTold:
    """A code for a relative, shown this once: whoever comes with it first, within three days, holds the grant."""
    now, draft = now_ms(), draft_of(people.require(database(), person), body | {"grantee": ""})
    made, code = granting.invite(database(), draft, consent_of(caller(), body["text"]), now)
    return {**grant_json(made, now), "code": code, "code_until": rfc3339(now + grants.CODE_LIFE_MS)}


@blueprint.get("/v1/people/<person>/grants")
@access("grants.read")
@takes(GrantsQuery, location="query")
@returns()
def list_grants(person: str, query: dict[str, Any]) -> GrantsTold:
    now = now_ms()
    found = [one for one in granting.of_person(database(), person) if query["state"] in (None, one.state(now))]
    known = people.find_many(database(), {one.grantee for one in found})
    teams = organisations.names_of(database(), [one.grantee for one in found])
    return {"grants": [grant_json(one, now, known.get(one.grantee), teams) for one in found]}


@blueprint.get("/v1/people/<person>/grants/<grant>")
@access("grants.read")
@returns()
def show_grant(person: str, grant: str) -> GrantWithWords:
    found = granting.find(database(), person, grant)
    grantee = people.find_many(database(), [found.grantee]).get(found.grantee)
    shown = grant_json(found, now_ms(), grantee, organisations.names_of(database(), [found.grantee]))
    return {**shown, "told": grants.told(database(), found)}


@blueprint.get("/v1/people/<person>/grants/<grant>/preview")
@access("grants.read")
@returns()
def preview_grant(person: str, grant: str) -> PreviewTold:
    """What the grantee may do at this moment, by all that the person has granted them: the same decision as theirs.

    How a page looks to them is shown by asking for it with the header View-As and the grant's id.
    """
    found = granting.find(database(), person, grant)
    as_grantee = Caller(found.grantee, "preview", frozenset(), None, "person")

    def may(verb: Literal["read", "write"]) -> dict[str, PeriodTold]:
        ask = Ask(person, verb, categories_known(), "preview", is_partial=True, by_period=True)
        sight = deciding.visible(database(), as_grantee, ask, now_ms())
        return {category: period_json(period) for category, period in sorted(sight.periods.items())}

    return {"grantee": found.grantee, "read": may("read"), "write": may("write")}


@blueprint.post("/v1/people/<person>/grants/<grant>/accept")
@access("grants.write")
@takes(ConsentBody)
@returns()
def accept_grant(person: str, grant: str, body: dict[str, Any]) -> GrantTold:
    now, found = now_ms(), granting.find(database(), person, grant)
    return grant_json(granting.accept(database(), found, consent_of(caller(), body["text"]), now), now)


@blueprint.post("/v1/people/<person>/grants/<grant>/decline")
@access("grants.write")
@returns()
def decline_grant(person: str, grant: str) -> GrantTold:
    now = now_ms()
    return grant_json(granting.decline(database(), granting.find(database(), person, grant), now), now)


@blueprint.delete("/v1/people/<person>/grants/<grant>")
@access("grants.write")
@returns(status=204)
def revoke_grant(person: str, grant: str) -> None:
    """Ends it at once, open streams within a second; one that is over stays as it was."""
    found = granting.find(database(), person, grant)
    grants.revoke(database(), found.id, now_ms(), caller().subject)
