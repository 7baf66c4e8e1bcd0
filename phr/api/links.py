"""The apps and devices that a person has let in, and how each is shut out again: in one step, as it was let in."""

from __future__ import annotations

from typing import TypedDict

from flask import Blueprint

from phr.api.access_log import ProgramTold
from phr.api.deciding import access, returns
from phr.api.installation import database, installation
from phr.auth import clients, links
from phr.auth.links import Link
from phr.clock import At, now_ms, rfc3339

blueprint = Blueprint("links", __name__)


class LinkTold(TypedDict):
    """``used_at``: when it last had new tokens."""

    id: str
    client: ProgramTold
    scope: list[str]
    began_at: At
    used_at: At


class LinksTold(TypedDict):
    links: list[LinkTold]


@blueprint.get("/v1/people/<person>/links")
@access("grants.read")
@returns()
def list_links(person: str) -> LinksTold:
    """Those that live, latest first."""
    return {"links": [_shown(one) for one in links.of_person(database(), person, now_ms())]}


@blueprint.delete("/v1/people/<person>/links/<link>")
@access("grants.write")
@returns(status=204)
def end_link(person: str, link: str) -> None:
    """Its tokens end: here at once, everywhere within a second."""
    links.end_own(database(), person, link, now_ms())
    installation().protector.validator.revocations.read(now_ms())


def _shown(one: Link) -> LinkTold:
    client = clients.find(database(), one.client_id)
    return {
        "id": one.id,
        "client": {"id": one.client_id, "name": client.name if client else None},
        "scope": one.scope.split(),
        "began_at": rfc3339(one.began_at_ms),
        "used_at": rfc3339(one.turned_at_ms),
    }
