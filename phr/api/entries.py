"""Entries of the timeline made by hand; for now notes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, caller, expected_version, returns, takes
from phr.api.installation import database
from phr.api.shapes import MomentField, PageQuery
from phr.clock import now_ms, rfc3339
from phr.errors import InputInvalid
from phr.timeline import entries
from phr.timeline.entries import NOTE, Author, Entry, NewEntry, Span

blueprint = Blueprint("entries", __name__)

LONGEST_TEXT = 10_000
LONGEST_KEY = 255


class NewNote(Schema):
    id = fields.String(load_default=None, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z"))
    kind = fields.String(required=True, validate=validate.OneOf((NOTE,)))
    text = fields.String(required=True, validate=validate.Length(1, LONGEST_TEXT))
    effective_at = MomentField(required=True)


class NotePatch(Schema):
    text = fields.String(validate=validate.Length(1, LONGEST_TEXT))
    effective_at = MomentField()


class EntriesQuery(PageQuery):
    start = MomentField(data_key="from", load_default=None)
    end = MomentField(data_key="to", load_default=None)


@blueprint.post("/v1/people/<person>/entries")
@access("notes.write")
@takes(NewNote)
@returns(status=201)
def create_entry(person: str, body: dict[str, Any]) -> Answer:
    made = entries.create(database(), _draft(person, body), now_ms())
    location = f"/v1/people/{person}/entries/{made.id}"
    return Answer(entry_json(made), version=made.version, headers={"Location": location})


@blueprint.get("/v1/people/<person>/entries")
@access("notes.read")
@takes(EntriesQuery, location="query")
@returns()
def list_entries(person: str, query: dict[str, Any]) -> dict[str, Any]:
    start, end = query["start"], query["end"]
    span = Span(start and start.t_ms, end and end.t_ms, query["limit"], query["cursor"])
    page = entries.page(database(), person, span)
    return {"entries": [entry_json(one) for one in page.entries], "next_cursor": page.next_cursor}


@blueprint.get("/v1/people/<person>/entries/<entry>")
@access("notes.read")
@returns()
def show_entry(person: str, entry: str) -> Answer:
    found = entries.find(database(), person, entry)
    return Answer(entry_json(found), version=found.version)


@blueprint.patch("/v1/people/<person>/entries/<entry>")
@access("notes.write")
@takes(NotePatch)
@returns()
def change_entry(person: str, entry: str, body: dict[str, Any]) -> Answer:
    found = entries.find(database(), person, entry)
    expected_version(found.version)
    changed = entries.change(database(), found, _changes(body), _author(), now_ms())
    return Answer(entry_json(changed), version=changed.version)


@blueprint.delete("/v1/people/<person>/entries/<entry>")
@access("notes.write")
@returns(status=204)
def delete_entry(person: str, entry: str) -> None:
    found = entries.find(database(), person, entry)
    expected_version(found.version)
    entries.delete(database(), found, _author(), now_ms())


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry as the API shows it, in lists and in the timeline too."""
    return {
        "id": entry.id,
        "kind": entry.kind,
        **entry.content,
        "effective_at": rfc3339(entry.effective_ms, entry.offset_min),
        "version": entry.version,
        "source": {"kind": "hand", "by": entry.author.subject, "client": entry.author.client_id},
        "created_at": rfc3339(entry.created_at_ms),
        "changed_at": rfc3339(entry.changed_at_ms),
    }


def _draft(person: str, body: dict[str, Any]) -> NewEntry:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= LONGEST_KEY:
        raise InputInvalid(f"Idempotency-Key has 1 to {LONGEST_KEY} characters")
    moment = body["effective_at"]
    return NewEntry(
        person=person,
        kind=body["kind"],
        content={"text": body["text"]},
        effective_ms=moment.t_ms,
        offset_min=moment.offset_min,
        author=_author(),
        id=body["id"],
        idempotency_key=key,
    )


def _changes(body: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {"content": {"text": body["text"]}} if "text" in body else {}
    if moment := body.get("effective_at"):
        changes |= {"effective_ms": moment.t_ms, "offset_min": moment.offset_min}
    return changes


def _author() -> Author:
    who = caller()
    return Author(who.subject, who.client_id, who.act)
