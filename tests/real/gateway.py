"""A vendor's cloud on MQTT 5: publishes payloads and waits for their verdicts."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

VERDICT_PATIENCE_S = 30.0
COUNTS = ("stored", "duplicate", "corrected", "held", "rejected_count")

Verdict = dict[str, Any]


class Gateway:
    """One connection with a vendor's login."""

    def __init__(self, address: tuple[str, int], username: str, password: str) -> None:
        self._verdicts: dict[tuple[str, str], list[Verdict]] = {}
        self._arrived = threading.Condition()
        self._subscribed = threading.Event()
        self._username = username
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=uuid.uuid4().hex, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(username, password)
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._keep
        self._client.connect(*address)
        self._client.loop_start()
        if not self._subscribed.wait(VERDICT_PATIENCE_S):
            raise RuntimeError("the broker did not take the vendor's login")

    def send(self, device: str, payload: bytes, content_type: str, payload_id: str = "") -> Verdict:
        """Publishes one payload and gives its verdict; "" for what carries no id and is refused."""
        key = (device, payload_id)
        with self._arrived:
            before = len(self._verdicts.get(key, ()))
        self.publish(device, payload, content_type)
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._verdicts.get(key, ())) > before, VERDICT_PATIENCE_S):
                raise RuntimeError(f"no verdict for {payload_id or 'a payload'} of {device}")
            return self._verdicts[key][-1]

    def publish(self, device: str, payload: bytes, content_type: str) -> None:
        """Returns when the broker has taken it."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = content_type
        topic = f"phr/v1/{self._username}/{device}/readings"
        self._client.publish(topic, payload, qos=1, properties=properties).wait_for_publish(VERDICT_PATIENCE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(f"phr/v1/{self._username}/+/feedback", qos=1)

    def _keep(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        verdict = json.loads(message.payload)
        device = message.topic.split("/")[3]
        with self._arrived:
            self._verdicts.setdefault((device, verdict.get("id") or ""), []).append(verdict)
            self._arrived.notify_all()
