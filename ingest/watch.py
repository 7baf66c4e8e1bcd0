"""The worker's side line to the broker: hears how full it is and what devices say of themselves, sends commands."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.consumer import BrokerAddress, make_client
from ingest.topics import status_device, status_filter
from phr.errors import PayloadUnreadable, ServerUnavailable
from phr.intake.status import Heard, parse_status
from phr.telemetry.readiness import BROKER_BYTES, BROKER_DROPPED
from phr.telemetry.tally import Tally

log = logging.getLogger(__name__)

SYSTEM_TOPICS = {
    "$SYS/broker/store/messages/bytes": BROKER_BYTES,
    "$SYS/broker/store/messages/count": "broker_stored_messages",
    "$SYS/broker/publish/messages/dropped": BROKER_DROPPED,
}
NOBODY_LISTENS = 16  # MQTT 5, 3.4.2.1: the device has no session, so the broker kept nothing for it
STATUSES_MOST = 20_000  # waiting for the worker's thread; the device says it again at its next connection


class Watch:
    """One connection with a session that ends with it: retained states come again at each start."""

    def __init__(self, address: BrokerAddress, group: str, client_id: str, tally: Tally) -> None:
        self._address = address
        self._filters = [*SYSTEM_TOPICS, status_filter(group)]
        self._tally = tally
        self._lock = threading.Lock()
        self._levels: dict[str, float] = {}
        self._heard: dict[str, Heard] = {}
        self._sent: dict[int, str] = {}  # the worker's thread alone
        self._answered: deque[tuple[int, bool]] = deque()  # put in by paho's thread, which waits for nobody
        self._client = make_client(address, client_id)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def start(self) -> None:
        """Raises ServerUnavailable."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as error:
            raise ServerUnavailable(f"the MQTT broker does not answer: {error}") from error
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def levels(self) -> Mapping[str, float]:
        """What the broker says of itself, empty while it has said nothing."""
        with self._lock:
            return dict(self._levels) if self._client.is_connected() else {}

    def take_heard(self) -> dict[str, Heard]:
        """The last state of each device that spoke since the last call."""
        with self._lock:
            heard, self._heard = self._heard, {}
        return heard

    def take_sent(self) -> list[str]:
        """Ids of the commands that the broker has taken since the last call. Call from the thread that sends."""
        taken = []
        while self._answered:
            mid, is_taken = self._answered.popleft()
            command_id = self._sent.pop(mid, None)
            if command_id and is_taken:
                taken.append(command_id)
        return taken

    def send(self, command_id: str, topic: str, payload: bytes, expires_in_s: int) -> bool:
        """Hands a command to the broker, which keeps it for a device that is away until it expires.

        Under no lock of ours: paho calls ``_on_publish`` with its own held, which ``publish`` waits for.
        """
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = expires_in_s
        sent = self._client.publish(topic, payload, qos=1, properties=properties)
        if sent.rc != MQTT_ERR_SUCCESS:
            return False
        self._sent[sent.mid] = command_id  # the answer may be there already: it is looked at by ``take_sent``
        return True

    def _on_connect(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            log.error("broker refused the side line: %s", reason)
            return
        client.subscribe([(topic, 1) for topic in self._filters])

    def _on_publish(self, _: Client, __: Any, mid: int, reason: ReasonCode, ____: Any) -> None:
        self._answered.append((mid, not reason.is_failure and reason.value != NOBODY_LISTENS))

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        level = SYSTEM_TOPICS.get(message.topic)
        if level is not None:
            self._keep_level(level, bytes(message.payload))
            return
        device = status_device(message.topic)
        if device is None:
            return
        try:
            status = parse_status(bytes(message.payload))
        except PayloadUnreadable:
            self._tally.add("status_messages", label="malformed")
            return
        self._tally.add("status_messages", label="taken")
        with self._lock:
            if device in self._heard or len(self._heard) < STATUSES_MOST:
                self._heard[device] = Heard(status, is_replay=message.retain)

    def _keep_level(self, name: str, payload: bytes) -> None:
        try:
            number = float(payload)
        except ValueError:
            return
        with self._lock:
            self._levels[name] = number
