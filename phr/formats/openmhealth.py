"""Open mHealth and IEEE 1752.1 data points: one {header, body}, an array of them, or a series (body is an array).

Read as the schemas say, except that
- a data point needs `effective_time_frame`, which early versions leave out: `creation_date_time` in the header is when
  the point was made, not when something was measured, so without a time frame it is refused (`time-missing`);
- a descriptive statistic (average, maximum …) is computed from readings and is none (`statistic-not-reading`);
- a measurement of an instant that is stated for a period is refused (`period-not-instant`), as is a part of a day
  (`time-imprecise`): which instant was meant can't be known;
- glucose without a specimen is capillary, the usual home measurement; plasma and serum are taken when fasting;
- a body that measures several things (a night, an activity, a scale) is a reading for each that is there.
Source: openmhealth/schemas and IEEE 1752.1, each schema named in openmhealth_bodies; IEEE 1752.1 header 1.0.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from phr.errors import PayloadUnreadable
from phr.formats.building import Item, ItemRefused, find_metric, is_text
from phr.formats.json_text import read_json
from phr.formats.openmhealth_bodies import BODIES, GLUCOSE_OF, STAGES, STATISTICS, Body, Part, major_of
from phr.formats.openmhealth_context import context_of, modality_of
from phr.formats.openmhealth_plain import Plain, plain_of, read_plain
from phr.formats.openmhealth_time import TimeFrame, read_time_frame
from phr.formats.pointers import Names, take_named
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "openmhealth"
CONTENT_TYPE = "application/vnd.openmhealth+json"

_MAX_ID = 256
_MAX_HINTS = 100  # an array of unknown schemas must not cost seconds
_NUMBERS = (ValueType.NUMBER, ValueType.INTERVAL, ValueType.COMPONENTS)
_PERIODS = (ValueType.INTERVAL, ValueType.EPISODE)


class _Schema(NamedTuple):
    """A schema in one of its versions."""

    body: Body
    is_bare: bool  # the value is a number without a unit
    plain: Plain | None


class _Head(NamedTuple):
    """What the bodies of one header share."""

    schema: _Schema
    modality: str | None
    vocabulary: Vocabulary


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of one data point or of an array of them, each refused by itself. Raises PayloadUnreadable.

    A single data point's id (IEEE: uuid) is the payload's id, so that its verdict can be told apart.
    """
    said = read_json(payload)
    if not isinstance(said, dict | list):
        raise PayloadUnreadable("a data point is an object with header and body, or there is an array of them")
    decoded = Decoded()
    if isinstance(said, dict):
        _take_points(decoded, said, "", vocabulary)
        decoded.payload_id = _id_of(said)
    else:
        for n, point in enumerate(said):
            _take_points(decoded, point, f"/{n}", vocabulary)
    return decoded


def _take_points(decoded: Decoded, point: Any, path: str, vocabulary: Vocabulary) -> None:
    """A data point, or the several of a series: they share the header."""
    try:
        if not isinstance(point, dict):
            raise ItemRefused("point-invalid", "a data point is an object with header and body")
        header, body = point.get("header"), point.get("body")
        schema = _schema(header, vocabulary, has_hint=len(decoded.rejections) < _MAX_HINTS)
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))
        return
    head = _Head(schema, modality_of(point["header"]), vocabulary)
    if isinstance(body, list):
        for n, one in enumerate(body):
            _take_body(decoded, head, one, f"{path}/body/{n}")
    else:
        _take_body(decoded, head, body, f"{path}/body")


def _schema(header: Any, vocabulary: Vocabulary, *, has_hint: bool) -> _Schema:
    schema_id = header.get("schema_id") if isinstance(header, dict) else None
    if not isinstance(schema_id, dict):
        raise ItemRefused("schema-missing", "the header names no schema: name and version", "/header/schema_id")
    name, version, namespace = schema_id.get("name"), schema_id.get("version"), schema_id.get("namespace")
    if not isinstance(name, str) or not isinstance(version, str):
        raise ItemRefused("schema-missing", "the header names no schema: name and version", "/header/schema_id")
    if namespace not in ("omh", "ieee"):
        raise ItemRefused("metric-unknown", "namespace is neither omh nor ieee", "/header/schema_id/namespace")
    return _known_schema(name[:64], version[:64], namespace, vocabulary, has_hint)


