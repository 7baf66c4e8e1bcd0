"""Files of JSON: items one by one, and the formats that are made of them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from phr.interchange import formats, json_items
from phr.interchange.formats import Batch, FileBroken, Wish
from tests.interchange.conftest import Desk
from tests.interchange.exports import zipped

ENTRY = {
    "_id": "1",
    "type": "sgv",
    "sgv": 112,
    "date": 1795390200000,
    "utcOffset": 480,
    "direction": "Flat",
    "device": "xDrip",
}
BOLUS = {"_id": "2", "eventType": "Correction Bolus", "created_at": "2026-11-23T07:30:00.000Z", "insulin": 1.35}
POINT = {
    "header": {"id": "1", "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"},
               "creation_date_time": "2026-11-23T07:30:00+08:00"},
    "body": {"heart_rate": {"unit": "beats/min", "value": 72},
             "effective_time_frame": {"date_time": "2026-11-23T07:30:00+08:00"}},
}  # fmt: skip
PAYLOAD = {"device": "cuff-7", "readings": [{"metric": "weight", "t": 1795390200000, "value": 71.5, "unit": "kg"}]}


def listed(content: bytes, inner: str | None = None) -> list[tuple[str, Any]]:
    return [tuple(one) for one in json_items.items(io.BytesIO(content), inner)]


def read(form: str, *items: Any) -> Batch:
    content = json.dumps(list(items)).encode()
    (batch,) = formats.find_format(form).read(io.BytesIO(content), Wish(salt="ana"))
    return batch


def taken(batch: Batch) -> list[tuple[str, Any, Any]]:
    runs = [run for _, decoded in sorted(batch.sources.items()) for run in decoded.runs]
    return [(run.metric.key, run.t[0], run.values[""][0]) for run in runs]


def refused(batch: Batch) -> list[tuple[str, str]]:
    return [(one.path, one.code) for decoded in batch.sources.values() for one in decoded.rejections]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[]", []),
        (b'[1, {"a": [2]}]', [("/0", 1), ("/1", {"a": [2]})]),
        (b'{"a": 1}\n{"entry": [2]}\n', [("/0", {"a": 1}), ("/entry/0", 2), ("/1", {"entry": []})]),
        (b'[{"entry": [{"r": 1}], "q": 2}]', [("/0/entry/0", {"r": 1}), ("/0", {"entry": [], "q": 2})]),
        (b'{"a": {"entry": [1]}}', [("/0", {"a": {"entry": [1]}})]),
    ],
)  # fmt: skip
def test_items_one_by_one(content: bytes, found: list[tuple[str, Any]]) -> None:
    assert listed(content, "entry") == found


@pytest.mark.parametrize("content", [b"", b"[1,", b'{"a": 1', b"%PDF", b"[" * 5_000, b'{"a": 1}}', b'["\xff"]'])
def test_what_is_no_json_is_broken(content: bytes) -> None:
    with pytest.raises(FileBroken):
        listed(content)


def test_text_without_end_and_item_without_end_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "LONGEST_TEXT_BYTES", 200_000)
    monkeypatch.setattr(json_items, "LARGEST_ITEM_EVENTS", 1_000)
    with pytest.raises(FileBroken, match="longer than"):
        listed(b'["' + b"a" * 1_000_000)
    with pytest.raises(FileBroken, match="holds more"):
        listed(b"[[" + b"1," * 2_000)


def test_nightscout_glucose_with_trend_and_offset() -> None:
    batch = read("nightscout", ENTRY)
    ((run,),) = [decoded.runs for decoded in batch.sources.values()]
    assert (run.metric.key, run.offset_min, run.extras[0]["context"]) == (
        "glucose-interstitial", 480, {"trend": "Flat"}
    )  # fmt: skip


@pytest.mark.parametrize(("sgv", "flag"), [(39, "below-range"), (40, None), (400, None), (401, "above-range")])
def test_nightscout_low_and_high_of_a_sensor(sgv: int, flag: str | None) -> None:
    ((run,),) = [decoded.runs for decoded in read("nightscout", ENTRY | {"sgv": sgv}).sources.values()]
    assert run.extras[0].get("flag") == flag


@pytest.mark.parametrize(
    ("item", "path", "code"),
    [
        (ENTRY | {"sgv": 5}, "/0/sgv", "sensor-error"),
        (ENTRY | {"sgv": "high"}, "/0/sgv", "value-invalid"),
        (ENTRY | {"sgv": None}, "/0/value", "value-invalid"),
        (ENTRY | {"type": "cal"}, "/0/type", "type-not-kept"),
        (ENTRY | {"date": "yesterday"}, "/0/date", "time-invalid"),
        (BOLUS | {"insulin": 0}, "/0/eventType", "type-not-kept"),
        ([1], "/0", "item-invalid"),
    ],
)
def test_nightscout_refuses_by_field(item: Any, path: str, code: str) -> None:
    assert refused(read("nightscout", item)) == [(path, code)]


def test_nightscout_treatment_gives_dose_finger_glucose_and_note(desk: Desk) -> None:
    whole = BOLUS | {"glucose": 6.1, "glucoseType": "Finger", "units": "mmol", "notes": "头晕"}
    content = json.dumps([whole]).encode()
    one = desk.take(content, "nightscout")
    assert one.counts.as_json() == {"records": 1, "stored": 3, "replaced": 0, "duplicate": 0, "refused": 0}
    assert desk.take(content, "nightscout").counts.duplicate == 3
    assert desk.take(content, "nightscout", is_dry_run=True).counts.duplicate == 3
    assert desk.take_back(one).taken_back["gone"] == 3  # type: ignore[index]
    assert desk.database["entries"].count_documents({"is_deleted": False}) == 0


@pytest.mark.parametrize(
    ("form", "item", "metric"), [("openmhealth", POINT, "heart-rate"), ("phr-v1", PAYLOAD, "weight")]
)
def test_payloads_of_devices_are_read_from_files(form: str, item: Any, metric: str) -> None:
    batch = read(form, item, {"what": "else"})
    assert [one[0] for one in taken(batch)] == [metric]
    assert len(refused(batch)) == 1


def test_id_in_a_file_does_not_make_it_entered_by_hand() -> None:
    said = PAYLOAD | {"readings": [PAYLOAD["readings"][0] | {"id": "mine"}]}  # type: ignore[index]
    ((run,),) = [decoded.runs for decoded in read("phr-v1", said).sources.values()]
    assert "id" not in run.extras.get(0, {})


POINT_OF_FIT = {
    "fitValue": [{"value": {"fpVal": 72.0}}], "originDataSourceId": "raw:com.google.heart_rate.bpm:watch",
    "startTimeNanos": 1795390200000000000, "endTimeNanos": 1795390200000000000,
    "dataTypeName": "com.google.heart_rate.bpm",
}  # fmt: skip


def takeout(*points: Any) -> bytes:
    return json.dumps({"Data Source": "raw:com.google.heart_rate.bpm:watch", "Data Points": list(points)}).encode()


@pytest.mark.parametrize("is_zip", [False, True])
def test_google_takeout_takes_raw_streams(is_zip: bool) -> None:
    raw, derived = takeout(POINT_OF_FIT), takeout(POINT_OF_FIT | {"startTimeNanos": 1})
    name = "Takeout/Fit/All Data/raw_heart_rate.json"
    content = zipped(name, raw, **{"Takeout/Fit/All Data/derived_x.json": derived}) if is_zip else raw
    found = list(formats.find_format("google-takeout").read(io.BytesIO(content), Wish()))
    assert [one for batch in found for one in taken(batch)] == [("heart-rate", 1795390200000, 720)]


def test_another_value_of_one_instant_in_google_takeout_is_another_reading() -> None:
    other = POINT_OF_FIT | {"fitValue": [{"value": {"fpVal": 75.0}}]}
    content = takeout(POINT_OF_FIT, other, POINT_OF_FIT, other | {"startTimeNanos": 1795390201000000000})
    (batch,) = formats.find_format("google-takeout").read(io.BytesIO(content), Wish())
    (decoded,) = batch.sources.values()
    found = [(run.t[0], run.values[""][0], run.seq[0] if run.seq else 0) for run in decoded.runs]
    at = 1795390200000
    assert found == [(at, 720, 0), (at, 750, 1), (at, 720, 0), (at + 1_000, 750, 0)]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"originDataSourceId": "derived:x"}, "/Data Points/0/originDataSourceId", "derived"),
        ({"startTimeNanos": "now"}, "/Data Points/0/startTimeNanos", "time-invalid"),
        ({"dataTypeName": "com.google.calories.expended"}, "/Data Points/0/dataTypeName", "type-not-kept"),
        ({"fitValue": [7]}, "/Data Points/0/fitValue", "value-invalid"),
    ],
)
def test_google_takeout_refuses_by_field(change: dict[str, Any], path: str, code: str) -> None:
    (batch,) = formats.find_format("google-takeout").read(io.BytesIO(takeout(POINT_OF_FIT | change)), Wish())
    assert refused(batch) == [(path, code)]
