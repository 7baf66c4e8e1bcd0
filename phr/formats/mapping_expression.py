"""JMESPath expressions of a vendor's mapping, kept to those whose cost grows with the payload and no faster.

Nothing that copies a value (multi-selects, `map`, `to_array`) is allowed: flattened again and again, copies double each
time. An item's own expressions don't iterate either, so that a mapping costs no more than its nodes times the payload.
Source: JMESPath specification, grammar and built-in functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from phr.errors import PhrError
from phr.formats.building import ItemRefused

MAX_LENGTH = 256
MAX_NODES = 64
MAX_DEPTH = 24
MAX_ITERATIONS = 4

_STEPS = frozenset(("field", "subexpression", "index", "index_expression", "current", "identity", "literal", "pipe"))
_TESTS = frozenset(("comparator", "and_expression", "or_expression", "not_expression", "function_expression"))
_ITERATIONS = frozenset(("projection", "value_projection", "filter_projection", "flatten"))
_FUNCTIONS = frozenset(
    ("abs", "ceil", "contains", "ends_with", "floor", "length", "not_null", "starts_with", "to_number", "type")
)


class MappingInvalid(PhrError):
    """A mapping that can't be used; the detail names the line, or the table and field, at fault."""

    code = "mapping-invalid"
    status = 400

    def __init__(self, detail: str, where: str = "") -> None:
        """``where``: table and field as the detail writes them, such as values[0].metric."""
        super().__init__(detail, "/" + where.replace("[", "/").replace("]", "").replace(".", "/") if where else "")


@dataclass(frozen=True, slots=True)
class Expression:
    """``keys``: the plain path it is, if it is one; that is walked without an interpreter."""

    text: str
    keys: tuple[str, ...] | None
    compiled: Any

    def __call__(self, value: Any) -> Any:
        """What it finds in the value; None: nothing. Raises ItemRefused mapping-failed."""
        if self.keys is None:
            try:
                return self.compiled.search(value)
            except (JMESPathError, ArithmeticError, RecursionError, TypeError, ValueError) as error:
                raise ItemRefused("mapping-failed", f"{self.text}: {str(error)[:200]}") from error
        for key in self.keys:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    @property
    def pointer(self) -> str:
        """Of what it finds, below the value; empty where that can't be said."""
        return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in self.keys or ())


def compiled(text: str, where: str, *, may_iterate: bool = False) -> Expression:
    """Raises MappingInvalid naming ``where``: no JMESPath, too long, too deep, or with what is not allowed."""
    if not 0 < len(text) <= MAX_LENGTH:
        raise MappingInvalid(f"{where}: an expression has 1 to {MAX_LENGTH} characters", where)
    try:
        found = jmespath.compile(text)
        nodes = list(_nodes(found.parsed, 0, where))
    except (JMESPathError, RecursionError, ValueError, PendingDeprecationWarning) as error:
        first = (str(error).splitlines() or ["nested too deep"])[0]
        raise MappingInvalid(f"{where}: no JMESPath expression: {first}", where) from error
    _check(nodes, where, may_iterate)
    return Expression(text, _plain_path(found.parsed), found)


def _nodes(node: Any, depth: int, where: str) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH:
        raise MappingInvalid(f"{where}: nested deeper than {MAX_DEPTH}", where)
    yield node
    for child in node.get("children", ()):
        if isinstance(child, dict):
            yield from _nodes(child, depth + 1, where)


def _check(nodes: list[dict[str, Any]], where: str, may_iterate: bool) -> None:
    if len(nodes) > MAX_NODES:
        raise MappingInvalid(f"{where}: more than {MAX_NODES} parts", where)
    kinds = [node["type"] for node in nodes]
    allowed = _STEPS | _TESTS | (_ITERATIONS if may_iterate else frozenset())
    for node, kind in zip(nodes, kinds, strict=True):
        if kind not in allowed or (kind == "function_expression" and node["value"] not in _FUNCTIONS):
            name = node["value"] if kind == "function_expression" else kind.replace("_", " ")
            raise MappingInvalid(f"{where}: {name} is not allowed here", where)
    if sum(kind in _ITERATIONS for kind in kinds) > MAX_ITERATIONS:
        raise MappingInvalid(f"{where}: more than {MAX_ITERATIONS} projections, filters and flattenings", where)


def _plain_path(node: Any) -> tuple[str, ...] | None:
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        parts = [_plain_path(child) for child in node["children"]]
        return tuple(key for part in parts for key in part or ()) if all(parts) else None
    return None
