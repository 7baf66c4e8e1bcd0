"""Three real mongod processes as one replica set."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from ops import mongod, ports, processes


@dataclass
class ReplicaSet:
    members: dict[int, processes.Process]  # port -> process

    @property
    def uri(self) -> str:
        hosts = ",".join(f"{mongod.HOST}:{port}" for port in self.members)
        return f"mongodb://{hosts}/?replicaSet={mongod.REPLICA_SET}"

    def kill_primary(self) -> None:
        with MongoClient[dict[str, Any]](self.uri, serverSelectionTimeoutMS=10_000) as client:
            client.admin.command("ping")
            address = client.primary
        assert address
        self.members[address[1]].send_signal(signal.SIGKILL)


@contextmanager
def running(directory: Path) -> Iterator[ReplicaSet]:
    """A set with a primary and two secondaries that have caught up; the election's patience is MongoDB's own, 10 s."""
    taken = [ports.free_port() for _ in range(3)]
    one = ReplicaSet({port: mongod.spawn(directory / str(port), port) for port in taken})
    try:
        members = [{"_id": number, "host": f"{mongod.HOST}:{port}"} for number, port in enumerate(taken)]
        _until_it_works(taken[0], "replSetInitiate", {"_id": mongod.REPLICA_SET, "members": members})
        while not _is_whole(taken[0]):
            time.sleep(0.1)
        yield one
    finally:
        for process in one.members.values():
            process.kill()
            process.wait()


def _until_it_works(port: int, command: str, value: Any) -> None:
    while True:
        try:
            with _client(port) as client:
                client.admin.command(command, value)
            return
        except PyMongoError:
            time.sleep(0.1)


def _is_whole(port: int) -> bool:
    try:
        with _client(port) as client:
            found = client.admin.command("replSetGetStatus")["members"]
    except PyMongoError:
        return False
    return sorted(one["stateStr"] for one in found) == ["PRIMARY", "SECONDARY", "SECONDARY"]


def _client(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient(f"mongodb://{mongod.HOST}:{port}/?directConnection=true", serverSelectionTimeoutMS=500)
