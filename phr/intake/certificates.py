"""Which certificates devices were given, and which of them are worth nothing any more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from phr.database import Database
from phr.errors import NotFound
from phr.intake import authority, mqtt_logins
from phr.intake.authority import Issued
from phr.intake.device import Device
from phr.intake.mqtt_rights import certificate_name

COLLECTION = "certificates"


def issue(database: Database, data_dir: Path, device: Device, csr_pem: bytes | None, now_ms: int) -> Issued:
    """A certificate of the installation's authority for a device, for the key of a request or for a new one.

    Raises CsrInvalid, InputInvalid (name too long), NotFound for a device that may not send.
    """
    if device.is_suspended or device.is_retired:
        raise NotFound(f"{device.ref} is suspended or retired")
    by = authority.authority(data_dir, now_ms)
    number = 1 + database[COLLECTION].count_documents({"device": device.ref})
    plain = mqtt_logins.mqtt_username(device.vendor, device.name)
    # Of its own: a broker that asks who may do what silences a connection that stands by its name alone.
    username = certificate_name(plain, number)
    if csr_pem is None:
        made = authority.issue(by, username, now_ms)
    else:
        made = authority.sign(by, csr_pem, plain, now_ms, issued_as=username)
    row = {
        "_id": f"{made.serial:x}",
        "device": device.ref,
        "username": username,
        "issued_at_ms": now_ms,
        "ends_at_ms": made.ends_at_ms,
        "revoked_at_ms": None,
    }
    database[COLLECTION].insert_one(row)
    mqtt_logins.tell(database)
    return made


def revoke(database: Database, ref: str, serial: str | None, now_ms: int) -> list[str]:
    """The serials of a device's certificates that this has taken back: the one, or all. Raises NotFound for none."""
    wanted = {"device": ref, "revoked_at_ms": None} | ({"_id": serial} if serial else {})
    serials = sorted(row["_id"] for row in database[COLLECTION].find(wanted, {"_id": 1}))
    if not serials:
        raise NotFound(f"{ref} has no such certificate in use")
    database[COLLECTION].update_many({"_id": {"$in": serials}}, {"$set": {"revoked_at_ms": now_ms}})
    mqtt_logins.tell(database)
    return serials


def refused_serials(database: Database, now_ms: int) -> list[int]:
    """The serials that the broker must refuse: revoked ones, and those of devices that may not send at present."""
    barred = _barred(database)
    wanted = {"ends_at_ms": {"$gt": now_ms}, "$or": [{"revoked_at_ms": {"$ne": None}}, {"device": {"$in": barred}}]}
    return [int(row["_id"], 16) for row in database[COLLECTION].find(wanted, {"_id": 1})]


def are_issued(database: Database, now_ms: int) -> bool:
    """True where a certificate has not run out yet, be it revoked or not."""
    return database[COLLECTION].find_one({"ends_at_ms": {"$gt": now_ms}}) is not None


def is_denied(database: Database, username: str) -> bool:
    """True for the name of revoked certificates alone: of one user whose device may send."""
    rows = [*database[COLLECTION].find({"username": username}, {"revoked_at_ms": 1})]
    is_revoked = bool(rows) and all(row["revoked_at_ms"] is not None for row in rows)
    return is_revoked and not mqtt_logins.active(database, [username])


def names_of(database: Database, serials: Iterable[str]) -> list[str]:
    """The user names of these certificates."""
    return sorted(database[COLLECTION].distinct("username", {"_id": {"$in": list(serials)}}))


def usernames(database: Database) -> list[str]:
    """The common names of all certificates that are not revoked."""
    return sorted(database[COLLECTION].distinct("username", {"revoked_at_ms": None}))


def authority_pem(data_dir: Path, now_ms: int) -> str:
    """The authority's own certificate: what a device checks the broker with."""
    return authority.authority(data_dir, now_ms).pem


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("device", name="device")
    database[COLLECTION].create_index("username", name="username")


def _barred(database: Database) -> list[str]:
    wanted = {"$or": [{"is_suspended": True}, {"retired_at_ms": {"$ne": None}}]}
    with_one = database[COLLECTION].distinct("device")
    return [row["_id"] for row in database["devices"].find({"_id": {"$in": with_one}, **wanted}, {"_id": 1})]
