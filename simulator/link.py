"""One MQTT connection of simulated devices; it keeps each payload until its verdict and sends it again otherwise."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from phr.errors import PayloadTooLarge, ServerUnavailable, SettingInvalid
from simulator.home import Device

# A broker refuses what is over its own limit by ending the connection, and paho would send it again on each new one.
MOST_BYTES = 256 * 1024
_FILTERS_PER_SUBSCRIBE = 100
_PATIENCE_S = 15.0


@dataclass(slots=True)
class Tally:
    """What became of the items, by the verdicts; ``published`` and ``resent`` count messages."""

    published: int = 0
    resent: int = 0
    stored: int = 0
    duplicate: int = 0
    corrected: int = 0
    held: int = 0
    rejected: int = 0
    unanswered: int = 0

    def add(self, other: Tally) -> None:
        for spec in fields(Tally):
            setattr(self, spec.name, getattr(self, spec.name) + getattr(other, spec.name))


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    is_tls: bool

    @classmethod
    def of(cls, mqtt_url: str) -> Address:
        """Where the broker is; the login in the URL is the server's and is not used. Raises SettingInvalid."""
        parts = urlsplit(mqtt_url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise SettingInvalid("PHR_MQTT_URL is not mqtt://host:port or mqtts://host:port")
        is_tls = parts.scheme == "mqtts"
        return cls(parts.hostname, parts.port or (8883 if is_tls else 1883), is_tls)


@dataclass(slots=True)
class _Waiting:
    topic: str
    payload: bytes
    answers_due: int
    sent_at_s: float
    tries: int = 1


class Link:
    """Devices that share a login share a connection. ``window``: payloads that may wait for a verdict at once."""

    def __init__(self, address: Address, devices: Sequence[Device], window: int) -> None:
        self.tally = Tally()
        self._address = address
        self._topics = {device.ref: device.topic for device in devices}
        self._filters = [device.feedback_topic for device in devices]
        self._window = window
        self._waiting: dict[str, _Waiting] = {}
        self._changed = threading.Condition()
        self._is_ready = threading.Event()
        self._refusal: str | None = None
        self._client = self._new_client(devices[0])

    def open(self) -> None:
        """Returns once the broker has taken the login and the subscriptions. Raises ServerUnavailable."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=60)
        except OSError as error:
            raise ServerUnavailable(f"no broker at {self._address.host}:{self._address.port}: {error}") from error
        self._client.loop_start()
        if not self._is_ready.wait(_PATIENCE_S) or self._refusal:
            self.close()
            raise ServerUnavailable(f"the broker refused a simulated device: {self._refusal or 'no answer'}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, device: str, message_id: str, payload: bytes, copies: int, now_s: float) -> bool:
        """Publishes where the window has room; False where it has none yet. Raises PayloadTooLarge."""
        if len(payload) > MOST_BYTES:
            raise PayloadTooLarge(f"{len(payload)} bytes; a payload has at most {MOST_BYTES}")
        topic = self._topics[device]
        with self._changed:
            if len(self._waiting) >= self._window:
                return False
            self._waiting[message_id] = _Waiting(topic, payload, copies, now_s)
            self.tally.published += 1
            self.tally.resent += copies - 1
        for _ in range(copies):
            self._client.publish(topic, payload, qos=1)
        return True

    def wait_for_room(self, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < self._window, timeout_s)

    def wait_until_answered(self, timeout_s: float) -> bool:
        """True once no payload waits for its verdict."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def resend_overdue(self, now_s: float, patience_s: float, tries: int) -> None:
        """Sends again what has no verdict; gives up what has been tried ``tries`` times, and counts it."""
        with self._changed:
            overdue = [(key, one) for key, one in self._waiting.items() if now_s - one.sent_at_s > patience_s]
            for key, one in overdue:
                if one.tries >= tries:
                    del self._waiting[key]
                    self.tally.unanswered += 1
                    continue
                one.tries += 1
                one.sent_at_s = now_s
                self.tally.resent += 1
                self._client.publish(one.topic, one.payload, qos=1)
            self._changed.notify_all()

    def give_up(self) -> None:
        """Counts what still has no verdict as unanswered."""
        with self._changed:
            self.tally.unanswered += len(self._waiting)
            self._waiting.clear()

    def _new_client(self, device: Device) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(device.mqtt_username, device.mqtt_password)
        if self._address.is_tls:
            client.tls_set(cert_reqs=ssl.CERT_REQUIRED)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            self._is_ready.set()
            return
        for first in range(0, len(self._filters), _FILTERS_PER_SUBSCRIBE):
            client.subscribe([(one, 1) for one in self._filters[first : first + _FILTERS_PER_SUBSCRIBE]])

    def _on_subscribe(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        failed = [reason for reason in reasons if reason.is_failure]
        self._refusal = str(failed[0]) if failed else None
        self._is_ready.set()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        verdict = json.loads(message.payload)
        with self._changed:
            one = self._waiting.get(verdict.get("id") or "")
            if one is None:
                return
            self._count(verdict)
            one.answers_due -= 1
            if one.answers_due <= 0:
                del self._waiting[verdict["id"]]
                self._changed.notify_all()

    def _count(self, verdict: dict[str, Any]) -> None:
        self.tally.add(
            Tally(
                stored=verdict.get("stored", 0),
                duplicate=verdict.get("duplicate", 0),
                corrected=verdict.get("corrected", 0),
                held=verdict.get("held", 0),
                rejected=verdict.get("rejected_count", 0),
            )
        )
