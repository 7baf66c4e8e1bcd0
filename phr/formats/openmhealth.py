"""Open mHealth data points, with an Open mHealth or an IEEE 1752.1 header: one {header, body} or an array of them.

Read as the schemas say, except that
- a data point needs `effective_time_frame`, which early versions leave out: `creation_date_time` in the header is when
  the point was made, not when something was measured, so without a time frame it is refused (`time-missing`);
- a descriptive statistic (average, maximum …) is computed from readings and is none (`statistic-not-reading`);
- a measurement of an instant that is stated for a period is refused (`period-not-instant`), as is a part of a day
  (`time-imprecise`): which instant was meant can't be known;
- glucose without a specimen is capillary, the usual home measurement; plasma and serum are taken when fasting.
Source: openmhealth/schemas, each schema named in BODIES; IEEE 1752.1 header 1.0.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import Item, ItemRefused, find_metric, is_text, take
from phr.formats.json_text import read_json
from phr.formats.openmhealth_time import TimeFrame, read_time_frame
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "openmhealth"
CONTENT_TYPE = "application/vnd.openmhealth+json"

_MAX_ID = 256


@dataclass(frozen=True, slots=True)
class Body:
    """What a body schema measures. ``plain_until``: the last major version whose value is a number without a unit."""

    metric: str
    measures: Mapping[str, str]  # field of the body -> component of the metric, "" for a plain number
    units: tuple[str, ...]
    majors: range
    plain_until: int = 0
    context_numbers: Mapping[str, str] = field(default_factory=dict)  # a unit-value field -> context field


_MASS = ("fg", "pg", "ng", "ug", "mg", "g", "kg", "Metric Ton", "gr", "oz", "lb", "Ton")
_LENGTH = ("fm", "pm", "nm", "um", "mm", "cm", "m", "km", "in", "ft", "yd", "mi")
_DURATION = ("ps", "ns", "us", "ms", "sec", "min", "h", "d", "wk", "Mo", "yr")
_PRESSURES = {"systolic_blood_pressure": "systolic", "diastolic_blood_pressure": "diastolic"}

BODIES = {
    "ambient-temperature": Body("ambient-temperature", {"ambient_temperature": ""}, ("K", "F", "C"), range(1, 2)),
    "blood-glucose": Body("glucose-capillary", {"blood_glucose": ""}, ("mg/dL", "mmol/L"), range(1, 5)),
    "blood-pressure": Body("blood-pressure", _PRESSURES, ("mmHg",), range(1, 5)),
    "body-fat-percentage": Body("body-fat-pct", {"body_fat_percentage": ""}, ("%",), range(1, 3)),
    "body-height": Body("height", {"body_height": ""}, _LENGTH, range(1, 3)),
    "body-mass-index": Body("bmi", {"body_mass_index": ""}, ("kg/m2", "kg/m^2"), range(1, 4)),
    "body-temperature": Body("body-temperature", {"body_temperature": ""}, ("K", "F", "C"), range(1, 5)),
    "body-weight": Body("weight", {"body_weight": ""}, _MASS, range(1, 4)),
    "calories-burned": Body("active-energy", {"kcal_burned": ""}, ("kcal",), range(1, 3)),
    "heart-rate": Body("heart-rate", {"heart_rate": ""}, ("beats/min",), range(1, 3)),
    "oxygen-saturation": Body(
        "spo2",
        {"oxygen_saturation": ""},
        ("%",),
        range(1, 3),
        context_numbers={"supplemental_oxygen_flow_rate": "oxygen_flow_l_min"},
    ),
    "respiratory-rate": Body("respiratory-rate", {"respiratory_rate": ""}, ("breaths/min",), range(1, 3)),
    "sleep-duration": Body("sleep-duration", {"sleep_duration": ""}, _DURATION, range(1, 3)),
    "step-count": Body("steps", {"step_count": ""}, ("steps",), range(1, 4), plain_until=2),
    "total-sleep-time": Body("sleep-duration", {"total_sleep_time": ""}, _DURATION, range(1, 2)),
}

# What a specimen of glucose measures; None: only when fasting, as laboratories do.
_GLUCOSE_OF = {
    "capillary blood": "glucose-capillary",
    "whole blood": "glucose-capillary",
    "interstitial fluid": "glucose-interstitial",
    "plasma": None,
    "serum": None,
}
_POSTURES = ("sitting", "lying down", "standing", "semi-recumbent")

# A field that describes the circumstances -> our context field and the words that the schemas allow, all versions.
_CONTEXT: dict[str, tuple[str, tuple[str, ...]]] = {
    "temporal_relationship_to_meal": (
        "meal",
        (
            *("fasting", "not fasting", "before meal", "after meal", "before breakfast", "after breakfast"),
            *("before lunch", "after lunch", "before dinner", "after dinner", "2 hours postprandial"),
            *("with meal", "with food", "not related to meals"),
        ),
    ),
    "temporal_relationship_to_sleep": ("sleep", ("before sleeping", "during sleep", "on waking")),
    "temporal_relationship_to_physical_activity": (
        "activity",
        ("at rest", "active", "before exercise", "after exercise", "during exercise"),
    ),
    "body_posture": ("posture", _POSTURES),
    "position_during_measurement": ("posture", _POSTURES[:3]),
    "measurement_location": (
        "site",
        (
            *("left ankle", "right ankle", "left hip", "right hip", "left thigh", "right thigh", "left thorax"),
            *("middle left thorax", "left upper arm", "right upper arm", "left wrist", "right wrist"),
            *("axillary", "finger", "forehead", "oral", "rectal", "temporal artery", "toe", "tympanic", "wrist"),
            "vagina",
        ),
    ),
    "blood_specimen_type": ("specimen", ("whole blood", "plasma", "serum")),
    "specimen_source": (
        "specimen",
        (*_GLUCOSE_OF, "breath", "lacrimal fluid", "saliva", "sweat", "tears", "urine"),
    ),
}
_STATISTICS = (
    *("average", "count", "maximum", "median", "minimum", "standard deviation", "sum", "variance"),
    *("20th percentile", "80th percentile", "nth percentile", "lower quartile", "upper quartile"),
    *("quartile deviation", "1st quintile", "2nd quintile", "3rd quintile", "4th quintile"),
)


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of one data point or of an array of them, each refused by itself. Raises PayloadUnreadable.

    A single data point's id (IEEE: uuid) is the payload's id, so that its verdict can be told apart.
    """
    said = read_json(payload)
    if not isinstance(said, dict | list):
        raise PayloadUnreadable("a data point is an object with header and body, or there is an array of them")
    decoded = Decoded()
    if isinstance(said, dict):
        _take_point(decoded, said, "", vocabulary)
        decoded.payload_id = _id_of(said)
    else:
        for n, point in enumerate(said):
            _take_point(decoded, point, f"/{n}", vocabulary)
    return decoded


