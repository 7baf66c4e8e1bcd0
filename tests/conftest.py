"""Real servers for every test that wants one: a mongod and a mosquitto per test process, a database per test."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bson.codec_options import CodecOptions
from flask import Flask
from pymongo import MongoClient

from ingest import broker as broker_files
from ingest import broker_update
from ingest.broker_update import Logins
from ops import mongod as mongod_server
from ops import mosquitto, ports, processes, supervision
from ops.indexes import ensure_indexes
from ops.mongod import Mongod
from ops.supervision import Member
from phr.api.application import create
from phr.config import Settings
from phr.database import DURABLE, Database, Document
from phr.migrations.migrate import run_pending
from phr.passwords import new_password
from phr.people import access_lines, keyring, master_keys, numbers
from tests import answers
from tests.emptying import Emptier

MEMORY, ROOM_BYTES = Path("/dev/shm"), 6 * 1024**3
MASTER_KEY = master_keys.new_text()


@dataclass
class Broker:
    """A mosquitto that is kept alive. ``add`` gives a vendor ("acme") or a device ("acme/cuff") its login."""

    data_dir: Path
    port: int
    tls_port: int
    passwords: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)  # their hashes
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return mosquitto.url_of(self.data_dir, self.host, self.port)

    def add(self, username: str) -> str:
        """The password of a user who can log in when this returns; the same each time.

        Another one would have the broker restarted, and the clients of a test that goes on sent away.
        """
        password = self.passwords.setdefault(username, new_password(16))
        self.entries.setdefault(username, broker_files.password_hash(password))
        broker_update.update(self.data_dir, lambda: Logins(self.entries), lambda: None, timeout_s=40)
        return password

    def spawn(self) -> processes.Process:
        """Without the sessions from before, so that one test's restart is not the next test's."""
        (broker_files.folder(self.data_dir) / broker_files.STORE / "mosquitto.db").unlink(missing_ok=True)
        return mosquitto.spawn(self.data_dir, self.host, self.port, self.tls_port)

    @contextmanager
    def kept_alive(self) -> Iterator[Broker]:
        """As a family does it."""
        member, is_over = Member("mosquitto", self.spawn), threading.Event()
        mosquitto.wait_until_up(member.start(time.monotonic()), self.data_dir)
        keeping = threading.Thread(target=supervision.supervise, args=([member], is_over.is_set), name="broker")
        keeping.start()
        try:
            yield self
        finally:
            is_over.set()
            keeping.join()
            supervision.stop_all([member])


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """A one-member replica set; its files are in memory where there is room: every write waits for the journal."""
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    base = MEMORY if has_room else tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(prefix="phr-tests-", dir=base) as directory:
        server = mongod_server.start(Path(directory), ports.free_port())
        yield server
        mongod_server.stop(server)


@pytest.fixture(scope="session")
def mongod(database_server: Mongod) -> str:
    """Its URI."""
    return database_server.uri


@pytest.fixture(scope="session")
def mongo_client(mongod: str) -> Iterator[MongoClient[Document]]:
    """The tests' own client, with the options of ``phr.database.connect``."""
    options: dict[str, Any] = {"tz_aware": True, "uuidRepresentation": "standard", "w": "majority", "journal": True}
    with MongoClient(mongod, **options) as client:
        # What a test writes is of T0, which lies further back each day: the server would take away what has expired
        # by its own clock, once a minute, in the middle of a test.
        client.admin.command({"setParameter": 1, "ttlMonitorEnabled": False})
        yield client


@pytest.fixture(scope="session")
def _record(mongo_client: MongoClient[Document]) -> Emptier:
    """Made once: a database of its own for each test would cost more than the test, and mongod its open files."""
    name = f"t{secrets.token_hex(6)}"
    database = mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True), write_concern=DURABLE)
    keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))

    def make() -> None:
        ensure_indexes(database)
        run_pending(database)

    make()
    return Emptier(database, make, keeps=frozenset({"migrations"}))


@pytest.fixture
def database(_record: Emptier) -> Iterator[Database]:
    """An empty record with every index, in the form of this version."""
    keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))  # a test may have used another
    keyring.forget(_record.database)
    access_lines.begin_anew(_record.database)
    yield _record.database
    _record.empty()
    numbers.ensure_indexes(_record.database)


@pytest.fixture(scope="session")
def application(_record: Emptier, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Made once: putting its routes together takes longer than most tests. ``cast`` gives it a new installation."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("api") / "phr", operator="tester", mqtt_group="group", master_key=MASTER_KEY
    )
    made = create(settings, _record.database)
    answers.hold(made)
    return made


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with the server's user and a vendor, acme; topics are the tests' own business."""
    with Broker(tmp_path_factory.mktemp("broker"), ports.free_port(), ports.free_port()).kept_alive() as running:
        running.add("acme")
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation of its own, without servers."""
    return Settings(data_dir=tmp_path / "phr", operator="tester", mqtt_group="group", master_key=MASTER_KEY)
