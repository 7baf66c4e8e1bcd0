"""The reading end of the broker: a persistent session that hands messages over and acknowledges when told to."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.handover import HandOver, Received
from ingest.lean_client import LeanClient, Publish
from ingest.topics import readings_filter
from phr import hops
from phr.clock import now_ms
from phr.errors import ServerUnavailable, SettingInvalid

log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 24 * 3600
WINDOW = 50_000  # unacknowledged messages the broker may have under way to one worker: a batch and what waits for it
# What waits in memory for the recorder; beyond it the socket is not read and the broker queues instead.
HANDED_OVER = 12_000
HANDED_OVER_BYTES = 16 * 1024 * 1024
KEEPALIVE_S = 30
FIRST_RETRY_S = 0.1  # until a worker is back, a broker that was restarted keeps nothing of what is published
SETTLING_S = 30  # what comes sooner after a connection may have waited for it
# mosquitto gives a shared subscription retained messages too; a session that is resumed has had them.
_SUBSCRIPTION = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)


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


def hold_to_tls(url: str, bind: str) -> None:
    """Raises SettingInvalid for an address that leaves this machine in the clear. ``bind``: as PHR_BIND."""
    address = parse_url(url)
    if not address.has_tls and not hops.stays_here(address.host, bind):
        raise SettingInvalid("PHR_MQTT_URL leaves this machine in the clear: use mqtts://")


def make_client(address: BrokerAddress, client_id: str) -> Client:
    """An MQTT 5 client that is not connected yet and comes back by itself when the broker does."""
    client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
    prepare(client, address)
    return client


def prepare(client: Client, address: BrokerAddress) -> None:
    """What every client of ours needs to log in and to come back."""
    client.username_pw_set(address.username, address.password)
    if address.has_tls:
        client.tls_set(cert_reqs=ssl.CERT_REQUIRED)
    client.reconnect_delay_set(FIRST_RETRY_S, 5)  # type: ignore[arg-type] # any number does


class Consumer:
    """Messages of the shared readings subscription, one at a time, in a bounded queue.

    ``drains``: takes what a session still holds and has the broker put nothing more into it.
    """

    def __init__(self, address: BrokerAddress, group: str, client_id: str, *, drains: bool = False) -> None:
        self._address = address
        self._client_id = client_id
        self._filter = readings_filter(group)
        self._queue = HandOver(HANDED_OVER, HANDED_OVER_BYTES)
        self._epoch = 0
        self._connected_at = 0.0
        self._is_stopping = False
        self._is_ready = threading.Event()
        self._has_begun = threading.Event()
        self._drains = drains
        self._client = LeanClient(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        prepare(self._client, address)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_unsubscribe = lambda *_: self._become_ready()
        self._client.on_qos_1 = self._hand_over
        self._client.on_message = self._on_qos_0

    def start(self, timeout_s: float = 30) -> None:
        """Connects, subscribes (one that drains: unsubscribes) and begins to receive. Raises ServerUnavailable.

        Returns when that is granted, or at once where the broker kept the session: see ``is_ready``.
        """
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
        if not self._has_begun.wait(timeout_s):
            self.stop_receiving()
            self._client.disconnect()
            self._client.loop_stop()
            raise ServerUnavailable(f"the MQTT broker at {where} did not grant the readings subscription")

    def gather(self, most: int, most_bytes: int, wait_s: float, linger_s: float) -> list[Received]:
        """The next messages, as ``HandOver.take`` gives them."""
        return self._queue.take(most, most_bytes, wait_s, linger_s)

    def acknowledge(self, batch: list[Received]) -> None:
        """Tells the broker that it may forget these; what another connection delivered is left to come again."""
        self._client.acknowledge([one.mid for one in batch if one.qos and one.epoch == self._epoch])

    def stop_receiving(self) -> None:
        """Takes nothing more over; what is handed over can still be gathered and acknowledged."""
        self._is_stopping = True

    @property
    def is_ready(self) -> bool:
        """True while the broker is there and has granted what ``start`` asks for."""
        return self._is_ready.is_set() and self._client.is_connected()

    def ask(self) -> None:
        """Of one that drains: it is ready again once the broker has answered, and so has given what it had before."""
        self._is_ready.clear()
        self._client.unsubscribe(self._filter)

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages that are handed over and not gathered, and their bytes."""
        return self._queue.waiting

    def close(self, *, ends_session: bool = False) -> None:
        """Lets the last acknowledgements leave, then disconnects; the broker keeps the session unless it is ended."""
        self.stop_receiving()
        until = time.monotonic() + 2
        while self._client.want_write() and time.monotonic() < until:
            time.sleep(0.01)
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
        if ends_session:
            properties.SessionExpiryInterval = 0
        self._client.disconnect(properties=properties)
        self._client.loop_stop()

    def _on_connect(self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, __: Any) -> None:
        if reason.is_failure:
            log.error("broker refused the connection: %s", reason)
            return
        self._epoch += 1
        self._connected_at = time.monotonic()
        log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
        if self._drains:
            client.unsubscribe(self._filter)
        else:
            client.subscribe(self._filter, options=_SUBSCRIPTION)

        if flags.session_present:  # what it held comes before the answer, and must be taken for that to come at all
            self._has_begun.set()

    def _become_ready(self) -> None:
        self._is_ready.set()
        self._has_begun.set()

    def _on_subscribe(self, _: Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("broker refused the readings subscription: %s", reasons[0])
        else:
            log.info("subscribed to readings")
            self._become_ready()

    def _on_disconnect(self, _: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Any) -> None:
        self._is_ready.clear()
        self._epoch += 1  # at once, so that no acknowledgement is kept for the next connection
        if not self._is_stopping:
            log.warning("lost the broker: %s; reconnecting", reason)

    def _on_qos_0(self, _: Client, __: Any, message: MQTTMessage) -> None:
        """As below; the subscription is of QoS 1, so nothing of a higher one comes."""
        one = Publish(
            message.topic,
            bytes(message.payload),
            0,
            is_redelivered=False,
            is_retained=message.retain,
            properties=message.properties,
        )
        self._hand_over([one], qos=0)

    def _hand_over(self, messages: Sequence[Publish], qos: int = 1) -> None:
        """Runs on the network thread. A full queue blocks it, and so bounds what this process holds."""
        at, arrived_at_ms = time.monotonic(), now_ms()
        is_live = qos > 0 and not self._drains and at - self._connected_at >= SETTLING_S
        left: Sequence[Received] = [
            Received(
                one.topic,
                one.payload,
                *_said(one.properties),
                one.mid,
                qos,
                self._epoch,
                at,
                arrived_at_ms,
                self._client_id,
                one.is_redelivered,
                one.is_retained,
                is_first=is_live and not one.is_redelivered and not one.is_retained,
            )
            for one in messages
        ]
        while left and not self._is_stopping:
            left = self._queue.put(left, timeout_s=0.2)


def _said(properties: Properties | None) -> tuple[str | None, str | None, bytes | None]:
    """Content type, response topic and correlation data."""
    if properties is None:
        return None, None, None
    names = ("ContentType", "ResponseTopic", "CorrelationData")
    content_type, response_topic, correlation = (getattr(properties, name, None) for name in names)
    return content_type, response_topic, correlation
