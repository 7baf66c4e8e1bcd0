"""Real servers for every test that wants one: a mongod and a mosquitto per test process, a database per test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mongoengine
import pytest
from bson.codec_options import CodecOptions
from pymongo import MongoClient

from ingest import broker as broker_files
from ingest.login import wait_for_login
from ops import mongod as mongod_server
from ops import mosquitto, ports
from ops.indexes import ensure_indexes
from phr.config import Settings
from phr.database import DURABLE, Database, Document, connect


@dataclass
class Broker:
    """A running mosquitto. ``add`` gives a vendor ("acme") or a device ("acme/cuff") its login."""

    server: mosquitto.Mosquitto
    entries: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.server.host

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def data_dir(self) -> Path:
        return self.server.data_dir

    def add(self, username: str) -> str:
        """The password of a user who can log in when this returns."""
        password = secrets.token_urlsafe(16)
        self.entries[username] = broker_files.password_hash(password)
        broker_files.write_password_file(self.data_dir, self.entries)
        broker_files.reload(self.data_dir)
        assert wait_for_login(self.host, self.port, username, password, timeout_s=5)
        return password


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a one-member replica set."""
    server = mongod_server.start(tmp_path_factory.mktemp("mongod"), ports.free_port())
    yield server.uri
    mongod_server.stop(server)


@pytest.fixture(scope="session")
def mongo_client(mongod: str) -> Iterator[MongoClient[Document]]:
    """The tests' own client, with the options of ``phr.database.connect``.

    That function closes the client it made before, so what a test runs in its own process (an admin command, the API's
    first request) would take the database out of its hands.
    """
    options: dict[str, Any] = {"tz_aware": True, "uuidRepresentation": "standard", "w": "majority", "journal": True}
    with MongoClient(mongod, **options) as client:
        yield client


@pytest.fixture
def database(mongod: str, mongo_client: MongoClient[Document]) -> Iterator[Database]:
    """An empty database with every index; mongoengine's documents live in it too."""
    name = f"t{secrets.token_hex(6)}"
    connect(mongod, name)
    database = mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True), write_concern=DURABLE)
    ensure_indexes(database)
    yield database
    mongo_client.drop_database(name)
    mongoengine.disconnect(alias="default")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with the server's user and a vendor, acme; topics are the tests' own business."""
    server = mosquitto.start(tmp_path_factory.mktemp("broker"), "127.0.0.1", ports.free_port())
    running = Broker(server)
    running.add("acme")
    yield running
    mosquitto.stop(server)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation of its own, without servers."""
    return Settings(data_dir=tmp_path / "phr", operator="tester", mqtt_group="group")
