"""Payload v1 against bytes that are no payload: nothing breaks it, nothing holds it up, every item is counted once."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phr.errors import PayloadUnreadable
from phr.formats.phr_v1 import decode
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded

MAX_BYTES = 256 * 1024
T = "2026-11-23T07:30:00+08:00"


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"7", ""),
        (b"null", ""),
        (b"[]", ""),
        (b"{}", ""),
        (b'{"id":"a"}', ""),
        (b'{"readings":[]} x', ""),
        (b'{"readings":[],"id":"\xff"}', ""),
        ('{"readings":[]}'.encode("utf-16"), ""),
        (b'{"readings":[],"readings":[]}', "/readings"),
        (b'{"readings" :[],"id":"a","id":"b"}', "/id"),
        (b'{"readings":{}}', "/readings"),
        (b'{"readings":"x"}', "/readings"),
        (b'{"readings":null}', "/readings"),
        (b'{"readings":[],"series":7}', "/series"),
        (b'{"readings":[],"id":7}', "/id"),
        (b'{"readings":[],"id":"' + b"x" * 257 + b'"}', "/id"),
        (b'{"readings":[],"id":"\\u0000"}', "/id"),
        (b'{"readings":[],"id":"\\ud800"}', "/id"),
        (b'{"readings":[],"device":[]}', "/device"),
        (b'{"readings":[],"sent_at":"2026-11-23T07:30:00"}', "/sent_at"),
    ],
)
def test_what_is_no_payload_is_unreadable(payload: bytes, pointer: str) -> None:
    with pytest.raises(PayloadUnreadable) as refused:
        decode(payload, vocabulary())
    assert refused.value.pointer == pointer


def test_the_payload_says_who_and_when() -> None:
    body = {"id": "x" * 256, "device": "cuff-7", "sent_at": "2026-11-23T07:31:04+08:00", "readings": [], "later": 1}
    decoded = decode(json.dumps(body).encode(), vocabulary())
    assert (decoded.payload_id, decoded.device, decoded.sent_at_ms) == ("x" * 256, "cuff-7", 1_795_390_264_000)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert decode(b'\xef\xbb\xbf{"readings":[]}', vocabulary()) == Decoded()


@pytest.mark.parametrize("opening", [b"[", b'{"readings":', b'{"readings":[{"metric":', b'{"a":['])
def test_nesting_without_end_is_unreadable_in_no_time(opening: bytes) -> None:
    began = time.process_time()
    with pytest.raises(PayloadUnreadable):
        decode((opening * MAX_BYTES)[:MAX_BYTES], vocabulary())
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("{}", "metric-missing"),
        ("0", "item-invalid"),
        ("[]", "item-invalid"),
        ('{"a":1,"a":2}', "duplicate-key"),
        ('{"metric":"heart-rat#"}', "metric-unknown"),
        ('{"metric":"spo2","t":1,"unit":"%","value":1e400}', "value-invalid"),
    ],
)
def test_a_full_payload_of_one_fault_is_counted_in_bounded_time(item: str, code: str) -> None:
    count = (MAX_BYTES - 20) // (len(item) + 6)
    body = ",".join(item.replace("#", str(i)) for i in range(count))
    began = time.process_time()
    decoded = decode(f'{{"readings":[{body}]}}'.encode(), vocabulary())
    assert time.process_time() - began < 2
    assert (len(decoded.rejections), {one.code for one in decoded.rejections}) == (count, {code})


@pytest.mark.parametrize(("value", "is_taken"), [("97", True), ("true", False), ("9", False), ("null", False)])
def test_a_series_that_fills_a_payload_is_read_in_bounded_time(value: str, is_taken: bool) -> None:
    count = (MAX_BYTES - 100) // (len(value) + 1)
    values = ",".join([value] * count)
    payload = f'{{"series":[{{"metric":"spo2","start":1,"period_s":1,"unit":"%","values":[{values}]}}]}}'.encode()
    began = time.process_time()
    decoded = decode(payload, vocabulary())
    assert time.process_time() - began < 2
    assert _total(decoded) == (0 if value == "null" else count)
    assert bool(decoded.runs) is is_taken


def test_many_keys_in_one_object_are_compared_in_bounded_time() -> None:
    keys = ",".join(f'"k{n:05}":1' for n in range(20_000))
    began = time.process_time()
    decoded = decode(f'{{"readings":[{{{keys},"k19999":2}}]}}'.encode(), vocabulary())
    assert time.process_time() - began < 2
    assert [one.code for one in decoded.rejections] == ["duplicate-key"]


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_JSON = _SCALARS | st.lists(_SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), _SCALARS, max_size=2)
_VALUES = st.integers(0, 120) | st.floats(0, 120) | _JSON
_METRICS = st.sampled_from(sorted(vocabulary().metrics)) | _JSON
_ITEMS = st.fixed_dictionaries(
    {"metric": _METRICS, "t": st.just(T) | st.integers() | _JSON, "value": _VALUES},
    optional=dict.fromkeys(("end", "slot", "seq", "flag", "context", "id", "device"), _JSON)
    | {"unit": st.sampled_from(["%", "mmHg", "/min", "bpm", "mg/dL"]) | _JSON},
)
_SERIES_ITEMS = st.fixed_dictionaries(
    {
        "metric": st.sampled_from(["spo2", "steps", "heart-rate"]) | _JSON,
        "start": st.just(T) | _JSON,
        "period_s": st.floats(0.001, 90) | _JSON,
        "values": st.lists(_VALUES | st.none(), max_size=6) | _JSON,
    },
    optional={"unit": st.sampled_from(["%", "bpm"]), "context": st.just({}) | _JSON},
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_ITEMS | _JSON, max_size=3), st.lists(_SERIES_ITEMS | _JSON, max_size=2))
def test_whatever_is_said_every_item_is_counted_once(readings: list[Any], series: list[Any]) -> None:
    decoded = decode(json.dumps({"readings": readings, "series": series}).encode(), vocabulary())
    assert _total(decoded) == len(readings) + sum(map(_count, series))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f'{{"readings":[{text}]}}'.encode()))
def test_no_bytes_break_it(payload: bytes) -> None:
    with contextlib.suppress(PayloadUnreadable):
        assert _total(decode(payload, vocabulary())) >= 0


def _count(series: Any) -> int:
    """The numbers of a series; a series that can't be read or has none that can be counted stands for one item."""
    values = series.get("values") if isinstance(series, dict) else None
    if not isinstance(values, list):
        return 1
    there = len(values) - values.count(None)
    return there or int(_total(decode(json.dumps({"series": [series]}).encode(), vocabulary())))


def _total(decoded: Decoded) -> int:
    rejected = sum(one.count for one in decoded.rejections)
    return sum(map(len, decoded.runs)) + len(decoded.quarantined) + rejected
