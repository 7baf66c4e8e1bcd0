"""The speaking end on a real broker."""

from __future__ import annotations

import pytest

from ingest import verdicts
from ingest.consumer import parse_url
from ingest.verdicts import Answer, VerdictPublisher
from phr.errors import ServerUnavailable
from tests.ingest.running import Plant, wait_until

VERDICT = {"id": "m1", "stored": 1}


def test_a_verdict_reaches_its_device(plant: Plant) -> None:
    topic = f"phr/v1/{plant.vendor}/d1/feedback"
    publisher = plant.publisher()
    publisher.start()
    publisher.publish([Answer(topic, VERDICT)])
    assert plant.client.wait_for(1) == [VERDICT]
    publisher.close()


def test_an_answer_carries_the_questions_correlation(plant: Plant) -> None:
    topic = f"phr/v1/{plant.vendor}/d1/feedback/r1"
    publisher = plant.publisher()
    publisher.start()
    publisher.publish([Answer(topic, VERDICT, b"\x01\x02")])
    plant.client.wait_for(1)
    publisher.close()
    assert plant.client.answers == [(topic, VERDICT, b"\x01\x02")]


def test_closing_waits_for_every_verdict_that_was_given(plant: Plant) -> None:
    publisher = plant.publisher()
    publisher.start()
    topic = f"phr/v1/{plant.vendor}/d1/feedback"
    publisher.publish([Answer(topic, {"id": str(number)}) for number in range(200)])
    publisher.close()
    assert [one["id"] for one in plant.client.wait_for(200)] == [str(number) for number in range(200)]


def test_verdicts_wait_for_a_connection_that_was_lost(plant: Plant) -> None:
    topic = f"phr/v1/{plant.vendor}/d1/feedback"
    publisher = plant.publisher()
    publisher.start()
    publisher.publish([Answer(topic, {"id": "before"})])
    assert plant.client.wait_for(1)
    connection = publisher._client.socket()
    assert connection is not None
    connection.shutdown(2)
    publisher.publish([Answer(topic, {"id": str(number)}) for number in range(50)])
    wanted = {"before", *map(str, range(50))}  # at least once each: what was under way leaves again
    wait_until(lambda: {verdict["id"] for _, verdict, _ in list(plant.client.answers)} == wanted)
    publisher.close()
    assert publisher.counts == (51, 0)


def test_what_finds_no_room_is_dropped_and_counted(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MOST_WAITING", 3)
    publisher = plant.publisher()
    publisher.publish([Answer("t", {})] * 5)
    assert publisher.counts == (3, 2)


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ServerUnavailable, match="does not answer"):
        VerdictPublisher(parse_url("mqtt://a:b@127.0.0.1:1"), "c").start()
