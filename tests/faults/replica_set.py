"""Three real mongod processes as one replica set."""

from __future__ import annotations

import shutil
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
    directory: Path  # with the key that they share

    @property
    def uri(self) -> str:
        port, *others = self.members
        one = mongod.members_uri(self.directory, port).replace("directConnection=true", "replicaSet=phr")
        hosts = ",".join(f"{mongod.HOST}:{other}" for other in (port, *others))
        return one.replace(f"{mongod.HOST}:{port}", hosts)

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
    directory.mkdir(parents=True, exist_ok=True)
    first = mongod.members_uri(directory, taken[0])
    for port in taken:
        (directory / str(port)).mkdir(mode=0o700)
        shutil.copy(directory / mongod.KEY_FILE, directory / str(port))
    one = ReplicaSet({port: mongod.spawn(directory / str(port), port) for port in taken}, directory)
    try:
        members = [{"_id": number, "host": f"{mongod.HOST}:{port}"} for number, port in enumerate(taken)]
        _until_it_works(first, "replSetInitiate", {"_id": mongod.REPLICA_SET, "members": members})
        while not _is_whole(first):
            time.sleep(0.1)
        yield one
    finally:
        for process in one.members.values():
            process.kill()
            process.wait()


def _until_it_works(address: str, command: str, value: Any) -> None:
    while True:
        try:
            with _client(address) as client:
                client.admin.command(command, value)
            return
        except PyMongoError:
            time.sleep(0.1)


def _is_whole(address: str) -> bool:
    try:
        with _client(address) as client:
            found = client.admin.command("replSetGetStatus")["members"]
    except PyMongoError:
        return False
    return sorted(one["stateStr"] for one in found) == ["PRIMARY", "SECONDARY", "SECONDARY"]


def _client(address: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(address, serverSelectionTimeoutMS=500)
