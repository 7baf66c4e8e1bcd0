"""Logins on their way from MongoDB to the broker."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ingest import broker as files
from ingest import credentials
from ingest.login import can_log_in
from phr.database import Database
from phr.errors import AlreadyThere
from tests.conftest import Broker
from tests.ingest.mqtt_client import Client


def put(database: Database, username: str, password: str) -> None:
    vendor, _, device = username.partition("/")
    credentials.put_credential(database, username, files.password_hash(password), vendor, device or None)


def test_login_works_as_soon_as_sync_returns(database: Database, broker: Broker) -> None:
    put(database, "acme/a1", "secret")
    credentials.sync(database, broker.data_dir)
    assert can_log_in(broker.host, broker.port, "acme/a1", "secret")


def test_new_password_replaces_the_old_one(database: Database, broker: Broker) -> None:
    for password in ("old", "new"):
        put(database, "acme/a2", password)
        credentials.sync(database, broker.data_dir)
    assert can_log_in(broker.host, broker.port, "acme/a2", "new")
    assert not can_log_in(broker.host, broker.port, "acme/a2", "old")


def test_disabled_login_is_disconnected_and_kept_out(database: Database, broker: Broker) -> None:
    put(database, "acme/a3", "secret")
    credentials.sync(database, broker.data_dir)
    with Client(broker.host, broker.port, "acme/a3", "secret") as client:
        assert credentials.disable_credential(database, "acme/a3")
        credentials.sync(database, broker.data_dir)
        client.wait_until_disconnected()
    assert not can_log_in(broker.host, broker.port, "acme/a3", "secret")


def test_disabling_an_unknown_login_says_so(database: Database) -> None:
    assert credentials.disable_credential(database, "acme/none") is False


def test_two_administrators_at_once_lose_nothing(database: Database, broker: Broker) -> None:
    names = [f"acme/b{number}" for number in range(6)]

    def administrate(name: str) -> None:
        put(database, name, "secret")
        credentials.sync(database, broker.data_dir)

    threads = [threading.Thread(target=administrate, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(can_log_in(broker.host, broker.port, name, "secret") for name in names)


def test_without_a_broker_the_files_wait_for_its_start(database: Database, tmp_path: Path) -> None:
    put(database, "acme/c1", "secret")
    credentials.sync(database, tmp_path)
    assert "acme/c1:$7$" in (files.folder(tmp_path) / files.PASSWORD_FILE).read_text()


@pytest.mark.parametrize("name", sorted(files.RESERVED_USERS))
def test_names_of_the_server_are_not_given_away(database: Database, name: str) -> None:
    with pytest.raises(AlreadyThere):
        put(database, name, "secret")
