"""The API described as OpenAPI 3.1: made of the routes, of the schemas that check and of the scopes they declare."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import reduce
from operator import or_
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    TypedDict,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import marshmallow
from flask import Blueprint, Flask, Response, current_app, render_template
from marshmallow import Schema
from werkzeug.routing import Rule

from phr.api.answer_schemas import Described, schemas_of
from phr.api.deciding import Answer, returns, speaks
from phr.auth.scopes import scopes

if TYPE_CHECKING:
    from apispec import APISpec

blueprint = Blueprint("openapi", __name__)

VERSION = "1"
JSON, PROBLEM = "application/json", "application/problem+json"
METHODS = ("get", "post", "put", "patch", "delete")
_KEPT = "phr_openapi"
_END = r"\Z"
# A page without scripts, whose only other file is its style.
CSP = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

_PROBLEM: Described = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "pointer": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


class InfoTold(TypedDict):
    title: str
    version: str
    description: str


class DescriptionTold(TypedDict):
    """As OpenAPI 3.1 has it. ``paths``: by path and method an operation; ``components``: what these refer to."""

    openapi: str
    info: InfoTold
    paths: dict[str, dict[str, Any]]
    components: dict[str, dict[str, Any]]


@blueprint.get("/openapi.json")
@returns()
def show_openapi() -> DescriptionTold:
    """This description."""
    return described(current_app._get_current_object())  # type: ignore[attr-defined] # werkzeug's proxy


@blueprint.get("/docs")
@speaks(gives="text/html")
def show_docs() -> Response:
    """The same to read: one page, nothing from elsewhere, no script."""
    spec = described(current_app._get_current_object())  # type: ignore[attr-defined] # werkzeug's proxy
    headers = {"Content-Security-Policy": CSP}
    page = render_template("docs.html", spec=spec, tags=_by_tag(spec))
    return Response(page, 200, headers, content_type="text/html; charset=utf-8")


def described(app: Flask) -> DescriptionTold:
    """The whole description; made once."""
    if _KEPT not in app.extensions:
        app.extensions[_KEPT] = _described(app)
    found: DescriptionTold = app.extensions[_KEPT]
    return found


def _described(app: Flask) -> DescriptionTold:
    from apispec import APISpec  # noqa: PLC0415 - with the first who wants the description
    from apispec.ext.marshmallow import MarshmallowPlugin  # noqa: PLC0415

    plugin = MarshmallowPlugin(schema_name_resolver=_name_of)
    spec = APISpec(
        title="Personal health record",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={
            "description": "Errors are problem documents (RFC 9457); times are RFC 3339. `me` stands for the caller."
        },
    )
    plugin.converter.add_attribute_function(_own_words)  # type: ignore[union-attr] # made by the line above
    spec.components.schema("Problem", _PROBLEM)
    spec.components.security_scheme("token", _tokens())
    answers = _answer_schemas(spec, app)
    by_path: dict[str, dict[str, Described]] = {}
    for rule, method, view in _views(app):
        by_path.setdefault(_path(rule), {})[method] = _operation(rule, method, view, answers)
    for path, operations in sorted(by_path.items()):
        spec.path(path=path, operations=operations)
    return cast(DescriptionTold, spec.to_dict())


def _views(app: Flask) -> Iterator[tuple[Rule, str, Callable[..., Any]]]:
    for rule in app.url_map.iter_rules():
        for method in sorted(rule.methods or ()):
            if method.lower() in METHODS:
                yield rule, method.lower(), app.view_functions[rule.endpoint]


def answer_type(view: Callable[..., Any]) -> Any:
    """What a view says that it answers: a TypedDict, or some; None for one that says no more than that it is an object.

    ``Annotated[Response, …]`` says it of a view that writes its answer itself.
    """
    said = get_type_hints(inspect.unwrap(view), include_extras=True).get("return")
    if get_origin(said) is Annotated:
        said = get_args(said)[1]
    if get_origin(said) is Answer:
        (said,) = get_args(said)
    found = [one for one in (get_args(said) if _is_union(said) else (said,)) if is_typeddict(one)]
    return reduce(or_, found) if found else None


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _answer_schemas(spec: APISpec, app: Flask) -> dict[Any, Described]:
    """Of each type that a view answers its schema; what is in them stands among the components."""
    kinds = list(dict.fromkeys(one for _, _, view in _views(app) if (one := answer_type(view)) is not None))
    schemas, components = schemas_of(kinds)
    for name, schema in sorted(components.items()):
        spec.components.schema(name, schema)
    return dict(zip(kinds, schemas, strict=True))


def _operation(rule: Rule, method: str, view: Callable[..., Any], answers: dict[Any, Described]) -> Described:
    told, doc = view.__dict__, " ".join((view.__doc__ or "").split())
    words = rule.endpoint.partition(".")[2].replace("_", " ")
    operation: Described = {
        "operationId": f"{rule.endpoint.replace('.', '_')}_{method}",
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": words[:1].upper() + words[1:],
        "parameters": [*_places(rule), *_headers(method, told), *_query(told)],
        "responses": _answers(told, answers.get(answer_type(view), {"type": "object"})),
    }
    if doc:
        operation["description"] = doc
    if (body := _body(told)) is not None and method != "get":
        operation["requestBody"] = body
    if told.get("scope", "broker") != "broker":
        operation["security"] = [{"token": [name]} for name in told["scope"].split(" | ")]
    return operation


def _places(rule: Rule) -> list[Described]:
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in sorted(rule.arguments - (rule.defaults or {}).keys())
    ]


def _headers(method: str, told: Described) -> list[Described]:
    scope = scopes().get(told.get("scope", "").split(" | ")[0])
    text = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
    if method == "post" and scope is not None and scope.of == "person":
        about = "the same again is answered as the first time and done once"
        return [{"in": "header", "name": "Idempotency-Key", "description": about, "schema": text}]
    if method in ("patch", "put"):
        about = "the ETag of what is changed; without it 428 where there is a version to lose"
        return [{"in": "header", "name": "If-Match", "description": about, "schema": text}]
    return []


def _query(told: Described) -> list[Described]:
    return [{"in": "query", "schema": told["query"]}] if "query" in told else []


def _body(told: Described) -> Described | None:
    if "json" in told:
        return {"required": True, "content": {JSON: {"schema": told["json"]}}}
    if told.get("takes_type"):
        return {"content": {told["takes_type"]: {}}}
    return None


def _answers(told: Described, answer: Described) -> Described:
    status = told.get("status", 200)
    media_type = told.get("gives_type") or JSON
    good: Described = {"description": "done"}
    if status != 204:
        good["content"] = {media_type: {"schema": answer if media_type == JSON else {}}}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    # OAuth's end points answer in the shape of RFC 6749, its pages in HTML.
    others = {} if told.get("scope") else {JSON: {"schema": {"type": "object"}}, "text/html": {"schema": {}}}
    bad: Described = {"description": "what was wrong", "content": {PROBLEM: problem, **others}}
    answers: Described = {str(status): good, "4XX": bad, "5XX": bad}
    if not told.get("scope"):
        answers["3XX"] = {"description": "somewhere else"}
    if status not in (200, 204) and media_type == JSON:
        answers["200"] = {"description": "it was there already", "content": {JSON: {"schema": answer}}}
    return answers


def _tokens() -> Described:
    told = {name: scope.en for name, scope in scopes().items()}
    base = "/oauth"
    return {
        "type": "oauth2",
        "flows": {
            "authorizationCode": {"authorizationUrl": f"{base}/authorize", "tokenUrl": f"{base}/token", "scopes": told},
            "clientCredentials": {"tokenUrl": f"{base}/token", "scopes": told},
        },
    }


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def _name_of(schema: Any) -> str:
    """Of classes with the same name in two files, the file's name tells which."""
    cls = schema if isinstance(schema, type) else type(schema)
    assert issubclass(cls, Schema)
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}"


def _own_words(_converter: Any, field: marshmallow.fields.Field[Any], ret: Described, **_: Any) -> Described:
    """What a field of ours says of itself; and patterns as JSON Schema has them (ECMA-262: no \\Z, not anchored)."""
    told = dict(getattr(field, "openapi", {}))
    if told and field.allow_none:
        told = {"anyOf": [*told.get("anyOf", [told]), {"type": "null"}]}
    if "pattern" in ret:
        text = ret["pattern"]
        end = "$" if text.endswith((_END, "$")) else ""
        told["pattern"] = f"^(?:{text.removesuffix(_END).removesuffix('$').removeprefix('^')}){end}"
    return told


def _by_tag(spec: DescriptionTold) -> dict[str, list[tuple[str, str, Described]]]:
    """Method, path and operation, by what they are about."""
    found: dict[str, list[tuple[str, str, Described]]] = {}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return dict(sorted(found.items()))
