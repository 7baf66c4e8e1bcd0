"""Messages that a Bluetooth gateway publishes for Xiaomi scales: persons are stored, parcels are refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.real.installation import Installation, Row
from tests.real.score import Score

CONTENT_TYPE = "application/vnd.theengs+json"
UNITS = {"kg": "kg", "lb": "[lb_av]"}
FIRST = "2024-03-01T07:0{n}:00+08:00"  # the gateway's messages name no time; here it adds one, so a re-send can be told
YEAR = {"from": "2024-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z", "resolution": "raw"}
PATIENCE_S = 20.0


def replay(installation: Installation, data: Path) -> Iterator[Score]:
    """One score over all messages."""
    vectors = json.loads((data / "theengs" / "xiaomi_scale_vectors.json").read_text(encoding="utf-8"))
    score = Score("Xiaomi scales", items=len(vectors))
    person = installation.add_person("scale", "theengs")
    expected: dict[str, tuple[float, str]] = {}
    for n, vector in enumerate(vectors):
        said = vector["expected"] | {"time": FIRST.format(n=n)}
        if said["weighing_mode"] == "person":
            expected[said["time"]] = (said["weight"], UNITS[said["unit"]])
            installation.gateway.publish("scale", json.dumps(said).encode(), CONTENT_TYPE)
        else:
            _refuse(score, installation, said)
    rows = _wait_for_rows(installation, person, len(expected))
    score.stored = len(rows)
    _check_rows(score, rows, expected)
    _send_again(score, installation, person, vectors, expected)
    yield score


def _refuse(score: Score, installation: Installation, said: Row) -> None:
    verdict = installation.gateway.send("scale", json.dumps(said).encode(), CONTENT_TYPE)
    score.add(verdict)
    score.check("a parcel is refused", [one["code"] for one in verdict["rejected"]], ["not-a-body-weight"])


def _check_rows(score: Score, rows: list[Row], expected: dict[str, tuple[float, str]]) -> None:
    found = {datetime.fromisoformat(row["t"]): (row.get("sent"), row.get("unit")) for row in rows}
    sent = {datetime.fromisoformat(at): weight for at, weight in expected.items()}
    score.check("times", sorted(found), sorted(sent))
    for at, weight in sent.items():
        score.check(f"weight at {at}", found.get(at), weight)


def _send_again(
    score: Score, installation: Installation, person: str, vectors: list[Any], expected: dict[str, tuple[float, str]]
) -> None:
    """These messages carry no id, so nothing but the record itself shows that they were duplicates."""
    for at, vector in ((FIRST.format(n=n), vector) for n, vector in enumerate(vectors)):
        if at in expected:
            said = vector["expected"] | {"time": at}
            installation.gateway.publish("scale", json.dumps(said).encode(), CONTENT_TYPE)
    parcel = next(vector["expected"] for vector in vectors if vector["expected"]["weighing_mode"] == "object")
    installation.gateway.send("scale", json.dumps(parcel).encode(), CONTENT_TYPE)  # in turn: all before it is done
    score.check("rows after the second sending", len(installation.rows(person, "weight", **YEAR)), len(expected))


def _wait_for_rows(installation: Installation, person: str, count: int) -> list[Row]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        rows = installation.rows(person, "weight", fields="sent", **YEAR)
        if len(rows) >= count or time.monotonic() > deadline:
            return rows
        time.sleep(0.1)
