"""JSON Schema of what views say that they answer: TypedDicts and dataclasses, unions of them, what stands in them."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from msgspec import Meta, Raw

Described = dict[str, Any]
PLACE = "#/components/schemas/"
_PLAIN: dict[Any, Described] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    date: {"type": "string", "format": "date"},
    Any: {},
    Raw: {},
}
_ARRAYS, _OBJECTS = (list, tuple, Sequence), (dict, Mapping)


@dataclass(frozen=True, slots=True)
class ShapedAs:
    """In an ``Annotated``: it has the shape of one of these types, where no type checker can know that."""

    kinds: tuple[Any, ...]


def schemas_of(kinds: Sequence[Any]) -> tuple[list[Described], dict[str, Described]]:
    """Of each type its schema, and by name the components that these refer to. Raises KeyError for an unknown type."""
    found: dict[Any, None] = {}
    for kind in kinds:
        _gather(kind, found)
    names = _names(found)
    return [_schema(kind, names) for kind in kinds], {name: _component(kind, names) for kind, name in names.items()}


def _gather(kind: Any, found: dict[Any, None]) -> None:
    """Adds every type that gets a component."""
    if _has_component(kind):
        if kind in found:
            return
        found[kind] = None
    for one in _inside(kind):
        _gather(one, found)


def _inside(kind: Any) -> Iterable[Any]:
    if _has_component(kind):
        return _fields(kind).values()
    if get_origin(kind) is Literal:
        return ()
    if get_origin(kind) is Annotated:
        shape, *words = get_args(kind)
        return (shape, *(one for each in words if isinstance(each, ShapedAs) for one in each.kinds))
    return get_args(kind)


def _has_component(kind: Any) -> bool:
    return is_typeddict(kind) or (inspect.isclass(kind) and is_dataclass(kind))


def _names(found: Iterable[Any]) -> dict[Any, str]:
    """Of types with the same name in two files, the file's name tells which."""
    count = Counter(kind.__name__ for kind in found)
    return {
        kind: kind.__name__ if count[kind.__name__] == 1 else f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
        for kind in found
    }


def _component(kind: Any, names: Mapping[Any, str]) -> Described:
    fields = _fields(kind)
    optional = {name for name, one in fields.items() if get_origin(one) is NotRequired}
    optional |= getattr(kind, "__optional_keys__", frozenset())
    told: Described = {
        "type": "object",
        "properties": {name: _schema(_told(one), names) for name, one in fields.items()},
        "required": [name for name in fields if name not in optional],
    }
    doc = kind.__doc__ or ""
    return told if not doc or doc.startswith(f"{kind.__name__}(") else {"description": inspect.cleandoc(doc), **told}


def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _told(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is NotRequired else kind


def _schema(kind: Any, names: Mapping[Any, str]) -> Described:
    if kind in names:
        return {"$ref": PLACE + names[kind]}
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _annotated(inside[0], inside[1:], names)
    if origin in (Union, UnionType):
        return _union(inside, names)
    if origin is Literal:
        return {"enum": list(inside)}
    if origin in _ARRAYS:
        return {"type": "array", "items": _schema(inside[0], names)}
    if origin in _OBJECTS:
        return {"type": "object", "additionalProperties": _schema(inside[1], names)}
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    return dict(_PLAIN[kind])


def _union(kinds: Sequence[Any], names: Mapping[Any, str]) -> Described:
    told = [_schema(one, names) for one in kinds]
    return told[0] if len(told) == 1 else {"anyOf": told}


def _annotated(kind: Any, words: Iterable[Any], names: Mapping[Any, str]) -> Described:
    told = _schema(kind, names)
    for one in words:
        if isinstance(one, ShapedAs):
            told = _union(one.kinds, names)
        if isinstance(one, Meta):
            told |= {"pattern": one.pattern} if one.pattern else {}
            told |= one.extra_json_schema or {}
    return told