@lru_cache(maxsize=1024)
def _known_schema(name: str, version: str, namespace: str, vocabulary: Vocabulary, has_hint: bool) -> _Schema:
    body = BODIES.get(name)
    if body is None:
        near = difflib.get_close_matches(name, BODIES, n=1) if has_hint else ()
        hint = f"; the nearest known name is {near[0]}" if near else ""
        raise ItemRefused("metric-unknown", f"no metric for schema {name!r}{hint}", "/header/schema_id/name")
    major = major_of(version)
    if major not in body.majors and not (major == 0 and body.has_draft and namespace == "ieee"):
        known = f"{body.majors.start} to {body.majors.stop - 1}"
        raise ItemRefused("schema-version-unknown", f"major versions {known} are known", "/header/schema_id/version")
    is_bare = 0 < major <= body.plain_until
    return _Schema(body, is_bare, None if is_bare else plain_of(body, vocabulary))


def _take_body(decoded: Decoded, head: _Head, body: Any, path: str) -> None:
    plain = head.schema.plain
    run = read_plain(plain, body, path, head.modality) if plain is not None else None
    if run is not None:
        decoded.runs.append(run)
    else:
        _take_any_body(decoded, head, body, path)


def _take_any_body(decoded: Decoded, head: _Head, body: Any, path: str) -> None:
    schema = head.schema.body
    try:
        if not isinstance(body, dict):
            raise ItemRefused("body-missing", "the data point has no body")
        if head.schema.is_bare:
            unit = schema.parts[0].units[0]
            body = body | {name: {"value": body.get(name), "unit": unit} for name in schema.parts[0].measures}
        context = context_of(head.modality, schema, body)
        if len(schema.parts) == 1:
            items = [_item(schema.parts[0], body, path, head.vocabulary)]
        else:
            items = _items(schema.parts, body, path, head.vocabulary)
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))
        return
    for item in items:
        item.context = context
        _take_item(decoded, item, schema, path)


def _take_item(decoded: Decoded, item: Item, schema: Body, path: str) -> None:
    take_named(decoded, item, lambda: _names(item, schema, path))


def _items(parts: tuple[Part, ...], body: dict[str, Any], path: str, vocabulary: Vocabulary) -> list[Item]:
    """Of a body that measures several things: those that are there."""
    found = [one for one in parts if one.is_required or _is_there(one, body)]
    if not found:
        raise ItemRefused("value-missing", f"one of {', '.join([next(iter(one.measures)) for one in parts])}")
    return [_item(one, body, path, vocabulary) for one in found]


def _is_there(part: Part, body: dict[str, Any]) -> bool:
    holder = body.get(part.within) if part.within else body
    for name in part.measures:
        pair = holder.get(name) if isinstance(holder, dict) else None
        if pair is None or (part.is_selected_by_unit and isinstance(pair, dict) and pair.get("unit") not in part.units):
            return False
    return True


def _names(item: Item, schema: Body, path: str) -> Names:
    """Components are named after their fields; all else follows from the item's path."""
    measures = next(one.measures for one in schema.parts if one.metric == item.metric.key or len(schema.parts) == 1)
    names = {f"/value/{key}": f"{path}/{name}/value" for name, key in measures.items() if key}
    end = {"/end": f"{path}/effective_time_frame"}
    return names | end | ({"/value/stages": f"{path}/sleep_stage_episodes"} if not measures else {})


def _item(part: Part, body: dict[str, Any], path: str, vocabulary: Vocabulary) -> Item:
    holder, below = (body[part.within], f"/{part.within}") if part.within else (body, "")
    name = part.plain
    if name is not None:
        value: Any = _measured(part, holder, name, below)
    else:
        value = {key: _measured(part, holder, name, below) for name, key in part.measures.items()}
    frame = read_time_frame(body.get("effective_time_frame"), "/effective_time_frame")
    if body.get("descriptive_statistic") is not None:
        _refuse_statistic(body["descriptive_statistic"])
    metric = find_metric(vocabulary, _metric_of(part, body))
    if metric.value_type not in _NUMBERS:
        value = _value(metric, value, body)
    has_period = metric.value_type in _PERIODS or part.covers_period
    _check_frame(frame, has_period)
    return Item(
        f"{path}{below}/{name}" if name is not None else path,
        metric,
        frame.start_ms,
        value,
        frame.offset_min,
        holder[name]["unit"] if name is not None else next((holder[one]["unit"] for one in part.measures), None),
        frame.end_ms if has_period else None,
    )


