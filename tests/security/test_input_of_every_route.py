"""What is sent is data: no operator of MongoDB gets through a shape, no field that has none is taken."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest
from flask import Flask
from marshmallow import INCLUDE, Schema, ValidationError, fields

from phr.timeline.kinds import kinds
from tests.cast import Cast
from tests.security.every_route import Caller, Route, a_caller, routes

UNHEARD_OF = "unheard-of"
OPERATORS: tuple[Any, ...] = ({"$ne": None}, {"$gt": ""}, {"$where": "sleep(9)"}, [{"$ne": None}], {"$regex": ".*"})
IN_A_PATH = ("$where", '{"$ne": null}', "$ne", "[$ne]", "%00", "..", "__proto__", "%24gt", "a'||'1'=='1")
# Fields for what is an object by its nature; each is checked by its owner, and kept sealed or never in a filter.
OBJECTS = {"mapping", "args"}
WORDS = {"topic", "organisation"}  # one that is not known has nothing to show
# A shape whose other fields are those of a kind of entry, each of which is tried below.
OPEN_SHAPES = {"EntryBody", "EntryPatch"}


@pytest.fixture
def caller(cast: Cast) -> Caller:
    return a_caller(cast)


def shapes(app: Flask) -> Iterator[tuple[str, Schema]]:
    for route in routes(app):
        for location in ("json", "query"):
            if (schema := route.schema(location)) is not None:
                yield f"{route} {location}", schema
    for kind in kinds().values():
        yield kind.name, kind.schema()


def loose(schema: Schema, at: str) -> Iterator[str]:
    """The fields through which an operator comes as it is; also those of shapes within."""
    for name, field in schema.fields.items():
        yield from loose_field(field, f"{at}/{name}") if name not in OBJECTS else ()


def loose_field(field: fields.Field[Any], at: str) -> Iterator[str]:
    if isinstance(field, fields.Nested):
        yield from loose(field.schema, at)
    elif isinstance(field, fields.List):
        yield from loose_field(field.inner, f"{at}/0")
    for operator in OPERATORS:
        try:
            given = field.deserialize(operator)
        except ValidationError:
            continue
        yield f"{at} takes {operator} as {given}"


def test_no_field_of_any_route_takes_an_operator(application: Flask) -> None:
    assert [fault for name, schema in shapes(application) for fault in loose(schema, name)] == []


def test_only_shapes_of_entries_are_open(application: Flask) -> None:
    assert {type(one).__name__ for _, one in shapes(application) if one.unknown == INCLUDE} == OPEN_SHAPES


def test_a_field_that_has_no_shape_is_refused_by_name(caller: Caller, application: Flask) -> None:
    """Mass assignment: "role", "person", "verbs" where they are not asked for are not taken, and not passed over."""
    for route in routes(application):
        said: dict[str, Any] = {"query": {"query_string": {UNHEARD_OF: "1"}}, "json": {"json": {UNHEARD_OF: 1}}}
        for location in ("query", "json"):
            if location in route.told and route.told[location].__name__ not in OPEN_SHAPES:
                answer = caller.ask(route, route.path(), **said[location])
                assert answer.status_code == 400, f"{route} {answer.text}"
                pointers = [one["pointer"] for one in (answer.json or {})["errors"]]
                assert f"/{UNHEARD_OF}" in pointers, f"{route} {pointers}"


@pytest.mark.parametrize("name", ["_id", "person", "role", "version", "is_deleted", "$set", "written_by"])
def test_an_entry_takes_no_field_that_its_kind_does_not_have(cast: Cast, name: str) -> None:
    body = {"kind": "note", "text": "x", "effective_at": "2020", name: "y"}
    answer = cast.send(cast.owner, "POST", "/v1/people/me/entries", json=body)
    assert (answer.status_code, cast.database["entries"].count_documents({})) == (400, 0), answer.text


def bad_requests(route: Route) -> Iterator[dict[str, Any]]:
    schema = route.schema("query")
    for name in [*(schema.fields if schema else ()), "person"]:
        yield {"query_string": {f"{name}[$ne]": ""}}
        yield {"query_string": {name: '{"$ne": null}'}}
    if route.method not in ("GET", "DELETE"):
        yield {"json": {"$where": "1", "_id": {"$ne": None}}}
        yield {"data": {"client_id[$ne]": "", "login": '{"$ne": null}', "refresh_token": "$where"}}


def test_operators_in_bodies_and_queries_break_and_open_nothing(caller: Caller, application: Flask) -> None:
    strangers = caller.cast.owner
    for route in routes(application):
        if not route.rule.endswith("/stream"):
            for request in bad_requests(route):
                answer = caller.ask(route, route.path(), **request)
                assert answer.status_code in (*range(200, 500), 503), f"{route} {request} {answer.text}"
                assert strangers not in answer.text, f"{route} {request}"


def test_operators_in_paths_break_and_open_nothing(caller: Caller, application: Flask) -> None:
    texts = cycle(IN_A_PATH)
    for route in routes(application):
        for place in [*route.places, *(["person"] if "<person>" in route.rule else [])]:
            for text in islice(texts, 2):  # others each time, so that each place costs two requests and not nine
                answer = caller.ask(route, route.path(**{place: text}), json={})
                least = 200 if place in WORDS else 400
                assert least <= answer.status_code < 500, f"{route} {place}={text} {answer.status} {answer.text}"
                assert caller.cast.owner not in answer.text
