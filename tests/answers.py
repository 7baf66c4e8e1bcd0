"""Every good answer that a test gets is as it is described: with what is needed, of its type, and nothing besides."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask, Response, current_app, request

from phr.api.answer_schemas import schemas_of
from phr.api.openapi import JSON, answer_type

# What has words of its own besides those that are described: an entry those of its kind.
OPEN = {"kind", "effective_at", "provenance", "source"}


def hold(application: Flask) -> None:
    """From now on a test fails whose answer is not as it is described."""
    application.after_request_funcs.setdefault(None, []).append(_checked)


def checker(kind: Any) -> jsonschema_rs.Draft202012Validator:
    """Of what a type describes; nothing else may be in it."""
    (schema,), components = schemas_of([kind])
    closed = {name: one if one["properties"].keys() >= OPEN else _closed(one) for name, one in components.items()}
    whole = schema | {"components": {"schemas": closed}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _closed(component: dict[str, Any]) -> dict[str, Any]:
    return component | {"additionalProperties": False}


@cache
def _checker_of(application: Flask, endpoint: str) -> jsonschema_rs.Draft202012Validator | None:
    kind = answer_type(application.view_functions[endpoint])
    return None if kind is None else checker(kind)


def _checked(response: Response) -> Response:
    is_told = response.status_code < 300 and response.mimetype == JSON and request.endpoint and response.get_data()
    found = _checker_of(current_app._get_current_object(), request.endpoint) if is_told else None  # type: ignore[attr-defined]
    if found is not None:
        faults = [f"{'/'.join(map(str, one.instance_path))}: {one.message}" for one in found.iter_errors(response.json)]
        assert not faults, f"{request.endpoint} answers other than it is described: {faults}"
    return response
