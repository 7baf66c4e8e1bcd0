"""The operations that the mini-program asks, as TypeScript made from the API's own description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).parents[2] / "clients/miniprogram"
ANSWERS = CLIENT / "miniprogram/api/answers.ts"
DESCRIBED = CLIENT / "miniprogram/api/described.ts"
READINGS = "POST /v1/people/{person}/readings"
HEAD = """\
/**
 * What the API takes, made from /openapi.json for the operations that answers.ts knows; not to be changed by hand:
 * WRITE_DESCRIBED=1 python -m pytest tests/clients/test_miniprogram.py
 */
"""
Described = Mapping[str, Any]


def operations() -> list[str]:
    """Those that the client knows answers of: "POST /v1/devices/claim"."""
    return re.findall(r'^  "((?:GET|POST) /\S+)":', ANSWERS.read_text(encoding="utf-8"), re.MULTILINE)


def typescript(spec: Described) -> str:
    """The whole of described.ts."""
    written = [f'  "{one}": {{\n{"".join(_parts(spec, one))}  }};\n' for one in operations()]
    return f"{HEAD}\nexport interface Operations {{\n{''.join(written)}}}\n"


def _parts(spec: Described, name: str) -> Iterator[str]:
    method, _, path = name.partition(" ")
    told = spec["paths"][path][method.lower()]
    places = [one["name"] for one in told["parameters"] if one["in"] == "path"]
    if places:
        yield f"    readonly places: {{ {' '.join(f'readonly {one}: string;' for one in places)} }};\n"
    asked = [one for one in told["parameters"] if one["in"] == "query"]
    if asked:
        fields = [
            f"readonly {one['name']}?: {_type(spec, one['schema'])} | undefined;"
            for one in sorted(asked, key=lambda one: one["name"])
        ]
        yield f"    readonly query: {{ {' '.join(fields)} }};\n"
    if "requestBody" in told:
        yield f"    readonly body: {_body(spec, name, told['requestBody'])};\n"


def _body(spec: Described, name: str, told: Described) -> str:
    if name == READINGS:  # a media type of its own, which docs/payload.md describes
        return "{ readonly readings: readonly Readonly<Record<string, unknown>>[] }"
    return _type(spec, told["content"]["application/json"]["schema"])


def _type(spec: Described, schema: Described) -> str:
    if "$ref" in schema:
        return _type(spec, spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema or "allOf" in schema:
        return " | ".join(dict.fromkeys(_type(spec, one) for one in schema.get("anyOf") or schema["allOf"]))
    if "enum" in schema:
        return " | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    kinds = schema.get("type", "object")
    return " | ".join(_plain(spec, schema, one) for one in ([kinds] if isinstance(kinds, str) else kinds))


def _plain(spec: Described, schema: Described, kind: str) -> str:
    if kind == "array":
        return f"readonly ({_type(spec, schema['items'])})[]"
    if kind == "object":
        return _object(spec, schema)
    return {"integer": "number", "number": "number", "boolean": "boolean", "null": "null"}.get(kind, "string")


def _object(spec: Described, schema: Described) -> str:
    if "properties" not in schema:
        return "Readonly<Record<string, unknown>>"
    needed = set(schema.get("required", ()))
    fields = [
        f"readonly {name}{'' if name in needed else '?'}: {_type(spec, one)};"
        for name, one in sorted(schema["properties"].items())
    ]
    return f"{{ {' '.join(fields)} }}"
