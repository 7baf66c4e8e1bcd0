"""Codes by the shape that their system gives them, and the fields that kinds of entry share; shapes only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

LONGEST_TEXT = 10_000
LONGEST_NAME = 500
MOST_CODES = 10
GREATEST_NUMBER = 1e15

# Shapes, not lists: whether a code is in this year's edition its catalogue says; the printed text always stays.
SYSTEMS = {
    "icd-10": r"[A-Z]\d\d(\.[0-9A-Z]{1,4})?",  # WHO, and national adaptations up to seven characters
    "icd-10-cn": r"[A-Z]\d\d\.[0-9x]\d\d([A-Z]?x\d{3})?[+*]?",  # national clinical and health-insurance editions
    "icd-11": r"[0-9A-HJ-NP-Z]{4}(\.[0-9A-HJ-NP-Z]{1,2})?",
    "icd-9-cm-3": r"\d\d(\.\d{1,2}(x\d{2,3})?)?",  # procedures, and their Chinese extension
    "loinc": r"\d{1,7}-\d",  # the last digit is a check digit
    "atc": r"[A-V](\d\d([A-Z]([A-Z](\d\d)?)?)?)?",
    "cvx": r"\d{2,3}",
    "vaccine-cn": r"\d{2,4}",  # the national immunisation programme's
    "drug-cn": r"[A-Z][0-9A-Z]{7,29}",  # the national health insurance's, and YPID
    "rxnorm": r"\d{1,8}",
    "snomed": r"\d{6,18}",
    "local": r"[\x21-\x7e]{1,64}",  # a laboratory's or a hospital's own
}
_SHAPES = {system: re.compile(shape, re.ASCII) for system, shape in SYSTEMS.items()}


class Number(fields.Field[float]):
    """A JSON number; neither a text that looks like one nor a truth."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:  # noqa: ARG002
        if type(value) not in (int, float) or not -GREATEST_NUMBER <= value <= GREATEST_NUMBER:
            raise ValidationError("not a number, or beyond all measure")
        number: float = value
        return number


class DateText(fields.String):
    """A calendar day, kept as its text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is None:
                raise ValueError
            return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise ValidationError("a day such as 1987-05-03") from error


def printed(*, required: bool = True, longest: int = LONGEST_NAME) -> fields.String:
    """A text as it was printed or said."""
    return fields.String(required=required, validate=validate.Length(1, longest))


def choice(*values: str, required: bool = False) -> fields.String:
    return fields.String(required=required, validate=validate.OneOf(values))


def whole(low: int, high: int, *, required: bool = False) -> fields.Integer:
    return fields.Integer(strict=True, required=required, validate=validate.Range(low, high))


def entry_id() -> fields.String:
    """Another entry of the same person."""
    return fields.String(validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z"))


def _code_schema(systems: Sequence[str]) -> type[Schema]:
    def check(body: dict[str, Any]) -> None:
        system, code = body["system"], body["code"]
        if _SHAPES[system].fullmatch(code) is None or (system == "loinc" and not has_check_digit(code)):
            raise ValidationError({"code": [f"{code!r} has not the shape of {system}"]})

    class Code(Schema):
        system = fields.String(required=True, validate=validate.OneOf(systems))
        code = fields.String(required=True, validate=validate.Length(1, 64))
        text = printed(required=False)

        @validates_schema
        def _has_its_shape(self, body: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG002
            check(body)

    return Code


def codes(*systems: str) -> fields.List[dict[str, Any]]:
    """Codes of these systems or of a local one, each with the text that is printed beside it where it has one."""
    return fields.List(fields.Nested(_code_schema((*systems, "local"))), validate=validate.Length(1, MOST_CODES))


def has_check_digit(loinc: str) -> bool:
    """Luhn's mod 10 over the digits before the dash (LOINC Users' Guide, appendix C)."""
    total = 0
    for place, digit in enumerate(reversed(loinc.replace("-", ""))):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


class Quantity(Schema):
    value = Number(required=True)
    unit = fields.String(required=True, validate=validate.Length(1, 32))


class Result(Schema):
    """One line of a report: a number with its unit and the range that the laboratory printed, or words."""

    text = printed()
    codes = codes("loinc")
    value = Number()
    words = printed(required=False)  # "negative", "阳性(+)"
    unit = fields.String(validate=validate.Length(1, 32))
    low = Number()
    high = Number()
    range = printed(required=False, longest=200)  # as printed, where it is more than two numbers
    flag = choice("low", "high", "normal", "abnormal", "critical-low", "critical-high")

    @validates_schema
    def _says_something(self, body: dict[str, Any], **kwargs: Any) -> None:  # noqa: ARG002
        if "value" not in body and "words" not in body:
            raise ValidationError("a result has a value or words", "value")
        if "low" in body and "high" in body and body["low"] > body["high"]:
            raise ValidationError("a range ends after it begins", "high")


def results(most: int = 500) -> fields.List[dict[str, Any]]:
    return fields.List(fields.Nested(Result), required=True, validate=validate.Length(1, most))
