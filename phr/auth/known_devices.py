"""At which browsers somebody has logged in before: a cookie of their own, of which only hashes are kept.

Collection ``known_devices``: _id  hash of cookie and person; person, expires_at
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database

DEVICES = "known_devices"
KEPT = timedelta(days=400)  # RFC 6265bis, 5.5: browsers keep no cookie for longer


def remember(database: Database, device: str, person: str, now_ms: int) -> None:
    row = {"person": person, "expires_at": to_datetime(now_ms) + KEPT}
    database[DEVICES].update_one({"_id": _hash(device, person)}, {"$set": row}, upsert=True)


def knows(database: Database, device: str | None, person: str, now_ms: int) -> bool:
    """True where the person has logged in at this device, and not for the first time now."""
    row = database[DEVICES].find_one({"_id": _hash(device, person)}) if device else None
    return row is not None and row["expires_at"] > to_datetime(now_ms)


def ensure_indexes(database: Database) -> None:
    database[DEVICES].create_index("person", name="person")
    database[DEVICES].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _hash(device: str, person: str) -> str:
    return hashlib.sha256(f"{device}\0{person}".encode()).hexdigest()
