"""The few MQTT 5 packets a load generator needs, as bytes (OASIS MQTT 5.0, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator

CONNACK, PUBLISH, PUBACK, SUBACK, DISCONNECT = 0x20, 0x30, 0x40, 0x90, 0xE0

_RECEIVE_MAXIMUM = 0x21
_RECEIVE_MAXIMUM_DEFAULT = 65_535
# Property identifier -> bytes of its value, for those a CONNACK may carry with a fixed length (section 2.2.2.2).
_FIXED_PROPERTIES = {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}


def connect(client_id: str, username: str, password: str, keep_alive_s: int = 600) -> bytes:
    """CONNECT with clean start and credentials."""
    head = b"\x00\x04MQTT\x05\xc2" + keep_alive_s.to_bytes(2, "big") + b"\x00"
    return _packet(0x10, head + _text(client_id) + _text(username) + _text(password))


def subscribe(packet_id: int, topic_filter: str, qos: int = 1) -> bytes:
    """SUBSCRIBE to one filter."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"\x00" + _text(topic_filter) + bytes((qos,)))


def publish(topic_field: bytes, packet_id: int, payload: bytes) -> bytes:
    """PUBLISH at QoS 1, no properties. ``topic_field``: from ``topic_field()``, made once per connection."""
    length = len(topic_field) + 3 + len(payload)
    return b"".join((b"\x32", variable_length(length), topic_field, packet_id.to_bytes(2, "big"), b"\x00", payload))


def puback(packet_id: int) -> bytes:
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def disconnect() -> bytes:
    return b"\xe0\x00"


def topic_field(topic: str) -> bytes:
    return _text(topic)


def variable_length(length: int) -> bytes:
    """A remaining length, 7 bits a byte, lowest first (section 1.5.5)."""
    if length < 128:
        return bytes((length,))
    out = bytearray()
    while True:
        length, low = divmod(length, 128)
        out.append(low | 0x80 if length else low)
        if not length:
            return bytes(out)


def split(buffer: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Whole packets at the start of ``buffer`` as (first byte, body), and what is left over."""
    packets = []
    at = 0
    while (span := _span(buffer, at)) is not None:
        body_at, end = span
        packets.append((buffer[at], buffer[body_at:end]))
        at = end
    return packets, buffer[at:]


def receive_maximum(connack_body: bytes) -> int:
    """How many unacknowledged QoS 1 messages the server takes from one connection."""
    for key, value in _connack_properties(connack_body):
        if key == _RECEIVE_MAXIMUM:
            return int.from_bytes(value, "big")
    return _RECEIVE_MAXIMUM_DEFAULT


def _connack_properties(body: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = 3, 3 + body[2]  # one byte of length is enough for what brokers send
    while at < end:
        key = body[at]
        size = _FIXED_PROPERTIES.get(key)
        if size is None:  # a text property: two bytes of length before it
            size = 2 + int.from_bytes(body[at + 1 : at + 3], "big")
        yield key, body[at + 1 : at + 1 + size]
        at += 1 + size


def _span(buffer: bytes, at: int) -> tuple[int, int] | None:
    length, shift, body_at = 0, 0, at + 1
    while body_at < len(buffer):
        byte = buffer[body_at]
        length |= (byte & 0x7F) << shift
        shift += 7
        body_at += 1
        if byte < 0x80:
            return (body_at, body_at + length) if body_at + length <= len(buffer) else None
    return None


def _packet(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + variable_length(len(body)) + body


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw
