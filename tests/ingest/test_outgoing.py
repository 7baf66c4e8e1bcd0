"""What leaves when: never more under way than the broker allows, in order, and again on a new session."""

from __future__ import annotations

import pytest

from benchmarks import mqtt_wire as wire
from ingest.outgoing import Message, Outgoing


def filled(count: int, window: int, most_waiting: int = 100) -> Outgoing:
    outgoing = Outgoing(most_waiting)
    outgoing.begin(window)
    for number in range(count):
        outgoing.add(Message("t", b"%d" % number))
    return outgoing


def read(packets: bytes) -> list[tuple[int, bytes]]:
    """(packet number, payload) of each, by another reading of the standard."""
    found, rest = wire.split(packets)
    assert rest == b""
    for header, body in found:
        assert (header, body[:3], body[5:6]) == (0x32, b"\x00\x01t", b"\x00")
    return [(int.from_bytes(body[3:5], "big"), body[6:]) for _, body in found]


def test_no_more_leave_than_the_window_lets() -> None:
    outgoing = filled(5, window=2)
    assert read(outgoing.leaving()) == [(1, b"0"), (2, b"1")]
    assert outgoing.leaving() == b""
    outgoing.taken([2, 999])
    assert read(outgoing.leaving()) == [(3, b"2")]
    assert len(outgoing) == 4


def test_nothing_leaves_without_a_connection_and_then_what_was_under_way_goes_first() -> None:
    outgoing = filled(4, window=2)
    outgoing.leaving()
    outgoing.end()
    outgoing.taken([1])
    assert outgoing.leaving() == b""
    outgoing.begin(9)
    assert [payload for _, payload in read(outgoing.leaving())] == [b"1", b"2", b"3"]


def test_a_number_is_not_given_twice_while_it_is_under_way() -> None:
    outgoing = filled(1, window=3)
    assert read(outgoing.leaving()) == [(1, b"0")]
    outgoing._last_mid = 65_534  # as after so many others
    for _ in range(2):
        outgoing.add(Message("t", b"x"))
    assert [mid for mid, _ in read(outgoing.leaving())] == [65_535, 2]


def test_beyond_what_may_wait_nothing_is_taken_in() -> None:
    outgoing = Outgoing(2)
    assert [outgoing.add(Message("t", b"")) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("size", [0, 121, 122, 16_377, 16_378, 100_000])
def test_a_packet_of_any_length_is_whole(size: int) -> None:
    packet = Message("t", b"x" * size).packet(7)
    assert read(packet + packet) == [(7, b"x" * size)] * 2
