"""FHIR files: readings and entries of one person, and nothing of anybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.interchange.conftest import Desk

PATIENT = {"resourceType": "Patient", "id": "p1"}
OF = {"subject": {"reference": "urn:uuid:p1"}}
SNOMED = "http://snomed.info/sct"
CONDITION = {
    "resourceType": "Condition", "id": "c1", **OF, "onsetDateTime": "2003-05", "abatementDateTime": "2004",
    "clinicalStatus": {"coding": [{"code": "resolved"}]},
    "code": {"coding": [{"system": SNOMED, "code": "59621000", "display": "Essential hypertension"}]},
}  # fmt: skip
VACCINE = {
    "resourceType": "Immunization", "id": "v1", "patient": {"reference": "Patient/p1"}, "status": "completed",
    "occurrenceDateTime": "2019-10-02T10:00:00+08:00",
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140", "display": "Influenza"}]},
}  # fmt: skip
VISIT = {
    "resourceType": "Encounter", "id": "e1", **OF, "status": "finished", "class": {"code": "IMP"},
    "type": [{"text": "Admission to hospital"}],
    "period": {"start": "2019-10-02T10:00:00+08:00", "end": "2019-10-04T10:00:00+08:00"},
}  # fmt: skip
PULSE = {
    "resourceType": "Observation", "id": "o1", **OF, "status": "final",
    "effectiveDateTime": "2019-10-02T10:00:00+08:00",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}  # fmt: skip
LAB = {
    "resourceType": "Observation", "id": "o2", **OF, "status": "final", "effectiveDateTime": "2019-10-02",
    "code": {"coding": [{"system": "http://loinc.org", "code": "6299-2", "display": "Urea nitrogen"}]},
    "valueQuantity": {"value": 8.1, "unit": "mg/dL"},
}  # fmt: skip
WHOLE = [PATIENT, CONDITION, VACCINE, VISIT, PULSE, LAB]


def bundle(*resources: dict[str, Any]) -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{one.get('id')}", "resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def lines(*resources: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in resources)


def kinds(desk: Desk) -> list[str]:
    return sorted(row["kind"] for row in desk.database["entries"].find({"is_deleted": False}))


@pytest.mark.parametrize("content", [bundle(*WHOLE), lines(*WHOLE)], ids=["bundle", "ndjson"])
def test_a_persons_file_becomes_readings_and_entries_once(desk: Desk, content: bytes) -> None:
    one = desk.take(content, "fhir")
    assert (one.counts.stored, one.reasons) == (5, ())
    assert kinds(desk) == ["condition", "encounter", "immunisation", "laboratory"]
    assert len(desk.stored("heart-rate")) == 1
    assert desk.take(content, "fhir").counts.duplicate == 5
    desk.take_back(one)
    assert (kinds(desk), desk.stored("heart-rate")) == ([], {})


@pytest.mark.parametrize(
    "other",
    [
        CONDITION | {"subject": {"reference": "Patient/p2"}},
        CONDITION | {"subject": {"reference": "Group/p1"}},
        {"resourceType": "Patient", "id": "p2"},
    ],
)
def test_what_is_of_somebody_else_is_refused(desk: Desk, other: dict[str, Any]) -> None:
    one = desk.take(bundle(PATIENT, other), "fhir")
    assert [reason.code for reason in one.reasons] == ["other-person"]
    assert kinds(desk) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"code": None}, "text-missing"),
        ({"onsetDateTime": None}, "time-missing"),
        ({"onsetDateTime": "long ago"}, "time-invalid"),
        ({"clinicalStatus": {"coding": [{"code": "splendid"}]}}, "entry-invalid"),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, "status-not-final"),
        ({"resourceType": "Claim"}, "type-not-kept"),
        ({"resourceType": 7}, "item-invalid"),
    ],
)
def test_bad_resource_is_refused_and_its_neighbour_taken(desk: Desk, change: dict[str, Any], code: str) -> None:
    one = desk.take(bundle(CONDITION | change, VACCINE), "fhir")
    assert ([reason.code for reason in one.reasons], kinds(desk)) == ([code], ["immunisation"])


def test_code_that_has_not_the_shape_of_its_system_is_left_out(desk: Desk) -> None:
    odd = CONDITION | {"code": {"text": "high blood pressure", "coding": [{"system": SNOMED, "code": "x"}]}}
    assert desk.take(bundle(odd), "fhir").counts.stored == 1
