"""FHIR Observations and Bundles: what is taken, what is refused, and where in the payload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PayloadUnreadable
from phr.formats.fhir import decode
from phr.formats.fhir_codes import loinc_index
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Decoded

AT = "2026-11-23T07:30:00+08:00"
AT_MS = 1_795_390_200_000
PERIOD = {"start": "2026-11-23T07:00:00+08:00", "end": AT}
UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
OWN = "https://record.example/fhir/CodeSystem/metric"


def _coded(code: str, system: str = "http://loinc.org") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _quantity(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


BEATS = {
    "resourceType": "Observation",
    "status": "final",
    "code": _coded("8867-4"),
    "effectiveDateTime": AT,
    "valueQuantity": _quantity(61, "/min"),
}
PRESSURE = {name: value for name, value in BEATS.items() if name != "valueQuantity"} | {"code": _coded("85354-9")}
SYSTOLIC = {"code": _coded("8480-6"), "valueQuantity": _quantity(128, "mm[Hg]")}
DIASTOLIC = {"code": _coded("8462-4"), "valueQuantity": _quantity(82, "mm[Hg]")}
SAMPLED = {"origin": _quantity(0, "/min"), "period": 1000, "dimensions": 1, "data": "61 62 E 64"}


def test_each_main_loinc_code_of_a_reading_means_a_metric_that_has_it() -> None:
    index = loinc_index(vocabulary())
    for metric in vocabulary().metrics.values():
        if metric.loinc:
            assert index[metric.loinc].loinc == metric.loinc


@pytest.mark.parametrize(
    ("code", "metric"),
    [("59408-5", "spo2"), ("2708-6", "spo2"), ("8331-1", "body-temperature"), ("15074-8", "glucose-capillary")],
)
def test_a_code_in_words_beside_the_main_one_means_the_metric_too(code: str, metric: str) -> None:
    assert loinc_index(vocabulary())[code].key == metric


@pytest.mark.parametrize("code", ["41924-2", "107139-8"])
def test_a_mean_over_a_day_is_no_reading(code: str) -> None:
    assert _problems(BEATS | {"code": _coded(code)}) == [("/code", "statistic-not-reading")]


def test_a_metric_without_a_loinc_code_is_named_by_its_key() -> None:
    run = _decode(BEATS | {"code": _coded("hrv-rmssd", OWN), "valueQuantity": _quantity(42, "ms")}).runs[0]
    assert run.metric.key == "hrv-rmssd"


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"status": "entered-in-error"}, "/status", "status-not-final"),
        ({"status": "cancelled"}, "/status", "status-not-final"),
        ({"status": None}, "/status", "status-not-final"),
        ({"code": None}, "/code", "metric-missing"),
        ({"code": {"text": "pulse"}}, "/code", "metric-missing"),
        ({"code": _coded("8867-5")}, "/code", "metric-unknown"),
        ({"code": _coded("8867-4", SNOMED)}, "/code", "metric-unknown"),
        ({"code": _coded("8480-6")}, "/code", "metric-not-a-reading"),
        ({"effectiveDateTime": None}, "", "time-missing"),
        ({"effectiveDateTime": "2026"}, "/effectiveDateTime", "time-imprecise"),
        ({"effectiveDateTime": "2026-11-23"}, "/effectiveDateTime", "time-imprecise"),
        ({"effectiveDateTime": "2026-11-23T07:30:00"}, "/effectiveDateTime", "time-invalid"),
        ({"effectiveDateTime": 7}, "/effectiveDateTime", "time-invalid"),
        ({"effectiveDateTime": None, "effectivePeriod": PERIOD}, "/effectivePeriod", "period-not-instant"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": AT}}, "/effectivePeriod", "time-imprecise"),
        ({"effectiveDateTime": None, "effectiveTiming": {}}, "/effectiveTiming", "time-imprecise"),
        ({"valueQuantity": None}, "", "value-missing"),
        ({"valueQuantity": None, "valueString": "61"}, "/valueString", "value-invalid"),
        ({"valueQuantity": None, "dataAbsentReason": {"text": "x"}}, "/dataAbsentReason", "value-absent"),
        ({"valueQuantity": {"value": "61", "unit": "/min"}}, "/valueQuantity/value", "value-invalid"),
        ({"valueQuantity": {"value": 61}}, "/valueQuantity/code", "unit-missing"),
        ({"valueQuantity": _quantity(61, "kg")}, "/valueQuantity/code", "unit-unknown"),
        ({"valueQuantity": _quantity(6100, "/min")}, "/valueQuantity/value", "value-out-of-bounds"),
        (
            {"valueQuantity": _quantity(61, "/min") | {"comparator": "<="}},
            "/valueQuantity/comparator",
            "comparator-unsupported",
        ),
        ({"device": {"identifier": {"value": 7}}}, "/device/identifier/value", "device-invalid"),
    ],
)
def test_a_broken_observation_is_refused_where_it_is_broken(change: dict[str, Any], where: str, code: str) -> None:
    assert _problems(BEATS | change) == [(where, code)]


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "preliminary"])
def test_what_somebody_stands_by_is_taken(status: str) -> None:
    run = _decode(BEATS | {"status": status}).runs[0]
    assert ("context" in run.extras.get(0, {})) == (status == "preliminary")


@pytest.mark.parametrize("field", ["effectiveDateTime", "effectiveInstant"])
def test_an_instant_is_read_with_its_offset(field: str) -> None:
    run = _decode(BEATS | {"effectiveDateTime": None, field: AT}).runs[0]
    assert (run.t, run.offset_min) == ([AT_MS], 480)


def test_a_period_without_length_is_an_instant() -> None:
    assert _decode(BEATS | {"effectiveDateTime": None, "effectivePeriod": {"start": AT, "end": AT}}).runs[0].t == [
        AT_MS
    ]


def test_steps_have_their_period() -> None:
    steps = BEATS | {"code": _coded("55423-8"), "valueQuantity": None, "valueInteger": 812, "effectiveDateTime": None}
    run = _decode(steps | {"effectivePeriod": PERIOD}).runs[0]
    assert (run.values[""], run.values[DURATION]) == ([812], [1_800_000])


def test_steps_at_an_instant_are_refused() -> None:
    steps = BEATS | {"code": _coded("55423-8"), "valueQuantity": _quantity(812, "{steps}")}
    assert _problems(steps) == [("/effectiveDateTime", "end-missing")]


@pytest.mark.parametrize("unit", [_quantity(61, "{beats}/min"), {"value": 61, "unit": "beats/min"}])
def test_a_unit_is_read_with_annotations_and_in_words(unit: dict[str, Any]) -> None:
    run = _decode(BEATS | {"valueQuantity": unit}).runs[0]
    assert run.unit is not None
    assert run.unit.code == "/min"


@pytest.mark.parametrize(("sign", "flag"), [("<", "below-range"), (">", "above-range")])
def test_a_comparator_is_the_sensors_limit(sign: str, flag: str) -> None:
    value = _quantity(2.2, "mmol/L") | {"comparator": sign}
    assert _decode(BEATS | {"code": _coded("14743-9"), "valueQuantity": value}).runs[0].extras[0]["flag"] == flag


def test_a_panel_is_one_reading_with_its_pulse() -> None:
    pulse = {"code": _coded("8867-4"), "valueQuantity": _quantity(71, "/min")}
    other = {"code": _coded("8361-8"), "valueCodeableConcept": {"text": "sitting"}}
    run = _decode(PRESSURE | {"component": [DIASTOLIC, other, SYSTOLIC, pulse]}).runs[0]
    assert run.values == {"systolic": [1280], "diastolic": [820], "pulse": [710]}


@pytest.mark.parametrize(
    ("parts", "where", "code"),
    [
        (None, "/component", "component-missing"),
        ([SYSTOLIC], "/component", "component-missing"),
        ([SYSTOLIC, DIASTOLIC | {"valueQuantity": None}], "/component", "component-missing"),
        ([SYSTOLIC, SYSTOLIC, DIASTOLIC], "/component/1/valueQuantity", "component-twice"),
        (
            [SYSTOLIC, {"code": _coded("8462-4"), "valueQuantity": _quantity(11, "kPa")}],
            "/component/1/",
            "unit-unknown",
        ),
        (
            [SYSTOLIC, {"code": _coded("8462-4"), "valueQuantity": _quantity("82", "mm[Hg]")}],
            "/component/1/",
            "value-in",
        ),
        (
            [SYSTOLIC, {"code": _coded("8462-4"), "valueQuantity": _quantity(700, "mm[Hg]")}],
            "/component/1/",
            "value-out",
        ),
    ],
)
def test_a_broken_panel_is_refused_where_it_is_broken(parts: Any, where: str, code: str) -> None:
    ((found_where, found_code),) = _problems(PRESSURE | {"component": parts})
    assert found_where.startswith(where)
    assert found_code.startswith(code)


def test_sampled_data_is_a_series_with_gaps() -> None:
    run = _decode(BEATS | {"valueQuantity": None, "valueSampledData": SAMPLED}).runs[0]
    assert run.t == [AT_MS, AT_MS + 1000, AT_MS + 3000]
    assert run.values == {"": [610, 620, 640]}


def test_samples_are_scaled_from_their_origin() -> None:
    sampled = SAMPLED | {"origin": _quantity(36, "Cel"), "factor": 0.1, "data": "5 6"}
    run = _decode(BEATS | {"code": _coded("8310-5"), "valueQuantity": None, "valueSampledData": sampled}).runs[0]
    assert (run.values[""], run.extras) == ([3650, 3660], {})


def test_samples_past_the_sensors_limits_are_refused_together() -> None:
    decoded = _decode(BEATS | {"valueQuantity": None, "valueSampledData": SAMPLED | {"data": "61 U L 64"}})
    assert [(one.code, one.count) for one in decoded.rejections] == [("value-missing", 2)]
    assert decoded.runs[0].t == [AT_MS, AT_MS + 3000]


@pytest.mark.parametrize(
    "change",
    [{"data": ""}, {"data": "1 x"}, {"data": None}, {"dimensions": 3}, {"period": 0}, {"period": "1"}, {"origin": 1}],
)
def test_broken_sampled_data_is_refused(change: dict[str, Any]) -> None:
    ((where, code),) = _problems(BEATS | {"valueQuantity": None, "valueSampledData": SAMPLED | change})
    assert where.startswith("/valueSampledData")
    assert code == "value-invalid"


def test_an_ecg_is_a_strip_for_each_lead() -> None:
    sampled = {"origin": _quantity(0, "mV"), "period": 4, "dimensions": 1, "factor": 0.001, "data": "10 -20"}
    leads = [{"code": {"coding": [{"display": name}]}, "valueSampledData": sampled} for name in ("I", "II")]
    decoded = _decode(PRESSURE | {"code": _coded("11524-6"), "component": leads})
    assert [(run.extras[0]["context"], run.seq) for run in decoded.runs] == [
        ({"lead": "I"}, None),
        ({"lead": "II"}, [1]),
    ]
    assert decoded.runs[0].extras[0]["value"] == {"values": [10, -20], "period_us": 4000}


def test_a_strip_with_a_gap_is_refused() -> None:
    sampled = {"origin": _quantity(0, "mV"), "period": 4, "dimensions": 1, "data": "1 E"}
    strip = PRESSURE | {"code": _coded("11524-6"), "valueSampledData": sampled}
    assert _problems(strip) == [("/valueSampledData/data", "value-invalid")]


@pytest.mark.parametrize(
    ("code", "taken"), [("266919005", "never"), ("8517006", "former"), ("449868002", "current-every-day")]
)
def test_smoking_is_read_from_snomed(code: str, taken: str) -> None:
    smoking = PRESSURE | {"code": _coded("72166-2"), "valueCodeableConcept": _coded(code, SNOMED)}
    assert _decode(smoking).runs[0].extras[0]["value"] == {"code": taken}


def test_circumstances_are_context() -> None:
    meal = {"url": "https://x.example/StructureDefinition/temporal-relationship-to-meal", "valueCode": "fasting"}
    said = {"bodySite": {"text": "finger"}, "note": [{"text": "cold hands"}], "extension": [meal]}
    found = _decode(BEATS | said).runs[0].extras[0]["context"]
    assert found == {"site": "finger", "note": "cold hands", "meal": "fasting"}


def test_an_identifier_names_the_device_and_a_reference_does_not() -> None:
    named = _decode(BEATS | {"device": {"identifier": {"value": "watch-3"}}}).runs[0].device
    assert (named, _decode(BEATS | {"device": {"reference": "Device/1"}}).runs[0].device) == ("watch-3", None)


def test_every_entry_of_a_bundle_is_judged_by_itself() -> None:
    entries = [{"resource": one} for one in (BEATS, {"resourceType": "Bundle", "entry": []}, BEATS | {"status": 7})]
    decoded = _decode({"resourceType": "Bundle", "id": "b-1", "entry": [*entries, {}, 7, {"resource": 7}]})
    assert (len(decoded.runs), decoded.payload_id) == (1, "b-1")
    assert [one.code for one in decoded.rejections] == [
        "resource-not-a-reading",
        "status-not-final",
        *["resource-not-a-reading"] * 3,
    ]


def test_an_empty_bundle_says_nothing() -> None:
    assert _decode({"resourceType": "Bundle"}) == Decoded()


@pytest.mark.parametrize("said", [{}, [], 7, {"resourceType": "Patient"}, {"resourceType": "Bundle", "entry": {}}])
def test_what_is_neither_observation_nor_bundle_is_unreadable(said: Any) -> None:
    with pytest.raises(PayloadUnreadable):
        _decode(said)


def _decode(said: Any) -> Decoded:
    return decode(json.dumps(said).encode(), vocabulary())


def _problems(said: Any) -> list[tuple[str, str]]:
    decoded = _decode(said)
    assert not decoded.runs
    found = [*decoded.rejections, *(one.rejection for one in decoded.quarantined)]
    return [(one.path, one.code) for one in found]
