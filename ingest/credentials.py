"""MQTT logins: kept in MongoDB, brought to the embedded broker's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest import broker_update, certificate_files
from ingest.broker_update import Logins
from phr.clock import now_ms
from phr.database import Database
from phr.intake import certificates, mqtt_logins
from phr.intake.mqtt_logins import COLLECTION, Credential

__all__ = ["COLLECTION", "Credential"]


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


def sync(database: Database, data_dir: Path, *, timeout_s: float = 30.0) -> bool:
    """Brings the stored logins to the broker under data_dir; once a running one has taken them: was it restarted?

    With no broker running there the files are written for its next start. Raises ServerUnavailable when a running
    broker does not take them in time.
    """
    now = now_ms()

    def stored() -> Logins:
        has_certificates = certificates.are_issued(database, now)
        return Logins(all_entries(database), certificates.usernames(database), has_certificates=has_certificates)

    return broker_update.update(data_dir, stored, lambda: certificate_files.write(database, data_dir, now), timeout_s)
