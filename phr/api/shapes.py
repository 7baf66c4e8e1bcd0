"""Fields and query shapes that several resources share; shapes only: no database, no user, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields, validate

from phr.clock import rfc3339
from phr.formats.building import ItemRefused, parse_time

PLUS_LOST = re.compile(r" (\d\d:\d\d)\Z")  # a + in a query that was not written %2B arrives as a space


class Moment(NamedTuple):
    """An instant and, where the text said so, where on the clock it was."""

    t_ms: int
    offset_min: int | None


class MomentField(fields.Field[Moment]):
    """RFC 3339 with an offset, or milliseconds since 1970; `Z`, `-00:00` and numbers state the instant only."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else rfc3339(*value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Moment:  # noqa: ARG002
        if isinstance(value, str):
            is_number = value.removeprefix("-").isdecimal() and len(value) <= 16
            value = int(value) if is_number else PLUS_LOST.sub(r"+\1", value)
        try:
            return Moment(*parse_time(value, ""))
        except ItemRefused as error:
            raise ValidationError(error.detail) from error


class PageQuery(Schema):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))
    cursor = fields.String(load_default=None, validate=validate.Length(1, 200))
