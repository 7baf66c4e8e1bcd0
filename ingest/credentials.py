"""MQTT logins: kept in MongoDB, brought to the embedded broker's files."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest import broker, certificate_files
from ingest.login import wait_for_login
from phr.clock import now_ms
from phr.database import Database
from phr.errors import ServerUnavailable
from phr.intake import certificates, mqtt_logins
from phr.intake.mqtt_logins import COLLECTION, Credential

__all__ = ["COLLECTION", "Credential"]

LOCK_FILE = "lock"


def put_credential(
    database: Database, username: str, password_hash: str, vendor: str, device: str | None = None
) -> None:
    """Stores a login or its new password; live once ``sync`` returned. Raises AlreadyThere for a reserved name."""
    put_credentials(
        database, [Credential(username=username, password_hash=password_hash, vendor=vendor, device=device)]
    )


def put_credentials(database: Database, credentials: Sequence[Credential]) -> None:
    """``put_credential`` for many at once."""
    mqtt_logins.put(database, credentials)


def disable_credential(database: Database, username: str) -> bool:
    """Takes a login away (``sync`` then ends its connection); False where there is none."""
    found = database[COLLECTION].update_one({"_id": username}, {"$set": {"disabled": True}})
    mqtt_logins.tell(database)
    return found.matched_count == 1


def all_entries(database: Database) -> dict[str, str]:
    """MQTT user name to password hash of every login that is not disabled."""
    return mqtt_logins.hashes(database)


def sync(database: Database, data_dir: Path, *, timeout_s: float = 10.0) -> None:
    """Brings the stored logins to the broker under data_dir; returns when a running one has taken them.

    With no broker running there the files are written for its next start. Several at once wait for each other.
    Raises ServerUnavailable when a running broker does not take them in time.
    """
    canary = secrets.token_urlsafe(16)
    with _lock(data_dir):
        entries = all_entries(database) | {broker.CANARY_USER: broker.password_hash(canary)}
        broker.write_password_file(data_dir, entries, certificates.usernames(database), certificates.denied(database))
        certificate_files.write(database, data_dir, now_ms())
        if not broker.reload(data_dir):
            return
        host, port = broker.address(data_dir)
        if not wait_for_login(host, port, broker.CANARY_USER, canary, timeout_s):
            raise ServerUnavailable(f"the broker on port {port} has not taken the new logins; restart it")


@contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    home = broker.folder(data_dir)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
