"""How fast payloads of sixty readings become runs, by format, on one core."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import Figure, note
from phr.clock import rfc3339
from phr.formats import all_formats
from phr.formats.mapping import read
from phr.vocabulary.metrics import Vocabulary, vocabulary
from phr.vocabulary.reading import Decoded

READINGS = 60
START_MS = 1_795_390_200_000
OFFSET_MIN = 480
ROUNDS = 30  # the best counts: the others were disturbed
ROUND_S = 0.05

MAPPED = """
vendor = "bench"
name = "watch"
readings = "records[]"
[time]
form = "epoch-s"
at = "ts"
[[values]]
metric = "heart-rate"
value = "hr"
unit = "/min"
[[examples]]
payload = '{"records": [{"ts": 1795390200, "hr": 61}]}'
expect = [{ metric = "heart-rate", t = 1795390200000, value = 61, unit = "/min" }]
"""


def figures() -> Iterator[Figure]:
    """One for each format that is found, and one for a mapping."""
    known = vocabulary()
    for one in all_formats():
        yield _figure(one.name, one.decode, known)
    yield _figure("mapping", read(MAPPED, known).decode, known)


def _figure(name: str, decode: Callable[[bytes, Vocabulary], Decoded], known: Vocabulary) -> Figure:
    payload = json.dumps(PAYLOADS[name]()).encode()
    readings = sum(map(len, decode(payload, known).runs))
    per_s = readings / _best_s(lambda: decode(payload, known))
    note(f"{name}: {readings} readings in {len(payload)} bytes")
    return Figure(_name_of(name), per_s, "readings/s")


def _name_of(format_name: str) -> str:
    return f"decode_{format_name.replace('-', '_')}_readings_per_s"


def _best_s(decode: Callable[[], Any]) -> float:
    """CPU seconds of one call in the best of several rounds, so that other processes count little."""
    decode()
    best = float("inf")
    for _ in range(ROUNDS):
        calls, began = 0, time.process_time()
        while (spent := time.process_time() - began) < ROUND_S:
            for _ in range(5):
                decode()
            calls += 5
        best = min(best, spent / calls)
    return best


def _when(number: int) -> str:
    return rfc3339(START_MS + number * 60_000, OFFSET_MIN)


def _beats(number: int) -> int:
    return 60 + number % 40


def _phr_v1() -> Any:
    rows = [{"metric": "heart-rate", "t": _when(n), "unit": "/min", "value": _beats(n)} for n in range(READINGS)]
    return {"readings": rows}


def _senml() -> Any:
    base = {"bn": "watch-1/", "bt": START_MS // 1000, "bu": "beat/min"}
    rows: list[dict[str, Any]] = [{"n": "heart-rate", "t": 60 * n, "v": _beats(n)} for n in range(READINGS)]
    return [base | rows[0], *rows[1:]]


def _openmhealth() -> Any:
    return [
        {
            "header": {
                "id": str(n),
                "creation_date_time": _when(READINGS),
                "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"},
            },
            "body": {
                "heart_rate": {"value": _beats(n), "unit": "beats/min"},
                "effective_time_frame": {"date_time": _when(n)},
            },
        }
        for n in range(READINGS)
    ]


def _fhir() -> Any:
    entries = [
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "category": [{"coding": [{"code": "vital-signs"}]}],
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
                "subject": {"reference": "Patient/1"},
                "effectiveDateTime": _when(n),
                "valueQuantity": {
                    "value": _beats(n),
                    "unit": "beats/minute",
                    "system": "http://unitsofmeasure.org",
                    "code": "/min",
                },
            }
        }
        for n in range(READINGS)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _theengs() -> Any:
    return {"type": "SCALE", "weighing_mode": "person", "unit": "kg", "weight": 72.35}


def _watch4g() -> Any:
    rows = [
        {"date": _when(n)[:10], "time": _when(n)[11:19], "hr": str(_beats(n)), "spo2": "", "temp": "0"}
        for n in range(READINGS)
    ]
    return {"zone": "8", "records": rows}


def _meter() -> Any:
    rows = [
        {"ty": 1, "ts": START_MS // 1000 + 60 * n, "tz": OFFSET_MIN, "v": 40 + n % 40, "sc": 1, "u": 1}
        for n in range(READINGS)
    ]
    return {"dev": "meter-9", "rec": rows}


def _mapping() -> Any:
    return {"records": [{"ts": START_MS // 1000 + 60 * n, "hr": _beats(n)} for n in range(READINGS)]}


PAYLOADS: dict[str, Callable[[], Any]] = {
    "fhir": _fhir,
    "mapping": _mapping,
    "meter": _meter,
    "openmhealth": _openmhealth,
    "phr-v1": _phr_v1,
    "senml": _senml,
    "theengs": _theengs,
    "watch4g": _watch4g,
}
FIGURES = tuple(_name_of(name) for name in PAYLOADS)
