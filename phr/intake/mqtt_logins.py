"""MQTT logins: user names, hashes of their passwords, until when they hold; the broker's files are made from these."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from phr.database import DURABLE, Database, Document
from phr.errors import AlreadyThere, NotFound
from phr.intake.mqtt_rights import SECOND, SERVER_USER
from phr.passwords import new_password

COLLECTION = "mqtt_credentials"
COUNTER = "mqtt_logins"
CANARY_USER = "phr-canary"  # gets a new password with every change; logging in with it proves that the change is live
RESERVED_USERS = frozenset({SERVER_USER, CANARY_USER})
OVERLAP_MS = 24 * 3_600_000
HASH_ROUNDS = 101  # mosquitto 2.0's own number; enough for random passwords only, and only those are given out

_SALT_BYTES = 12
_NOBODY = f"$7${HASH_ROUNDS}${base64.b64encode(bytes(_SALT_BYTES)).decode()}${base64.b64encode(bytes(64)).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One login; ``device`` is None for a vendor's cloud."""

    username: str
    password_hash: str
    vendor: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Rotated:
    username: str
    password: str  # shown once
    old_username: str | None  # None: it has ended
    old_ends_at_ms: int | None


def mqtt_username(vendor: str, device: str | None = None) -> str:
    """``vendor`` for a vendor's cloud, ``vendor/device`` for one device.

    A ':' (legal in a device slug) would end the name in mosquitto's password file, so it is written ``%3A``.
    """
    return vendor if device is None else f"{vendor}/{quote(device, safe='')}"


def password_hash(password: str) -> str:
    """The password as a line of mosquitto 2.0's password file holds it: ``$7$rounds$salt$hash``, PBKDF2-HMAC-SHA512."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"$7${HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(_digest(password, salt)).decode()}"


def put(database: Database, credentials: Sequence[Credential], session: ClientSession | None = None) -> None:
    """Stores logins or their new passwords. Raises AlreadyThere for a reserved name."""
    taken = [one.username for one in credentials if one.username in RESERVED_USERS]
    if taken:
        raise AlreadyThere(f"{taken[0]} is a name that the server itself uses")
    if credentials:
        database[COLLECTION].bulk_write([_upsert(one) for one in credentials], ordered=False, session=session)
        tell(database, session)


def set_disabled(database: Database, vendor: str, device: str, *, is_disabled: bool) -> int:
    """Takes a device's logins away or gives them back; how many there are."""
    wanted = {"vendor": vendor, "device": device}
    found = database[COLLECTION].update_many(wanted, {"$set": {"disabled": is_disabled}})
    tell(database)
    return found.matched_count


def rotate(database: Database, vendor: str, device: str | None, now_ms: int, *, is_now: bool) -> Rotated:
    """A new password. It comes with the other of two user names, and the old login ends a day later.

    ``is_now``: the user name stays, and every other password of the device ends. Raises NotFound without a login,
    AlreadyThere while an earlier rotation is under way.
    """
    password = new_password()

    def change(session: ClientSession) -> Rotated:
        rows = list(database[COLLECTION].find({"vendor": vendor, "device": device}, session=session))
        current = next((row for row in rows if row.get("ends_at_ms") is None and not row["disabled"]), None)
        if current is None:
            raise NotFound(f"{mqtt_username(vendor, device)} has no login that can be rotated")
        if not is_now and any((row.get("ends_at_ms") or 0) > now_ms for row in rows):
            raise AlreadyThere("the password before has not ended yet; `--now` ends it")
        name = current["_id"] if is_now else _other(current["_id"])
        if is_now:
            database[COLLECTION].delete_many({"vendor": vendor, "device": device}, session=session)
        else:
            ends = {"$set": {"ends_at_ms": now_ms + OVERLAP_MS}}
            database[COLLECTION].update_one({"_id": current["_id"]}, ends, session=session)
        one = Credential(username=name, password_hash=password_hash(password), vendor=vendor, device=device)
        put(database, [one], session)
        return Rotated(name, password, *((None, None) if is_now else (current["_id"], now_ms + OVERLAP_MS)))

    with database.client.start_session() as session:
        return session.with_transaction(change, read_concern=ReadConcern("snapshot"), write_concern=DURABLE)


def end_overdue(database: Database, now_ms: int) -> int:
    """Removes the logins whose overlap is over; how many."""
    count = database[COLLECTION].delete_many({"ends_at_ms": {"$lte": now_ms}}).deleted_count
    if count:
        tell(database)
    return count


def hashes(database: Database) -> dict[str, str]:
    """MQTT user name to password hash of every login that is not disabled."""
    rows = database[COLLECTION].find({"disabled": {"$ne": True}}, {"hash": 1})
    return {row["_id"]: row["hash"] for row in rows}


def active(database: Database, usernames: Iterable[str]) -> set[str]:
    """Those of the user names that log in with a password."""
    wanted = {"_id": {"$in": list(usernames)}, "disabled": {"$ne": True}}
    return {row["_id"] for row in database[COLLECTION].find(wanted, {"_id": 1})}


def is_password(database: Database, username: str, password: str, now_ms: int) -> bool:
    """True for the user's password; an unknown user costs as much time as a known one."""
    row = database[COLLECTION].find_one({"_id": username}) or {"hash": _NOBODY, "disabled": True}
    is_right = _matches(password, row["hash"])
    return is_right and not row["disabled"] and (row.get("ends_at_ms") is None or now_ms < row["ends_at_ms"])


def last_number(database: Database) -> int:
    """Raised by each change that the broker's files must follow."""
    row = database["counters"].find_one({"_id": COUNTER})
    return int(row["n"]) if row else 0


def tell(database: Database, session: ClientSession | None = None) -> None:
    """Says that something changed that the broker's files are made from."""
    database["counters"].update_one({"_id": COUNTER}, {"$inc": {"n": 1}}, upsert=True, session=session)


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("vendor", 1), ("device", 1)], name="device")
    database[COLLECTION].create_index("ends_at_ms", name="ends", sparse=True)
    database["counters"].update_one({"_id": COUNTER}, {"$setOnInsert": {"n": 0}}, upsert=True)


def _other(username: str) -> str:
    return username.removesuffix(SECOND) if username.endswith(SECOND) else username + SECOND


def _upsert(one: Credential) -> UpdateOne:
    row: Document = {"hash": one.password_hash, "vendor": one.vendor, "device": one.device, "disabled": False}
    return UpdateOne({"_id": one.username}, {"$set": row, "$unset": {"ends_at_ms": ""}}, upsert=True)


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode("utf-8", "surrogatepass"), salt, HASH_ROUNDS)


def _matches(password: str, stored: str) -> bool:
    salt, digest = (base64.b64decode(part) for part in stored.split("$")[3:])
    return hmac.compare_digest(_digest(password, salt), digest)
