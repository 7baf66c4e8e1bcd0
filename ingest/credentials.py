"""MQTT logins: kept in MongoDB, brought to the embedded broker's files."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pymongo import UpdateOne

from ingest import broker
from ingest.login import wait_for_login
from phr.database import Database
from phr.errors import AlreadyThere, ServerUnavailable

COLLECTION = "mqtt_credentials"
LOCK_FILE = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One login; ``device`` is None for a vendor's cloud."""

    username: str
    password_hash: str
    vendor: str
    device: str | None = None


def put_credential(
    database: Database, username: str, password_hash: str, vendor: str, device: str | None = None
) -> None:
    """Stores a login or its new password; live once ``sync`` returned. Raises AlreadyThere for a reserved name."""
    one = Credential(username=username, password_hash=password_hash, vendor=vendor, device=device)
    put_credentials(database, [one])


def put_credentials(database: Database, credentials: Sequence[Credential]) -> None:
    """``put_credential`` for many at once."""
    taken = [one.username for one in credentials if one.username in broker.RESERVED_USERS]
    if taken:
        raise AlreadyThere(f"{taken[0]} is a name that the server itself uses")
    if credentials:
        database[COLLECTION].bulk_write([_upsert(one) for one in credentials], ordered=False)


def disable_credential(database: Database, username: str) -> bool:
    """Takes a login away (``sync`` then ends its connection); False where there is none."""
    found = database[COLLECTION].update_one({"_id": username}, {"$set": {"disabled": True}})
    return found.matched_count == 1


def all_entries(database: Database) -> dict[str, str]:
    """MQTT user name to password hash of every login that is not disabled."""
    rows = database[COLLECTION].find({"disabled": {"$ne": True}}, {"hash": 1})
    return {row["_id"]: row["hash"] for row in rows}


def sync(database: Database, data_dir: Path, *, timeout_s: float = 10.0) -> None:
    """Brings the stored logins to the broker under data_dir; returns when a running one has taken them.

    With no broker running there the files are written for its next start. Several at once wait for each other.
    Raises ServerUnavailable when a running broker does not take them in time.
    """
    canary = secrets.token_urlsafe(16)
    with _lock(data_dir):
        entries = all_entries(database) | {broker.CANARY_USER: broker.password_hash(canary)}
        broker.write_password_file(data_dir, entries)
        if not broker.reload(data_dir):
            return
        host, port = broker.address(data_dir)
        if not wait_for_login(host, port, broker.CANARY_USER, canary, timeout_s):
            raise ServerUnavailable(f"the broker on port {port} has not taken the new logins; restart it")


def _upsert(one: Credential) -> UpdateOne:
    row = {"hash": one.password_hash, "vendor": one.vendor, "device": one.device, "disabled": False}
    return UpdateOne({"_id": one.username}, {"$set": row}, upsert=True)


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    home = broker.folder(data_dir)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
