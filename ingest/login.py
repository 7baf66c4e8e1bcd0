"""Tries an MQTT login: the smallest client that can tell whether a broker answers and takes a password."""

from __future__ import annotations

import socket
import time

_CONNACK = 0x20


def can_log_in(host: str, port: int, username: str, password: str, timeout_s: float = 2.0) -> bool:
    """True when the broker accepts the user. Raises OSError where nobody answers."""
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        connection.sendall(_connect_packet(username, password))
        answer = connection.recv(4)
    return len(answer) == 4 and answer[0] == _CONNACK and answer[3] == 0


def wait_for_login(host: str, port: int, username: str, password: str, timeout_s: float) -> bool:
    """True once the broker accepts the user; False when it has not within the time."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if can_log_in(host, port, username, password):
                return True
        except OSError:
            pass  # not there yet
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)


def _connect_packet(username: str, password: str) -> bytes:
    """CONNECT of MQTT 3.1.1 (OASIS mqtt-v3.1.1, section 3.1): clean session, no client id, user name and password."""
    flags = 0b1100_0010
    body = _text("MQTT") + bytes([4, flags, 0, 10]) + _text("") + _text(username) + _text(password)
    return bytes([0x10]) + _length(len(body)) + body


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def _length(value: int) -> bytes:
    """A number as MQTT writes a packet's length: seven bits a byte, the high bit says that more follow."""
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)
