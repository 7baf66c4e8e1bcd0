"""The embedded MongoDB: a mongod of ours, run as a one-member replica set on loopback, for who has its password."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ops import processes
from phr import private_files
from phr.errors import ServerUnavailable

REPLICA_SET = "phr"
HOST = "127.0.0.1"  # without TLS, so on loopback only, whatever PHR_BIND says
USER = "phr"
KEY_FILE, PASSWORD_FILE = "mongod.key", "mongod.password"
LOG_FILE = "mongod.log"
LOG_LIMIT_BYTES = 64 * 1024 * 1024

_NOT_YET_INITIALIZED = 94  # MongoDB's error codes of these names
_USER_ALREADY_EXISTS = 51003
_GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True)
class Mongod:
    """A running server."""

    process: processes.Process
    directory: Path
    port: int

    @property
    def uri(self) -> str:
        return uri_of(self.directory, self.port)


def start(directory: Path, port: int, *, timeout_s: float = 60.0) -> Mongod:
    """A mongod on this directory, primary of its replica set when this returns.

    Raises ServerUnavailable with what to do: no mongod, directory in use, port in use, no room, no start in time.
    """
    process = spawn(directory, port)
    try:
        become_primary(process, directory, port, timeout_s=timeout_s)
    except BaseException:
        processes.stop(process)
        raise
    return Mongod(process, directory, port)


def stop(server: Mongod) -> None:
    """Ends the server cleanly: data flushed, lock file emptied."""
    processes.stop(server.process, patience_s=60.0)


def uri_of(directory: Path, port: int) -> str:
    """With the password of the server on this directory."""
    login = f"{USER}:{_kept(directory / PASSWORD_FILE)}"
    return f"mongodb://{login}@{HOST}:{port}/?replicaSet={REPLICA_SET}&authSource=admin"


def members_uri(directory: Path, port: int) -> str:
    """As a member of the set speaks to the server: by the key, before there are users and whatever its state."""
    login = f"__system:{_kept(directory / KEY_FILE)}"
    how = "authSource=local&authMechanism=SCRAM-SHA-256&directConnection=true"
    return f"mongodb://{login}@{HOST}:{port}/?{how}"


def find_binary() -> str:
    """A mongod on PATH, else the one in the Python wheel. Raises ServerUnavailable when there is none."""
    on_path = shutil.which("mongod")
    if on_path:
        return on_path
    wheel = importlib.util.find_spec("fiftyone")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        binary = Path(folder) / "db" / "bin" / "mongod"
        if binary.exists():
            return str(binary)
    raise ServerUnavailable(
        "no mongod found: install the requirements again, put mongod on PATH, or set PHR_MONGODB_URI"
    )


def cache_gb(memory_bytes: int) -> float:
    """WiredTiger's cache in GB: a quarter of the machine, at least MongoDB's minimum of 0.25, at most 4."""
    return round(max(0.25, min(memory_bytes / 4 / _GIGABYTE, 4.0)), 2)


def spawn(directory: Path, port: int) -> processes.Process:
    """Starts the process only; ``become_primary`` waits for it."""
    binary = find_binary()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep_log_small(directory / LOG_FILE)
        _kept(directory / KEY_FILE)
    except OSError as error:
        raise ServerUnavailable(f"{directory} can't be written: {error.strerror}; set PHR_DATA_DIR") from error
    return processes.start(_command(binary, directory, port), output=subprocess.DEVNULL)


def become_primary(process: processes.Process, directory: Path, port: int, *, timeout_s: float = 60.0) -> None:
    """Waits for the server, founds its replica set once, follows a changed port, waits until it takes writes, and
    makes its user, or gives it the password that is kept. Raises ServerUnavailable.
    """
    deadline = time.monotonic() + timeout_s
    address = members_uri(directory, port)
    client: MongoClient[dict[str, Any]] = MongoClient(address, serverSelectionTimeoutMS=200, connectTimeoutMS=1000)
    with client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerUnavailable(why_it_ended(directory, port, process.returncode))
            if _advance_one(client, directory, port):
                return
            time.sleep(0.05)
    raise ServerUnavailable(f"mongod took longer than {timeout_s:.0f} s to start; look into {directory / LOG_FILE}")


def _command(binary: str, directory: Path, port: int) -> list[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        binary,
        *("--dbpath", str(directory.resolve())),
        *("--port", str(port)),
        *("--bind_ip", HOST),
        "--nounixsocket",
        *("--keyFile", str((directory / KEY_FILE).resolve())),  # and with it, credentials of everybody
        *("--replSet", REPLICA_SET),
        *("--oplogSize", "512"),
        *("--wiredTigerCacheSizeGB", str(cache_gb(memory))),
        *("--wiredTigerCollectionBlockCompressor", "zstd"),
        *("--logpath", str(directory / LOG_FILE)),
        "--logappend",
        "--quiet",
        # The only member has nobody to hand over to: the usual 15 s of waiting for that would be in vain.
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]


def _advance_one(client: MongoClient[dict[str, Any]], directory: Path, port: int) -> bool:
    """One step towards a primary; True once it takes writes. A stranger on this port is left alone."""
    try:
        options = client.admin.command("getCmdLineOpts")["parsed"]
        if options.get("storage", {}).get("dbPath") != str(directory.resolve()):
            return False
        config = _replica_set(client)
        if config is None:
            _found(client, port)
        elif config["members"][0]["host"] != f"{HOST}:{port}":
            _move(client, config, port)
        if not client.admin.command("hello").get("isWritablePrimary"):
            return False
        _make_user(client, _kept(directory / PASSWORD_FILE))
        return True
    except PyMongoError:
        return False  # not yet there, or between two states


def _replica_set(client: MongoClient[dict[str, Any]]) -> dict[str, Any] | None:
    """Its configuration; None before it is founded."""
    try:
        config: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            return None
        raise
    return config


def _found(client: MongoClient[dict[str, Any]], port: int) -> None:
    members = [{"_id": 0, "host": f"{HOST}:{port}"}]
    client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})


def _move(client: MongoClient[dict[str, Any]], config: dict[str, Any], port: int) -> None:
    """The set remembers its member's address; on another port it would not know itself any more."""
    config["members"][0]["host"] = f"{HOST}:{port}"
    config["version"] += 1
    client.admin.command("replSetReconfig", config, force=True)


