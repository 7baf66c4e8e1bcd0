"""A vendor's models, and how much its devices may send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, expected_version, returns, takes
from phr.api.installation import database, installation
from phr.api.shapes import PageQuery, Words
from phr.clock import now_ms
from phr.intake import enrolment, limits, models
from phr.intake.models import Model
from phr.intake.policy import Limits

blueprint = Blueprint("vendor_models", __name__)
_RATE = validate.Range(1, 6_000)


class NameShape(Schema):
    zh = fields.String(required=True, validate=validate.Length(1, 100))
    en = fields.String(required=True, validate=validate.Length(1, 100))


class ModelShape(Schema):
    model = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,32}\Z"))
    name = fields.Nested(NameShape, required=True)
    format = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 80))
    metrics = fields.List(fields.String(), load_default=list, validate=validate.Length(max=100))
    rate_per_min = fields.Integer(load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 6_000))
    category = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 32))


class ModelPatch(Schema):
    """A new format is that of devices that are registered from now on."""

    name = fields.Nested(NameShape)
    format = fields.String(allow_none=True, validate=validate.Length(1, 80))
    metrics = fields.List(fields.String(), validate=validate.Length(max=100))
    rate_per_min = fields.Integer(allow_none=True, strict=True, validate=_RATE)
    category = fields.String(allow_none=True, validate=validate.Length(1, 32))


class ModelTold(TypedDict):
    """``rate_per_min``: messages of one device, where it is the model's own."""

    model: str
    name: Words
    format: str | None
    metrics: list[str]
    rate_per_min: int | None
    category: str | None


class ModelsTold(TypedDict):
    models: list[ModelTold]
    next_cursor: str | None


class LimitsTold(TypedDict):
    """None: no limit."""

    messages_per_min: int | None
    readings_per_min: int | None


class RatesTold(TypedDict):
    """``vendor``: all devices together; ``models``, ``devices``: those with rates of their own.

    ``refused_per_min``: payloads that may be refused whole, of all devices.
    """

    vendor: LimitsTold
    device: LimitsTold
    refused_per_min: int | None
    models: dict[str, LimitsTold]
    devices: dict[str, LimitsTold]
    next_cursor: str | None


@blueprint.post("/v1/vendor/models")
@access("vendor.write")
@takes(ModelShape)
@returns(status=201)
def create_model(vendor: str, body: dict[str, Any]) -> ModelTold:
    name = body.pop("name")
    model = Model(vendor=vendor, slug=body.pop("model"), name_zh=name["zh"], name_en=name["en"], **body)
    enrolment.check_format(model.format, vendor)
    return _model(models.create(database(), model, now_ms()))


@blueprint.get("/v1/vendor/models")
@access("vendor.read")
@takes(PageQuery, location="query")
@returns()
def list_models(vendor: str, query: dict[str, Any]) -> ModelsTold:
    found = models.of_vendor(database(), vendor, query["limit"] + 1, query["cursor"] or "")
    shown = found[: query["limit"]]
    next_cursor = shown[-1].slug if len(found) > len(shown) else None
    return {"models": [_model(one) for one in shown], "next_cursor": next_cursor}


@blueprint.get("/v1/vendor/models/<model>")
@access("vendor.read")
@returns()
def show_model(vendor: str, model: str) -> Answer[ModelTold]:
    found = models.find(database(), vendor, model)
    return Answer(_model(found), version=found.version)


@blueprint.patch("/v1/vendor/models/<model>")
@access("vendor.write")
@takes(ModelPatch)
@returns()
def change_model(vendor: str, model: str, body: dict[str, Any]) -> Answer[ModelTold]:
    found = models.find(database(), vendor, model)
    expected_version(found.version)
    if name := body.pop("name", None):
        body |= {"name_zh": name["zh"], "name_en": name["en"]}
    enrolment.check_format(body.get("format"), vendor)
    changed = models.change(database(), replace(found, **body))
    return Answer(_model(changed), version=changed.version)


@blueprint.get("/v1/vendor/rates")
@access("vendor.read")
@takes(PageQuery, location="query")
@returns()
def list_rates(vendor: str, query: dict[str, Any]) -> RatesTold:
    """What holds: a device's own rate goes before its model's, and that before everybody's."""
    everybody = limits.plan_of(installation().settings)
    own = limits.of(database(), vendor)
    found = limits.of_devices(database(), vendor, query["limit"] + 1, query["cursor"] or "")
    shown = found[: query["limit"]]
    return {
        "vendor": _limits(own.over(everybody.vendor)),
        "device": _limits(everybody.device),
        "refused_per_min": everybody.refused_per_min,
        "models": {slug: _limits(one) for slug, one in limits.of_models_of(database(), vendor).items()},
        "devices": {ref: _limits(one) for ref, one in shown},
        "next_cursor": shown[-1][0] if len(found) > len(shown) else None,
    }


def _limits(one: Limits) -> LimitsTold:
    return {"messages_per_min": one.messages_per_min, "readings_per_min": one.readings_per_min}


def _model(one: Model) -> ModelTold:
    return {
        "model": one.slug,
        "name": {"zh": one.name_zh, "en": one.name_en},
        "format": one.format,
        "metrics": list(one.metrics),
        "rate_per_min": one.rate_per_min,
        "category": one.category,
    }
