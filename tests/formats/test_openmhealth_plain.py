"""Plain Open mHealth points: the short way reads what the long one does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.formats.openmhealth import decode
from phr.formats.openmhealth_bodies import BODIES
from phr.formats.openmhealth_plain import plain_of, read_plain
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded

AT = {"date_time": "2026-11-23T07:30:00.250+08:00"}
PERIOD = {"time_interval": {"start_date_time": AT["date_time"], "duration": {"value": 90, "unit": "sec"}}}
EMPTY = {"time_interval": {"start_date_time": AT["date_time"], "duration": {"value": 0, "unit": "sec"}}}
LONG = {"time_interval": {"start_date_time": AT["date_time"], "duration": {"value": 32, "unit": "d"}}}
LAST = {"time_interval": {"end_date_time": "2026-11-23T24:30:00Z", "start_date_time": AT["date_time"]}}
FRAMES = [AT, {"date_time": "2026-11-23t07:30:00z"}, {"date_time": "2026-02-30T07:30:00Z"}, PERIOD, EMPTY, LONG, LAST]
NUMBERS = [0, 1, 37, 37.55, 36.123456789, 98.6, 250, -3, 1e300, 10**400, True, "70", None]
# Read by nobody, so the point says the same, but it is no plain one any more.
MORE = {"vendor_note": 1}
PLAIN = sorted(name for name, body in BODIES.items() if plain_of(body, vocabulary()))


@pytest.mark.parametrize("name", PLAIN)
def test_every_number_in_every_unit_reads_the_same_on_both_ways(name: str) -> None:
    part = BODIES[name].parts[0]
    for unit in (*part.units, "parsec"):
        for number in NUMBERS:
            for frame in FRAMES:
                body = {part.plain or "": {"value": number, "unit": unit}, "effective_time_frame": frame}
                assert _decoded(name, body) == _decoded(name, body | MORE), (unit, number, frame)


def test_how_it_was_acquired_and_a_series_read_the_same_on_both_ways() -> None:
    body = {"heart_rate": {"value": 61, "unit": "beats/min"}, "effective_time_frame": AT}
    header = {"acquisition_provenance": {"modality": "sensed"}}
    short, long = (_decoded("heart-rate", [one, one], header) for one in (body, body | MORE))
    assert short == long
    assert [run.extras for run in short.runs] == [{0: {"context": {"modality": "sensed"}}}] * 2


@pytest.mark.parametrize("body", [[], "heart_rate", 7, None, {}, {"heart_rate": []}, {"heart_rate": {"unit": {}}}])
def test_what_is_no_body_is_left_to_the_long_way(body: Any) -> None:
    plain = plain_of(BODIES["heart-rate"], vocabulary())
    assert plain is not None
    assert read_plain(plain, body, "/body", None) is None


def test_instants_and_periods_go_the_short_way() -> None:
    kinds = {BODIES[name].parts[0].metric for name in PLAIN}
    types = {metric.value_type for key in kinds if (metric := vocabulary().get(key))}
    assert {"heart-rate", "steps", "weight", "spo2", "glucose-capillary"} <= kinds
    assert types == {ValueType.NUMBER, ValueType.INTERVAL}


def _decoded(name: str, body: Any, header: dict[str, Any] | None = None) -> Decoded:
    version = f"{BODIES[name].majors.stop - 1}.0"
    head = {"schema_id": {"namespace": "omh", "name": name, "version": version}} | (header or {})
    return decode(json.dumps({"header": head, "body": body}).encode(), vocabulary())
