"""The description names every route, and what schemathesis makes of it breaks nothing."""

from __future__ import annotations

import contextlib
import os
import random
import re
import time

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from phr.api.openapi import METHODS, described
from tests.cast import Cast

EXAMPLES = int(
    os.environ.get("API_EXAMPLES", "0")
)  # of good input and of bad for each operation; 0: the same each time
BOUND_S = float(os.environ.get("API_BOUND_S", "15"))
ENDLESS = "/v1/people/{person}/stream"  # tests/live
PLACES = {"person": "me", "metric": "heart-rate", "protocol": "home-blood-pressure"}
CHECKS = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)


@pytest.fixture
def app(cast: Cast) -> Flask:
    return cast.http.application


def test_every_route_is_described(app: Flask) -> None:
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method.lower() in METHODS
    }
    told = {(path, method) for path, operations in described(app)["paths"].items() for method in operations}
    assert told == routes
    assert len(told) > 90


def test_every_place_in_a_path_is_described_and_no_other(app: Flask) -> None:
    for path, operations in described(app)["paths"].items():
        for operation in operations.values():
            places = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert places == set(re.findall(r"{(\w+)}", path)), path


def test_what_a_scope_opens_says_so_and_what_checks_the_body_describes_it(app: Flask) -> None:
    entries = described(app)["paths"]["/v1/people/{person}/entries"]
    assert {"token": ["notes.write"]} in entries["post"]["security"]
    assert {one["name"] for one in entries["get"]["parameters"]} >= {"person", "from", "to", "kinds", "cursor"}
    body = entries["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/entry_shapes.EntryBody"}


def undescribed(app: Flask) -> set[str]:
    """Operations whose JSON answer is any object."""
    said_nothing = {"schema": {"type": "object"}}
    return {
        operation["operationId"]
        for operations in described(app)["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status[0] == "2" and answer.get("content", {}).get("application/json") == said_nothing
    }


def test_every_view_describes_its_answer(app: Flask) -> None:
    """By its annotation, a TypedDict."""
    assert undescribed(app) == set()


def test_answer_is_described_by_what_its_view_says(app: Flask) -> None:
    spec = described(app)
    good = spec["paths"]["/v1/people/{person}/access-log"]["get"]["responses"]["200"]
    assert good["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/LogTold"}
    line = spec["components"]["schemas"]["LineTold"]
    assert line["properties"]["at"] == {"type": "string", "format": "date-time"}
    assert set(line["required"]) == set(line["properties"])


def test_page_asks_nothing_of_anybody_else(cast: Cast) -> None:
    answer = cast.http.get("/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not {one for one in ("<script", "http://", "https://", "src=", "@import", "url(") if one in answer.text}
    assert "/v1/people/{person}/access-log" in answer.text


def test_nothing_that_schemathesis_sends_breaks_anything(cast: Cast, app: Flask) -> None:
    """No 5xx, and each answer as it is described; API_EXAMPLES and API_BOUND_S make it look longer."""
    operations = [one.ok() for one in schemathesis.openapi.from_wsgi("/openapi.json", app).get_all_operations()]
    if EXAMPLES:
        random.shuffle(operations)  # so that a machine that is too slow for all of them looks at others each time
    until, tried = time.monotonic() + BOUND_S, 0
    for operation in operations:
        if operation.path != ENDLESS and time.monotonic() < until:
            _try(cast, operation)
            tried += 1
    assert tried > 0


def _try(cast: Cast, operation: APIOperation) -> None:  # type: ignore[type-arg]
    client = cast.vendor.client_id
    vendors = cast.token(client, "vendor.read vendor.write", client_id=client, vendor="acme")
    tokens = {"/vendor": vendors, "/operations": cast.operator_token()}
    token = next((one for part, one in tokens.items() if part in operation.path), None) or cast.token(cast.owner)
    for mode in GenerationMode:
        places = {name: PLACES[name] for name in PLACES if f"{{{name}}}" in operation.path}
        cases = operation.as_strategy(generation_mode=mode, path_parameters=places)

        @given(case=cases)
        @settings(
            max_examples=EXAMPLES or 1,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def tried(case: schemathesis.Case) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code < 500 or operation.path == "/readyz", case.as_curl_command()
            case.validate_response(answer, checks=list(CHECKS))

        with contextlib.suppress(Unsatisfiable):  # nothing bad can be made of some
            tried()
