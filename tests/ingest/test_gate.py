"""Which messages of a batch are taken: within the rate, and with what waited while nobody took anything."""

from __future__ import annotations

import pytest

from ingest.gate import AWAY_FROM_MS, Gate
from ingest.handover import Received
from phr.intake.policy import Limits, Plan
from tests.cast import T0


def messages(count: int) -> list[Received]:
    return [Received("phr/v1/a/1/readings", b"{}", None, None, None, n, 1, 1, 0.0, T0) for n in range(count)]


def a_gate() -> Gate:
    return Gate(Plan(device=Limits(messages_per_min=6)))


def test_messages_within_the_rate_are_taken_and_the_rest_told_to_wait() -> None:
    taken, refused = a_gate().divide(messages(8), T0)
    assert (len(taken), [one.wait_s for one in refused]) == (6, [10, 10])


def test_a_topic_that_names_no_device_is_taken_for_the_record_to_refuse() -> None:
    odd = [one._replace(topic="phr/v1/a/no such/readings") for one in messages(9)]
    assert a_gate().divide(odd, T0) == (odd, [])


@pytest.mark.parametrize(("away_ms", "may"), [(AWAY_FROM_MS - 1, 6), (AWAY_FROM_MS, 7), (60_000, 12)])
def test_a_worker_that_was_held_up_takes_what_waited(away_ms: int, may: int) -> None:
    gate = a_gate()
    gate.lives(T0)
    gate.lives(T0 + away_ms)
    taken, refused = gate.divide(messages(20), T0 + away_ms)
    assert (len(taken), len(refused)) == (may, 20 - may)


def test_the_first_worker_of_all_was_not_away() -> None:
    gate = a_gate()
    gate.lives(T0)
    assert len(gate.divide(messages(20), T0)[0]) == 6
