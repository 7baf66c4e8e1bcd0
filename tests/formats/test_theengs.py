"""Scale messages of a Bluetooth gateway: only a person's settled weight is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PayloadUnreadable
from phr.formats.building import AT_ARRIVAL
from phr.formats.theengs import decode
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded

PERSON = {"type": "SCALE", "weighing_mode": "person", "unit": "kg", "weight": 72.35}


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"type": "THB"}, "/type", "type-unknown"),
        ({"type": None}, "/type", "type-unknown"),
        ({"weighing_mode": "object"}, "/weighing_mode", "not-a-body-weight"),
        ({"weighing_mode": None}, "/weighing_mode", "not-a-body-weight"),
        ({"stabilized": False}, "/stabilized", "weight-unstable"),
        ({"unit": "stone"}, "/unit", "unit-unknown"),
        ({"unit": None}, "/unit", "unit-unknown"),
        ({"weight": "72.35"}, "/weight", "value-invalid"),
        ({"time": "yesterday"}, "/time", "time-invalid"),
        ({"impedance": "503"}, "/impedance", "value-invalid"),
        ({"model_id": "MB/SW"}, "/act_bpm", "value-missing"),
        ({"model_id": "MB/SW", "act_bpm": "71"}, "/act_bpm", "value-invalid"),
        ({"model_id": "MB/SW", "steps": 5012}, "/steps", "end-missing"),
    ],
)
def test_what_is_not_a_body_weight_is_refused(change: dict[str, Any], where: str, code: str) -> None:
    decoded = _decode(PERSON | change)
    assert [(one.path, one.code) for one in decoded.rejections] == [(where, code)]
    assert not decoded.runs


def test_a_message_without_a_weight_is_refused() -> None:
    assert [one.code for one in _decode({"type": "SCALE"}).rejections] == ["value-missing"]


def test_a_message_without_a_unit_is_refused() -> None:
    said = {key: value for key, value in PERSON.items() if key != "unit"}
    assert [one.code for one in _decode(said).rejections] == ["unit-missing"]


@pytest.mark.parametrize(("unit", "canonical"), [("kg", 72.35), ("lb", 32.817), ("lbs", 32.817), ("jin", 36.175)])
def test_each_unit_of_the_scale_is_taken(unit: str, canonical: float) -> None:
    run = _decode(PERSON | {"unit": unit}).runs[0]
    assert run.values[""] == [round(canonical * run.metric.scale)]


def test_without_a_time_the_reading_is_of_its_arrival() -> None:
    assert _decode(PERSON).runs[0].t == [AT_ARRIVAL]


@pytest.mark.parametrize("field", ["time", "timestamp"])
def test_a_time_that_the_gateway_adds_is_taken(field: str) -> None:
    run = _decode(PERSON | {field: "2026-11-23T07:30:00+08:00"}).runs[0]
    assert (run.t, run.offset_min) == ([1_795_390_200_000], 480)


def test_an_impedance_is_kept_beside_the_weight() -> None:
    assert _decode(PERSON | {"impedance": 503}).runs[0].extras[0]["context"] == {"impedance_ohm": 503}


def test_a_wristband_tells_a_heart_rate_and_no_steps() -> None:
    decoded = _decode({"model_id": "MB/SW", "act_bpm": 71, "steps": 5012})
    assert [(run.metric.key, run.values) for run in decoded.runs] == [("heart-rate", {"": [710]})]
    assert [one.path for one in decoded.rejections] == ["/steps"]


def test_an_impossible_heart_rate_is_pointed_at() -> None:
    decoded = _decode({"model_id": "MB/SW", "act_bpm": 7100})
    assert [one.rejection.path for one in decoded.quarantined] == ["/act_bpm"]


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"61.75"])
def test_what_is_no_object_is_unreadable(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        decode(payload, vocabulary())


def _decode(said: dict[str, Any]) -> Decoded:
    return decode(json.dumps(said).encode(), vocabulary())
