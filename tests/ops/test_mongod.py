"""The embedded database: founded once, found again on another port, refused where another one is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ops import mongod, ports
from phr.errors import ServerUnavailable

GIB = 1024**3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mongod.Mongod]:
    """A server that was stopped and started again on another port."""
    directory = tmp_path_factory.mktemp("moved")
    first = mongod.start(directory, ports.free_port())
    with MongoClient(first.uri) as client:
        client.kept.rows.insert_one({"_id": 1})
    mongod.stop(first)
    second = mongod.start(directory, ports.free_port())
    yield second
    mongod.stop(second)


def test_data_is_there_after_a_start_on_another_port(server: mongod.Mongod) -> None:
    with MongoClient(server.uri) as client:
        assert client.kept.rows.count_documents({}) == 1


def test_nobody_gets_in_without_the_password(server: mongod.Mongod) -> None:
    address = f"mongodb://{mongod.HOST}:{server.port}/?directConnection=true"
    for login in ({}, {"username": mongod.USER, "password": "guessed"}):
        with MongoClient(address, **login) as client, pytest.raises(OperationFailure):
            client.kept.rows.find_one()
    with MongoClient(address) as client, pytest.raises(OperationFailure):  # nor makes a user, as the first one may
        client.admin.command("createUser", "eve", pwd="x", roles=["root"])


def test_its_secrets_are_its_users_alone(server: mongod.Mongod) -> None:
    for name in (mongod.KEY_FILE, mongod.PASSWORD_FILE):
        assert (server.directory / name).stat().st_mode & 0o777 == 0o600


def test_database_from_before_it_asked_for_a_password_goes_on(tmp_path: Path) -> None:
    """Its set is there and nobody in it to log in as."""
    first = mongod.start(tmp_path, ports.free_port())
    with MongoClient(first.uri) as client:
        client.kept.rows.insert_one({"_id": 1})
        client.admin.command("dropUser", mongod.USER)
    mongod.stop(first)
    (tmp_path / mongod.KEY_FILE).unlink()
    (tmp_path / mongod.PASSWORD_FILE).unlink()
    second = mongod.start(tmp_path, ports.free_port())
    with MongoClient(second.uri) as client:
        assert client.kept.rows.count_documents({}) == 1
    mongod.stop(second)


def test_password_that_was_lost_is_replaced_and_the_data_stay(tmp_path: Path) -> None:
    first = mongod.start(tmp_path, ports.free_port())
    with MongoClient(first.uri) as client:
        client.kept.rows.insert_one({"_id": 1})
    before = first.uri
    mongod.stop(first)
    (tmp_path / mongod.PASSWORD_FILE).unlink()
    second = mongod.start(tmp_path, first.port)
    with MongoClient(second.uri) as client:
        assert client.kept.rows.count_documents({}) == 1
    with MongoClient(before) as client, pytest.raises(OperationFailure, match="Authentication failed"):
        client.kept.rows.find_one()
    mongod.stop(second)


def test_transactions_work(server: mongod.Mongod) -> None:
    with MongoClient(server.uri) as client, client.start_session() as session, session.start_transaction():
        client.kept.other.insert_one({}, session=session)


def test_directory_of_another_server_is_refused(server: mongod.Mongod) -> None:
    with pytest.raises(ServerUnavailable, match="another mongod uses"):
        mongod.start(server.directory, ports.free_port())


def test_port_of_another_server_is_refused(server: mongod.Mongod, tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match=f"port {server.port} is taken"):
        mongod.start(tmp_path / "db", server.port)


def test_collections_are_compressed_with_zstd(server: mongod.Mongod) -> None:
    with MongoClient(server.uri) as client:
        creation = client.kept.command("collStats", "rows")["wiredTiger"]["creationString"]
    assert "block_compressor=zstd" in creation


@pytest.mark.parametrize(
    ("memory", "cache"), [(GIB // 2, 0.25), (GIB, 0.25), (2 * GIB, 0.5), (16 * GIB, 4.0), (64 * GIB, 4.0)]
)
def test_cache_is_a_quarter_of_the_memory_within_limits(memory: int, cache: float) -> None:
    assert mongod.cache_gb(memory) == cache


def test_long_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / mongod.LOG_FILE
    log.touch()
    with log.open("r+b") as file:
        file.truncate(mongod.LOG_LIMIT_BYTES + 1)
    server = mongod.start(tmp_path, ports.free_port())
    mongod.stop(server)
    assert log.with_suffix(".log.1").stat().st_size == mongod.LOG_LIMIT_BYTES + 1