def _make_user(client: MongoClient[dict[str, Any]], password: str) -> None:
    """The one that the roles log in as, with the password that is kept now: whose file was lost has a new one."""
    try:
        client.admin.command("createUser", USER, pwd=password, roles=["root"])
    except OperationFailure as error:
        if error.code != _USER_ALREADY_EXISTS:
            raise
        client.admin.command("updateUser", USER, pwd=password)


def _kept(path: Path) -> str:
    """The secret in this file; on first use a new one, 256 random bits, readable by this user only."""
    if not path.exists():
        private_files.write(path, secrets.token_hex(32), replaces=False)
    return path.read_text(encoding="utf-8")


def _keep_log_small(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def why_it_ended(directory: Path, port: int, code: int) -> str:
    """One sentence from mongod's own log; its exit codes alone (100, 14, 48) mean too many things."""
    if code == -signal.SIGKILL:  # it could not say anything
        return processes.reason(code)
    complaint = _last_complaint(directory / LOG_FILE)
    if "DBPathInUse" in complaint:
        return f"another mongod uses {directory}; stop it first, or set PHR_DATA_DIR to another directory"
    if "Address already in use" in complaint:
        return f"port {port} is taken; set PHR_MONGODB_PORT to another one"
    if "No space left" in complaint:
        return f"the disk of {directory} is full; make room, or set PHR_DATA_DIR to a directory on another disk"
    return f"mongod ended with {processes.reason(code)}: {complaint or 'no reason given'} (log: {directory / LOG_FILE})"


def _last_complaint(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-200:]
    except OSError as error:
        return error.strerror or ""
    entries = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    serious = [entry for entry in entries if entry.get("s") in ("E", "F")]
    texts = [f"{entry.get('msg')} {json.dumps(entry.get('attr', {}))}" for entry in serious]
    telling = [text for text in texts if "No space left" in text or "in use" in text.lower() or "InUse" in text]
    return (telling or texts or [""])[-1]
