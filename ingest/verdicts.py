"""The speaking end of the broker: verdicts, on a connection of their own so that they never hold up intake."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.consumer import BrokerAddress, prepare
from ingest.lean_client import LeanClient, Taken
from ingest.outgoing import Message, Outgoing
from phr.errors import ServerUnavailable

log = logging.getLogger(__name__)

IN_FLIGHT = 1_000  # or fewer, where the broker's Receive Maximum says so
MOST_WAITING = 40_000
CLOSES_WITHIN_S = 5.0
_REFUSED_FROM = 0x80  # reason codes from here on are refusals


class Answer(NamedTuple):
    """``correlation``: the request's Correlation Data, which an answer carries (MQTT 5, section 4.10)."""

    topic: str
    verdict: dict[str, Any]
    correlation: bytes | None = None


class VerdictPublisher:
    """Sends feedback with QoS 1. A verdict lost with this process is asked for again: its device sends once more.

    paho's own ``publish`` keeps a message object and a lock for each; here a batch's verdicts leave with one write.
    """

    def __init__(self, address: BrokerAddress, client_id: str) -> None:
        self._address = address
        self._client = LeanClient(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        prepare(self._client, address)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_taken = self._on_taken
        self._lock = threading.Lock()
        self._outgoing = Outgoing(MOST_WAITING)
        self._given = self._dropped = self._refused = 0

    def start(self) -> None:
        """Raises ServerUnavailable."""
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except OSError as error:
            raise ServerUnavailable(f"the MQTT broker does not answer: {error}") from error
        self._client.loop_start()

    def publish(self, answers: Sequence[Answer]) -> None:
        """Without a connection they wait for the next one, as many as may."""
        messages = [_message(one) for one in answers]
        with self._lock:
            given = sum(map(self._outgoing.add, messages))
            self._given += given
            self._send()
        if given < len(messages):
            self._dropped += len(messages) - given
            log.warning("%d verdicts could not be sent so far; devices will send again", self._dropped)

    @property
    def counts(self) -> tuple[int, int]:
        """Verdicts given to the connection, and those dropped, since the start."""
        return self._given, self._dropped

    def close(self) -> None:
        """Waits until the broker has taken what is under way, ``CLOSES_WITHIN_S`` at most."""
        until = time.monotonic() + CLOSES_WITHIN_S
        while self._outgoing and time.monotonic() < until:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self) -> None:
        """What may leave; within the lock, so that it leaves in order."""
        self._client.send(self._outgoing.leaving())

    def _on_connect(self, _: Client, __: Any, ___: ConnectFlags, reason: ReasonCode, said: Properties | None) -> None:
        if reason.is_failure:
            log.error("broker refused the verdicts' connection: %s", reason)
            return
        with self._lock:
            self._outgoing.begin(min(IN_FLIGHT, getattr(said, "ReceiveMaximum", IN_FLIGHT)))
            self._send()

    def _on_disconnect(self, *_: Any) -> None:
        with self._lock:
            self._outgoing.end()

    def _on_taken(self, taken: list[Taken]) -> None:
        """Runs on the network thread."""
        refused = sum(one.reason >= _REFUSED_FROM for one in taken)
        with self._lock:
            self._outgoing.taken(one.mid for one in taken)
            self._send()
        if refused:
            self._refused += refused
            log.warning("the broker refused %d verdicts so far", self._refused)


def _message(answer: Answer) -> Message:
    payload = msgspec.json.encode(answer.verdict)
    if answer.correlation is None:
        return Message(answer.topic, payload)
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = answer.correlation
    return Message(answer.topic, payload, properties.pack())  # type: ignore[no-untyped-call]
