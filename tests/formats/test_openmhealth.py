"""Open mHealth data points: what is refused, why, and where in the payload."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PayloadUnreadable
from phr.formats.openmhealth import decode
from phr.formats.openmhealth_bodies import BODIES
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Decoded

AT = {"date_time": "2026-11-23T07:30:00+08:00"}
WEIGHT = {"value": 70, "unit": "kg"}
FRAME = "/body/effective_time_frame"
INTERVAL = f"{FRAME}/time_interval"


NIGHT = {"time_interval": {"start_date_time": "2026-11-22T23:00:00+08:00", "end_date_time": AT["date_time"]}}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_each_schema_measures_what_the_vocabulary_knows(name: str) -> None:
    for part in BODIES[name].parts:
        metric = vocabulary().get(part.metric)
        assert metric is not None
        assert not part.units or set(part.units) & set(metric.unit_by_name)
        assert set(part.measures.values()) - {""} <= {component.key for component in metric.components}


def test_each_metric_that_names_a_schema_is_measured_by_one() -> None:
    """The vocabulary says what else a schema stands for; surveys and meals are read by nobody yet."""
    named = {
        key for key, metric in vocabulary().metrics.items() if (metric.omh or metric.ieee1752) and metric.is_reading
    }
    read = {part.metric for body in BODIES.values() for part in body.parts}
    by_circumstance = {"glucose-fasting-plasma", "glucose-2h-postmeal", "glucose-interstitial"}
    not_read = {"mood", "phq9-total", "gad7-total", "energy-intake", "resting-heart-rate"}
    assert named - read == by_circumstance | not_read


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"body_weight": None}, "/body/body_weight", "value-missing"),
        ({"body_weight": {"unit": "kg"}}, "/body/body_weight/value", "value-invalid"),
        ({"body_weight": {"unit": "kg", "value": "70"}}, "/body/body_weight/value", "value-invalid"),
        ({"body_weight": {"unit": "kg", "value": True}}, "/body/body_weight/value", "value-invalid"),
        ({"body_weight": {"value": 70}}, "/body/body_weight/unit", "unit-missing"),
        ({"body_weight": {"value": 70, "unit": "km"}}, "/body/body_weight/unit", "unit-unknown"),
        ({"body_weight": {"value": 70, "unit": ["kg"]}}, "/body/body_weight/unit", "unit-unknown"),
        ({"body_weight": {"value": 2, "unit": "Ton"}}, "/body/body_weight/unit", "unit-unknown"),
        ({"effective_time_frame": None}, FRAME, "time-missing"),
        ({"effective_time_frame": {}}, FRAME, "time-invalid"),
        ({"effective_time_frame": {"start_date_time": "2026-11-23T07:30:00Z"}}, FRAME, "time-invalid"),
        ({"effective_time_frame": {"date_time": "2026-11-23T07:30:00"}}, f"{FRAME}/date_time", "time-invalid"),
        ({"effective_time_frame": {"date_time": 1_795_390_200_000}}, f"{FRAME}/date_time", "time-invalid"),
        (
            {"effective_time_frame": {"time_interval": {"date": "2026-11-23", "part_of_day": "night"}}},
            INTERVAL,
            "time-imprecise",
        ),
        ({"descriptive_statistic": "average"}, "/body/descriptive_statistic", "statistic-not-reading"),
        ({"descriptive_statistic": "avrage"}, "/body/descriptive_statistic", "statistic-unknown"),
        ({"temporal_relationship_to_meal": "fsting"}, "/body/temporal_relationship_to_meal", "context-invalid"),
    ],
)
def test_a_broken_body_is_refused_where_it_is_broken(change: dict[str, Any], where: str, code: str) -> None:
    body = {"body_weight": WEIGHT, "effective_time_frame": AT} | change
    assert _problems(_decode(_point("body-weight", "3.0", body))) == [(where, code)]


@pytest.mark.parametrize(
    ("schema_id", "where", "code"),
    [
        (None, "/header/schema_id", "schema-missing"),
        ({"namespace": "omh", "name": "body-weight"}, "/header/schema_id", "schema-missing"),
        ({"namespace": "x", "name": "body-weight", "version": "3.0"}, "/header/schema_id/namespace", "metric-unknown"),
        ({"namespace": "omh", "name": "body-wieght", "version": "3.0"}, "/header/schema_id/name", "metric-unknown"),
        (
            {"namespace": "omh", "name": "body-weight", "version": "0.9"},
            "/header/schema_id/version",
            "schema-version-unknown",
        ),
        (
            {"namespace": "omh", "name": "body-weight", "version": "4.0"},
            "/header/schema_id/version",
            "schema-version-unknown",
        ),
        (
            {"namespace": "omh", "name": "body-weight", "version": "x"},
            "/header/schema_id/version",
            "schema-version-unknown",
        ),
    ],
)
def test_an_unknown_schema_is_refused(schema_id: Any, where: str, code: str) -> None:
    point = {"header": {"schema_id": schema_id}, "body": {"body_weight": WEIGHT, "effective_time_frame": AT}}
    assert _problems(_decode(point)) == [(where, code)]


def test_an_unknown_schema_is_told_the_nearest_known_name() -> None:
    refused = _decode(_point("body-wieght", "3.0", {})).rejections[0]
    assert "body-weight" in refused.detail


@pytest.mark.parametrize("version", ["1.0", "2.0", "2.7", "3.0", "3.9"])
def test_each_known_major_version_is_read(version: str) -> None:
    body = {"body_weight": WEIGHT, "effective_time_frame": AT}
    assert len(_decode(_point("body-weight", version, body)).runs) == 1


def test_the_time_of_creation_never_stands_in_for_the_time_of_measurement() -> None:
    assert _problems(_decode(_point("body-weight", "1.0", {"body_weight": WEIGHT}))) == [(FRAME, "time-missing")]


@pytest.mark.parametrize(
    "interval",
    [
        {"start_date_time": "2026-11-23T07:00:00+08:00", "end_date_time": "2026-11-23T07:30:00+08:00"},
        {"start_date_time": "2026-11-23T07:00:00+08:00", "duration": {"value": 30, "unit": "min"}},
        {"end_date_time": "2026-11-23T07:30:00+08:00", "duration": {"value": 1800, "unit": "sec"}},
    ],
)
def test_a_period_is_read_from_any_two_of_its_three_parts(interval: dict[str, Any]) -> None:
    body = {"step_count": {"value": 9, "unit": "steps"}, "effective_time_frame": {"time_interval": interval}}
    run = _decode(_point("step-count", "3.0", body)).runs[0]
    assert (run.t, run.values["_duration"], run.offset_min) == ([1_795_388_400_000], [1_800_000], 480)


@pytest.mark.parametrize(
    ("interval", "where", "code"),
    [
        ({"start_date_time": "2026-11-23T07:00:00Z"}, INTERVAL, "time-invalid"),
        ({"duration": {"value": 1, "unit": "h"}}, INTERVAL, "time-invalid"),
        (
            {"start_date_time": "2026-11-23T07:00:00Z", "end_date_time": "2026-11-23T06:59:59Z"},
            INTERVAL,
            "time-invalid",
        ),
        (
            {"start_date_time": "2026-11-23T07:00:00Z", "duration": {"value": 1, "unit": "Mo"}},
            f"{INTERVAL}/duration",
            "time-imprecise",
        ),
        (
            {"start_date_time": "2026-11-23T07:00:00Z", "duration": {"value": -1, "unit": "h"}},
            f"{INTERVAL}/duration",
            "time-invalid",
        ),
        ({"start_date_time": "2026-11-23T07:00:00Z", "duration": "PT1H"}, f"{INTERVAL}/duration", "time-invalid"),
        ([], INTERVAL, "time-invalid"),
    ],
)
def test_a_broken_period_is_refused(interval: Any, where: str, code: str) -> None:
    body = {"step_count": {"value": 9, "unit": "steps"}, "effective_time_frame": {"time_interval": interval}}
    assert _problems(_decode(_point("step-count", "3.0", body))) == [(where, code)]


def test_steps_at_an_instant_are_refused() -> None:
    body = {"step_count": 9, "effective_time_frame": AT}
    assert _problems(_decode(_point("step-count", "1.0", body))) == [(FRAME, "end-missing")]


def test_a_period_without_length_is_an_instant() -> None:
    interval = {"start_date_time": AT["date_time"], "end_date_time": AT["date_time"]}
    body = {"body_weight": WEIGHT, "effective_time_frame": {"time_interval": interval}}
    assert len(_decode(_point("body-weight", "3.0", body)).runs) == 1


@pytest.mark.parametrize(
    ("context", "metric"),
    [
        ({}, "glucose-capillary"),
        ({"specimen_source": "capillary blood"}, "glucose-capillary"),
        ({"blood_specimen_type": "whole blood"}, "glucose-capillary"),
        ({"specimen_source": "interstitial fluid"}, "glucose-interstitial"),
        ({"blood_specimen_type": "serum", "temporal_relationship_to_meal": "fasting"}, "glucose-fasting-plasma"),
    ],
)
def test_the_specimen_says_which_glucose_it_is(context: dict[str, str], metric: str) -> None:
    body = {"blood_glucose": {"value": 99, "unit": "mg/dL"}, "effective_time_frame": AT} | context
    assert [run.metric.key for run in _decode(_point("blood-glucose", "2.0", body)).runs] == [metric]


@pytest.mark.parametrize("specimen", ["tears", "plasma"])
def test_glucose_of_a_specimen_without_a_metric_is_refused(specimen: str) -> None:
    body = {"blood_glucose": {"value": 99, "unit": "mg/dL"}, "effective_time_frame": AT, "specimen_source": specimen}
    assert [one.code for one in _decode(_point("blood-glucose", "2.0", body)).rejections] == ["specimen-unsupported"]


@pytest.mark.parametrize("payload", [b"", b"{", b"7", b'"x"', b"\xff", b"[" * 100_000, b'{"a":1e400}'])
def test_what_is_no_data_point_at_all_is_unreadable(payload: bytes) -> None:
    with pytest.raises(PayloadUnreadable):
        decode(payload, vocabulary())


def test_a_night_is_an_episode_and_its_durations() -> None:
    body = {"total_sleep_time": {"value": 7, "unit": "h"}, "is_main_sleep": False, "effective_time_frame": NIGHT}
    decoded = _decode(_point("sleep-episode", "1.1", body))
    assert [run.metric.key for run in decoded.runs] == ["sleep-episode", "sleep-duration"]
    assert decoded.runs[0].extras[0]["context"] == {"nap": True}


def test_stages_are_read_within_their_night() -> None:
    stages = [{"sleep_stage_state": "REM_sleep", "sleep_stage_time_frame": NIGHT}]
    summary = {"rem_sleep_duration": {"value": 90, "unit": "min"}}
    body = {"sleep_stage_summary": summary, "sleep_stage_episodes": stages, "effective_time_frame": NIGHT}
    decoded = _decode(_point("sleep-stage-summary", "1.0", body))
    assert [run.metric.key for run in decoded.runs] == ["sleep-episode", "rem-sleep"]
    assert [one["stage"] for one in decoded.runs[0].extras[0]["value"]["stages"]] == ["rem"]


@pytest.mark.parametrize(
    ("stages", "where", "code"),
    [
        ({}, "", "value-invalid"),
        ([{"sleep_stage_state": "Dreaming", "sleep_stage_time_frame": NIGHT}], "/0/sleep_stage_state", "code-unknown"),
        ([{"sleep_stage_state": "Awake"}], "/0/sleep_stage_time_frame", "time-missing"),
        ([{"sleep_stage_state": "Awake", "sleep_stage_time_frame": AT}], "/0/sleep_stage_time_frame", "end-missing"),
    ],
)
def test_broken_stages_are_refused(stages: Any, where: str, code: str) -> None:
    body = {"sleep_stage_summary": {}, "sleep_stage_episodes": stages, "effective_time_frame": NIGHT}
    problems = _problems(_decode(_point("sleep-stage-summary", "1.0", body)))
    assert problems == [(f"/body/sleep_stage_episodes{where}", code)]


def test_an_interval_between_beats_is_a_train_of_one() -> None:
    body = {"rr_interval": {"value": 812, "unit": "ms"}, "effective_time_frame": AT}
    assert _decode(_point("rr-interval", "1.0", body)).runs[0].extras[0]["value"]["values"] == [8120]


def test_an_index_of_a_night_is_of_its_period() -> None:
    body = {"apnea_hypopnea_index": {"value": 4.2, "unit": "events/h"}, "effective_time_frame": NIGHT}
    run = _decode(_point("apnea-hypopnea-index", "1.0", body, "ieee")).runs[0]
    assert (run.values[""], run.values[DURATION]) == ([42], [30_600_000])


def test_a_dose_taken_is_an_event_with_its_medicine() -> None:
    body = {"medication": {"name": "amlodipine"}, "dose": {"value": 5, "unit": "mg"}, "effective_time_frame": AT}
    extra = _decode(_point("single-medication-dose-taken", "1.0", body)).runs[0].extras[0]
    assert extra == {"value": {"code": "taken"}, "context": {"medication": "amlodipine"}}


def test_adherence_is_computed_from_doses_and_is_no_reading() -> None:
    body = {"medication_adherence_percent": {"value": 80, "unit": "%"}, "effective_time_frame": AT}
    decoded = _decode(_point("medication-adherence-percent", "2.0", body))
    assert [one.code for one in decoded.rejections] == ["metric-not-a-reading"]


@pytest.mark.parametrize(("unit", "metrics"), [("steps", ["steps"]), ("laps", [])])
def test_only_steps_of_an_activity_are_steps(unit: str, metrics: list[str]) -> None:
    frame = {"time_interval": {"end_date_time": AT["date_time"], "duration": {"value": 30, "unit": "min"}}}
    body = {"activity_name": "x", "base_movement_quantity": {"value": 40, "unit": unit}, "effective_time_frame": frame}
    decoded = _decode(_point("physical-activity", "1.0", body, "ieee"))
    assert [run.metric.key for run in decoded.runs] == metrics


@pytest.mark.parametrize(("namespace", "taken"), [("ieee", 1), ("omh", 0)])
def test_version_zero_is_a_draft_of_ieee(namespace: str, taken: int) -> None:
    body = {"body_weight": WEIGHT, "effective_time_frame": AT}
    assert len(_decode(_point("body-weight", "0.1", body, namespace)).runs) == taken


def test_glucose_two_hours_after_a_meal_has_a_metric_of_its_own() -> None:
    body = {"blood_glucose": {"value": 7.1, "unit": "mmol/L"}, "effective_time_frame": AT}
    meal = {"temporal_relationship_to_meal": "2 hours postprandial"}
    assert _decode(_point("blood-glucose", "3.0", body | meal)).runs[0].metric.key == "glucose-2h-postmeal"


def test_a_series_shares_its_header() -> None:
    body = {"body_weight": WEIGHT, "effective_time_frame": AT}
    decoded = _decode(_point("body-weight", "3.0", [body, {"body_weight": 7}, 7]))  # type: ignore[arg-type]
    assert [run.path for run in decoded.runs] == ["/body/0/body_weight"]
    assert [(one.path, one.code) for one in decoded.rejections] == [
        ("/body/1/body_weight", "value-missing"),
        ("/body/2", "body-missing"),
    ]


def test_an_empty_array_says_nothing() -> None:
    assert decode(b"[]", vocabulary()) == Decoded()


def _point(name: str, version: str, body: dict[str, Any], namespace: str = "omh") -> dict[str, Any]:
    schema_id = {"namespace": namespace, "name": name, "version": version}
    return {"header": {"id": "1", "creation_date_time": "2026-11-23T08:00:00Z", "schema_id": schema_id}, "body": body}


def _decode(point: Any) -> Decoded:
    return decode(json.dumps(point).encode(), vocabulary())


def _problems(decoded: Decoded) -> list[tuple[str, str]]:
    assert not decoded.runs
    return [(one.path, one.code) for one in decoded.rejections]