def _measured(part: Part, holder: dict[str, Any], name: str, below: str) -> int | float:
    """The number of a unit-value whose unit the schema allows."""
    pair = holder.get(name)
    if not isinstance(pair, dict):
        raise ItemRefused("value-missing", f"{name} is an object with value and unit", f"{below}/{name}")
    unit = pair.get("unit")
    if unit not in part.units:
        code = "unit-unknown" if "unit" in pair else "unit-missing"
        raise ItemRefused(code, f"the schema allows {', '.join(part.units)}", f"{below}/{name}/unit")
    value = pair.get("value")
    if type(value) is not int and type(value) is not float:
        raise ItemRefused("value-invalid", "a value is a JSON number", f"{below}/{name}/value")
    return value


def _value(metric: Metric, value: Any, body: dict[str, Any]) -> dict[str, Any]:
    """The value of what is not made of plain numbers: an interval between beats, a dose taken, a night."""
    if metric.value_type is ValueType.SAMPLED:
        return {"values": [value]}
    if metric.value_type is ValueType.EVENT:
        return {"code": "taken"}
    stages = body.get("sleep_stage_episodes", [])
    if not isinstance(stages, list):
        raise ItemRefused("value-invalid", "sleep_stage_episodes is a list", "/sleep_stage_episodes")
    return {"stages": [_stage(one, f"/sleep_stage_episodes/{n}") for n, one in enumerate(stages)]}


def _stage(said: Any, where: str) -> dict[str, Any]:
    state = said.get("sleep_stage_state") if isinstance(said, dict) else None
    if not isinstance(state, str) or state not in STAGES:
        raise ItemRefused("code-unknown", f"a stage is one of {', '.join(STAGES)}", f"{where}/sleep_stage_state")
    frame = read_time_frame(said.get("sleep_stage_time_frame"), f"{where}/sleep_stage_time_frame")
    _check_frame(frame, True, f"{where}/sleep_stage_time_frame")
    return {"stage": STAGES[state], "t": frame.start_ms, "end": frame.end_ms}


def _refuse_statistic(statistic: Any) -> None:
    where = "/descriptive_statistic"
    if statistic not in STATISTICS:
        raise ItemRefused("statistic-unknown", "the schema knows no such statistic", where)
    raise ItemRefused("statistic-not-reading", f"{statistic} is computed from readings; send those", where)


def _metric_of(part: Part, body: Mapping[str, Any]) -> str:
    if part.metric != "glucose-capillary":
        return part.metric
    specimen = body.get("specimen_source", body.get("blood_specimen_type"))
    meal = body.get("temporal_relationship_to_meal")
    if specimen is None or GLUCOSE_OF.get(specimen) == part.metric:
        return "glucose-2h-postmeal" if meal == "2 hours postprandial" else part.metric
    if specimen not in GLUCOSE_OF:
        raise ItemRefused("specimen-unsupported", f"no metric for glucose in {specimen}", "/specimen_source")
    metric = GLUCOSE_OF[specimen]
    if metric is None and meal != "fasting":
        raise ItemRefused("specimen-unsupported", f"glucose in {specimen} is taken when fasting only")
    return metric or "glucose-fasting-plasma"


def _check_frame(frame: TimeFrame, is_period: bool, where: str = "/effective_time_frame") -> None:
    if is_period and frame.end_ms is None:
        raise ItemRefused("end-missing", "this is measured over a period: time_interval", where)
    if not is_period and frame.end_ms not in (None, frame.start_ms):
        raise ItemRefused("period-not-instant", "this is measured at an instant: date_time", where)


def _id_of(point: dict[str, Any]) -> str | None:
    header = point.get("header")
    if not isinstance(header, dict):
        return None
    found = header.get("id", header.get("uuid"))
    return found if is_text(found, _MAX_ID) else None
