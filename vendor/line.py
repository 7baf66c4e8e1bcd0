"""One MQTT 5 connection of a vendor: publishes, hears feedback, waits for both with a bound."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from phr.errors import ServerUnavailable
from vendor.login import Address, Login

Verdict = dict[str, Any]
BROKER_WITHIN_S = 15.0
VERDICT_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Heard:
    topic: str
    verdict: Verdict
    correlation: bytes | None


class Line:
    """Use as a context manager; entering raises ServerUnavailable where the broker does not take the login."""

    def __init__(self, address: Address, login: Login, filters: list[str]) -> None:
        self.heard: list[Heard] = []
        self._address = address
        self._filters = filters
        self._changed = threading.Condition()
        self._acknowledged: dict[int, ReasonCode] = {}
        self._is_subscribed = False
        self._refusal: str | None = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(login.username, login.password)
        if address.has_tls:
            self._client.tls_set(cert_reqs=ssl.CERT_REQUIRED)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def __enter__(self) -> Line:
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as error:
            raise ServerUnavailable(f"no broker at {self._address.host}:{self._address.port}: {error}") from error
        self._client.loop_start()
        if not self._wait(lambda: self._is_subscribed or self._refusal) or self._refusal:
            self.__exit__()
            raise ServerUnavailable(f"the broker does not take this login: {self._refusal or 'no answer'}")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def break_off(self) -> None:
        """Ends the connection so that the broker publishes the Will (MQTT 5, 3.14.2.1: reason 4)."""
        self._client.disconnect(reasoncode=ReasonCode(PacketTypes.DISCONNECT, identifier=4))

    def set_will(self, topic: str, payload: bytes) -> None:
        """Before entering: a retained Will."""
        self._client.will_set(topic, payload, qos=1, retain=True)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, **properties: Any) -> int | None:
        """The PUBACK's reason code (0 or 16: taken, 128 and above: refused), None without an answer.

        Properties by their MQTT 5 names, such as ``ContentType``.
        """
        given = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name, value in properties.items():
            setattr(given, name, value)
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=given)
        self._wait(lambda: sent.mid in self._acknowledged)
        reason = self._acknowledged.get(sent.mid)
        return None if reason is None else int(reason.value)

    def ask(self, topic: str, payload: bytes, **properties: Any) -> Heard | None:
        """The next thing heard after publishing; None where nothing came in time."""
        before = len(self.heard)
        self.publish(topic, payload, **properties)
        self._wait(lambda: len(self.heard) > before, VERDICT_WITHIN_S)
        return self.heard[before] if len(self.heard) > before else None

    def listen(self, seconds: float) -> list[Heard]:
        """All that was heard, after this time or when the caller interrupts."""
        with self._changed:
            self._changed.wait_for(lambda: False, seconds)
            return list(self.heard)

    def _wait(self, is_true: Callable[[], Any], timeout_s: float = BROKER_WITHIN_S) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(is_true, timeout_s))

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        with self._changed:
            if reason.is_failure:
                self._refusal = str(reason)
            elif self._filters:
                client.subscribe([(one, 1) for one in self._filters])
            self._changed.notify_all()

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        with self._changed:
            self._is_subscribed = True
            self._refusal = next((str(one) for one in reasons if one.is_failure), None)
            self._changed.notify_all()

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        with self._changed:
            self._acknowledged[mid] = reason
            self._changed.notify_all()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            verdict = json.loads(message.payload)
        except ValueError:
            verdict = {}
        correlation = getattr(message.properties, "CorrelationData", None)
        with self._changed:
            self.heard.append(Heard(message.topic, verdict if isinstance(verdict, dict) else {}, correlation))
            self._changed.notify_all()
