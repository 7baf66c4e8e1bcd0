"""Data keys: one a person, one an organisation, one for the installation; wrapped in the vault, unwrapped in memory.

The vault is the collection ``data_keys``: {_id: owner, wrapped, master: id of the master key, created_at_ms}. A
destroyed key leaves its row without ``wrapped`` and with ``destroyed_at_ms``, so that none is made again for its owner.
"""

from __future__ import annotations

import secrets
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from phr.clock import now_ms
from phr.database import Database, Document, insert_new
from phr.errors import PhrError, SettingInvalid
from phr.people.master_keys import MasterKeys, MasterKeyUnknown

INSTALLATION = "installation"  # the owner of what belongs to nobody alone: look-ups over all people
VAULT = "data_keys"
KEY_BYTES = 32
NONCE_BYTES = 12
MOST_KEYS = 4_096  # of one process and database; about 2 KiB each
LIFE_S = 60.0  # how long another process may still open what a destroyed key sealed


class KeyDestroyed(PhrError):
    """The owner was erased: what was sealed for it can't be read by anybody any more."""

    code = "key-destroyed"
    status = 410


class KeyMissing(PhrError):
    """The vault has no row for an owner whose sealed values exist: the database was restored in part."""

    code = "key-missing"


@dataclass(frozen=True, slots=True)
class DataKey:
    """An owner's key in its two uses: it seals, and it makes tokens to search by."""

    cipher: AESGCM = field(repr=False)
    token_key: bytes = field(repr=False)


@dataclass(slots=True)
class _Ring:
    """Unwrapped keys of one database, least lately used first, each with the moment it was read."""

    keys: OrderedDict[tuple[str, str], tuple[DataKey, float]] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Given:
    """What this process was started with."""

    master_keys: MasterKeys | None = None


_rings: dict[int, _Ring] = {}  # by the client's id(): its own hash and comparison take longer than a decryption


def use(given: MasterKeys) -> None:
    """The master keys of this process; each entry point says so once, before anything is sealed."""
    _Given.master_keys = given


def check(database: Database) -> None:
    """Returns when the record's keys can be unwrapped. Raises SettingInvalid where other master keys wrapped them."""
    try:
        key_of(database, INSTALLATION, makes=True)
    except MasterKeyUnknown as error:
        raise SettingInvalid(f"the record was sealed with another master key: {error.detail}") from error


def key_of(database: Database, owner: str, *, makes: bool = False) -> DataKey:
    """The owner's key; where ``makes``, made when there is none. Raises KeyDestroyed, KeyMissing, MasterKeyUnknown."""
    ring, name = _ring(database), (database.name, owner)
    with ring.lock:
        found = ring.keys.get(name)
        if found is not None and time.monotonic() - found[1] < LIFE_S:
            ring.keys.move_to_end(name)
            return found[0]
    rows = _read(database, [owner])
    if makes and owner not in rows:
        make(database, [owner])
        rows = _read(database, [owner])
    if owner not in rows:
        raise KeyMissing(f"there is no key of {owner}: the collection {VAULT} is not whole")
    if rows[owner] is None:
        raise KeyDestroyed("this record was erased")
    return _keep(ring, name, _unwrapped(rows[owner] or {}))


def is_destroyed(database: Database, owner: str) -> bool:
    """True for an owner who was erased; other processes come to know of it within LIFE_S."""
    try:
        key_of(database, owner)
    except KeyDestroyed:
        return True
    except KeyMissing:
        return False
    return False


def warm(database: Database, owners: Iterable[str]) -> None:
    """Reads the keys of many owners in one query, where a page of many people is about to be opened."""
    ring, now = _ring(database), time.monotonic()
    with ring.lock:
        fresh = {name[1] for name, (_, at) in ring.keys.items() if name[0] == database.name and now - at < LIFE_S}
    wanted = set(owners) - fresh
    for owner, row in _read(database, wanted).items() if wanted else ():
        if row is not None:
            _keep(ring, (database.name, owner), _unwrapped(row))


