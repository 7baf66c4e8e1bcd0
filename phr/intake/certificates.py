"""Which certificates devices were given, and which of them are worth nothing any more."""

from __future__ import annotations

from pathlib import Path

from phr.database import Database
from phr.errors import NotFound
from phr.intake import authority, mqtt_logins
from phr.intake.authority import Issued
from phr.intake.device import Device

COLLECTION = "certificates"


def issue(database: Database, data_dir: Path, device: Device, csr_pem: bytes | None, now_ms: int) -> Issued:
    """A certificate of the installation's authority for a device, for the key of a request or for a new one.

    Raises CsrInvalid, InputInvalid (name too long), NotFound for a device that may not send.
    """
    if device.is_suspended or device.is_retired:
        raise NotFound(f"{device.ref} is suspended or retired")
    by = authority.authority(data_dir, now_ms)
    username = mqtt_logins.mqtt_username(device.vendor, device.name)
    made = authority.issue(by, username, now_ms) if csr_pem is None else authority.sign(by, csr_pem, username, now_ms)
    row = {
        "_id": f"{made.serial:x}",
        "device": device.ref,
        "username": username,
        "issued_at_ms": now_ms,
        "ends_at_ms": made.ends_at_ms,
        "revoked_at_ms": None,
    }
    database[COLLECTION].insert_one(row)
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


def denied(database: Database) -> list[str]:
    """The user names with a certificate whose device may not send: its connection may still stand."""
    rows = database[COLLECTION].find({"device": {"$in": _barred(database)}}, {"username": 1})
    return sorted({row["username"] for row in rows})


def authority_pem(data_dir: Path, now_ms: int) -> str:
    """The authority's own certificate: what a device checks the broker with."""
    return authority.authority(data_dir, now_ms).pem


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("device", name="device")


def _barred(database: Database) -> list[str]:
    wanted = {"$or": [{"is_suspended": True}, {"retired_at_ms": {"$ne": None}}]}
    with_one = database[COLLECTION].distinct("device")
    return [row["_id"] for row in database["devices"].find({"_id": {"$in": with_one}, **wanted}, {"_id": 1})]
