"""A whole installation for one benchmark: real servers on free ports, devices registered, roles as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from ingest import broker, credentials
from ops import mongod, mosquitto, ports
from ops.indexes import ensure_indexes
from phr import clock
from phr.config import Settings
from phr.database import Database, connect
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.passwords import new_password
from phr.people import keyring, master_keys, people
from phr.people.people import NewPerson

ROOT = Path(__file__).resolve().parent.parent
VENDOR = "bench"


@dataclass
class Stack:
    """Running servers and the roles started on them."""

    data_dir: Path
    database: Database
    mongod: mongod.Mongod
    mosquitto: mosquitto.Mosquitto
    http_port: int
    roles: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)

    def start_role(self, role: str, **settings: str) -> subprocess.Popen[bytes]:
        """``python app.py ROLE`` on these servers."""
        env = (
            os.environ
            | settings
            | {
                "PHR_DATA_DIR": str(self.data_dir),
                "PHR_MONGODB_URI": self.mongod.uri,
                "PHR_MQTT_URL": self.mosquitto.url,
                "PHR_MQTT_GROUP": "bench-group",
                "PHR_HTTP_PORT": str(self.http_port),
                "PHR_ADDRESS_REQUESTS_PER_MIN": "1000000",  # the load comes from one machine
                "PHR_CLIENT_REQUESTS_PER_MIN": "1000000",
                "PHR_PERSON_REQUESTS_PER_MIN": "1000000",
            }
        )
        log = (self.data_dir / f"{role}.log").open("ab")
        process = subprocess.Popen([sys.executable, "app.py", role], cwd=ROOT, env=env, stdout=log, stderr=log)
        self.roles.setdefault(role, []).append(process)
        return process

    def stop_role(self, role: str) -> None:
        for process in self.roles.pop(role, []):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

    def start_ingest(self, workers: int) -> None:
        """Workers that have joined the share group when this returns."""
        for _ in range(workers):
            self.start_role("ingest")
            until = time.monotonic() + 30
            while time.monotonic() < until and not self._has_joined():
                time.sleep(0.1)

    def _has_joined(self) -> bool:
        log = self.data_dir / "ingest.log"
        wanted = len(self.roles["ingest"])
        return log.exists() and log.read_bytes().count(b"subscribed to readings") >= wanted

    def start_api(self, workers: int = 1) -> str:
        """The API's base URL, once it answers."""
        self.start_role("api", PHR_API_WORKERS=str(workers))
        url = f"http://127.0.0.1:{self.http_port}"
        until = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                    return url
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def rss_mb(self, role: str) -> float:
        """The largest resident set of the role's processes and their children, in MB."""
        found = [psutil.Process(process.pid) for process in self.roles[role]]
        found += [child for process in found for child in process.children(recursive=True)]
        return max(process.memory_info().rss for process in found) / 1e6

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far of each part."""
        parts = {"mongod": [self.mongod.process.pid], "mosquitto": [self.mosquitto.process.pid]}
        parts |= {role: [process.pid for process in processes] for role, processes in self.roles.items()}
        return {name: sum(_cpu(pid) for pid in pids) for name, pids in parts.items()}

    def register(self, count: int, first: int = 0, made_on: date | None = None) -> list[str]:
        """Devices d<first>…, each bound to a person of its own; their refs. What is older than ``made_on`` is held."""
        refs: list[str] = []
        for low in range(first, first + count, 500):
            numbers = range(low, min(low + 500, first + count))
            made = people.create_many(self.database, [NewPerson(zone="Asia/Shanghai", is_demo=True) for _ in numbers])
            drafts = [
                NewDevice(vendor=VENDOR, name=f"d{number}", bindings=(("", person.id),), made_on=made_on)
                for number, person in zip(numbers, made, strict=True)
            ]
            refs += [one.device.ref for one in devices.create_devices(self.database, drafts, clock.now_ms())]
        return refs

    def person_of(self, ref: str) -> str:
        """Whose device it is."""
        found = devices.find(self.database, ref)
        assert found
        return found.bindings[0].person

    @contextmanager
    def device(self, client: tuple[str, str, str]) -> Iterator[mqtt.Client]:
        """The connection of one device, which publishes now and then: (username, password, topic) as of ``clients``."""
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        sender.username_pw_set(*client[:2])
        sender.connect(self.mosquitto.host, self.mosquitto.port)
        sender.loop_start()
        yield sender
        sender.disconnect()
        sender.loop_stop()

    def clients(self, refs: Sequence[str]) -> list[tuple[str, str, str]]:
        """(user name, password, topic) of each device; all under the vendor's login."""
        password = new_password(16)
        credentials.put_credential(self.database, VENDOR, broker.password_hash(password), VENDOR, None)
        credentials.sync(self.database, self.data_dir)
        return [(VENDOR, password, f"phr/v1/{ref}/readings") for ref in refs]

    def strangers(self, vendor: str, count: int) -> list[tuple[str, str, str]]:
        """``clients`` of another vendor, whose devices nobody registered."""
        password = new_password(16)
        devices.create_vendor(self.database, vendor, clock.now_ms())
        credentials.put_credential(self.database, vendor, broker.password_hash(password), vendor, None)
        credentials.sync(self.database, self.data_dir)
        return [(vendor, password, f"phr/v1/{vendor}/d{number}/readings") for number in range(count)]


def _cpu(pid: int) -> float:
    """Of a process, its children that live and those that have ended."""
    parent = psutil.Process(pid)
    every = [one.cpu_times() for one in (parent, *parent.children(recursive=True))]
    return sum(float(one.user + one.system + one.children_user + one.children_system) for one in every)


@contextmanager
def running(data_dir: Path | None = None) -> Iterator[Stack]:
    """An installation, ended when the block ends; a temporary one without ``data_dir``."""
    with tempfile.TemporaryDirectory(prefix="phr-bench-") as temporary:
        home = data_dir or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        server = mongod.start(home / "mongod", ports.free_port())
        database = connect(server.uri, "phr")
        keyring.use(master_keys.load(Settings(data_dir=home), makes=True))
        ensure_indexes(database)
        if not devices.vendor_exists(database, VENDOR):
            devices.create_vendor(database, VENDOR, clock.now_ms())
        credentials.sync(database, home)
        hub = mosquitto.start(home, "127.0.0.1", ports.free_port(), tls_port=ports.free_port())
        stack = Stack(home, database, server, hub, ports.free_port())
        try:
            yield stack
        finally:
            for role in list(stack.roles):
                stack.stop_role(role)
            mosquitto.stop(hub)
            database.client.close()
            mongod.stop(server)
