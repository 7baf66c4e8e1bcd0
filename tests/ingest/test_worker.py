"""A worker on a real broker and database: what it stores, what it answers, what it acknowledges and when."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import AutoReconnect, WriteError

from ingest import lookout, slots, worker
from ingest.messages import MAX_PAYLOAD_BYTES
from phr.clock import now_ms
from phr.intake import rejections
from phr.recording import Delivery
from tests.cast import T0
from tests.ingest.mqtt_client import Client
from tests.ingest.running import WAIT_S, BreakingRecorder, Plant, a_payload, counts, wait_until

MINUTE_MS = 60_000
SPO2 = {"metric": "spo2", "t": T0, "unit": "%", "value": 97}


def test_a_published_reading_is_stored_and_its_device_is_told(plant: Plant) -> None:
    with plant.working():
        verdict = plant.ask(a_payload())
    assert (verdict["id"], counts(verdict), verdict["rejected"]) == ("m0", (1, 0, 0, 0, 0), [])
    assert plant.client.answers[0][0] == f"phr/v1/{plant.vendor}/d1/feedback"
    assert plant.stored() == [T0]


def test_the_counts_of_a_verdict_add_up_to_the_items(plant: Plant) -> None:
    bad = [SPO2 | {"unit": None}, SPO2 | {"value": 49}, SPO2 | {"t": now_ms() + 3_600_000}]
    payload = json.dumps({"id": "x", "readings": [SPO2, SPO2, SPO2 | {"value": 96}, *bad]}).encode()
    with plant.working():
        verdict = plant.ask(payload)
    assert counts(verdict) == (1, 1, 1, 1, 2)
    assert {(one["path"], one["code"]) for one in verdict["rejected"]} == {
        ("/readings/3/unit", "unit-missing"),
        ("/readings/4/value", "value-out-of-bounds"),
    }


def test_a_good_payload_without_an_id_is_not_answered(plant: Plant) -> None:
    with plant.working():
        plant.send(a_payload(id=None))
        assert plant.ask(a_payload(1))["id"] == "m1"
    assert len(plant.client.answers) == 1
    assert len(plant.stored()) == 2


def test_a_rejection_is_answered_without_an_id(plant: Plant) -> None:
    with plant.working():
        verdict = plant.ask(a_payload(id=None, readings=[{}]))
    assert (verdict["id"], counts(verdict)) == (None, (0, 0, 0, 0, 1))


def test_a_weight_without_a_time_is_stored_once_by_the_worker_that_takes_over(plant: Plant) -> None:
    said = {"type": "SCALE", "weighing_mode": "person", "weight": 61.75, "unit": "kg"}
    plant.add_device("scale", format="theengs")
    breaking = BreakingRecorder(plant.database, lambda _: AutoReconnect("gone"))
    breaking.is_after = True
    with plant.working(breaking):
        plant.send(json.dumps(said).encode(), device="scale")
        wait_until(lambda: plant.stored("weight"))
    with plant.working():
        plant.ask(a_payload())
    assert len(plant.stored("weight")) == 1


def test_sending_again_is_a_duplicate_and_another_value_a_correction(plant: Plant) -> None:
    other = json.dumps({"id": "c", "readings": [json.loads(a_payload())["readings"][0] | {"value": 73}]}).encode()
    with plant.working():
        assert [counts(plant.ask(one))[:3] for one in (a_payload(), a_payload(), other)] == [
            (1, 0, 0),
            (0, 1, 0),
            (0, 0, 1),
        ]
    assert plant.stored() == [T0]


def test_a_verdict_lists_a_hundred_rejections_and_counts_all(plant: Plant) -> None:
    with plant.working():
        verdict = plant.ask(a_payload(readings=[{}] * 101), ResponseTopic="elsewhere")
    assert (verdict["rejected_count"], len(verdict["rejected"])) == (101, 100)
    assert verdict["rejected"][0]["code"] == "response-topic-refused"


def test_an_answer_goes_where_the_device_wants_it(plant: Plant) -> None:
    topic = f"phr/v1/{plant.vendor}/d1/feedback/r7"
    with plant.working():
        plant.ask(a_payload(), ResponseTopic=topic, CorrelationData=b"7")
    assert [(at, correlation) for at, _, correlation in plant.client.answers] == [(topic, b"7")]


@pytest.mark.parametrize("below", ["d1/readings", "d2/feedback", "d1/commands"])
def test_an_answer_goes_nowhere_else(plant: Plant, below: str) -> None:
    with plant.working():
        verdict = plant.ask(a_payload(id=None), ResponseTopic=f"phr/v1/{plant.vendor}/{below}")
    assert [one["code"] for one in verdict["rejected"]] == ["response-topic-refused"]
    assert counts(verdict) == (1, 0, 0, 0, 0)
    assert plant.client.answers[0][0] == f"phr/v1/{plant.vendor}/d1/feedback"


OMH_WEIGHT = {
    "header": {"id": "w", "schema_id": {"namespace": "omh", "name": "body-weight", "version": "2.0"}},
    "body": {
        "body_weight": {"value": 70, "unit": "kg"},
        "effective_time_frame": {"date_time": "2026-11-23T07:30:00+08:00"},
    },
}


@pytest.mark.parametrize("content_type", ["application/vnd.openmhealth+json", "Application/Vnd.OpenMHealth+JSON; v=1"])
def test_the_content_type_chooses_the_format(plant: Plant, content_type: str) -> None:
    with plant.working():
        assert counts(plant.ask(json.dumps(OMH_WEIGHT).encode(), ContentType=content_type)) == (1, 0, 0, 0, 0)
    assert plant.stored("weight") == [T0]


def test_a_device_may_be_registered_with_a_format(plant: Plant) -> None:
    plant.add_device("scale", format="openmhealth")
    with plant.working():
        assert counts(plant.ask(json.dumps(OMH_WEIGHT).encode(), "scale")) == (1, 0, 0, 0, 0)
        v1 = "application/vnd.phr.readings+json"
        assert counts(plant.ask(a_payload(), "scale", ContentType=v1)) == (1, 0, 0, 0, 0)


def test_an_unknown_content_type_is_refused_by_name(plant: Plant) -> None:
    with plant.working():
        verdict = plant.ask(a_payload(), ContentType="image/png")
    assert (verdict["id"], [one["code"] for one in verdict["rejected"]]) == ("m0", ["format-unknown"])


@pytest.mark.parametrize(
    ("size", "code"),
    [(MAX_PAYLOAD_BYTES, None), (MAX_PAYLOAD_BYTES + 1, "payload-too-large"), (300 * 1024, "payload-too-large")],
)
def test_a_payload_has_at_most_256_kib(plant: Plant, size: int, code: str | None) -> None:
    payload = a_payload()
    with plant.working():
        verdict = plant.ask(payload + b" " * (size - len(payload)))
    assert (verdict["id"], [one["code"] for one in verdict["rejected"]]) == ("m0", [code] if code else [])
    kept = rejections.recent(plant.database, plant.vendor, 10).rows
    assert [(one.payload_bytes, len(one.payload)) for one in kept] == ([(size, 4096)] if code else [])


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[" * 250_000, b'{"id":"x","readings":7}'])
def test_an_unreadable_payload_is_kept_and_told(plant: Plant, payload: bytes) -> None:
    with plant.working():
        verdict = plant.ask(payload)
    assert [one["code"] for one in verdict["rejected"]] == ["payload-unreadable"]
    assert verdict["id"] == ("x" if b'"x"' in payload else None)
    kept = rejections.recent(plant.database, plant.vendor, 10).rows
    assert [one.payload for one in kept] == [payload[:4096]]


@pytest.mark.parametrize("device", ["d 1", "设备", "d" * 65, "d$1", "'"])
def test_a_device_that_is_no_slug_is_refused(plant: Plant, device: str) -> None:
    with plant.working():
        verdict = plant.ask(a_payload(), device)
    assert (verdict["id"], [one["code"] for one in verdict["rejected"]]) == ("m0", ["device-invalid"])


def test_a_device_that_is_not_registered_is_refused(plant: Plant) -> None:
    with plant.working():
        assert [one["code"] for one in plant.ask(a_payload(), "d2")["rejected"]] == ["device-unknown"]
        plant.add_device("d2")
        assert counts(plant.ask(a_payload(), "d2")) == (1, 0, 0, 0, 0)


def test_a_retained_message_is_taken_once(plant: Plant) -> None:
    with plant.working():
        plant.send(a_payload(), retain=True)
        plant.client.wait_for(1)
    with plant.working():
        assert counts(plant.ask(a_payload(1))) == (1, 0, 0, 0, 0)
    plant.send(b"", retain=True)
    assert len(plant.client.answers) == 2


def test_a_retained_message_from_before_the_first_worker_is_taken_once(plant: Plant) -> None:
    """mosquitto gives shared subscribers what is retained, MQTT 5 notwithstanding; each new worker gets it again."""
    plant.send(a_payload(), retain=True)
    try:
        for _ in range(2):
            with plant.working():
                wait_until(lambda: len(plant.stored()) == 1)
        assert plant.stored() == [T0]
    finally:
        plant.send(b"", retain=True)


def test_messages_that_wait_together_are_recorded_together(plant: Plant) -> None:
    with plant.working():
        pass
    plant.send(*[a_payload(n) for n in range(40)])
    recorder = BreakingRecorder(plant.database, lambda _: None)
    with plant.working(recorder):
        plant.client.wait_for(40)
    assert len(recorder.sizes) <= 4
    assert plant.stored() == [T0 + n * MINUTE_MS for n in range(40)]


def test_a_batch_is_full_at_its_size(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "BATCH_MOST", 7)
    with plant.working():
        pass
    plant.send(*[a_payload(n) for n in range(20)])
    recorder = BreakingRecorder(plant.database, lambda _: None)
    with plant.working(recorder):
        plant.client.wait_for(20)
    assert sum(recorder.sizes) == 20
    assert max(recorder.sizes) <= 7


@pytest.mark.parametrize("is_after", [False, True])
def test_nothing_is_acknowledged_before_the_write_is_known(plant: Plant, is_after: bool) -> None:
    recorder = BreakingRecorder(plant.database, lambda _: AutoReconnect("gone"))
    recorder.is_after = is_after
    with plant.working(recorder):
        plant.send(a_payload())
        wait_until(lambda: recorder.sizes)
    assert not plant.client.answers
    with plant.working():
        verdict = plant.client.wait_for(1)[0]
    assert counts(verdict)[:2] == ((0, 1) if is_after else (1, 0))
    assert plant.stored() == [T0]


def test_a_database_that_comes_back_is_written_to(plant: Plant) -> None:
    errors: list[Exception | None] = [AutoReconnect("gone"), AutoReconnect("gone"), None]
    recorder = BreakingRecorder(plant.database, lambda _: errors.pop(0))
    with plant.working(recorder):
        assert counts(plant.ask(a_payload())) == (1, 0, 0, 0, 0)
    assert recorder.sizes == [1, 1, 1]


def test_a_message_that_breaks_us_is_kept_and_its_neighbours_are_stored(plant: Plant) -> None:
    def breaks(deliveries: Sequence[Delivery]) -> Exception | None:
        return InvalidDocument("m1") if any(one.decoded.runs and _is(one, "m1") for one in deliveries) else None

    with plant.working():
        pass
    plant.send(*[a_payload(n) for n in range(3)])
    with plant.working(BreakingRecorder(plant.database, breaks)):
        verdicts = {one["id"]: one for one in plant.client.wait_for(3)}
    assert [one["code"] for one in verdicts["m1"]["rejected"]] == ["internal-error"]
    assert plant.stored() == [T0, T0 + 2 * MINUTE_MS]
    assert [one.payload for one in rejections.recent(plant.database, plant.vendor, 9).rows] == [a_payload(1)]


def test_a_message_that_the_database_refuses_for_ever_blocks_nobody(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "BACK_OFF_S", (0.01, 0.01))

    def breaks(deliveries: Sequence[Delivery]) -> Exception | None:
        return WriteError("too big", 17419) if any(one.decoded.runs and _is(one, "m1") for one in deliveries) else None

    with plant.working(BreakingRecorder(plant.database, breaks)):
        plant.send(*[a_payload(n) for n in range(3)])
        verdicts = {one["id"]: one for one in plant.client.wait_for(3)}
    assert [one["code"] for one in verdicts["m1"]["rejected"]] == ["internal-error"]
    assert plant.stored() == [T0, T0 + 2 * MINUTE_MS]


def test_a_message_that_cannot_even_be_kept_blocks_nobody(plant: Plant) -> None:
    def breaks(deliveries: Sequence[Delivery]) -> Exception | None:
        return RuntimeError("m1") if any(_is(one, "m1") for one in deliveries) else None

    with plant.working(BreakingRecorder(plant.database, breaks)):
        assert [one["code"] for one in plant.ask(a_payload(1))["rejected"]] == ["internal-error"]
        assert counts(plant.ask(a_payload(2))) == (1, 0, 0, 0, 0)


def test_a_database_that_goes_away_between_messages_taken_alone_is_waited_for(plant: Plant) -> None:
    errors: list[Exception | None] = [RuntimeError("defect"), AutoReconnect("gone"), None]
    with plant.working(BreakingRecorder(plant.database, lambda _: errors.pop(0))):
        assert counts(plant.ask(a_payload())) == (1, 0, 0, 0, 0)


def test_a_worker_that_is_stopped_takes_what_it_holds_to_its_end(plant: Plant) -> None:
    never = threading.Event()
    recorder = BreakingRecorder(plant.database, lambda _: RuntimeError() if never.wait(0.3) else None)
    with plant.working(recorder) as running:
        plant.send(*[a_payload(n) for n in range(30)])
        wait_until(lambda: recorder.sizes)
        running.stopping.ask()
    told = len(plant.client.wait_for(len(plant.stored())))
    assert told == len(plant.stored()) > 0
    with plant.working():
        plant.client.wait_for(30)
    assert plant.stored() == [T0 + n * MINUTE_MS for n in range(30)]
    assert sum(one["duplicate"] for one in plant.client.wait_for(30)) == 0


def test_two_workers_share_the_load_and_nothing_is_doubled(plant: Plant) -> None:
    recorders = [BreakingRecorder(plant.database, lambda _: None) for _ in range(2)]
    with plant.working(recorders[0]), plant.working(recorders[1]):
        wait_until(lambda: all(_has_slot(plant, slot) for slot in (0, 1)))
        plant.send(*[a_payload(n) for n in range(60)])
        verdicts = plant.client.wait_for(60)
    assert all(sum(one.sizes) >= 10 for one in recorders)
    assert sum(one["stored"] for one in verdicts) == 60
    assert plant.stored() == [T0 + n * MINUTE_MS for n in range(60)]


def test_a_device_that_joins_a_group_takes_no_share_and_hears_nothing(plant: Plant) -> None:
    """mosquitto grants every SUBSCRIBE under an access list; only the group's name, a secret, keeps devices out."""
    name = f"{plant.vendor}/joins"
    with plant.working(), Client(plant.broker.host, plant.broker.port, name, plant.broker.add(name)) as device:
        for topic in ("$share/workers/phr/v1/+/+/readings", "phr/v1/+/+/readings", "#"):
            device.subscribe(topic)
        plant.send(*[a_payload(n) for n in range(40)])
        assert sum(one["stored"] for one in plant.client.wait_for(40)) == 40
        device.publish(f"phr/v1/{name}/readings", a_payload(41))
        assert [topic for topic, _ in device.wait_for(1)] == [f"phr/v1/{name}/feedback"]
    assert len(plant.stored()) == 40


