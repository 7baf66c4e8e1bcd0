"""The reading end of the broker: a persistent session that hands messages over and acknowledges when told to."""

from __future__ import annotations

import logging
import queue
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.topics import readings_filter
from phr.errors import ServerUnavailable, SettingInvalid

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 24 * 3600
WINDOW = 2_000  # unacknowledged messages the broker may have under way to one worker
HANDED_OVER = 2_000  # messages in memory that wait for the recorder; beyond it the socket is not read
KEEPALIVE_S = 30


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came. ``epoch``: of which connection; an acknowledgement on another would hit a stranger."""

    topic: str
    payload: bytes
    content_type: str | None
    response_topic: str | None
    mid: int
    qos: int
    epoch: int
    at: float  # time.monotonic() of its arrival


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    host: str
    port: int
    username: str | None
    password: str | None
    has_tls: bool


def parse_url(url: str) -> BrokerAddress:
    """``mqtt(s)://user:password@host:port``. Raises SettingInvalid."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise SettingInvalid("PHR_MQTT_URL is not mqtt://user:password@host:port (or mqtts://…)")
    has_tls = parts.scheme == "mqtts"
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return BrokerAddress(parts.hostname, parts.port or (8883 if has_tls else 1883), username, password, has_tls)


def make_client(address: BrokerAddress, client_id: str, *, manual_ack: bool = False) -> Client:
    """An MQTT 5 client that is not connected yet and comes back by itself when the broker does."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=manual_ack)
    client.username_pw_set(address.username, address.password)
    if address.has_tls:
        client.tls_set(cert_reqs=ssl.CERT_REQUIRED)
    client.reconnect_delay_set(1, 5)
    return client


class Consumer:
    """Messages of the shared readings subscription, one at a time, in a bounded queue."""

    def __init__(self, address: BrokerAddress, group: str, client_id: str) -> None:
        self._address = address
        self._filter = readings_filter(group)
        self._queue: queue.Queue[Received] = queue.Queue(HANDED_OVER)
        self._epoch = 0
        self._is_stopping = threading.Event()
        self._is_subscribed = threading.Event()
        self._client = make_client(address, client_id, manual_ack=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def start(self, timeout_s: float = 30) -> None:
        """Connects, subscribes and begins to receive. Raises ServerUnavailable."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = WINDOW
        where = f"{self._address.host}:{self._address.port}"
        try:
            self._client.connect(
                self._address.host, self._address.port, KEEPALIVE_S, clean_start=False, properties=properties
            )
        except OSError as error:
            raise ServerUnavailable(f"the MQTT broker at {where} does not answer: {error}") from error
        self._client.loop_start()
        if not self._is_subscribed.wait(timeout_s):
            self._client.loop_stop()
            raise ServerUnavailable(f"the MQTT broker at {where} did not grant the readings subscription")

    def gather(self, most: int, wait_s: float, linger_s: float) -> list[Received]:
        """The next messages, at most ``most``: the first within ``wait_s``, the others within ``linger_s`` of it."""
        try:
            first = self._queue.get(timeout=wait_s)
        except queue.Empty:
            return []
        batch = [first]
        until = first.at + linger_s
        while len(batch) < most:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                left = until - time.monotonic()
                if left <= 0:
                    break
                time.sleep(min(left, 0.005))
        return batch

    def acknowledge(self, batch: list[Received]) -> None:
        """Tells the broker that it may forget these; what another connection delivered is left to come again."""
        for message in batch:
            if message.qos and message.epoch == self._epoch:
                self._client.ack(message.mid, message.qos)

    def stop_receiving(self) -> None:
        """Takes nothing more over; what is handed over can still be gathered and acknowledged."""
        self._is_stopping.set()

    def close(self) -> None:
        """Lets the last acknowledgements leave, then disconnects; the session stays at the broker."""
        until = time.monotonic() + 2
        while self._client.want_write() and time.monotonic() < until:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, __: Any) -> None:
        if reason.is_failure:
            log.error("broker refused the connection: %s", reason)
            return
        self._epoch += 1
        log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
        client.subscribe(self._filter, qos=1)

    def _on_subscribe(self, _: Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("broker refused the readings subscription: %s", reasons[0])
        else:
            log.info("subscribed to readings")
            self._is_subscribed.set()

    def _on_disconnect(self, _: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Any) -> None:
        if not self._is_stopping.is_set():
            log.warning("lost the broker: %s; reconnecting", reason)

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        """Runs on the network thread. A full queue blocks it, and so bounds what this process holds."""
        properties = message.properties
        received = Received(
            message.topic,
            bytes(message.payload),
            getattr(properties, "ContentType", None),
            getattr(properties, "ResponseTopic", None),
            message.mid,
            message.qos,
            self._epoch,
            time.monotonic(),
        )
        while not self._is_stopping.is_set():
            try:
                self._queue.put(received, timeout=0.2)
            except queue.Full:
                continue
            return
