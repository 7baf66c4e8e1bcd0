"""A small MQTT client for tests: waits for what it asks for, with a bound."""

from __future__ import annotations

import ssl
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

NOT_AUTHORISED = 135
WAIT_S = 40.0


class Client:
    """One connection. Use as a context manager; entering raises ConnectionError where the broker lets nobody in.

    ``session``: a client id whose session the broker keeps while the client is away.
    """

    def __init__(
        self, host: str, port: int, username: str | None, password: str | None, session: str | None = None
    ) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.reason: Any = None
        self._changed = threading.Condition()
        self._published: dict[int, ReasonCode] = {}
        self._subscribed: set[int] = set()
        self.is_connected = False
        self._is_over = False
        self._session = session
        self.has_session = False
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2, session or "", protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        self._paho.username_pw_set(username, password)
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_message = self._on_message
        self._paho.on_publish = self._on_publish
        self._paho.on_subscribe = self._on_subscribe
        self._address = (host, port)

    def use_tls(self, context: ssl.SSLContext) -> None:
        self._paho.tls_set_context(context)

    def __enter__(self) -> Client:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3_600 if self._session else 0
        self._paho.connect(*self._address, clean_start=not self._session, properties=properties)
        self._paho.loop_start()
        self._wait(lambda: self.reason is not None or self._is_over, "no CONNACK")
        if self.reason is None or self.reason.is_failure:
            self.__exit__()
            raise ConnectionRefusedError(str(self.reason or "closed before the CONNACK"))
        return self

    def __exit__(self, *_: object) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> int:
        """The PUBACK's reason code: 0 taken, 16 nobody listens, 135 refused."""
        info = self._paho.publish(topic, payload, qos=1, retain=retain)
        self._wait(lambda: info.mid in self._published, f"no PUBACK for {topic}")
        return int(self._published[info.mid].value)

    def subscribe(self, topic: str) -> None:
        mid = self._paho.subscribe(topic, qos=1)[1]
        self._wait(lambda: mid in self._subscribed, f"no SUBACK for {topic}")

    def wait_for(self, count: int, timeout_s: float = WAIT_S) -> list[tuple[str, bytes]]:
        """The messages, once there are ``count`` of them. Fails when they don't come."""
        self._wait(lambda: len(self.messages) >= count, f"fewer than {count} messages", timeout_s)
        return self.messages

    def wait_until_disconnected(self) -> None:
        self._wait(lambda: not self.is_connected, "still connected")

    def _wait(self, is_true: Any, complaint: str, timeout_s: float = WAIT_S) -> None:
        with self._changed:
            assert self._changed.wait_for(is_true, timeout_s), complaint

    def _on_connect(self, _c: Any, _u: Any, flags: Any, reason: Any, _p: Any) -> None:
        with self._changed:
            self.has_session = flags.session_present
            self.reason, self.is_connected = reason, not reason.is_failure
            self._changed.notify_all()

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, _reason: Any, _p: Any) -> None:
        with self._changed:
            self.is_connected, self._is_over = False, True
            self._changed.notify_all()

    def _on_message(self, _c: Any, _u: Any, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, message.payload))
            self._changed.notify_all()

    def _on_publish(self, _c: Any, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        with self._changed:
            self._published[mid] = reason
            self._changed.notify_all()

    def _on_subscribe(self, _c: Any, _u: Any, mid: int, _r: Any, _p: Any) -> None:
        with self._changed:
            self._subscribed.add(mid)
            self._changed.notify_all()