def test_a_worker_empties_the_session_that_another_left(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.orphans.FIRST_LOOK_AFTER_MS", 0)
    monkeypatch.setattr("ingest.orphans.LOOK_EVERY_MS", 100)
    monkeypatch.setattr("ingest.emptiness.QUIET_MS", 300)
    with plant.working():
        with plant.working():
            wait_until(lambda: _has_slot(plant, 1))
        plant.send(*[a_payload(n) for n in range(40)])  # the broker gives the absent one its half
        plant.client.wait_for(40)
        wait_until(lambda: not _has_slot(plant, 1))
        plant.send(*[a_payload(n) for n in range(40, 60)])
        plant.client.wait_for(60)
    assert plant.stored() == [T0 + n * MINUTE_MS for n in range(60)]


def test_a_worker_that_is_stopped_gives_an_adopted_slot_back(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.orphans.FIRST_LOOK_AFTER_MS", 0)
    monkeypatch.setattr("ingest.orphans.LOOK_EVERY_MS", 100)
    monkeypatch.setattr("ingest.emptiness.QUIET_MS", 1_000 * WAIT_S)  # it is not emptied before it is given back
    with plant.working():
        with plant.working():
            wait_until(lambda: _has_slot(plant, 1))
        wait_until(lambda: plant.database["worker_slots"].find_one({"_id": 1, "until_ms": {"$gt": 0}}))
    assert slots.adopt(plant.database, 0, now_ms()) == 1


def _is(delivery: Delivery, payload_id: str) -> bool:
    return delivery.decoded.payload_id == payload_id


def _has_slot(plant: Plant, slot: int) -> Any:
    return plant.database["worker_slots"].find_one({"_id": slot})
