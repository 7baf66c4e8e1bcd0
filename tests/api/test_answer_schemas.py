"""What is made of types, and what an answer is refused for that is not as they say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from flask import Response

from phr.api import education_shapes, plan_shapes
from phr.api.answer_schemas import ShapedAs, schemas_of
from phr.api.openapi import answer_type
from phr.api.shapes import At, one_of
from phr.clock import On
from tests.answers import checker


class ChildTold(TypedDict):
    """Of a reading."""

    of: Literal["reading"]
    value: float | None


class OtherTold(TypedDict):
    of: Literal["entry"]
    at: At


class ExtremesTold(TypedDict, total=False):
    low: int
    high: int


class CountedTold(ExtremesTold):
    n: int
    last: NotRequired[int]


@dataclass(frozen=True)
class Measured:
    on: date
    by_day: dict[str, int]


class AnswerTold(TypedDict):
    parts: list[ChildTold | OtherTold]
    state: Annotated[str, one_of("open", "closed")]
    on: On
    note: NotRequired[str]
    report: NotRequired[Annotated[Any, ShapedAs((Measured, ChildTold))]]


GOOD = {
    "parts": [{"of": "reading", "value": 1}, {"of": "entry", "at": "2026-11-27T08:00:00+08:00"}],
    "state": "open",
    "on": "2026-11-27",
}


def test_types_are_described_by_components_that_refer_to_each_other() -> None:
    (schema,), components = schemas_of([AnswerTold])
    assert schema == {"$ref": "#/components/schemas/AnswerTold"}
    assert components["AnswerTold"]["required"] == ["parts", "state", "on"]
    assert components["AnswerTold"]["properties"]["parts"] == {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/components/schemas/ChildTold"}, {"$ref": "#/components/schemas/OtherTold"}]},
    }
    assert components["ChildTold"] == {
        "description": "Of a reading.",
        "type": "object",
        "properties": {"of": {"enum": ["reading"]}, "value": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
        "required": ["of", "value"],
    }
    assert components["Measured"]["properties"]["on"] == {"type": "string", "format": "date"}


def test_of_what_a_type_does_not_need_nothing_is_required() -> None:
    _, components = schemas_of([ExtremesTold, CountedTold])
    assert (components["ExtremesTold"]["required"], components["CountedTold"]["required"]) == ([], ["n"])
    assert components["CountedTold"]["properties"].keys() == {"low", "high", "n", "last"}


def test_of_types_with_one_name_the_file_tells_which() -> None:
    _, components = schemas_of([education_shapes.LessonTold, plan_shapes.LessonTold])
    assert components.keys() >= {"education_shapes.LessonTold", "plan_shapes.LessonTold"}


def test_type_that_has_no_schema_is_refused() -> None:
    with pytest.raises(KeyError):
        schemas_of([bytes])


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "ajar"},
        {"on": "27 November"},
        {"parts": [{"of": "reading"}]},
        {"parts": [{"of": "entry", "at": "2026-11-27"}]},
        {"parts": [{"of": "entry", "at": "2026-11-27T08:00:00Z", "value": 1}]},
        {"note": None},
        {"more": 1},
        {"report": {"on": "2026-11-27", "by_day": {"2026-11-27": "1"}}},
    ],
)
def test_answer_other_than_its_type_says_is_found(wrong: dict[str, Any]) -> None:
    assert checker(AnswerTold).is_valid(GOOD)
    assert not checker(AnswerTold).is_valid(GOOD | wrong)


def a_view() -> Annotated[Response, ChildTold]:
    raise NotImplementedError


def another_view() -> Response | ChildTold | OtherTold:
    raise NotImplementedError


def a_view_of_anything() -> dict[str, Any]:
    raise NotImplementedError


def test_view_that_writes_its_answer_itself_says_what_it_is() -> None:
    assert answer_type(a_view) == ChildTold
    assert answer_type(another_view) == ChildTold | OtherTold
    assert answer_type(a_view_of_anything) is None
