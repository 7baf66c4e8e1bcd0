"""Golden pairs: a payload beside what it must be read as. A new file in golden/ is a new test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phr.formats import all_formats
from phr.formats.building import AT_ARRIVAL
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Rejection, Run
from phr.vocabulary.units import as_sent

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.json"))
FORMATS = {one.name: one for one in all_formats()}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_payload_is_read_as_its_golden_pair_says(path: Path) -> None:
    pair = json.loads(path.read_text(encoding="utf-8"))
    decoded = FORMATS[pair["format"]].decode(json.dumps(pair["payload"]).encode(), vocabulary())
    assert [_shown(run) for run in decoded.runs] == pair["readings"]
    assert [_where(one) for one in decoded.rejections] == pair["rejections"]
    assert [_where(one.rejection) for one in decoded.quarantined] == pair.get("quarantined", [])
    assert decoded.payload_id == pair["payload_id"]


def test_each_of_these_formats_has_a_golden_pair() -> None:
    named = {json.loads(path.read_text(encoding="utf-8"))["format"] for path in GOLDEN}
    assert named >= {"fhir", "meter", "openmhealth", "senml", "theengs", "watch4g"}


def _shown(run: Run) -> dict[str, Any]:
    """A run of one, in the units as sent."""
    extra = run.extras.get(0, {})
    numbers = {
        key: as_sent(run.metric, run.unit, column[0])
        for key, column in run.values.items()
        if key != DURATION and column[0] is not None
    }
    shown: dict[str, Any] = {
        "metric": run.metric.key,
        "t": "arrival" if run.t == [AT_ARRIVAL] else run.t[0],
        "offset_min": run.offset_min,
        "value": numbers.get("", numbers),
        "unit": run.unit.code if run.unit else None,
        "path": run.path,
    }
    if DURATION in run.values:
        shown["duration_ms"] = run.values[DURATION][0]
    return shown | ({"context": extra["context"]} if "context" in extra else {})


def _where(rejection: Rejection) -> list[str]:
    return [rejection.path, rejection.code]
