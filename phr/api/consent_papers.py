"""Papers that show a consent which staff took down: sent by who did, seen by them, the owner and the officer."""

from __future__ import annotations

from typing import TypedDict

from flask import Blueprint, Response, g

from phr.api.deciding import access, caller, returns, speaks
from phr.api.documents import file_answer, file_sent
from phr.api.installation import database
from phr.api.organisation import hold_to_officer, officers_line
from phr.api.shapes import At
from phr.clock import now_ms, rfc3339
from phr.errors import AccessDenied, NotFound
from phr.people import access as deciding
from phr.people import granting, organisations
from phr.people.access import REFUSED, Ask, is_owners
from phr.people.grants import CONTRACTS, Grant
from phr.people.organisations import Member
from phr.timeline import consent_papers
from phr.timeline.consent_papers import Paper

blueprint = Blueprint("consent_papers", __name__)

LOOKED = "looked at the paper of a consent"


class PaperTold(TypedDict):
    """``by``: who took the consent down; ``grant``: what was consented to."""

    id: str
    person: str
    grant: str
    by: str
    at: At
    media_type: str
    bytes: int
    sha256: str


class PapersTold(TypedDict):
    papers: list[PaperTold]


@blueprint.post("/v1/people/<person>/contracts/consents/<grant>/papers")
@access("contracts.write")
@returns(status=201)
@speaks("application/octet-stream")
def add_paper(person: str, grant: str) -> PaperTold:
    """The body is a JPEG, a PNG or a PDF, up to 10 MiB; by who took the consent down, six at most."""
    found = granting.find(database(), person, grant)
    if not _took_it_down(found):
        raise AccessDenied(REFUSED)
    return _told(consent_papers.keep(database(), found, file_sent(), now_ms()))


@blueprint.get("/v1/people/<person>/contracts/consents/<grant>/papers")
@access("contracts.read")
@returns()
def list_papers(person: str, grant: str) -> PapersTold:
    found = _seen(person, grant)
    return {"papers": [_told(one) for one in consent_papers.of_grant(database(), person, found.id)]}


@blueprint.get("/v1/people/<person>/contracts/consents/<grant>/papers/<paper>")
@access("contracts.read")
@speaks(gives="*/*")
def get_paper(person: str, grant: str, paper: str) -> Response:
    seen, found = _seen(person, grant), consent_papers.find(database(), paper)
    if (found.person, found.grant) != (person, seen.id):
        raise NotFound("no such paper")
    return _file(found)


@blueprint.get("/v1/organisation/consent-papers")
@access("organisation.read")
@returns()
def list_organisations_papers(member: Member) -> PapersTold:
    """For the privacy officer: of all consents that the organisation's staff took down."""
    hold_to_officer(member)
    return {"papers": [_told(one) for one in consent_papers.of_organisation(database(), member.organisation)]}


@blueprint.get("/v1/organisation/consent-papers/<paper>")
@access("organisation.read")
@speaks(gives="*/*")
def get_organisations_paper(member: Member, paper: str) -> Response:
    """For the privacy officer; each look stands in the access log of whose consent it is."""
    now, found = hold_to_officer(member), consent_papers.find(database(), paper)
    if found.organisation != member.organisation:
        raise NotFound("no such paper")
    ask = Ask(found.person, "read", (CONTRACTS,), LOOKED)
    deciding.record(database(), officers_line(ask, found.grant, now))
    return _file(found)


def _seen(person: str, grant: str) -> Grant:
    """Raises NotFound, AccessDenied for staff who did not take this consent down."""
    found = granting.find(database(), person, grant)
    if not is_owners(g.permission) and not _took_it_down(found):
        raise AccessDenied(REFUSED)
    return found


def _took_it_down(found: Grant) -> bool:
    """True for who did, as long as they work where they did."""
    member = organisations.membership(database(), caller().subject, now_ms())
    took = found.assisted or {}
    return member is not None and (took.get("by"), took.get("organisation")) == (member.person, member.organisation)


def _file(found: Paper) -> Response:
    return file_answer(consent_papers.pieces(database(), found), f"consent-{found.grant}", found.media_type)


def _told(one: Paper) -> PaperTold:
    return {
        "id": one.id,
        "person": one.person,
        "grant": one.grant,
        "by": one.by,
        "at": rfc3339(one.at_ms),
        "media_type": one.media_type,
        "bytes": one.bytes,
        "sha256": one.sha256,
    }
