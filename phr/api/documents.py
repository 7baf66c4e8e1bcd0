"""The file of a document entry: sent, read for its text, kept sealed, given back as it came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, shape_faults, takes
from phr.api.entries import keep_retained
from phr.api.entry_shapes import entry_json
from phr.api.installation import database
from phr.clock import now_ms
from phr.errors import InputInvalid, NotFound
from phr.timeline import entries, extraction, files
from phr.timeline.content import patched
from phr.timeline.entries import Hand, is_seen
from phr.timeline.entry import Author, Draft, Entry, categories
from phr.timeline.extraction import Extracted
from phr.timeline.kinds import kinds

blueprint = Blueprint("documents", __name__)

DOCUMENT = "document"
# The browser shows nothing of it in our name, and what is in it runs nowhere.
LOCKED = "sandbox; default-src 'none'"


class FileQuery(Schema):
    name = fields.String(load_default=None, validate=validate.Length(1, 255))


@blueprint.put("/v1/people/<person>/entries/<entry>/file")
@access_by_category("write")
@takes(FileQuery, location="query")
@returns()
def put_file(person: str, sight: frozenset[str], entry: str, query: dict[str, Any]) -> Answer:
    """The body is the file. The same bytes again change nothing."""
    found = _document(person, sight, entry)
    expected_version(found.version)
    keep_retained(found)
    permit(found.categories)
    content = _body()
    if (found.content.get("file") or {}).get("sha256") == hashlib.sha256(content).hexdigest():
        return Answer(entry_json(found), version=found.version)
    changed = _kept(found, content, query["name"])
    return Answer(entry_json(changed), version=changed.version)


@blueprint.get("/v1/people/<person>/entries/<entry>/file")
@access_by_category("read")
def get_file(person: str, sight: frozenset[str], entry: str) -> Response:
    found = _document(person, sight, entry)
    told = found.content.get("file")
    if told is None:
        raise NotFound("this document has no file")
    pieces = files.pieces(database(), person, entry, told["id"])
    first = next(pieces)  # so that a missing file or key is a problem document, not half an answer
    name = quote(told.get("name") or f"{entry}", safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Content-Security-Policy": LOCKED}
    whole: Iterator[bytes] = chain((first,), pieces)
    media_type = told["media_type"] if told["media_type"] in extraction.TYPES else "application/octet-stream"
    return Response(whole, 200, headers, content_type=media_type)


def _document(person: str, sight: frozenset[str], entry: str) -> Entry:
    found = entries.find(database(), person, entry)
    if not is_seen(found, sight):
        raise NotFound("no such entry")
    if found.kind != DOCUMENT:
        raise InputInvalid("only an entry of the kind document has a file")
    return found


def _body() -> bytes:
    """Raises 413 beyond 10 MiB, InputInvalid for nothing."""
    request.max_content_length = files.LARGEST_BYTES
    content = request.get_data(cache=False)
    if not content:
        raise InputInvalid("the body is the file, and it is empty")
    return content


def _kept(entry: Entry, content: bytes, name: str | None) -> Entry:
    """File first, entry second: a crash in between leaves sealed bytes that nothing names."""
    extracted = extraction.extract(content)
    file_id = files.keep(database(), entry.person, entry.id, content, entry.retained_by)
    told = {"id": file_id, "name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    try:
        with shape_faults():
            said = patched(kinds()[DOCUMENT], entry.content, _said(entry, told, extracted))
        draft = _draft(entry, said)
        who = caller()
        hand = Hand(Author(who.subject, who.client_id, who.act), now_ms())
        return entries.change(database(), entry, draft, hand)
    except BaseException:
        files.discard(database(), entry.person, entry.id, file_id)
        raise


def _said(entry: Entry, told: dict[str, Any], extracted: Extracted) -> dict[str, Any]:
    """The text found; where none was, what somebody typed from the paper stays, and what an earlier file said goes."""
    found = {"media_type": extracted.media_type, "pages": extracted.pages, "notes": list(extracted.notes)}
    file = {key: value for key, value in (told | found).items() if value not in (None, [])}
    typed = None if "file" in entry.content else entry.content.get("words")
    return {"file": file, "words": extracted.text or typed}


def _draft(entry: Entry, said: Any) -> Draft:
    draft = Draft(
        kind=entry.kind,
        content=said,
        effective=entry.effective,
        sensitive=entry.sensitive,
        provenance=entry.provenance,
        retained_by=entry.retained_by,
    )
    permit(categories(draft))
    return draft
