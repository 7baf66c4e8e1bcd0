"""The file of an entry: sent, read for its text, kept sealed, given back as it came; sent alone, it is the document."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import PurePath
from typing import Any, ClassVar
from urllib.parse import quote

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError, fields, validate

from phr.api.deciding import (
    Answer,
    access_by_category,
    caller,
    expected_version,
    permit,
    returns,
    shape_faults,
    speaks,
    takes,
)
from phr.api.entries import OWN_WORD, effective_of, keep_retained
from phr.api.entry_shapes import EntryTold, entry_json
from phr.api.installation import database
from phr.api.shapes import WhenField
from phr.clock import now_ms
from phr.errors import InputInvalid, NotFound
from phr.timeline import entries, extraction, files
from phr.timeline.categories import SENSITIVE
from phr.timeline.content import checked, patched
from phr.timeline.effective import Remembered, When, instant
from phr.timeline.entries import Hand, NewEntry, is_seen
from phr.timeline.entry import Author, Draft, Entry, categories
from phr.timeline.extraction import Extracted
from phr.timeline.filed import has_file
from phr.timeline.kinds import kinds
from phr.timeline.kinds.document import TYPES
from phr.vocabulary.sight import Sight

blueprint = Blueprint("documents", __name__)

DOCUMENT = "document"
UNNAMED = "文档"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The browser shows nothing of it in our name, and what is in it runs nowhere.
LOCKED = "sandbox; default-src 'none'"


class NamesField(fields.Field[tuple[str, ...]]):
    """Sensitive categories with commas between."""

    openapi: ClassVar[dict[str, Any]] = {"type": "string"}

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> tuple[str, ...]:
        names = tuple(sorted(set(str(value).split(","))))
        if odd := [name for name in names if name not in SENSITIVE]:
            raise ValidationError(f"{odd[0]!r} is none of {', '.join(SENSITIVE)}")
        return names


class FileQuery(Schema):
    """``name``: of the file; the rest is of a document that is made with it."""

    name = fields.String(load_default=None, validate=validate.Length(1, 255))
    text = fields.String(load_default=None, validate=validate.Length(1, 500))
    type = fields.String(load_default=None, validate=validate.OneOf(TYPES))
    effective_at = WhenField(load_default=None)
    sensitive = NamesField(load_default=())


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it came, and what it is called."""

    content: bytes
    name: str | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@blueprint.put("/v1/people/<person>/entries/<entry>/file")
@access_by_category("write")
@takes(FileQuery, location="query")
@returns()
@speaks("application/octet-stream")
def put_file(person: str, sight: Sight, entry: str, query: dict[str, Any]) -> Answer[EntryTold]:
    """The body is the file. Without an entry it makes the document; the same bytes again change nothing."""
    found, sent = _standing(person, sight, entry), Sent(file_sent(), query["name"])
    if found is None:
        kept = _made(person, entry, sent, query)
    elif (found.content.get("file") or {}).get("sha256") == sent.sha256:
        kept = found
    else:
        expected_version(found.version)
        keep_retained(found)
        permit(found.categories)
        kept = _given(found, sent)
    return Answer(entry_json(kept), version=kept.version)


@blueprint.get("/v1/people/<person>/entries/<entry>/file")
@access_by_category("read", by_period=True)
@speaks(gives="*/*")
def get_file(person: str, sight: Sight, entry: str) -> Response:
    found = _standing(person, sight, entry)
    told = found.content.get("file") if found else None
    if told is None:
        raise NotFound("there is no such file")
    pieces = files.pieces(database(), person, entry, told["id"])
    return file_answer(pieces, told.get("name") or entry, told["media_type"])


def file_sent() -> bytes:
    """The body of the request. Raises 413 beyond 10 MiB, InputInvalid for nothing."""
    request.max_content_length = files.LARGEST_BYTES
    content = request.get_data(cache=False)
    if not content:
        raise InputInvalid("the body is the file, and it is empty")
    return content


def file_answer(pieces: Iterator[bytes], name: str, media_type: str) -> Response:
    """A file to be kept and not shown. Raises what its first piece does: no half an answer."""
    first = next(pieces)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": LOCKED,
    }
    known = media_type if media_type in extraction.TYPES else "application/octet-stream"
    return Response(chain((first,), pieces), 200, headers, content_type=known)


def _standing(person: str, sight: Sight, entry: str) -> Entry | None:
    """The entry, None where there is none. Raises NotFound for one that the caller has no part in."""
    try:
        found = entries.find(database(), person, entry)
    except NotFound:
        return None
    if not is_seen(found, sight):
        raise NotFound("no such entry")
    if not has_file(kinds()[found.kind]):
        carriers = ", ".join(sorted(kind.name for kind in kinds().values() if has_file(kind)))
        raise InputInvalid(f"an entry of this kind carries no file; these do: {carriers}")
    return found


def _made(person: str, entry: str, sent: Sent, query: Mapping[str, Any]) -> Entry:
    """A new document. File first, entry second: a crash in between leaves sealed bytes that nothing names."""
    if _ID.fullmatch(entry) is None:
        raise InputInvalid("an id has 1 to 64 of A-Z, a-z, 0-9, _ and -")
    at: When | Remembered = query["effective_at"] or instant(now_ms(), None)
    draft = Draft(
        kind=DOCUMENT,
        content={"text": query["text"] or (sent.name and PurePath(sent.name).stem) or UNNAMED, "type": query["type"]},
        effective=effective_of(person, at, None),
        sensitive=query["sensitive"],
        provenance=OWN_WORD,
    )
    permit(categories(draft))
    extracted = extraction.extract(sent.content)
    file_id = files.keep(database(), person, entry, sent.content)
    try:
        with shape_faults():
            said = _without_nothing({**draft.content, **_said(sent, file_id, extracted)})
            draft = replace(draft, content=checked(kinds()[DOCUMENT], said))
        return entries.create(database(), NewEntry(person=person, draft=draft, author=_author(), id=entry), now_ms())
    except BaseException:
        files.discard(database(), person, entry, file_id)
        raise


def _given(entry: Entry, sent: Sent) -> Entry:
    """With another file. Where no text is found, what somebody typed stays; what an earlier file said goes."""
    extracted = extraction.extract(sent.content)
    file_id = files.keep(database(), entry.person, entry.id, sent.content, entry.retained_by)
    typed = None if "file" in entry.content else entry.content.get("words")
    try:
        with shape_faults():
            said = _said(sent, file_id, extracted)
            content = patched(kinds()[entry.kind], entry.content, said | {"words": said["words"] or typed})
        draft = Draft(
            kind=entry.kind,
            content=content,
            effective=entry.effective,
            sensitive=entry.sensitive,
            provenance=entry.provenance,
            retained_by=entry.retained_by,
        )
        permit(categories(draft))
        return entries.change(database(), entry, draft, Hand(_author(), now_ms()))
    except BaseException:
        files.discard(database(), entry.person, entry.id, file_id)
        raise


def _said(sent: Sent, file_id: str, extracted: Extracted) -> dict[str, Any]:
    """``file`` and ``words`` of the entry; None for no words."""
    told = {"id": file_id, "name": sent.name, "bytes": len(sent.content), "sha256": sent.sha256}
    found = {"media_type": extracted.media_type, "pages": extracted.pages, "notes": list(extracted.notes)}
    return {"file": _without_nothing(told | found), "words": extracted.text or None}


def _author() -> Author:
    who = caller()
    return Author(who.subject, who.client_id, who.act)


def _without_nothing(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in (None, [])}
