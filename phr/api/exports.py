"""A record taken out, as a whole or in a form that others read: asked for, written as it is fetched, told of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, TypedDict

from flask import Blueprint, Response
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, caller, returns, speaks, takes
from phr.api.documents import LOCKED
from phr.api.installation import database
from phr.clock import now_ms
from phr.errors import InputInvalid
from phr.interchange import exports
from phr.interchange.exporters import find_format
from phr.interchange.exports import ExportTold, NewExport
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("exports", __name__)


class ExportBody(Schema):
    format = fields.String(required=True, validate=validate.Length(1, 64))
    metric = fields.String(load_default=None, validate=validate.Length(1, 64))
    language = fields.String(load_default="zh", validate=validate.OneOf(("zh", "en")))


class ExportsTold(TypedDict):
    exports: list[ExportTold]


@blueprint.post("/v1/people/<person>/exports")
@access("exports.read")
@takes(ExportBody)
@returns(status=201)
def create_export(person: str, body: dict[str, Any]) -> Answer[ExportTold]:
    form = find_format(body["format"])
    if body["metric"] is not None and body["metric"] not in vocabulary().metrics:
        raise InputInvalid(f"no metric {body['metric']!r}", "/metric")
    draft = NewExport(person=person, author=caller().act or caller().subject, **(body | {"format": form.name}))
    made = exports.create(database(), draft, now_ms())
    return Answer(made.as_json(), headers={"Location": f"/v1/people/{person}/exports/{made.id}"})


@blueprint.get("/v1/people/<person>/exports")
@access("exports.read")
@returns()
def list_exports(person: str) -> ExportsTold:
    return {"exports": [one.as_json() for one in exports.of_person(database(), person)]}


@blueprint.get("/v1/people/<person>/exports/<one>")
@access("exports.read")
@returns()
def show_export(person: str, one: str) -> ExportTold:
    return exports.find(database(), person, one).as_json()


@blueprint.get("/v1/people/<person>/exports/<one>/file")
@access("exports.read")
@speaks(gives="*/*")
def get_file(person: str, one: str) -> Response:
    """Written as it is read; nothing of it is kept here. What broke off is fetched again from its beginning."""
    form, pieces = exports.write(database(), exports.find(database(), person, one), now_ms)
    first = next(pieces)  # so that what is refused is a problem document, not half an answer
    name = f"record-{one}{form.suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": LOCKED}
    whole: Iterator[bytes] = chain((first,), pieces)
    return Response(whole, 200, headers, content_type=form.media_type)
