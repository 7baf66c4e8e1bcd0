"""A stream from the real server: what a device publishes over MQTT is heard over HTTP, and others are served on."""

from __future__ import annotations

import json
import secrets
import socket
from urllib.parse import urlsplit

from phr.clock import now_ms
from phr.people import access, grants
from tests.live.listening import Listener
from tests.real.installation import Installation


def opened(installation: Installation, person: str) -> Listener:
    parts = urlsplit(installation.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=60)
    token = installation._token(person)
    head = f"GET /v1/people/{person}/stream HTTP/1.1\r\nHost: phr\r\nAuthorization: Bearer {token}\r\n\r\n"
    connection.sendall(head.encode())
    return Listener(connection)


def test_what_a_device_publishes_is_heard_and_the_server_serves_on(installation: Installation) -> None:
    device = f"d-{secrets.token_hex(4)}"
    person = installation.add_person(device, "phr-v1")
    # More than there are threads: a stream keeps none busy.
    listeners = [opened(installation, person) for _ in range(12)]
    for listener in listeners:
        assert b"text/event-stream" in listener.head()
        first = listener.next()
        assert first
        assert first.name == "open"
    reading = {"metric": "weight", "t": now_ms(), "unit": "kg", "value": 61.5}
    payload = json.dumps({"id": "p1", "readings": [reading]}).encode()
    installation.gateway.send(device, payload, "application/vnd.phr.readings+json", "p1")
    heard = [listener.next() for listener in listeners]
    assert [one.body["metric"] for one in heard if one] == ["weight"] * 12
    assert len(installation.rows(person, "weight", resolution="raw")) == 1
    support = access.live_support(installation.operator.database, person, now_ms())
    assert support
    grants.revoke(installation.operator.database, support.id, now_ms())
    ends = [listener.next() for listener in listeners]
    assert [one.body for one in ends if one] == [{"code": "access-ended"}] * 12
    for listener in listeners:
        assert listener.next() is None
        listener.connection.close()
