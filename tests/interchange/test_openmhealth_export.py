"""Readings as Open mHealth data points: what our own decoder and the published schemas make of them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from phr.formats import openmhealth as decoder
from phr.interchange.exporters import Asked, openmhealth
from phr.interchange.exporters.openmhealth import SCHEMAS
from phr.readings.store import write
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from tests.cast import T0
from tests.interchange.conftest import Desk
from tests.readings.builders import MINUTE_MS, a_metric, a_run, arriving

CUFF = {"systolic": 1280, "diastolic": 820}


def exported(desk: Desk, **wish: Any) -> dict[str, list[dict[str, Any]]]:
    content = b"".join(openmhealth.write(Asked(desk.database, desk.ana, T0, **wish)))
    found = zipfile.ZipFile(io.BytesIO(content))
    return {name: [json.loads(line) for line in found.read(name).splitlines()] for name in found.namelist()}


def store(desk: Desk, *runs: Any) -> None:
    write(desk.database, [arriving(run, person=desk.ana) for run in runs])


def test_data_point_says_what_when_and_from_where(desk: Desk) -> None:
    store(desk, a_run(T0, 725))
    (point,) = exported(desk)["heart-rate.jsonl"]
    assert point["body"] == {
        "heart_rate": {"value": 72.5, "unit": "beats/min"},
        "effective_time_frame": {"date_time": "2026-11-23T07:30:00+08:00"},
    }
    header = point["header"]
    assert header["schema_id"] == {"namespace": "omh", "name": "heart-rate", "version": "2.0"}
    assert header["acquisition_provenance"] == {"source_name": "acme/cuff-1", "modality": "sensed"}
    assert exported(desk)["heart-rate.jsonl"][0]["header"]["id"] == header["id"]


@pytest.mark.parametrize("key", sorted(SCHEMAS))
def test_every_metric_with_a_schema_is_read_back_as_it_was(desk: Desk, key: str) -> None:
    metric = a_metric(key)
    bounds = metric.published or metric.bounds
    value: Any = CUFF if metric.components else int(((bounds.low + bounds.high) / 2 if bounds else 7) * metric.scale)
    if metric.value_type is ValueType.INTERVAL:
        value = {"": value, DURATION: MINUTE_MS}
    store(desk, a_run(T0, value, key))
    (point,) = exported(desk)[f"{key}.jsonl"]
    decoded = decoder.decode(json.dumps(point).encode(), vocabulary())
    assert [one.detail for one in decoded.rejections] == []
    (run,) = decoded.runs
    assert (run.t, run.offset_min) == ([T0], 480)
    assert run.metric.key == ("heart-rate" if key == "resting-heart-rate" else key)
    stored = value if isinstance(value, dict) else {"": value}
    assert {name: column[0] for name, column in run.values.items()} == stored


def test_what_no_schema_can_say_is_listed(desk: Desk) -> None:
    low = a_run(T0, 2200, "glucose-capillary", extras={0: {"flag": "below-range"}})
    store(desk, low, a_run(T0, 40, "hrv-rmssd"))
    found = exported(desk)
    assert found["left-out.json"] == [
        {
            "glucose-capillary": "1 readings beyond the sensor's range or without a value",
            "hrv-rmssd": "no published schema",
        }
    ]
    assert found["glucose-capillary.jsonl"] == []