def make(database: Database, owners: Iterable[str]) -> None:
    """New keys for those who have none, durable when this returns. Safe to repeat."""
    now = now_ms()
    rows = [_wrapped(owner, secrets.token_bytes(KEY_BYTES), now) | {"_id": owner} for owner in owners]
    insert_new(database, VAULT, rows)


def destroy(database: Database, owner: str, at_ms: int) -> None:
    """Ends the owner's key for good; other processes forget it within LIFE_S. Safe to repeat."""
    database[VAULT].update_one(
        {"_id": owner, "destroyed_at_ms": None},
        {"$set": {"destroyed_at_ms": at_ms}, "$unset": {"wrapped": "", "master": ""}},
    )
    insert_new(database, VAULT, [{"_id": owner, "created_at_ms": at_ms, "destroyed_at_ms": at_ms}])
    ring = _ring(database)
    with ring.lock:
        ring.keys.pop((database.name, owner), None)


def count_older(database: Database) -> int:
    """How many keys are wrapped by another master key than the newest."""
    return database[VAULT].count_documents(_older())


def rewrap_some(database: Database, most: int = 500) -> int:
    """Wraps up to ``most`` keys with the newest master key; how many it did. Safe to break off."""
    rows = list(database[VAULT].find(_older()).limit(most))
    for row in rows:
        new = _wrapped(row["_id"], _opened(row), row["created_at_ms"])
        database[VAULT].update_one({"_id": row["_id"], "master": row["master"]}, {"$set": new})
    return len(rows)


def forget(database: Database) -> None:
    """Empties this process's cache, so that the next use reads the vault."""
    _rings.pop(id(database.client), None)


def ensure_indexes(database: Database) -> None:
    database[VAULT].create_index("master", name="master")


def _masters() -> MasterKeys:
    if _Given.master_keys is None:
        raise SettingInvalid("PHR_MASTER_KEY was not given to this process")
    return _Given.master_keys


def _older() -> Document:
    return {"master": {"$exists": True, "$ne": _masters().newest.id}}


def _ring(database: Database) -> _Ring:
    client = database.client
    found = _rings.get(id(client))
    if found is None:
        found = _rings.setdefault(id(client), _Ring())
        weakref.finalize(client, _rings.pop, id(client), None)
    return found


def _read(database: Database, owners: Iterable[str]) -> dict[str, Document | None]:
    """The rows there are, None for a destroyed one."""
    found = database[VAULT].find({"_id": {"$in": list(owners)}})
    return {row["_id"]: None if row.get("destroyed_at_ms") is not None else row for row in found}


def _keep(ring: _Ring, name: tuple[str, str], key: DataKey) -> DataKey:
    with ring.lock:
        ring.keys[name] = (key, time.monotonic())
        ring.keys.move_to_end(name)
        while len(ring.keys) > MOST_KEYS:
            ring.keys.popitem(last=False)
    return key


def _unwrapped(row: Document) -> DataKey:
    secret = _opened(row)
    return DataKey(AESGCM(_derived(secret, b"phr seal")), _derived(secret, b"phr token"))


def _wrapped(owner: str, secret: bytes, created_at_ms: int) -> Document:
    master, nonce = _masters().newest, secrets.token_bytes(NONCE_BYTES)
    wrapped = nonce + AESGCM(master.secret).encrypt(nonce, secret, owner.encode())
    return {"wrapped": wrapped, "master": master.id, "created_at_ms": created_at_ms}


def _opened(row: Document) -> bytes:
    wrapped, master = bytes(row["wrapped"]), _masters().of_id(row["master"])
    try:
        return AESGCM(master.secret).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], row["_id"].encode())
    except InvalidTag as error:
        raise KeyMissing(f"the key of {row['_id']} in {VAULT} is not as it was written") from error


def _derived(secret: bytes, use: bytes) -> bytes:
    """One key for each use. Source: RFC 5869."""
    return HKDF(SHA256(), KEY_BYTES, None, use).derive(secret)
