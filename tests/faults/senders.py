"""Real MQTT clients of two kinds: those that wait for the verdict and send again, and those that trust the PUBACK."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulator.home import Device
from simulator.link import Address, Link
from tests.faults.messages import Ledger

PATIENCE_S = 2.0 if os.environ.get("FAULTS") == "whole" else 0.5
FIRST_RETRY_S = 0.1
WINDOW = 1_000  # more than is published while no worker lives: nobody may wait for room there
PAUSE_S = 0.005
NOBODY_LISTENS = 16


class Sender(Protocol):
    """Speaks for one device."""

    device: str

    def send(self, n: int) -> bool: ...
    def look(self) -> None: ...
    def is_done(self) -> bool: ...
    def close(self) -> None: ...


class Waiting:
    """Keeps a message until its verdict, as the example clients do."""

    def __init__(self, address: tuple[str, int], device: Device, ledger: Ledger) -> None:
        self.device = device.ref
        self._ledger = ledger
        self._link = Link(Address(*address, is_tls=False), [device], WINDOW)
        self._link._client.reconnect_delay_set(FIRST_RETRY_S, 1)  # type: ignore[arg-type]
        self._link.open()

    def send(self, n: int) -> bool:
        payload = self._ledger.messages.payload(self.device, n)
        return self._link.send(self.device, f"{self.device}#{n}", payload, 1, time.monotonic())

    def look(self) -> None:
        self._link.resend_overdue(time.monotonic(), PATIENCE_S, tries=1_000)

    def is_done(self) -> bool:
        return self._link.wait_until_answered(0)

    def close(self) -> None:
        self._link.close()


class Trusting:
    """Forgets a message at its PUBACK, unless that says that nobody listens.

    mosquitto 2.0.11 does not restore shared subscriptions: until the first worker is back after a restart it answers
    16 (no matching subscribers, MQTT 5.0 section 3.4.2.1), which is no failure by its number, and keeps nothing.
    """

    def __init__(self, address: tuple[str, int], device: Device, ledger: Ledger) -> None:
        self.device = device.ref
        self._topic = device.topic
        self._ledger = ledger
        self._acked = ledger.acked.setdefault(device.ref, set())
        self._numbers: dict[int, int] = {}  # mid -> n; written by the traffic's thread
        self._taken: set[int] = set()  # mids; written by paho's thread
        self._refused = 0
        self._again: list[int] = []  # mids; written by paho's thread
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=device.ref, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(device.mqtt_username, device.mqtt_password)
        self._client.on_publish = self._on_publish
        self._client.reconnect_delay_set(FIRST_RETRY_S, 1)  # type: ignore[arg-type]
        self._client.connect(*address)
        self._client.loop_start()

    def send(self, n: int) -> bool:
        if len(self._numbers) - len(self._taken) - self._refused >= WINDOW:
            return False
        sent = self._client.publish(self._topic, self._ledger.messages.payload(self.device, n), qos=1)
        self._numbers[sent.mid] = n
        return True

    def look(self) -> None:
        """Sends again what nobody listened to, and brings the ledger up to date."""
        while self._again:
            n = self._numbers[self._again.pop()]
            sent = self._client.publish(self._topic, self._ledger.messages.payload(self.device, n), qos=1)
            self._numbers[sent.mid] = n
        self._acked.update(self._numbers[mid] for mid in list(self._taken) if mid in self._numbers)

    def is_done(self) -> bool:
        return len(self._numbers) == len(self._taken) + self._refused and not self._again

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        """Runs under paho's own lock."""
        if reason.value == NOBODY_LISTENS:
            self._again.append(mid)
            self._refused += 1
        elif reason.is_failure:
            self._refused += 1
        else:
            self._taken.add(mid)


class Traffic:
    """Publishes with every sender in turn, at a rate, until told to stop or up to a number each."""

    def __init__(self, senders: list[Sender], ledger: Ledger, rate: float, copies: int = 1) -> None:
        self.ledger = ledger
        self._senders = senders
        self._rate = rate
        self._copies = copies
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic")

    def start(self) -> Traffic:
        self._thread.start()
        return self

    def publish_each(self, count: int) -> None:
        """Returns when every sender has published so many more, as fast as they can."""
        for sender in self._senders:
            sent = self.ledger.sent.setdefault(sender.device, set())
            for n in range(len(sent), len(sent) + count):
                while not sender.send(n):
                    sender.look()
                    time.sleep(PAUSE_S)
                sent.add(n)

    def repeat(self) -> None:
        """Publishes all of it once more."""
        for sender in self._senders:
            for n in sorted(self.ledger.sent[sender.device]):
                while not sender.send(n):
                    sender.look()
                    time.sleep(PAUSE_S)

    def stop(self) -> None:
        """Nothing new from here on; what is unanswered is still sent again by ``settle``."""
        self._is_over.set()
        if self._thread.ident:
            self._thread.join()

    def settle(self, timeout_s: float, kinds: tuple[type, ...] = (Waiting, Trusting)) -> None:
        """Returns when every sender of these kinds has its verdicts or its PUBACKs."""
        until = time.monotonic() + timeout_s
        while not self.is_settled(kinds):
            assert time.monotonic() < until, "senders were not answered in time"
            time.sleep(PAUSE_S)

    def is_settled(self, kinds: tuple[type, ...] = (Waiting, Trusting)) -> bool:
        for sender in self._senders:
            sender.look()
        return all(sender.is_done() for sender in self._senders if isinstance(sender, kinds))

    def close(self) -> None:
        self.stop()
        for sender in self._senders:
            sender.close()

    def _run(self) -> None:
        began, count = time.monotonic(), 0
        while not self._is_over.is_set():
            if count > (time.monotonic() - began) * self._rate:
                time.sleep(PAUSE_S)
                continue
            sender = self._senders[count % len(self._senders)]
            sent = self.ledger.sent.setdefault(sender.device, set())
            n = len(sent)
            if sender.send(n):
                sent.add(n)
                for _ in range(self._copies - 1):
                    sender.send(n)
            sender.look()
            count += 1
