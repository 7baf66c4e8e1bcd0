"""The bytes of MQTT packets, against the examples of the specification and against each other."""

from __future__ import annotations

import pytest

from benchmarks import mqtt_wire as wire


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (0, b"\x00"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (16_383, b"\xff\x7f"),
        (16_384, b"\x80\x80\x01"),
        (268_435_455, b"\xff\xff\xff\x7f"),
    ],
)
def test_a_length_is_written_as_the_specification_shows(length: int, written: bytes) -> None:
    assert wire.variable_length(length) == written  # MQTT 5.0, table 1-1


@pytest.mark.parametrize("size", [0, 118, 119, 120, 16_374, 16_375, 16_376])
def test_a_publish_is_read_back_whole(size: int) -> None:
    packet = wire.publish(wire.topic_field("a/b"), 7, b"x" * size)
    packets, left = wire.split(packet)
    assert (len(packets), left) == (1, b"")
    assert packets[0] == (0x32, b"\x00\x03a/b\x00\x07\x00" + b"x" * size)


def test_packets_cut_anywhere_are_put_together_again() -> None:
    stream = wire.puback(1) + wire.publish(wire.topic_field("t"), 2, b"y" * 200) + wire.puback(3)
    for cut in range(len(stream)):
        first, left = wire.split(stream[:cut])
        second, rest = wire.split(left + stream[cut:])
        assert [kind for kind, _ in first + second] == [0x40, 0x32, 0x40]
        assert rest == b""


def test_the_receive_maximum_is_found_among_other_properties() -> None:
    properties = b"\x22\x00\x0a\x12\x00\x03abc\x21\x00\x14"
    assert wire.receive_maximum(b"\x00\x00" + bytes([len(properties)]) + properties) == 20


def test_without_a_receive_maximum_it_is_what_the_specification_says() -> None:
    assert wire.receive_maximum(b"\x00\x00\x00") == 65_535
