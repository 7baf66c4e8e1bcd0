"""The speaking end of the broker: verdicts, on a connection of their own so that they never hold up intake."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec
from paho.mqtt.client import MQTT_ERR_SUCCESS

from ingest.consumer import BrokerAddress, make_client
from phr.errors import ServerUnavailable

log = logging.getLogger(__name__)

IN_FLIGHT = 20  # paho slows down tenfold with thousands in flight
MOST_WAITING = 20_000


class VerdictPublisher:
    """Sends feedback with QoS 1. A verdict lost with this process is asked for again: its device sends once more."""

    def __init__(self, address: BrokerAddress, client_id: str) -> None:
        self._address = address
        self._client = make_client(address, client_id)
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.max_queued_messages_set(MOST_WAITING)
        self._dropped = 0

    def start(self) -> None:
        """Raises ServerUnavailable."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as error:
            raise ServerUnavailable(f"the MQTT broker does not answer: {error}") from error
        self._client.loop_start()

    def publish(self, topic: str, verdict: dict[str, Any]) -> None:
        sent = self._client.publish(topic, msgspec.json.encode(verdict), qos=1)
        if sent.rc != MQTT_ERR_SUCCESS:
            self._dropped += 1
            if self._dropped % 1000 == 1:
                log.warning("%d verdicts could not be sent; devices will send again", self._dropped)

    def close(self) -> None:
        """Waits up to two seconds for what is under way."""
        until = time.monotonic() + 2
        while self._client.want_write() and time.monotonic() < until:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()
