"""A blood pressure cuff that loses nothing: a persistent session, a Will, payloads on disk until their verdict.

    python examples/python_device.py --broker 127.0.0.1:1883 --user demo/cuff --password … --systolic 128 --diastolic 82

Needs paho-mqtt 2. Run it again to send what is still there; without --systolic it sends only that.
"""

from __future__ import annotations

import argparse
import json
import threading
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION_LIVES_S = 7 * 24 * 3600  # the broker keeps our subscription and verdicts while we are away
RESEND_AFTER_S = 20.0
MOST_BYTES = 256 * 1024  # over its own limit the broker hangs up instead of answering, and paho would send for ever


class Outbox:
    """Payloads on disk, a file each, in order of their making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, readings: list[dict[str, Any]]) -> None:
        """Written whole or not at all: a power cut leaves no half payload."""
        payload_id = f"{datetime.now().astimezone():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
        sketch = self.folder / f"{payload_id}.tmp"
        sketch.write_text(json.dumps({"id": payload_id, "readings": readings}))
        sketch.rename(self.folder / f"{payload_id}.json")

    def waiting(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))

    def release(self, payload_id: str) -> None:
        for path in self.waiting():
            if path.stem == payload_id:
                path.unlink()


class Device:
    def __init__(self, user: str, password: str, outbox: Outbox) -> None:
        self.prefix = f"phr/v1/{unquote(user)}"
        self.outbox = outbox
        self.changed = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"cuff-{user}", protocol=mqtt.MQTTv5)
        self.client.username_pw_set(user, password)
        self.client.will_set(f"{self.prefix}/status", '{"status":"offline"}', qos=1, retain=True)
        self.client.on_connect = self.on_connect
        self.client.on_message = self.on_verdict

    def connect(self, host: str, port: int) -> None:
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = SESSION_LIVES_S
        self.client.connect(host, port, keepalive=60, clean_start=False, properties=session)
        self.client.loop_start()

    def on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            print(f"the broker refused us: {reason}", flush=True)
            return
        client.subscribe(f"{self.prefix}/feedback", qos=1)
        client.publish(f"{self.prefix}/status", '{"status":"online","battery":0.9}', qos=1, retain=True)
        self.send_waiting()

    def send_waiting(self) -> None:
        """Sending again is always safe: what is there already counts as duplicate."""
        kind = Properties(PacketTypes.PUBLISH)
        kind.ContentType = "application/vnd.phr.readings+json"
        for path in self.outbox.waiting():
            if path.stat().st_size > MOST_BYTES:
                print(f"{path} is over {MOST_BYTES} bytes and is not sent; divide it", flush=True)
                path.rename(path.with_suffix(".too-large"))
                continue
            self.client.publish(f"{self.prefix}/readings", path.read_bytes(), qos=1, properties=kind)

    def on_verdict(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        """Every verdict lets its payload go; what was rejected would be rejected again, so a person must look at it."""
        verdict = json.loads(message.payload)
        print(json.dumps(verdict, ensure_ascii=False), flush=True)
        self.outbox.release(verdict["id"] or "")
        self.changed.set()

    def wait_until_empty(self, patience_s: float) -> bool:
        """True once every payload has its verdict; re-sends now and then until the patience ends."""
        while self.outbox.waiting() and patience_s > 0:
            wait_s = min(RESEND_AFTER_S, patience_s)
            self.changed.clear()
            if self.outbox.waiting() and not self.changed.wait(wait_s):
                patience_s -= wait_s
                if self.client.is_connected():
                    self.send_waiting()
        return not self.outbox.waiting()

    def leave(self) -> None:
        """A parting word of our own: the Will is only for when we vanish."""
        self.client.publish(f"{self.prefix}/status", '{"status":"offline"}', qos=1, retain=True).wait_for_publish(5)
        self.client.disconnect()
        self.client.loop_stop()


def main() -> int:
    parser = argparse.ArgumentParser(description="publishes one blood pressure and waits for the verdict")
    parser.add_argument("--broker", default="127.0.0.1:1883", metavar="HOST:PORT")
    parser.add_argument("--user", required=True, help="the device's MQTT user, vendor/device")
    parser.add_argument("--password", required=True)
    parser.add_argument("--systolic", type=int)
    parser.add_argument("--diastolic", type=int, default=80)
    parser.add_argument("--outbox", type=Path, default=Path("outbox"), help="where payloads wait for their verdict")
    parser.add_argument("--patience", type=float, default=60.0, metavar="SECONDS")
    asked = parser.parse_args()
    outbox = Outbox(asked.outbox)
    if asked.systolic is not None:
        value = {"systolic": asked.systolic, "diastolic": asked.diastolic}
        now = datetime.now().astimezone().isoformat(timespec="seconds")  # with the offset of where we are
        outbox.keep([{"metric": "blood-pressure", "t": now, "unit": "mm[Hg]", "value": value}])
    device = Device(asked.user, asked.password, outbox)
    host, _, port = asked.broker.rpartition(":")
    try:
        device.connect(host, int(port))
    except OSError as error:
        print(f"no broker at {asked.broker}: {error}; the payload waits in {asked.outbox}", flush=True)
        return 1
    try:
        return 0 if device.wait_until_empty(asked.patience) else 1
    finally:
        device.leave()


if __name__ == "__main__":
    raise SystemExit(main())
