"""A mapping's own examples, tried: what each says a payload holds, beside what was found in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import ItemRefused, parse_time
from phr.formats.mapping_rules import ExampleRow
from phr.formats.phr_v1 import encode_item
from phr.vocabulary.reading import AT_ARRIVAL, Decoded

_TIMES = ("t", "end")
_OPTIONAL = ("context", "seq")  # compared only where the example states them


@dataclass(frozen=True, slots=True)
class Problem:
    """An example that is not read as it says: which, what it expects and what was found instead."""

    example: int
    expected: str
    found: str


def problems_of(example: ExampleRow, number: int, decode: Callable[[bytes], Decoded]) -> Iterator[Problem]:
    """What differs, reading by reading."""
    try:
        decoded = decode(example.payload.encode("utf-8", "surrogatepass"))
    except PayloadUnreadable as error:
        yield Problem(number, f"{len(example.expect)} readings", f"an unreadable payload: {error.detail}")
        return
    found = [encode_item(run, index) for run in decoded.runs for index in range(len(run))]
    for at in range(max(len(found), len(example.expect))):
        expected = dict(example.expect[at]) if at < len(example.expect) else None
        got = found[at] if at < len(found) else None
        if expected is None or got is None or not _is_same(expected, got):
            yield Problem(number, _written(expected), _written(got))
    refused = [one.code for one in (*decoded.rejections, *(one.rejection for one in decoded.quarantined))]
    if refused != list(example.rejected):
        yield Problem(number, f"rejected: {list(example.rejected)}", f"rejected: {refused}")
    for field, got_name in (("device", decoded.device), ("id", decoded.payload_id)):
        wanted = getattr(example, field)
        if wanted is not None and wanted != got_name:
            yield Problem(number, f"{field} {wanted!r}", f"{field} {got_name!r}")


def _is_same(expected: dict[str, Any], found: dict[str, Any]) -> bool:
    left, right = _comparable(expected), _comparable(found)
    for field in _OPTIONAL:
        if field not in left:
            right.pop(field, None)
    return left == right


def _comparable(reading: dict[str, Any]) -> dict[str, Any]:
    """With its times as (instant, offset), so that any way to write them is as good."""
    plain = dict(reading)
    for field in _TIMES:
        if field in plain:
            plain[field] = _instant(plain[field])
    return plain


def _instant(value: Any) -> Any:
    if value in ("arrival", AT_ARRIVAL):
        return "arrival"
    try:
        return parse_time(value if isinstance(value, (str, int)) else value.isoformat(), "")
    except (ItemRefused, AttributeError):
        return value


def _written(reading: dict[str, Any] | None) -> str:
    return "no reading" if reading is None else json.dumps(reading, ensure_ascii=False, default=str)