def _take_point(decoded: Decoded, point: Any, path: str, vocabulary: Vocabulary) -> None:
    taken = Decoded()
    try:
        schema, body = _schema_and_content(point)
        names = {f"{path}/body/value/{component}": name for name, component in schema.measures.items()}
        item = _item(point["header"], schema, body, vocabulary)
        item.path = (
            f"{path}/body" if "" not in schema.measures.values() else f"{path}/body/{next(iter(schema.measures))}"
        )
        take(taken, item)
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))
        return
    decoded.runs += taken.runs
    decoded.rejections += [_repointed(one, path, names) for one in taken.rejections]
    decoded.quarantined += [replace(one, rejection=_repointed(one.rejection, path, names)) for one in taken.quarantined]


def _repointed(rejection: Rejection, path: str, names: Mapping[str, str]) -> Rejection:
    """A component's pointer as this format spells it."""
    name = names.get(rejection.path)
    return replace(rejection, path=f"{path}/body/{name}/value") if name else rejection


def _schema_and_content(point: Any) -> tuple[Body, dict[str, Any]]:
    if not isinstance(point, dict):
        raise ItemRefused("point-invalid", "a data point is an object with header and body")
    header, body = point.get("header"), point.get("body")
    schema_id = header.get("schema_id") if isinstance(header, dict) else None
    if not isinstance(schema_id, dict) or not all(isinstance(schema_id.get(key), str) for key in ("name", "version")):
        raise ItemRefused("schema-missing", "the header names no schema: name and version", "/header/schema_id")
    schema = _schema(schema_id["name"], schema_id["version"], schema_id.get("namespace"))
    if not isinstance(body, dict):
        raise ItemRefused("body-missing", "the data point has no body", "/body")
    if _major(schema_id["version"]) <= schema.plain_until:
        body = body | {name: {"value": body.get(name), "unit": schema.units[0]} for name in schema.measures}
    return schema, body


