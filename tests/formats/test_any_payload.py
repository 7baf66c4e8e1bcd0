"""Whatever a payload holds: it is unreadable, or all of it is accounted for with pointers into it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from phr.errors import PayloadUnreadable
from phr.formats import all_formats
from phr.formats.mapping import read
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Rejection

MAPPING = """
vendor = "acme"
name = "any"
readings = "records[]"
id = "id"
[time]
form = "local"
at = "date"
clock = "time"
default_zone = "8"
[[values]]
metric = "weight"
value = "w"
unit = "kg"
scale = 0.01
text = true
slot = "user"
[[examples]]
payload = "{}"
"""
DECODERS = {one.name: one.decode for one in all_formats()} | {"mapping": read(MAPPING, vocabulary()).decode}
GOLDEN = [json.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).with_name("golden").glob("*.json")]
SEEDS: dict[str, list[Any]] = {
    "mapping": [{"id": 1, "records": [{"date": "2026-11-23", "time": "07:30", "w": "6150", "user": 1}]}],
    "phr-v1": [{"readings": [{"metric": "weight", "t": "2026-11-23T07:30:00+08:00", "value": 61.5, "unit": "kg"}]}],
}
for pair in GOLDEN:
    SEEDS.setdefault(pair["format"], []).append(pair["payload"])

LONE_SURROGATE = "\\ud800"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["2026-11-23T07:30:00Z", "９", "\ud800", "-0", "E", "0001-01-01T00:00:00+23:59", 65535, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
ODD_BYTES = [
    b"",
    b"\xff\xfe",
    b'{"a": 1e400}',
    b'[{"n": NaN}]',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 20_000,
    b'[{"n": "heart-rate", "n": "spo2", "v": 1, "v": 2}]',
    b'{"resourceType": "Observation", "resourceType": "Bundle", "entry": null}',
    b'{"rec": [{"v": %s}]}' % (b"9" * 5_000),
    b"null",
]


@pytest.mark.parametrize("name", sorted(DECODERS))
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_payload_with_anything_in_any_place_is_accounted_for(name: str, data: st.DataObject) -> None:
    said = copy.deepcopy(data.draw(st.sampled_from(SEEDS[name])))
    for _ in range(data.draw(st.integers(1, 3))):
        said = _with_a_change(said, data)
    _decode(name, json.dumps(said).encode())


@pytest.mark.parametrize("payload", ODD_BYTES, ids=range(len(ODD_BYTES)))
@pytest.mark.parametrize("name", sorted(DECODERS))
def test_odd_bytes_are_unreadable_or_accounted_for(name: str, payload: bytes) -> None:
    _decode(name, payload)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_each_record_of_a_meter_is_taken_or_refused_once(data: st.DataObject) -> None:
    said = copy.deepcopy(data.draw(st.sampled_from(SEEDS["meter"])))
    place = data.draw(st.integers(0, len(said["rec"]) - 1))
    said["rec"][place] = _with_a_change(said["rec"][place], data)
    text = json.dumps(said)
    assume(LONE_SURROGATE not in text)  # which makes the whole no Unicode, and so unreadable
    decoded = _decode("meter", text.encode())
    assert decoded is not None
    assert len(decoded.runs) + len(decoded.rejections) + len(decoded.quarantined) == len(said["rec"])


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_each_entry_of_a_bundle_is_taken_or_refused_once(data: st.DataObject) -> None:
    said = copy.deepcopy(next(one for one in SEEDS["fhir"] if one["resourceType"] == "Bundle"))
    place = data.draw(st.integers(0, len(said["entry"]) - 1))
    said["entry"][place] = _with_a_change(said["entry"][place], data)
    text = json.dumps(said)
    assume(LONE_SURROGATE not in text)  # which makes the whole no Unicode, and so unreadable
    decoded = _decode("fhir", text.encode())
    assert decoded is not None
    assert len(decoded.runs) + len(decoded.rejections) + len(decoded.quarantined) == len(said["entry"])


def _with_a_change(said: Any, data: st.DataObject) -> Any:
    """The value with one place in it replaced, or left out."""
    if not isinstance(said, dict | list) or not said or data.draw(st.integers(0, 5)) == 0:
        return data.draw(VALUES)
    key = data.draw(st.sampled_from(sorted(said) if isinstance(said, dict) else range(len(said))))
    if isinstance(said, dict) and data.draw(st.integers(0, 5)) == 0:
        del said[key]
    else:
        said[key] = _with_a_change(said[key], data)
    return said


def _decode(name: str, payload: bytes) -> Decoded | None:
    """What was decoded, checked; None: it is unreadable."""
    try:
        decoded = DECODERS[name](payload, vocabulary())
    except PayloadUnreadable:
        return None
    for run in decoded.runs:
        assert all(len(column) == len(run.t) for column in run.values.values())
        assert all(-(2**63) <= t < 2**63 for t in run.t)
    for one in (*decoded.rejections, *(held.rejection for held in decoded.quarantined)):
        _check(one)
    return decoded


def _check(one: Rejection) -> None:
    assert one.path == "" or one.path.startswith("/")
    assert one.code
    assert one.count > 0
    assert len(one.detail) < 1_000
