"""The speaking end of the broker: verdicts, on a connection of their own so that they never hold up intake."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec
from paho.mqtt.client import MQTT_ERR_NO_CONN, MQTT_ERR_SUCCESS, Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.consumer import BrokerAddress, prepare
from ingest.lean_client import LeanClient
from phr.errors import ServerUnavailable

log = logging.getLogger(__name__)

IN_FLIGHT = 20  # paho slows down tenfold with thousands in flight
MOST_WAITING = 20_000
CLOSES_WITHIN_S = 5.0


class VerdictPublisher:
    """Sends feedback with QoS 1. A verdict lost with this process is asked for again: its device sends once more."""

    def __init__(self, address: BrokerAddress, client_id: str) -> None:
        self._address = address
        self._client = LeanClient(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        prepare(self._client, address)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.max_queued_messages_set(MOST_WAITING)
        self._client.on_publish = self._on_publish
        self._given = self._taken = self._dropped = 0

    def start(self) -> None:
        """Raises ServerUnavailable."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as error:
            raise ServerUnavailable(f"the MQTT broker does not answer: {error}") from error
        self._client.loop_start()

    def publish(self, topic: str, verdict: dict[str, Any], correlation: bytes | None = None) -> None:
        """``correlation``: the request's Correlation Data, which an answer carries (MQTT 5, section 4.10)."""
        properties = None
        if correlation is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
        sent = self._client.publish(topic, msgspec.json.encode(verdict), qos=1, properties=properties)
        # Without a connection paho keeps the message and sends it on the next one.
        if sent.rc in (MQTT_ERR_SUCCESS, MQTT_ERR_NO_CONN):
            self._given += 1
            return
        self._dropped += 1
        if self._dropped % 1000 == 1:
            log.warning("%d verdicts could not be sent; devices will send again", self._dropped)

    @property
    def counts(self) -> tuple[int, int]:
        """Verdicts given to the connection, and those dropped, since the start."""
        return self._given, self._dropped

    def close(self) -> None:
        """Waits until the broker has taken what is under way, ``CLOSES_WITHIN_S`` at most."""
        until = time.monotonic() + CLOSES_WITHIN_S
        while self._taken < self._given and time.monotonic() < until:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, _: Client, __: Any, ___: int, reason: ReasonCode, ____: Any) -> None:
        """Runs on the network thread, which alone counts what was taken."""
        self._taken += 1
        if reason.is_failure:
            log.warning("the broker refused a verdict: %s", reason)
