"""A vendor's declarative mappings: uploaded as TOML, tried on their own examples, in use at once."""

from __future__ import annotations

from typing import TypedDict

from flask import Blueprint, request

from phr.api.deciding import access, returns, speaks
from phr.api.installation import database
from phr.clock import At, now_ms, rfc3339
from phr.formats.mapping import MappingInvalid
from phr.intake import mappings
from phr.intake.devices import MAPPED

blueprint = Blueprint("mappings", __name__)


class MappingPutTold(TypedDict):
    """``format``: how models and devices name it."""

    name: str
    format: str
    is_new: bool


class MappingListedTold(TypedDict):
    name: str
    format: str
    changed_at: At


class MappingsTold(TypedDict):
    mappings: list[MappingListedTold]


class MappingTold(TypedDict):
    """``text``: TOML, as it was sent."""

    name: str
    text: str
    changed_at: At


@blueprint.put("/v1/vendor/mappings/<name>")
@access("vendor.write")
@returns()
@speaks("text/plain")
def put_mapping(vendor: str, name: str) -> MappingPutTold:
    try:
        text = request.get_data().decode()
    except UnicodeDecodeError as error:
        raise MappingInvalid("a mapping is UTF-8") from error
    is_new = mappings.put(database(), vendor, name, text, now_ms())
    return {"name": name, "format": f"{MAPPED}{vendor}/{name}", "is_new": is_new}


@blueprint.get("/v1/vendor/mappings")
@access("vendor.read")
@returns()
def list_mappings(vendor: str) -> MappingsTold:
    found = mappings.of_vendor(database(), vendor)
    return {
        "mappings": [
            {"name": one.name, "format": f"{MAPPED}{vendor}/{one.name}", "changed_at": rfc3339(one.changed_at_ms)}
            for one in found
        ]
    }


@blueprint.get("/v1/vendor/mappings/<name>")
@access("vendor.read")
@returns()
def show_mapping(vendor: str, name: str) -> MappingTold:
    found = mappings.find(database(), vendor, name)
    return {"name": name, "text": found.text, "changed_at": rfc3339(found.changed_at_ms)}


@blueprint.delete("/v1/vendor/mappings/<name>")
@access("vendor.write")
@returns(status=204)
def delete_mapping(vendor: str, name: str) -> None:
    mappings.delete(database(), vendor, name)
