"""A paho client that spends a quarter of the time on a message: whole buffers are read, no message objects are built.

paho reads a packet's first bytes one by one, asks ``select`` before each packet, makes a dictionary of properties for
each message and a system call for each acknowledgement. Together that cost more than storing the reading did
(docs/decisions/0006-lean-client.md). What is overridden here is private to paho, so its version is pinned, and
tests/ingest/test_lean_client.py compares what both hand over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

READ_BYTES = 256 * 1024
READS_A_TURN = 4  # before the client writes and looks at its timers again

_PUBACK = 0x40
_QOS_1 = 1


class Publish(NamedTuple):
    """A QoS 1 message as it came."""

    topic: str
    payload: bytes
    mid: int
    is_redelivered: bool
    is_retained: bool
    properties: Properties | None  # None: it has none


class LeanClient(Client):
    """``on_qos_1`` gets every QoS 1 message, on the network thread, and nothing is acknowledged unasked.

    Messages of other qualities of service go to ``on_message`` as ever.
    """

    on_qos_1: Callable[[Publish], None]

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.manual_ack_set(True)
        self._buffer = b""
        self._position = 0
        self._reads_left = READS_A_TURN

    def acknowledge(self, mids: Sequence[int]) -> None:
        """All of them with one write."""
        packets = b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids)
        if packets:
            self._packet_queue(_PUBACK, packets, 0, 1)

    def reconnect(self) -> MQTTErrorCode:
        self._buffer, self._position = b"", 0  # what an old connection left unread belongs to no packet of the new one
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:  # noqa: ARG002 - as many as have arrived
        """Takes all packets of a few reads; what the socket still has after them makes ``select`` return at once."""
        self._reads_left = READS_A_TURN
        while self._sock is not None:
            result = self._packet_read()
            if result == MQTTErrorCode.MQTT_ERR_AGAIN:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            if result > 0:
                return self._loop_rc_handle(result)
        return MQTTErrorCode.MQTT_ERR_NO_CONN

    def _sock_recv(self, bufsize: int) -> bytes:
        """From the buffer. Raises BlockingIOError where nothing has come, or this turn has read enough."""
        if self._position >= len(self._buffer):
            if not self._reads_left:
                raise BlockingIOError
            self._reads_left -= 1
            self._buffer, self._position = super()._sock_recv(READ_BYTES), 0
        end = self._position + bufsize
        data = self._buffer[self._position : end]
        self._position = end
        return data

    def _handle_publish(self) -> MQTTErrorCode:
        header, packet = self._in_packet["command"], self._in_packet["packet"]
        if (header >> 1) & 3 != _QOS_1:
            return super()._handle_publish()
        end = 2 + int.from_bytes(packet[:2], "big")
        begin = end + 3  # after the packet identifier and a first byte of the properties' length
        properties = None
        if len(packet) < begin:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if packet[end + 2]:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            begin = end + 2 + properties.unpack(packet[end + 2 :])[1]  # type: ignore[no-untyped-call]
        try:
            topic = packet[2:end].decode()
        except UnicodeDecodeError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        mid = int.from_bytes(packet[end : end + 2], "big")
        self.on_qos_1(Publish(topic, bytes(packet[begin:]), mid, bool(header & 8), bool(header & 1), properties))
        return MQTTErrorCode.MQTT_ERR_SUCCESS
