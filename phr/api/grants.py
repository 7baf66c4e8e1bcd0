"""Who may see a record: what its owner has granted and is asked to grant."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, caller, returns, takes
from phr.api.grant_shapes import ConsentBody, GivenBody, categories_known, consent_of, draft_of, grant_json, period_json
from phr.api.installation import database
from phr.clock import now_ms
from phr.people import access as deciding
from phr.people import granting, grants, people
from phr.people.access import Ask, Caller
from phr.people.consent_texts import texts

blueprint = Blueprint("grants", __name__)


class GrantsQuery(Schema):
    state = fields.String(
        load_default=None, validate=validate.OneOf(("proposed", "accepted", "frozen", "declined", "revoked", "expired"))
    )


@blueprint.get("/v1/consent-texts")
@returns()
def list_texts() -> dict[str, Any]:
    """The present wording of each: what is shown before somebody consents."""
    present = [versions[-1] for versions in texts().values()]
    return {"texts": [{"topic": one.topic, "version": one.version, "zh": one.zh, "en": one.en} for one in present]}


@blueprint.post("/v1/people/<person>/grants")
@access("grants.write")
@takes(GivenBody)
@returns(status=201)
def give_grant(person: str, body: dict[str, Any]) -> Answer:
    now, draft = now_ms(), draft_of(people.require(database(), person), body)
    made = granting.give(database(), draft, consent_of(caller(), body["text"]), now)
    return Answer(grant_json(made, now), headers={"Location": f"/v1/people/{person}/grants/{made.id}"})


@blueprint.get("/v1/people/<person>/grants")
@access("grants.read")
@takes(GrantsQuery, location="query")
@returns()
def list_grants(person: str, query: dict[str, Any]) -> dict[str, Any]:
    now = now_ms()
    found = [one for one in granting.of_person(database(), person) if query["state"] in (None, one.state(now))]
    known = people.find_many(database(), {one.grantee for one in found})
    return {"grants": [grant_json(one, now, known.get(one.grantee)) for one in found]}


@blueprint.get("/v1/people/<person>/grants/<grant>")
@access("grants.read")
@returns()
def show_grant(person: str, grant: str) -> dict[str, Any]:
    found = granting.find(database(), person, grant)
    shown = grant_json(found, now_ms(), people.find_many(database(), [found.grantee]).get(found.grantee))
    return shown | {"told": grants.told(database(), found)}


@blueprint.get("/v1/people/<person>/grants/<grant>/preview")
@access("grants.read")
@returns()
def preview_grant(person: str, grant: str) -> dict[str, Any]:
    """What the grantee may do at this moment, by all that the person has granted them: the same decision as theirs.

    How a page looks to them is shown by asking for it with the header View-As and the grant's id.
    """
    found = granting.find(database(), person, grant)
    as_grantee = Caller(found.grantee, "preview", frozenset(), None, "person")

    def may(verb: str) -> dict[str, Any]:
        ask = Ask(person, verb, categories_known(), "preview", is_partial=True, by_period=True)
        sight = deciding.visible(database(), as_grantee, ask, now_ms())
        return {category: period_json(period) for category, period in sorted(sight.periods.items())}

    return {"grantee": found.grantee, "read": may("read"), "write": may("write")}


@blueprint.post("/v1/people/<person>/grants/<grant>/accept")
@access("grants.write")
@takes(ConsentBody)
@returns()
def accept_grant(person: str, grant: str, body: dict[str, Any]) -> dict[str, Any]:
    now, found = now_ms(), granting.find(database(), person, grant)
    return grant_json(granting.accept(database(), found, consent_of(caller(), body["text"]), now), now)


@blueprint.post("/v1/people/<person>/grants/<grant>/decline")
@access("grants.write")
@returns()
def decline_grant(person: str, grant: str) -> dict[str, Any]:
    now = now_ms()
    return grant_json(granting.decline(database(), granting.find(database(), person, grant), now), now)


@blueprint.delete("/v1/people/<person>/grants/<grant>")
@access("grants.write")
@returns(status=204)
def revoke_grant(person: str, grant: str) -> None:
    """Ends it at once, open streams within a second; one that is over stays as it was."""
    found = granting.find(database(), person, grant)
    grants.revoke(database(), found.id, now_ms(), caller().subject)
