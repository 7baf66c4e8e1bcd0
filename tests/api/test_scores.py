"""Scores over HTTP: made of readings and the profile, so both are needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.test_reports import measured
from tests.cast import Cast, a_gift

SCORES = "/v1/people/{owner}/scores"
T = "2026-11-23T07:00:00+08:00"
TOLD = {
    "is_treated": False,
    "smokes": False,
    "has_diabetes": False,
    "is_north": True,
    "is_urban": True,
    "has_family_history": False,
}


@pytest.fixture
def patient(cast: Cast) -> Cast:
    """A man born in 1958."""
    shown = cast.send(cast.owner, "GET", "/v1/people/{owner}")
    headers = {"If-Match": shown.headers["ETag"]}
    assert (
        cast.send(cast.owner, "PATCH", "/v1/people/{owner}", json={"sex": "male"}, headers=headers).status_code == 200
    )
    for metric, value, unit in (("weight", 75, "kg"), ("height", 170, "cm"), ("creatinine", 150, "umol/L")):
        measured(cast, metric, (T, value), unit=unit)
    return cast


def test_scores_of_the_latest_values(patient: Cast) -> None:
    found = patient.send(patient.owner, "GET", SCORES).json
    assert [(one["name"], one["value"], one["category"]) for one in found["scores"]] == [
        ("bmi", 25.95, "overweight"),
        ("egfr", 43.5, "G3b"),
    ]
    assert {one["metric"]: one["value"] for one in found["made_of"]}["creatinine"] == 150


def test_risk_names_what_was_never_measured(patient: Cast) -> None:
    found = patient.send(patient.owner, "POST", f"{SCORES}/china-par", json=TOLD).json
    assert (found["score"]["value"], found["notes"]) == (None, [])
    assert found["score"]["missing"] == ["blood-pressure", "total-cholesterol", "hdl-c", "waist"]


def test_risk_of_the_latest_values_says_whose_pressure_it_took(patient: Cast) -> None:
    measured(patient, "blood-pressure", (T, {"systolic": 150, "diastolic": 80}), unit="mm[Hg]")
    for metric, value, unit in (("total-cholesterol", 5.4, "mmol/L"), ("hdl-c", 1.4, "mmol/L"), ("waist", 80, "cm")):
        measured(patient, metric, (T, value), unit=unit)
    of_record, of_office = (
        patient.send(patient.owner, "POST", f"{SCORES}/china-par", json=TOLD | told).json
        for told in ({}, {"systolic": 130})
    )
    assert of_record["score"]["value"] > of_office["score"]["value"] > 0
    assert (len(of_record["notes"]), of_office["notes"]) == (1, [])


@pytest.mark.parametrize(("body", "pointer"), [({"systolic": 59}, "/systolic"), ({"smokes": None}, "/smokes")])
def test_wrong_input_names_the_field(cast: Cast, body: dict[str, Any], pointer: str) -> None:
    answer = cast.send(cast.owner, "POST", f"{SCORES}/china-par", json=TOLD | body)
    assert answer.status_code == 400
    assert pointer in answer.text


@pytest.mark.parametrize(
    ("categories", "status"), [(["readings"], 403), (["profile"], 403), (["profile", "readings"], 200)]
)
def test_both_that_it_is_made_of_must_be_granted(cast: Cast, categories: list[str], status: int) -> None:
    gift = a_gift(cast.stranger, categories=categories)
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/grants", json=gift).status_code == 201
    assert cast.send(cast.stranger, "GET", SCORES).status_code == status


def test_grant_on_a_period_of_data_scores_what_lies_in_it(patient: Cast) -> None:
    gift = a_gift(patient.stranger, categories=["profile", "readings"], data_from="2026-11-24")
    assert patient.send(patient.owner, "POST", "/v1/people/{owner}/grants", json=gift).status_code == 201
    found = patient.send(patient.stranger, "GET", SCORES).json
    assert (found["made_of"], [one["value"] for one in found["scores"]]) == ([], [None, None])
