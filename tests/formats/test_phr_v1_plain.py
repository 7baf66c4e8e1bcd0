"""Plain payloads of version 1: the short way reads what the long one does, and leaves it all that is not plain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phr.errors import PhrError
from phr.formats import phr_v1
from phr.formats.phr_v1_plain import decode_plain
from phr.vocabulary.metrics import vocabulary

T_MS = 1_795_390_200_000
TIMES = [T_MS, T_MS + 1, "2026-11-23T07:30:00+08:00", "2026-11-23T07:30:00.250Z", "yesterday", 10**17, -1, True, None]
NUMBERS = [0, 1, 37, 37.5, 36.65, 36.123456789, 98.6, 250, -3, 1e300, 10**400, 2**63, True, "70", None]
BEAT = {"metric": "heart-rate", "t": T_MS, "value": 71, "unit": "/min"}
SERIES = {"metric": "heart-rate", "start": T_MS, "period_s": 60, "unit": "/min", "values": [70, 71, 72]}
PLAIN = [
    {"readings": [BEAT]},
    {"readings": []},
    {"id": "m-1", "readings": [BEAT, BEAT | {"t": TIMES[2], "unit": "bpm"}]},
    {"sent_at": TIMES[2], "readings": [{"metric": "body-temperature", "t": TIMES[2], "value": 36.6, "unit": "Cel"}]},
    {"series": [SERIES, SERIES | {"start": TIMES[2]}], "readings": [BEAT], "id": "", "sent_at": T_MS},
]
TEXTS = [
    '{"readings":[{"metric":"heart-rate","t":1795390200000,"value":71,"value":72,"unit":"/min"}]}',
    '{"readings":[{"metric":"heart-rate","t":1795390200000,"value" :71,"value":72,"unit":"/min"}]}',
    '{"id":"a","id":"b","readings":[]}',
    '{"id":"a\\":b","readings":[{"metric":"heart-rate","t":1795390200000,"value":71,"unit":"/min"}]}',
    '{"id":null,"readings":[]}',
    '{"id":"\\u0000","readings":[]}',
    '{"id":"\\ud800","readings":[]}',
    '{"readings":[{"metric":"heart-rate","t":1795390200000,"value":-0,"unit":"/min"}]}',
    '{"readings":[{"metric":"heart-rate","t":1795390200000,"value":7.1e1,"unit":"/min"}]}',
    '\ufeff{"readings":[{"metric":"heart-rate","t":1795390200000,"value":71,"unit":"/min"}]}',
    '{ "readings" : [ ] }',
    '{"readings":[]} x',
    "{}",
    "[]",
    "{",
    "[" * 5_000,
]


def both_ways(payload: bytes) -> tuple[Any, Any]:
    """What either way gives, or how it refuses."""
    given = []
    for read in (phr_v1.decode, phr_v1._decode_any):
        try:
            given.append(read(payload, vocabulary()))
        except PhrError as error:
            given.append((error.code, error.pointer, error.detail))  # type: ignore[arg-type]
    return given[0], given[1]


def said(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_payload_goes_the_short_way_and_reads_the_same(body: Any) -> None:
    short, long = both_ways(said(body))
    assert decode_plain(said(body), vocabulary()) == short == long
    assert len(short.runs) == len(body.get("readings", [])) + len(body.get("series", []))


@pytest.mark.parametrize("metric", ["heart-rate", "body-temperature", "glucose-capillary", "weight", "steps", "x"])
def test_every_number_in_every_unit_reads_the_same(metric: str) -> None:
    known = vocabulary().get(metric)
    for unit in (*(known.unit_by_name if known else ()), "parsec", "", None):
        for value in NUMBERS:
            reading = {"metric": metric, "t": T_MS, "value": value, "unit": unit}
            series = {"metric": metric, "start": T_MS, "period_s": 60, "unit": unit, "values": [value, 70]}
            short, long = both_ways(said({"readings": [reading], "series": [series]}))
            assert short == long, (unit, value)


@pytest.mark.parametrize("time", TIMES, ids=repr)
def test_every_time_reads_the_same(time: Any) -> None:
    for body in (
        {"readings": [BEAT | {"t": time}]},
        {"series": [SERIES | {"start": time}]},
        {"readings": [BEAT], "sent_at": time},
    ):
        short, long = both_ways(said(body))
        assert short == long


@pytest.mark.parametrize(
    "change",
    [{"period_s": one} for one in (0, 1, 0.5, -60, 31 * 86_400, 31 * 86_400 + 1, 10**15, None)]
    + [{"values": one} for one in ([], [None, 70], [70, "x"], [70.5], 7)]
    + [{"slot": "B"}, {"context": {"a": 1}}, {"metric": "blood-pressure"}],
    ids=repr,
)
def test_every_series_reads_the_same(change: dict[str, Any]) -> None:
    short, long = both_ways(said({"series": [SERIES | change]}))
    assert short == long


@pytest.mark.parametrize("more", [{"slot": "A"}, {"seq": 1}, {"device": "d"}, {"context": {}}, {"flag": "above-range"}])
def test_what_says_more_is_left_to_the_long_way(more: dict[str, Any]) -> None:
    assert decode_plain(said({"readings": [BEAT | more]}), vocabulary()) is None
    assert decode_plain(said({"readings": [BEAT]} | {"device": "d"}), vocabulary()) is None


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_every_text_reads_the_same(text: str) -> None:
    short, long = both_ways(text.encode("utf-8", "surrogatepass"))
    assert short == long


def test_bytes_that_are_no_text_read_the_same() -> None:
    short, long = both_ways(b'{"id":"\xff","readings":[]}')
    assert short == long
