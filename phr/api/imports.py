"""Files taken into a person's record: sent in parts, imported in the background, reported, taken back as a whole."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint, request
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access_by_category, caller, permit, returns, speaks, takes
from phr.api.installation import database
from phr.clock import now_ms
from phr.errors import InputInvalid, PayloadTooLarge
from phr.formats.building import ItemRefused
from phr.formats.local_time import find_zone
from phr.interchange import formats, imports, uploads
from phr.interchange.formats import Wish
from phr.interchange.imports import FileImportTold, Import, NewImport
from phr.timeline.categories import all_categories
from phr.vocabulary.sight import Sight

blueprint = Blueprint("imports", __name__)


class ImportBody(Schema):
    format = fields.String(required=True, validate=validate.Length(1, 64))
    dry_run = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    zone = fields.String(load_default=None, validate=validate.Length(1, 64))
    mapping = fields.Dict(keys=fields.String(), load_default=None)


class PartQuery(Schema):
    from_ = fields.Integer(required=True, data_key="from", validate=validate.Range(0, uploads.LARGEST_FILE_BYTES))


class ReasonBody(Schema):
    reason = fields.String(required=True, validate=validate.Length(1, 200))


class ImportsTold(TypedDict):
    imports: list[FileImportTold]


class UploadingTold(FileImportTold):
    """``next_byte``: where its file goes on."""

    next_byte: int


class PartTakenTold(TypedDict):
    """Where the file goes on."""

    next_byte: int


@blueprint.post("/v1/people/<person>/imports")
@access_by_category("write")
@takes(ImportBody)
@returns(status=201)
def create_import(person: str, sight: Sight, body: dict[str, Any]) -> Answer[FileImportTold | UploadingTold]:  # noqa: ARG001
    """Whoever imports must be allowed to write every category: what a file holds shows only as it is read."""
    permit(all_categories())
    form = formats.find_format(body["format"])
    if form.is_for_operators and caller().act is None:
        raise InputInvalid("it says who wrote what, so an operator takes it in for you", "/format")
    _check_zone(body["zone"])
    form.check(Wish(mapping=body["mapping"]))
    wish = {"zone": body["zone"], "mapping": body["mapping"]}
    draft = NewImport(person=person, format=form.name, digest="", author=_author(), is_dry_run=body["dry_run"])
    made = imports.announce(database(), draft, wish, now_ms())
    return Answer(_json(made), headers={"Location": f"/v1/people/{person}/imports/{made.id}"})


@blueprint.get("/v1/people/<person>/imports")
@access_by_category("read")
@returns()
def list_imports(person: str, sight: Sight) -> ImportsTold:  # noqa: ARG001
    permit(all_categories())
    return {"imports": [one.as_json() for one in imports.of_person(database(), person)]}


@blueprint.get("/v1/people/<person>/imports/<one>")
@access_by_category("read")
@returns()
def show_import(person: str, sight: Sight, one: str) -> FileImportTold | UploadingTold:  # noqa: ARG001
    permit(all_categories())
    return _json(imports.find(database(), person, one))


@blueprint.put("/v1/people/<person>/imports/<one>/content")
@access_by_category("write")
@takes(PartQuery, location="query")
@returns()
@speaks("application/octet-stream")
def put_part(person: str, sight: Sight, one: str, query: dict[str, Any]) -> PartTakenTold:  # noqa: ARG001
    """A part of the file, from the byte that it begins at; sending one again is safe."""
    permit(all_categories())
    request.max_content_length = uploads.LARGEST_PART_BYTES
    found = imports.require_open(database(), person, one)
    content = request.get_data()
    if query["from_"] + len(content) > uploads.LARGEST_FILE_BYTES:
        raise PayloadTooLarge(f"a file has at most {uploads.LARGEST_FILE_BYTES} bytes")
    return {"next_byte": uploads.put(database(), person, found.id, query["from_"], content, now_ms())}


@blueprint.post("/v1/people/<person>/imports/<one>/start")
@access_by_category("write")
@returns(status=202)
def start_import(person: str, sight: Sight, one: str) -> FileImportTold | UploadingTold:  # noqa: ARG001
    """The whole file is there: a scheduler takes it in."""
    permit(all_categories())
    size = uploads.received(database(), imports.find(database(), person, one).id)
    if not size:
        raise InputInvalid("nothing of the file has been sent")
    return _json(imports.start(database(), person, one, size, now_ms()))


@blueprint.post("/v1/people/<person>/imports/<one>/take-back")
@access_by_category("write")
@takes(ReasonBody)
@returns(status=202)
def take_back_import(person: str, sight: Sight, one: str, body: dict[str, Any]) -> FileImportTold | UploadingTold:  # noqa: ARG001
    """Begun when this answers; a scheduler does it."""
    permit(all_categories())
    return _json(imports.ask_back(database(), person, one, (_author(), body["reason"]), now_ms()))


def _json(one: Import) -> FileImportTold | UploadingTold:
    told = one.as_json()
    return {**told, "next_byte": uploads.received(database(), one.id)} if one.state == "uploading" else told


def _author() -> str:
    return caller().act or caller().subject


def _check_zone(zone: str | None) -> None:
    if zone is not None:
        try:
            find_zone(zone, "/zone")
        except ItemRefused as refused:
            raise InputInvalid(refused.detail, "/zone") from refused
