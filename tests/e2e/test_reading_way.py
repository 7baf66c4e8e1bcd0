"""A reading's whole way: a device publishes it over MQTT, a client with a token reads it back over HTTP."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from typing import Any

from tests.real.installation import Installation, Row

V1 = "application/vnd.phr.readings+json"
T0, T0_TEXT = 1_795_390_200_000, "2026-11-23T07:30:00+08:00"
DAY = {"from": "2026-11-23T00:00:00+08:00", "to": "2026-11-24T00:00:00+08:00", "resolution": "raw"}
READABLE_WITHIN_S = 60.0  # figures: benchmarks


def test_what_a_device_publishes_is_read_back_by_its_owner(installation: Installation) -> None:
    person, device = _worn(installation)
    values = [72, 71, None, 74]
    series = {"metric": "heart-rate", "start": T0_TEXT, "period_s": 60, "unit": "/min", "values": values}
    verdict = _sent(installation, device, series=[series])
    assert (verdict["stored"], verdict["rejected_count"]) == (3, 0)
    rows = installation.rows(person, "heart-rate", **DAY)
    assert [(row["t"], row["value"]) for row in rows] == [
        ("2026-11-23T07:30:00+08:00", 72),
        ("2026-11-23T07:31:00+08:00", 71),
        ("2026-11-23T07:33:00+08:00", 74),
    ]


def test_a_reading_is_readable_once_its_verdict_is_there(installation: Installation) -> None:
    person, device = _worn(installation)
    for number in range(5):
        _sent(installation, device, readings=[_weight(number)])
        assert len(installation.rows(person, "weight", **DAY)) == number + 1


def test_a_reading_without_an_id_becomes_readable_unasked(installation: Installation) -> None:
    person, device = _worn(installation)
    payload = json.dumps({"readings": [_weight(0)]}).encode()
    installation.gateway.publish(device, payload, V1)
    assert _rows_in_time(installation, person, 1)[0]["value"] == 61.5


def test_a_redelivered_reading_is_read_once_and_a_corrected_one_is_read_corrected(installation: Installation) -> None:
    person, device = _worn(installation)
    for value in (61.5, 61.5, 61.7):
        _sent(installation, device, readings=[_weight(0) | {"value": value}])
    assert [row["value"] for row in installation.rows(person, "weight", **DAY)] == [61.7]


def test_a_device_learns_of_the_item_that_was_not_taken(installation: Installation) -> None:
    person, device = _worn(installation)
    verdict = _sent(installation, device, readings=[_weight(0), _weight(1) | {"unit": None}])
    assert [(one["path"], one["code"]) for one in verdict["rejected"]] == [("/readings/1/unit", "unit-missing")]
    assert len(installation.rows(person, "weight", **DAY)) == 1


def test_a_stranger_reads_nothing(installation: Installation) -> None:
    person, device = _worn(installation)
    _sent(installation, device, readings=[_weight(0)])
    stranger, _ = _worn(installation)
    path = f"/v1/people/{person}/series/weight?resolution=raw"
    assert _status(installation.url + path, {}) == 401
    assert _status(installation.url + path, {"Authorization": f"Bearer {installation._token(stranger)}"}) == 403


def _worn(installation: Installation) -> tuple[str, str]:
    """A new person and the new device that they wear."""
    device = f"d-{secrets.token_hex(4)}"
    return installation.add_person(device, "phr-v1"), device


def _weight(minute: int) -> Row:
    return {"metric": "weight", "t": T0 + 60_000 * minute, "unit": "kg", "value": 61.5}


def _sent(installation: Installation, device: str, **body: Any) -> Row:
    payload_id = secrets.token_hex(4)
    return installation.gateway.send(device, json.dumps({"id": payload_id} | body).encode(), V1, payload_id)


def _status(url: str, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def _rows_in_time(installation: Installation, person: str, count: int) -> list[Row]:
    until = time.monotonic() + READABLE_WITHIN_S
    while True:
        rows = installation.rows(person, "weight", **DAY)
        if len(rows) >= count or time.monotonic() > until:
            return rows
