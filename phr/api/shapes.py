"""Fields and query shapes that several resources share; shapes only: no database, no user, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple, TypedDict

from marshmallow import Schema, ValidationError, fields, validate
from msgspec import Meta

from phr import clock
from phr.care.source import Source
from phr.clock import rfc3339
from phr.formats.building import ItemRefused, parse_time
from phr.timeline.effective import FORMS, Remembered, When, instant, remembered

PLUS_LOST = re.compile(r" (\d\d:\d\d)\Z")  # a + in a query that was not written %2B arrives as a space


# What stands in answers: an instant as RFC 3339 has it, a day, bytes, a time of day; texts in both languages.
At = clock.At
On = clock.On
Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
Clock = Annotated[str, Meta(pattern="^[0-2][0-9]:[0-5][0-9]$")]


class Words(TypedDict):
    zh: str
    en: str


def one_of(*words: str) -> Meta:
    """In an ``Annotated``: it is one of these, where they are known to data and not to a type checker."""
    return Meta(extra_json_schema={"enum": list(words)})


class CitedTold(TypedDict):
    """A document and what is taken from it. ``evidence`` "unverified": general knowledge, to be marked so."""

    title: Words
    year: int
    section: str
    evidence: str


def cited_json(one: Source) -> CitedTold:
    return {
        "title": {"zh": one.title_zh, "en": one.title_en},
        "year": one.year,
        "section": one.section,
        "evidence": one.evidence,
    }


class Moment(NamedTuple):
    """An instant and, where the text said so, where on the clock it was."""

    t_ms: int
    offset_min: int | None


class MomentField(fields.Field[Moment]):
    """RFC 3339 with an offset, or milliseconds since 1970; `Z`, `-00:00` and numbers state the instant only."""

    openapi: ClassVar[dict[str, Any]] = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}]}

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else rfc3339(*value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Moment:  # noqa: ARG002
        return moment(value)


class WhenField(fields.Field[When | Remembered]):
    """As a moment, or as well as it is remembered: see phr.timeline.effective."""

    openapi: ClassVar[dict[str, Any]] = {"type": ["string", "integer"]}

    def _deserialize(
        self,
        value: Any,
        attr: str | None,  # noqa: ARG002
        data: Mapping[str, Any] | None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> When | Remembered:
        try:
            told = remembered(value) if isinstance(value, str) else None
        except ValueError as error:
            raise ValidationError(f"no such time: {error}") from error
        if told is not None:
            return told
        try:
            return instant(*moment(value))
        except ValidationError as error:
            raise ValidationError(f"{error.messages[0]}; or as it is remembered: {FORMS}") from error


class PageQuery(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))
    cursor = fields.String(load_default=None, validate=validate.Length(1, 200))


def moment(value: Any) -> Moment:
    """The instant that a field or a query names. Raises ValidationError."""
    if isinstance(value, str):
        is_number = value.removeprefix("-").isdecimal() and len(value) <= 16
        value = int(value) if is_number else PLUS_LOST.sub(r"+\1", value)
    try:
        return Moment(*parse_time(value, ""))
    except ItemRefused as error:
        raise ValidationError(error.detail) from error
