"""The queue between socket and recorder is bounded in number and in bytes, whatever comes."""

from __future__ import annotations

import threading

import pytest

from ingest.handover import HandOver, Received
from tests.ingest.running import WAIT_S

MIB = 1024 * 1024


def a_message(size: int = 1) -> Received:
    return Received("t", b"x" * size, None, None, None, mid=1, qos=1, epoch=1, at=0.0, arrived_at_ms=0)


@pytest.mark.parametrize(("held", "has_room"), [(2, True), (3, False)])
def test_it_is_full_at_its_number(held: int, has_room: bool) -> None:
    queue = HandOver(3, MIB)
    assert not queue.put([a_message()] * held, 0)
    assert (not queue.put([a_message()], 0)) is has_room


def test_it_gives_back_what_it_has_no_room_for() -> None:
    queue, messages = HandOver(3, MIB), [a_message(size) for size in range(1, 6)]
    assert queue.put(messages, 0) == messages[3:]
    assert queue.put(messages[3:], 0) == messages[3:]
    assert [len(one.payload) for one in queue.take(9, MIB, 0, 0)] == [1, 2, 3]


@pytest.mark.parametrize(("size", "has_room"), [(39, True), (40, True), (41, False)])
def test_it_is_full_at_its_bytes(size: int, has_room: bool) -> None:
    queue = HandOver(100, 100)
    queue.put([a_message(60)], 0)
    assert (not queue.put([a_message(size)], 0)) is has_room
    assert queue.waiting == ((2, 60 + size) if has_room else (1, 60))


def test_one_message_fits_whatever_its_size_and_then_no_other() -> None:
    queue = HandOver(100, 100)
    assert not queue.put([a_message(101)], 0)
    assert queue.put([a_message()], 0)


def test_what_is_taken_makes_room_for_one_who_waits() -> None:
    queue, came = HandOver(1, MIB), []
    queue.put([a_message()], 0)
    waiting = threading.Thread(target=lambda: came.extend(queue.put([a_message(2)], WAIT_S)))
    waiting.start()
    assert [len(one.payload) for one in queue.take(1, MIB, WAIT_S, 0)] == [1]
    waiting.join(WAIT_S)
    assert (came, queue.waiting) == ([], (1, 2))


def test_taking_ends_at_its_bytes_and_in_order() -> None:
    queue = HandOver(10, MIB)
    queue.put([a_message(size) for size in (5, 6, 7)], 0)
    assert [[len(one.payload) for one in queue.take(10, 10, 0, 0)] for _ in range(3)] == [[5, 6], [7], []]
    assert queue.waiting == (0, 0)
