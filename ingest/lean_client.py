"""A paho client that spends a tenth of the time on a message: whole buffers are read, packets are cut out of them.

paho reads a packet's first bytes one by one, asks ``select`` before each packet, makes a dictionary for each packet and
another for its properties, and a system call for each acknowledgement. Together that cost more than storing the
reading did (docs/decisions/0006-lean-client.md). What is overridden here is private to paho, so its version is pinned,
and tests/ingest/test_lean_client.py compares what both hand over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

READ_BYTES = 256 * 1024
READS_A_TURN = 4  # before the client writes and looks at its timers again

_PUBACK = 0x40
_PUBLISH_QOS_1, _BUT_FLAGS = (
    0x32,
    0xF6,
)  # the first byte of such a packet, and what is left of it without DUP and RETAIN


class Publish(NamedTuple):
    """A QoS 1 message as it came."""

    topic: str
    payload: bytes
    mid: int
    is_redelivered: bool
    is_retained: bool
    properties: Properties | None  # None: it has none


class Taken(NamedTuple):
    """The broker's answer to a QoS 1 message of ours; ``reason``: from 0x80 on it is a refusal (MQTT 5, 3.4.2.1)."""

    mid: int
    reason: int


class LeanClient(Client):
    """Hands over on the network thread, and acknowledges nothing unasked.

    ``on_qos_1`` gets the QoS 1 messages of a read, ``on_taken`` the answers to those that left by ``send``; without it
    they are paho's. Messages of other qualities of service go to ``on_message`` as ever.
    """

    on_qos_1: Callable[[list[Publish]], None]
    on_taken: Callable[[list[Taken]], None] | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.manual_ack_set(True)
        self._rest = bytearray()  # the beginning of a packet whose end has not come
        self._wanted = 0  # bytes of it, as far as that is known

    def acknowledge(self, mids: Sequence[int]) -> None:
        """All of them with one write."""
        self.send(b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids))

    def send(self, packets: bytes) -> None:
        """Whole packets, with one write; lost with the connection."""
        if packets:
            self._packet_queue(_PUBACK, packets, 0, 1)  # of all kinds paho looks after this one least

    def reconnect(self) -> MQTTErrorCode:
        self._rest, self._wanted = (
            bytearray(),
            0,
        )  # what an old connection left unread belongs to no packet of the new one
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002 - as many as have arrived
        """Takes all packets of a few reads; what the socket still has after them makes ``select`` return at once."""
        for _ in range(READS_A_TURN):
            if self._sock is None:
                return MQTTErrorCode.MQTT_ERR_NO_CONN
            result = self._read()
            if result == MQTTErrorCode.MQTT_ERR_AGAIN:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            if result > 0:
                return self._loop_rc_handle(result)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _read(self) -> MQTTErrorCode:
        try:
            data = self._sock_recv(READ_BYTES)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_AGAIN
        except OSError:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        if not data:
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        self._rest += data
        if len(self._rest) < self._wanted:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            return self._take(bytes(self._rest))
        except MalformedPacket:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _take(self, data: bytes) -> MQTTErrorCode:
        """Every whole packet, in order; the rest waits for the next read. Raises MalformedPacket."""
        at, wanted = 0, 0
        messages: list[Publish] = []
        taken: list[Taken] = []
        while (found := _span_at(data, at)) is not None:
            (begin, end), header = found, data[at]
            if end > len(data):
                wanted = end - at
                break
            at = end
            if header & _BUT_FLAGS == _PUBLISH_QOS_1:
                messages.append(_message(header, data, begin, end))
            elif header == _PUBACK and self.on_taken:
                taken.append(_answer(data, begin, end))
            else:
                self._give(messages, taken)
                messages, taken = [], []
                result = self._handle(header, data[begin:end])
                if result > 0 or self._sock is None:
                    return result
        self._rest, self._wanted = bytearray(data[at:]), wanted
        self._give(messages, taken)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _give(self, messages: list[Publish], taken: list[Taken]) -> None:
        if messages:
            self.on_qos_1(messages)
        if taken and self.on_taken:
            self.on_taken(taken)

    def _handle(self, header: int, body: bytes) -> MQTTErrorCode:
        """The way that paho goes."""
        self._in_packet = {
            "command": header,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        return self._packet_handle()


def _span_at(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the packet that starts there has its body, be it whole or not; None: not to be told yet. Raises
    MalformedPacket.
    """
    length, shift, begin = 0, 0, at + 1
    while begin < len(data):
        byte = data[begin]
        length |= (byte & 0x7F) << shift
        begin += 1
        if byte < 0x80:
            return begin, begin + length
        shift += 7
        if shift > 21:
            raise MalformedPacket("a length has four bytes at most")
    return None


def _message(header: int, data: bytes, begin: int, end: int) -> Publish:
    """The QoS 1 PUBLISH in data[begin:end] (MQTT 5, section 3.3). Raises MalformedPacket."""
    at = begin + 2 + int.from_bytes(data[begin : begin + 2], "big")  # after the topic
    payload_at = at + 3  # after the packet identifier and a first byte of the properties' length
    if payload_at > end:
        raise MalformedPacket("a PUBLISH ends before its payload begins")
    properties = None
    if data[at + 2]:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        payload_at = at + 2 + properties.unpack(data[at + 2 : end])[1]  # type: ignore[no-untyped-call]
    try:
        topic = data[begin + 2 : at].decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket("a topic is not UTF-8") from error
    mid = int.from_bytes(data[at : at + 2], "big")
    return Publish(topic, data[payload_at:end], mid, bool(header & 8), bool(header & 1), properties)


def _answer(data: bytes, begin: int, end: int) -> Taken:
    if end < begin + 2:
        raise MalformedPacket("a PUBACK names no packet")
    return Taken(int.from_bytes(data[begin : begin + 2], "big"), data[begin + 2] if end > begin + 2 else 0)
