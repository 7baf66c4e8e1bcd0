"""Sealed values: what identifies people or tells of them, readable only with their owner's key.

An owner is a person's id, ``organisation(name)`` or ``vendor(slug)``. A place says where a value stands ("people.name",
"entries.<id>.content") and is bound into the seal: a value that is copied to another place or owner does not open.
A seal is 1 byte of version, 12 of nonce, and AES-256-GCM over MessagePack. Source: NIST SP 800-38D, 8.2.2: random
nonces for at most 2^32 seals of a key.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag

from phr.database import Database
from phr.errors import PhrError
from phr.people import keyring
from phr.people.keyring import INSTALLATION, NONCE_BYTES

VERSION = b"\x01"
TOKEN_BYTES = 12
OVERHEAD_BYTES = len(VERSION) + NONCE_BYTES + 16  # what sealing adds: and GCM's tag


class SealBroken(PhrError):
    """A sealed value is not as it was written, or stands where it was not written."""

    code = "seal-broken"


def organisation(name: str) -> str:
    """The owner of what an organisation must retain beyond a person's erasure."""
    return f"organisation:{name}"


def vendor(slug: str) -> str:
    """The owner of what a vendor is told once: passwords, keys, codes."""
    return f"vendor:{slug}"


def seal(database: Database, owner: str, place: str, value: Any) -> bytes:
    """The value sealed: anything that MessagePack holds (None, numbers, text, bytes, lists, maps, aware datetimes).

    Raises KeyDestroyed.
    """
    return seal_bytes(database, owner, place, msgspec.msgpack.encode(value))


def unseal(database: Database, owner: str, place: str, sealed: bytes) -> Any:
    """The value as it was sealed; tuples come back as lists. Raises KeyDestroyed, SealBroken."""
    return msgspec.msgpack.decode(unseal_bytes(database, owner, place, sealed))


def seal_bytes(database: Database, owner: str, place: str, plain: bytes) -> bytes:
    """As ``seal``, for bytes as they are. A file that is sealed in pieces has their number in the place."""
    key, nonce = keyring.key_of(database, owner, makes=True), secrets.token_bytes(NONCE_BYTES)
    return VERSION + nonce + key.cipher.encrypt(nonce, plain, _bound(owner, place))


def unseal_bytes(database: Database, owner: str, place: str, sealed: bytes) -> bytes:
    """As ``unseal``, for bytes as they are."""
    cipher, split = keyring.key_of(database, owner).cipher, len(VERSION) + NONCE_BYTES
    try:
        if not sealed.startswith(VERSION):
            raise InvalidTag
        return cipher.decrypt(sealed[len(VERSION) : split], sealed[split:], _bound(owner, place))
    except (InvalidTag, ValueError) as error:
        raise SealBroken(f"{place} of {owner} does not open") from error


def tokens(database: Database, owner: str, words: Iterable[str]) -> list[bytes]:
    """A token for each word, in order, to search an owner's text by: one word has one token for one owner."""
    key = keyring.key_of(database, owner, makes=True).token_key
    return [hmac.digest(key, word.encode(), "sha256")[:TOKEN_BYTES] for word in words]


def lookup_tokens(database: Database, kind: str, words: Iterable[str]) -> list[bytes]:
    """As ``tokens``, for the whole installation: finds people by a number or name. Kinds ("phone") are apart."""
    return tokens(database, INSTALLATION, (f"{kind}\0{word}" for word in words))


def destroy(database: Database, owner: str, at_ms: int) -> None:
    """Crypto-erasure: nothing that was sealed for the owner opens from now on, and nothing more is sealed for it."""
    keyring.destroy(database, owner, at_ms)


def _bound(owner: str, place: str) -> bytes:
    return VERSION + f"{owner}\0{place}".encode()
