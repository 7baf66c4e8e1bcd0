"""Open mHealth data points, one a line, in a file for each metric that has a published schema.

Numbers are in the metric's canonical unit under the name that the schema has for it. What a schema can't say is left
out and listed: metrics without one, and readings beyond a sensor's range, whose number is only a limit.
Source: openmhealth/schemas: data-point 1.0, header 1.2 and the body schemas named in SCHEMAS.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from phr.clock import rfc3339
from phr.intake.entered import HAND
from phr.interchange.exporters import Asked
from phr.interchange.measured import lanes, rows_of
from phr.interchange.zipping import Counted, Zip
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.table import listed, of_readings

NAME = "openmhealth"
MEDIA_TYPE = "application/zip"
SUFFIX = ".omh.zip"
LEFT_OUT = "left-out.json"

# Of names that are made of what tells a reading apart, so that the same reading is the same data point.
_POINTS = uuid.UUID("6f0f3a4e-4c7f-5b7a-9c63-0a2f6d1c8e55")


@dataclass(frozen=True, slots=True)
class Schema:
    """``fields``: those of the body and the columns that they come from. ``also``: what the metric's name says."""

    name: str
    version: str
    fields: Mapping[str, str]
    unit: str
    also: Mapping[str, Any] = field(default_factory=dict)


def _plain(name: str, version: str, of: str, unit: str, **also: str) -> Schema:
    return Schema(name, version, {of: "value"}, unit, also)


def _glucose(specimen: str, **also: str) -> Schema:
    return _plain("blood-glucose", "4.0", "blood_glucose", "mmol/L", specimen_source=specimen, **also)


SCHEMAS = {
    "heart-rate": _plain("heart-rate", "2.0", "heart_rate", "beats/min"),
    "resting-heart-rate": _plain(
        *("heart-rate", "2.0", "heart_rate", "beats/min"), temporal_relationship_to_physical_activity="at rest"
    ),
    "blood-pressure": Schema(
        *("blood-pressure", "4.0"),
        {"systolic_blood_pressure": "systolic", "diastolic_blood_pressure": "diastolic"},
        "mmHg",
    ),
    "spo2": _plain("oxygen-saturation", "2.0", "oxygen_saturation", "%"),
    "respiratory-rate": _plain("respiratory-rate", "2.0", "respiratory_rate", "breaths/min"),
    "body-temperature": _plain("body-temperature", "4.0", "body_temperature", "C"),
    "ambient-temperature": _plain("ambient-temperature", "1.0", "ambient_temperature", "C"),
    "weight": _plain("body-weight", "3.0", "body_weight", "kg"),
    "height": _plain("body-height", "2.0", "body_height", "cm"),
    "bmi": _plain("body-mass-index", "3.0", "body_mass_index", "kg/m^2"),
    "body-fat-pct": _plain("body-fat-percentage", "2.0", "body_fat_percentage", "%"),
    "glucose-capillary": _glucose("capillary blood"),
    "glucose-interstitial": _glucose("interstitial fluid"),
    # Later versions of the schema have no plasma.
    "glucose-fasting-plasma": replace(_glucose("plasma", temporal_relationship_to_meal="fasting"), version="2.0"),
    "glucose-2h-postmeal": _glucose("capillary blood", temporal_relationship_to_meal="2 hours postprandial"),
    "steps": _plain("step-count", "3.0", "step_count", "steps"),
    "active-energy": _plain("calories-burned", "2.0", "kcal_burned", "kcal"),
    "sleep-duration": _plain("sleep-duration", "2.0", "sleep_duration", "h"),
}


def write(asked: Asked) -> Iterator[bytes]:
    """METRIC.jsonl for each, and what was left out. Raises NotFound, InputInvalid where there is no such metric."""
    archive, left_out = Zip(), {}
    for lane in lanes(asked):
        schema = SCHEMAS.get(lane.metric.key)
        if schema is None:
            left_out[lane.metric.key] = "no published schema"
            continue
        counter = [0]
        yield from archive.member(f"{lane.metric.key}.jsonl", _points(lane, schema, asked, counter))
        if counter[0]:
            left_out[lane.metric.key] = f"{counter[0]} readings beyond the sensor's range or without a value"
    yield from archive.member(LEFT_OUT, [(msgspec.json.encode(left_out), len(left_out))])
    yield archive.close()


def _points(lane: Lane, schema: Schema, asked: Asked, left_out: list[int]) -> Iterator[Counted]:
    created_at = rfc3339(asked.now_ms)
    for rows in rows_of(lane):
        lines = []
        for point in _of_rows(rows, lane, schema, asked.person):
            if point is None:
                left_out[0] += 1
                continue
            point["header"]["creation_date_time"] = created_at
            lines.append(msgspec.json.encode(point) + b"\n")
        asked.count(readings=len(lines))
        yield b"".join(lines), len(lines)


def _of_rows(rows: Rows, lane: Lane, schema: Schema, person: str) -> Iterator[dict[str, Any] | None]:
    """None: a reading that the schema can't say."""
    columns = listed(of_readings(rows, lane.metric, ("device", "seq")))
    flags = columns.get("flag", [None] * len(columns["t"]))
    values = [columns[column] for column in schema.fields.values()]
    for index, (t, device, seq, flag) in enumerate(
        zip(columns["t"], columns["device"], columns["seq"], flags, strict=True)
    ):
        numbers = [column[index] for column in values]
        if flag is not None or None in numbers:
            yield None
            continue
        end = columns["end"][index] if "end" in columns else None
        body: dict[str, Any] = {
            name: {"value": number, "unit": schema.unit} for name, number in zip(schema.fields, numbers, strict=True)
        }
        body["effective_time_frame"] = (
            {"date_time": t} if end is None else {"time_interval": {"start_date_time": t, "end_date_time": end}}
        )
        named = f"{person}:{lane.metric.key}:{device}:{int(rows.t[index])}:{seq}"
        yield {"header": _header(schema, str(uuid.uuid5(_POINTS, named)), device), "body": body | dict(schema.also)}


def _header(schema: Schema, name: str, device: str) -> dict[str, Any]:
    modality = "self-reported" if device == HAND else "sensed"
    return {
        "id": name,
        "schema_id": {"namespace": "omh", "name": schema.name, "version": schema.version},
        "acquisition_provenance": {"source_name": device, "modality": modality},
    }