def _schema(name: str, version: str, namespace: Any) -> Body:
    if namespace not in ("omh", "ieee"):
        raise ItemRefused("metric-unknown", "namespace is neither omh nor ieee", "/header/schema_id/namespace")
    schema = BODIES.get(name)
    if schema is None:
        near = difflib.get_close_matches(name[:64], BODIES, n=1)
        hint = f"; the nearest known name is {near[0]}" if near else ""
        raise ItemRefused("metric-unknown", f"no metric for schema {name[:64]!r}{hint}", "/header/schema_id/name")
    if _major(version) not in schema.majors:
        known = f"{schema.majors.start} to {schema.majors.stop - 1}"
        raise ItemRefused("schema-version-unknown", f"major versions {known} are known", "/header/schema_id/version")
    return schema


def _major(version: str) -> int:
    """0, which no schema has, where the version is no version."""
    head = version.partition(".")[0]
    return int(head) if head.isascii() and head.isdigit() and len(head) < 4 else 0


def _item(header: dict[str, Any], schema: Body, body: dict[str, Any], vocabulary: Vocabulary) -> Item:
    values = {component: _measured(schema, body, name) for name, component in schema.measures.items()}
    context = _context(header, schema, body)
    frame = read_time_frame(body.get("effective_time_frame"))
    _refuse_statistic(body)
    metric = find_metric(vocabulary, _metric_of(schema, context))
    is_period = metric.value_type is ValueType.INTERVAL
    _check_frame(frame, is_period)
    first = body[next(iter(schema.measures))]
    return Item(
        path="",
        metric=metric,
        t_ms=frame.start_ms,
        value=values.get("", values),
        offset_min=frame.offset_min,
        unit=first["unit"],
        end_ms=frame.end_ms if is_period else None,
        context=context or None,
    )


def _measured(schema: Body, body: dict[str, Any], name: str) -> int | float:
    """The number of a unit-value whose unit the schema allows."""
    pair = body.get(name)
    if not isinstance(pair, dict):
        raise ItemRefused("value-missing", f"{name} is an object with value and unit", f"/body/{name}")
    if "unit" not in pair:
        raise ItemRefused("unit-missing", f"one of {', '.join(schema.units)}", f"/body/{name}/unit")
    if pair["unit"] not in schema.units:
        raise ItemRefused("unit-unknown", f"the schema allows {', '.join(schema.units)}", f"/body/{name}/unit")
    value = pair.get("value")
    if type(value) is not int and type(value) is not float:
        raise ItemRefused("value-invalid", "a value is a JSON number", f"/body/{name}/value")
    return value


def _context(header: dict[str, Any], schema: Body, body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (key, words) in _CONTEXT.items():
        if name in body:
            if body[name] not in words:
                raise ItemRefused("context-invalid", f"one of {', '.join(words)}", f"/body/{name}")
            found[key] = body[name]
    for name, key in schema.context_numbers.items():
        value = body[name].get("value") if isinstance(body.get(name), dict) else None
        if type(value) in (int, float):
            found[key] = value
    if isinstance(body.get("user_notes"), str):
        found["note"] = body["user_notes"]
    modality = _modality(header)
    return found | {"modality": modality} if modality else found


def _modality(header: dict[str, Any]) -> str | None:
    """`sensed` or `self-reported`: in the header (IEEE) or in its acquisition_provenance (Open mHealth)."""
    provenance = header.get("acquisition_provenance")
    inner = provenance.get("modality") if isinstance(provenance, dict) else None
    found = header.get("modality", inner)
    return found if found in ("sensed", "self-reported") else None


def _refuse_statistic(body: dict[str, Any]) -> None:
    statistic = body.get("descriptive_statistic")
    if statistic is None:
        return
    if statistic not in _STATISTICS:
        raise ItemRefused("statistic-unknown", "the schema knows no such statistic", "/body/descriptive_statistic")
    raise ItemRefused(
        "statistic-not-reading", f"{statistic} is computed from readings; send those", "/body/descriptive_statistic"
    )


def _metric_of(schema: Body, context: Mapping[str, Any]) -> str:
    specimen = context.get("specimen")
    if schema.metric != "glucose-capillary" or specimen is None:
        return schema.metric
    if specimen not in _GLUCOSE_OF:
        raise ItemRefused("specimen-unsupported", f"no metric for glucose in {specimen}", "/body/specimen_source")
    metric = _GLUCOSE_OF[specimen]
    if metric is None and context.get("meal") != "fasting":
        raise ItemRefused("specimen-unsupported", f"glucose in {specimen} is taken when fasting only", "/body")
    return metric or "glucose-fasting-plasma"


def _check_frame(frame: TimeFrame, is_period: bool) -> None:
    where = "/body/effective_time_frame"
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
