"""At which browsers somebody has logged in before: a cookie of their own, of which only hashes are kept.

Collection ``known_devices``: _id  hash of cookie and person; person, name, system, first_ms, used_ms, expires_at
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from pymongo import DESCENDING

from phr.clock import to_datetime, to_ms
from phr.database import Database
from phr.errors import NotFound

DEVICES = "known_devices"
KEPT = timedelta(days=400)  # RFC 6265bis, 5.5: browsers keep no cookie for longer
# What a User-Agent has in it, and what it stands for; of several the first counts, since most claim to be another too.
NAMES = (
    *(("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet")),
    *(("HuaweiBrowser", "Huawei Browser"), ("MiuiBrowser", "Mi Browser"), ("QQBrowser", "QQ Browser")),
    *(("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
SYSTEMS = (
    *(("HarmonyOS", "HarmonyOS"), ("OpenHarmony", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone")),
    *(("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True, slots=True)
class Known:
    """``name``, ``system``: what the browser says of itself, in words of ours; None where we have none."""

    id: str
    name: str | None
    system: str | None
    first_ms: int | None
    used_ms: int | None
    until_ms: int


def remember(database: Database, device: str, person: str, now_ms: int, agent: str = "") -> None:
    """``agent``: its User-Agent, of which nothing but words of ours is kept."""
    row = {
        "person": person,
        "name": _said(agent, NAMES),
        "system": _said(agent, SYSTEMS),
        "used_ms": now_ms,
        "expires_at": to_datetime(now_ms) + KEPT,
    }
    first = {"first_ms": now_ms}
    database[DEVICES].update_one({"_id": _hash(device, person)}, {"$set": row, "$setOnInsert": first}, upsert=True)


def knows(database: Database, device: str | None, person: str, now_ms: int) -> bool:
    """True where the person has logged in at this device, and not for the first time now."""
    row = database[DEVICES].find_one({"_id": _hash(device, person)}) if device else None
    return row is not None and row["expires_at"] > to_datetime(now_ms)


def of_person(database: Database, person: str, now_ms: int) -> list[Known]:
    """Those that are known now, the one used last first."""
    found = database[DEVICES].find({"person": person, "expires_at": {"$gt": to_datetime(now_ms)}})
    return [
        Known(
            id=row["_id"],
            name=row.get("name"),
            system=row.get("system"),
            first_ms=row.get("first_ms"),
            used_ms=row.get("used_ms"),
            until_ms=to_ms(row["expires_at"]),
        )
        for row in found.sort("expires_at", DESCENDING)
    ]


def forget(database: Database, person: str, known: str) -> None:
    """By the name that ``of_person`` gives it. Raises NotFound."""
    if not database[DEVICES].delete_one({"_id": known, "person": person}).deleted_count:
        raise NotFound("no such browser")


def ensure_indexes(database: Database) -> None:
    database[DEVICES].create_index("person", name="person")
    database[DEVICES].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _said(agent: str, words: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for sign, name in words if sign in agent), None)


def _hash(device: str, person: str) -> str:
    return hashlib.sha256(f"{device}\0{person}".encode()).hexdigest()
