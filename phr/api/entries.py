"""Entries of the timeline: what happened in a life, of every kind, with every version of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr import answers
from phr.api.deciding import (
    Answer,
    access_by_category,
    caller,
    expected_version,
    permit,
    permit_owner,
    returns,
    shape_faults,
    takes,
)
from phr.api.entry_shapes import (
    ChangeTold,
    EntriesQuery,
    EntryBody,
    EntryPatch,
    EntryTold,
    change_json,
    entry_json,
    filter_of,
)
from phr.api.installation import database
from phr.api.professionals import speaks_for
from phr.api.repeats import idempotency_key
from phr.clock import now_ms
from phr.errors import AccessDenied, InputInvalid, NotFound
from phr.people import people
from phr.timeline import entries, history, listing
from phr.timeline.content import checked, patched
from phr.timeline.effective import Effective, Remembered, When, placed
from phr.timeline.entries import Hand, NewEntry, is_seen
from phr.timeline.entry import Author, Draft, Entry, categories
from phr.timeline.happened import RECORD
from phr.timeline.kinds import kinds
from phr.vocabulary.sight import Sight

blueprint = Blueprint("entries", __name__)

OWN_WORD = {"how": "self-reported"}


class HistoryQuery(Schema):
    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))
    cursor = fields.Integer(load_default=None, validate=validate.Range(1, 2**31))


class RestoreBody(Schema):
    version = fields.Integer(strict=True, load_default=None, validate=validate.Range(1, 2**31))


class EntriesTold(TypedDict):
    entries: list[EntryTold]
    next_cursor: str | None


class ChangesTold(TypedDict):
    """``next_cursor``: the version that the next page goes on before."""

    changes: list[ChangeTold]
    next_cursor: int | None


@blueprint.post("/v1/people/<person>/entries")
@access_by_category("write")
@takes(EntryBody)
@returns(status=201)
def create_entry(person: str, sight: Sight, body: dict[str, Any]) -> Answer[EntryTold]:  # noqa: ARG001
    draft = _draft(person, body)
    permit(categories(draft))
    new = NewEntry(person=person, draft=draft, author=_author(), id=body["id"], idempotency_key=idempotency_key())
    made = entries.create(database(), new, now_ms())
    answers.weigh(database(), made, now_ms())
    location = f"/v1/people/{person}/entries/{made.id}"
    return Answer(entry_json(made), version=made.version, headers={"Location": location})


@blueprint.get("/v1/people/<person>/entries")
@access_by_category("read", by_period=True)
@takes(EntriesQuery, location="query")
@returns()
def list_entries(person: str, sight: Sight, query: dict[str, Any]) -> EntriesTold:
    page = listing.page(database(), person, filter_of(query, sight), query["limit"], query["cursor"])
    return {"entries": [entry_json(one) for one in page.entries], "next_cursor": page.next_cursor}


@blueprint.get("/v1/people/<person>/entries/<entry>")
@access_by_category("read", by_period=True)
@returns()
def show_entry(person: str, sight: Sight, entry: str) -> Answer[EntryTold]:
    found = _seen(entries.find(database(), person, entry), sight)
    return Answer(entry_json(found), version=found.version)


@blueprint.patch("/v1/people/<person>/entries/<entry>")
@access_by_category("write")
@takes(EntryPatch)
@returns()
def change_entry(person: str, sight: Sight, entry: str, body: dict[str, Any]) -> Answer[EntryTold]:
    found = _seen(entries.find(database(), person, entry), sight)
    expected_version(found.version)
    keep_retained(found)
    _keep_recorded(found)
    draft = _changed(found, body)
    permit(categories(draft))
    changed = entries.change(database(), found, draft, _hand())
    return Answer(entry_json(changed), version=changed.version)


@blueprint.delete("/v1/people/<person>/entries/<entry>")
@access_by_category("write")
@returns(status=204)
def delete_entry(person: str, sight: Sight, entry: str) -> None:
    found = _seen(entries.find(database(), person, entry), sight)
    expected_version(found.version)
    keep_retained(found)
    entries.delete(database(), found, _hand())


@blueprint.get("/v1/people/<person>/entries/<entry>/history")
@access_by_category("read", by_period=True)
@takes(HistoryQuery, location="query")
@returns()
def show_history(person: str, sight: Sight, entry: str, query: dict[str, Any]) -> Answer[ChangesTold]:
    current = _seen(history.latest(database(), person, entry), sight)
    found = history.changes(database(), current, query["limit"], query["cursor"])
    shown = [change_json(one) for one in found if _is_change_seen(one, sight)]
    last = found[-1].after.version if found else 1
    return Answer({"changes": shown, "next_cursor": last if last > 1 else None}, version=current.version)


@blueprint.post("/v1/people/<person>/entries/<entry>/restore")
@access_by_category("write")
@takes(RestoreBody)
@returns()
def restore_entry(person: str, sight: Sight, entry: str, body: dict[str, Any]) -> Answer[EntryTold]:
    """As it was in a version, of a deleted one by default as it was before."""
    current = _seen(history.latest(database(), person, entry), sight)
    expected_version(current.version)
    keep_retained(current)
    earlier = history.version(database(), current, body["version"])
    permit(earlier.categories)
    restored = entries.restore(database(), current, earlier.version, _hand())
    return Answer(entry_json(restored), version=restored.version)


@blueprint.post("/v1/people/<person>/entries/<entry>/hide")
@access_by_category("write")
@returns()
def hide_entry(person: str, sight: Sight, entry: str) -> Answer[EntryTold]:
    """Of what a professional wrote: from all but the owner and the organisation that wrote it."""
    return _hidden(_seen(entries.find(database(), person, entry), sight), is_hidden=True)


@blueprint.post("/v1/people/<person>/entries/<entry>/show")
@access_by_category("write")
@returns()
def unhide_entry(person: str, sight: Sight, entry: str) -> Answer[EntryTold]:
    return _hidden(_seen(entries.find(database(), person, entry), sight), is_hidden=False)


def _hidden(entry: Entry, *, is_hidden: bool) -> Answer[EntryTold]:
    permit_owner()
    expected_version(entry.version)
    permit(entry.categories)
    changed = entries.hide(database(), entry, _hand(), is_hidden=is_hidden)
    return Answer(entry_json(changed), version=changed.version)


def keep_retained(entry: Entry) -> None:
    """Raises AccessDenied for what an organisation must retain, unless one of its professionals asks."""
    if entry.retained_by is not None and speaks_for(caller()) != entry.retained_by:
        raise AccessDenied(
            "what a professional wrote is changed by the same organisation alone; write a note beside it"
        )


def _keep_recorded(entry: Entry) -> None:
    """Raises AccessDenied for what the record itself wrote: who does not want it deletes it."""
    if entry.source == RECORD or kinds()[entry.kind].is_written_by_record:
        raise AccessDenied("what happened in the record is told by the record; delete it, or write a note beside it")


def _seen(entry: Entry, sight: Sight) -> Entry:
    """Raises NotFound for one of categories that the caller has no part in: not even that it exists is told."""
    if not is_seen(entry, sight):
        raise NotFound("no such entry")
    return entry


def _is_change_seen(change: history.Change, sight: Sight) -> bool:
    return is_seen(change.after, sight) and (change.before is None or is_seen(change.before, sight))


def _draft(person: str, body: dict[str, Any]) -> Draft:
    kind, provenance = kinds()[body["kind"]], body.get("provenance", OWN_WORD)
    with shape_faults():
        content = checked(kind, {name: value for name, value in body.items() if name not in EntryBody().fields})
    return Draft(
        kind=kind.name,
        content=content,
        effective=effective_of(person, body["effective_at"], body.get("effective_until")),
        sensitive=tuple(sorted(set(body.get("sensitive", ())))),
        provenance=provenance,
        retained_by=_organisation(provenance),
    )


def _changed(entry: Entry, body: dict[str, Any]) -> Draft:
    kind = kinds()[entry.kind]
    with shape_faults():
        said = {name: value for name, value in body.items() if name not in EntryPatch().fields}
        content = patched(kind, entry.content, said)
    begin = body.get("effective_at", entry.effective.begin)
    return Draft(
        kind=body.get("kind", entry.kind),
        content=content,
        effective=effective_of(entry.person, begin, body.get("effective_until", entry.effective.end)),
        sensitive=tuple(sorted(set(body.get("sensitive", entry.sensitive)))),
        provenance=body.get("provenance", entry.provenance),
        retained_by=_organisation(body["provenance"]) if "provenance" in body else entry.retained_by,
    )


def effective_of(person: str, begin: When | Remembered, end: When | Remembered | None) -> Effective:
    """Raises InputInvalid for a period that surely ends before it begins."""

    def when(told: When | Remembered) -> When:
        return told if isinstance(told, When) else placed(told, people.require(database(), person).offset_min_at)

    told = Effective(when(begin), None if end is None else when(end))
    if not told.is_in_order:
        raise InputInvalid("a period ends after it begins", "/effective_until")
    return told


def _organisation(provenance: Mapping[str, Any]) -> str | None:
    """Where a professional writes as one, the organisation that must retain it.

    Raises InputInvalid where somebody who is no professional speaks as one.
    """
    if provenance["how"] != "professional":
        return None
    organisation = speaks_for(caller())
    if organisation is None:
        raise InputInvalid("only a professional's own login writes as one", "/provenance/how")
    return organisation


def _author() -> Author:
    who = caller()
    return Author(who.subject, who.client_id, who.act)


def _hand() -> Hand:
    return Hand(_author(), now_ms())
