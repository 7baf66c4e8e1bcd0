"""What faults are done to: a broker, worker processes, and devices with owners, on a database that is given."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from pymongo.errors import PyMongoError

from ingest import broker as broker_files
from ops import family, mosquitto, ports, processes, supervision
from ops.indexes import ensure_indexes
from ops.supervision import Member
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database, connect
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.passwords import new_password
from phr.people import keyring, master_keys, people
from simulator.home import Device
from tests.cast import a_person
from tests.conftest import MASTER_KEY
from tests.faults.messages import Ledger, Messages
from tests.faults.nursery import Child
from tests.faults.proof import Record, Row
from tests.faults.senders import Sender, Traffic, Trusting, Waiting

ROOT = Path(__file__).parents[2]
IS_WHOLE = os.environ.get("FAULTS") == "whole"
WAIT_S = 240.0 if IS_WHOLE else 60.0
POLL_S = 0.02
SEED = int(os.environ.get("FAULTS_SEED") or time.time())
RATE = 200.0 if IS_WHOLE else 120.0  # messages a second over all devices
EACH_KIND = 8 if IS_WHOLE else 2  # devices
HOURS_AGO_MS = 14 * 3_600_000


@dataclass
class Site:
    settings: Settings
    database: Database
    broker: mosquitto.Mosquitto
    devices: list[Device]
    owners: dict[str, str]
    workers: list[Child] = field(default_factory=list)
    roles: list[processes.Process] = field(default_factory=list)
    proxy: tuple[str, int] | None = None  # where the devices go instead of to the broker
    changes: Mapping[str, str] = field(default_factory=dict)  # of the broker's configuration
    traffics: list[Traffic] = field(default_factory=list)

    @property
    def record(self) -> Record:
        return Record(self.database, self.owners)

    @property
    def env(self) -> dict[str, str]:
        return family.environment(self.settings, os.environ)

    def spawn_role(self) -> processes.Process:
        """`app.py ingest` as the family starts it, not waited for; its log goes on where the one before it ended."""
        with self._log("role").open("ab") as log:
            process = processes.start([sys.executable, str(ROOT / "app.py"), "ingest"], env=self.env, output=log)
        self.roles.append(process)
        return process

    def start_workers(self, count: int) -> list[Child]:
        """Returns them when all of them have joined the share group."""
        started = [self.start_worker() for _ in range(count)]
        for number in range(len(self.workers) - count, len(self.workers)):
            self.wait_until_joined(str(number))
        return started

    def start_worker(self, death: tuple[str, str] | None = None) -> Child:
        """A worker, not waited for. ``death``: the step "before" or "after" which it ends."""
        self.workers.append(Child(self.env, self._log(str(len(self.workers))), death))
        return self.workers[-1]

    def drain(self, slot: int) -> tuple[int | None, Any]:
        """The status of `app.py ingest drain` and what it printed."""
        log = self._log(f"drain-{slot}")
        child = Child(self.env, log, drains=slot)
        status = child.wait(WAIT_S)
        child.stop()
        printed = [line for line in log.read_text().splitlines() if line.startswith("{")]
        return status, json.loads(printed[-1]) if printed else None

    def wait_until_joined(self, name: str) -> None:
        log = self._log(name)
        wait_until(lambda: log.exists() and b"subscribed" in log.read_bytes(), "worker joins")

    def stop_workers(self) -> None:
        for one in self.workers:
            one.send_signal(signal.SIGTERM)
        for one in self.workers:
            one.stop()
        for role in self.roles:
            processes.stop(role)

    def traffic(
        self, copies: int = 1, kinds: Sequence[Callable[..., Sender]] = (Waiting, Trusting), padding: int = 0
    ) -> Traffic:
        """Half of the devices of each kind; not started. ``padding``: bytes that each payload has for nothing."""
        address = self.proxy or (self.broker.host, self.broker.port)
        ledger = Ledger(Messages((now_ms() - HOURS_AGO_MS) // 1000 * 1000, padding))
        senders = [kinds[i % len(kinds)](address, device, ledger) for i, device in enumerate(self.devices)]
        made = Traffic(senders, ledger, RATE, copies)
        self.traffics.append(made)
        return made

    def stop_broker(self, number: signal.Signals) -> None:
        self.broker.process.send_signal(number)
        self.broker.process.wait(30)

    def start_broker(self) -> None:
        """On the files and the port that it had."""
        self.broker = start_broker(self.settings.data_dir, self.broker.port, self.changes)

    def replace_killed(self, member: Member) -> float:
        """Kills a role with all its processes, returns once it is started again; the instant, ``time.monotonic``.

        It counts as the first end after a steady run.
        """
        assert member.process
        assert member.process.poll() is None
        assert member.due_at_s is None
        member.failures = 0
        killed_s = time.monotonic()
        processes.kill_group(member.process)
        supervision.supervise([member], lambda: member.due_at_s is not None)
        supervision.supervise([member], lambda: member.due_at_s is None)
        return killed_s

    def kill_worker(self) -> float:
        """Kills the one process that works, as a lack of memory would; the instant, ``time.monotonic``."""
        (row,) = self.database.worker_slots.find({"until_ms": {"$gt": now_ms()}})
        killed_s = time.monotonic()
        os.kill(row["pid"], signal.SIGKILL)
        return killed_s

    def recover(self, traffic: Traffic, fault: str, began_s: float | None = None) -> Row:
        """Ends the publishing, measures how long it takes until all is stored, proves that the record is right.

        ``began_s``: the instant of the fault where that is not now, ``time.monotonic``.
        """
        began = began_s or time.monotonic()
        record: Record = _asked(lambda: self.record)
        before, first_s = _asked(record.version), 0.0
        traffic.stop()
        due = [(device, traffic.ledger.readings(device)) for device in traffic.ledger.sent]
        while due:
            if _asked(lambda: record.has(*due[0])):
                due.pop(0)
                continue
            assert time.monotonic() - began < WAIT_S, f"{fault}: {record.row(fault, traffic.ledger)}"
            traffic.is_settled()
            if not first_s and _asked(record.version) > before:
                first_s = time.monotonic() - began
            time.sleep(POLL_S)  # reading without a pause would take the CPU from those who are measured
        row = replace(record.row(fault, traffic.ledger), first_s=first_s, all_s=time.monotonic() - began)
        traffic.settle(WAIT_S)
        self.prove(traffic.ledger, fault)
        return row

    def prove(self, ledger: Ledger, fault: str) -> None:
        """Readings, summaries, alerts, refusals and the API are exactly those of what was published."""
        row = self.record.row(fault, ledger)
        assert (row.lost, row.doubled) == (0, 0), row
        wait_until(lambda: _holds(self.record.check_alerts, ledger), "alerts")
        wait_until(lambda: _holds(self.record.check_refusals, ledger), "refusals")
        self.record.check_alerts(ledger)
        self.record.check_refusals(ledger)
        self.record.check_api(ledger, self.settings)

    def _log(self, name: str) -> Path:
        return self.settings.data_dir / f"ingest-{name}.log"


@contextmanager
def built(
    directory: Path, mongodb_uri: str, each_kind: int = EACH_KIND, changes: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """A site with a share group of its own; everything it started is ended when the block is left."""
    keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))
    database = connect(mongodb_uri, "faults")
    ensure_indexes(database)
    database.telemetry.delete_many({})  # of workers of another site
    vendor, password = f"v{secrets.token_hex(4)}", new_password(16)
    refs = [f"{vendor}/d{number}" for number in range(2 * each_kind)]
    owners = {
        ref: one.id for ref, one in zip(refs, people.create_many(database, [a_person() for _ in refs]), strict=True)
    }
    devices.create_vendor(database, vendor, now_ms())
    for ref, owner in owners.items():
        draft = NewDevice(vendor=vendor, name=ref.partition("/")[2], bindings=(("", owner),))
        devices.create_device(database, draft, now_ms())
    broker_files.write_password_file(directory, {vendor: broker_files.password_hash(password)})
    broker = start_broker(directory, ports.free_port(), changes or {})
    settings = Settings(
        data_dir=directory,
        mongodb_uri=mongodb_uri,
        mongodb_database="faults",
        mqtt_url=broker.url,
        mqtt_group=secrets.token_hex(8),
        operator="faults",
        master_key=MASTER_KEY,
    )
    speaking = [Device(ref, vendor, password, "cuff") for ref in refs]
    site = Site(settings, database, broker, speaking, owners, changes=changes or {})
    try:
        yield site
    finally:
        for traffic in site.traffics:
            traffic.close()
        site.stop_workers()
        mosquitto.stop(site.broker)
        database.worker_slots.delete_many({})
        database.client.close()


def start_broker(data_dir: Path, port: int, changes: Mapping[str, str]) -> mosquitto.Mosquitto:
    """The embedded broker; ``changes``: lines of its configuration by their first word."""
    write = broker_files.write_config

    def write_changed(home: Path, listener: broker_files.Listener) -> Path:
        config = write(home, listener)
        text = config.read_text()
        for word, value in changes.items():
            text = re.sub(rf"^{word} .*\n", "", text, flags=re.MULTILINE)
            # before the listener, whose own settings follow it
            text = text.replace("\nlistener", f"\n{word} {value}\nlistener", 1)
        config.write_text(text)
        return config

    with mock.patch.object(broker_files, "write_config", write_changed):
        return mosquitto.start(data_dir, "127.0.0.1", port)


def wait_until(is_true: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> None:
    until = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < until, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(POLL_S)


def _holds(check: Callable[[Ledger], None], ledger: Ledger) -> bool:
    try:
        check(ledger)
    except AssertionError:
        return False
    return True


def _asked(question: Callable[[], Any]) -> Any:
    """The answer, asked for until the database gives one."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return question()
        except PyMongoError:
            assert time.monotonic() < until, "the database did not come back"
