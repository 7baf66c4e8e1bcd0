"""Who looked at a record: its owner reads it in plain words."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import fields

from phr.api import access_words
from phr.api.access_words import Who
from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import At, PageQuery, Words
from phr.auth import clients
from phr.clock import rfc3339
from phr.people import access_pages, grants, people
from phr.people.access_lines import Line
from phr.people.access_pages import Shown
from phr.people.grants import Grant
from phr.people.people import Person

blueprint = Blueprint("access_log", __name__)


class LogQuery(PageQuery):
    """``others``: without what the owner did."""

    others = fields.Boolean(load_default=False)


class WhoTold(TypedDict):
    id: str | None
    name: str | None
    organisation: str | None


class GrantNamed(TypedDict):
    id: str
    kind: str
    purpose: str


class ProgramTold(TypedDict):
    id: str
    name: str | None


class LineTold(TypedDict):
    """``seq``: the line's number in the person's chain; ``is_intact``: it is as it was written."""

    id: str
    at: At
    words: Words
    who: WhoTold
    operator: str | None
    role: str
    role_words: Words
    grants: list[GrantNamed]
    verb: str
    categories: list[str]
    about: str
    outcome: str
    client: ProgramTold
    seq: int | None
    is_intact: bool


class LogTold(TypedDict):
    lines: list[LineTold]
    next_cursor: str | None


@blueprint.get("/v1/people/<person>/access-log")
@access("access-log.read")
@takes(LogQuery, location="query")
@returns()
def show_log(person: str, query: dict[str, Any]) -> LogTold:
    """Who, in which role, by which grant, what, when, why, from which program; latest first."""
    page = access_pages.page(database(), person, query["limit"], query["cursor"], of_others=query["others"])
    lines = [one.line for one in page.lines]
    known = people.find_many(database(), {person, *(line.who for line in lines)})
    by_id = grants.find_many(database(), {one for line in lines if line.grant for one in line.grant.split(",")})
    programs = clients.names(database(), {line.client_id for line in lines})
    shown = [_line(one, known.get(person), known.get(one.line.who), by_id, programs) for one in page.lines]
    return {"lines": shown, "next_cursor": page.next_cursor}


def _line(
    one: Shown, owner: Person | None, who: Person | None, by_id: dict[str, Grant], programs: dict[str, str]
) -> LineTold:
    line = one.line
    told = _told(line, who)
    offset_min = owner.offset_min_at(line.at_ms) if owner else 0
    used = [by_id[name] for name in (line.grant or "").split(",") if name in by_id]
    return {
        "id": one.id,
        "at": rfc3339(line.at_ms),
        "words": _pair(access_words.sentence(line, told, owner.name if owner else None, offset_min)),
        "who": {"id": who.id if who and told.name else None, "name": told.name, "organisation": told.organisation},
        "operator": line.act,
        "role": line.role,
        "role_words": _pair(access_words.role_words(line.role)),
        "grants": [{"id": grant.id, "kind": grant.kind, "purpose": grant.purpose} for grant in used],
        "verb": line.verb,
        "categories": list(line.categories),
        "about": line.about,
        "outcome": line.outcome,
        "client": {"id": line.client_id, "name": programs.get(line.client_id)},
        "seq": one.seq,
        "is_intact": one.is_intact,
    }


def _pair(said: access_words.Pair) -> Words:
    return {"zh": said["zh"], "en": said["en"]}


def _told(line: Line, who: Person | None) -> Who:
    """Somebody private who had no right to the record stays unnamed: to have typed an id is no reason to be known."""
    if who is None or (line.outcome == "refused" and who.organisation is None and who.id != line.person):
        return Who(None)
    return Who(who.name, who.organisation)
