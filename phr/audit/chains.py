"""Chains: how far each person's is, and how one line follows another.

Collection ``access_chains``: _id, person, is_current (the one that the person's next lines come into), is_erased, seq
and link of the last line, cut_seq and cut_link of the last that went when its time was over, oldest_ms of the first
that is left, is_ahead of what was signed, mac. A chain's id tells nothing of the person: it outlives an erasure.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.people.access_lines import ERASED, mac

CHAINS = "access_chains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    id: str
    person: str
    seq: int
    link: bytes
    cut_seq: int
    cut_link: bytes
    oldest_ms: int
    is_intact: bool = True  # its row is as the house wrote it


def new(person: str) -> Chain:
    """A chain without lines, in no collection yet."""
    name = secrets.token_hex(12)
    start = hashlib.sha256(b"phr access log " + name.encode()).digest()
    return Chain(id=name, person=person, seq=0, link=start, cut_seq=0, cut_link=start, oldest_ms=0)


def next_link(link: bytes, seq: int, told: bytes) -> bytes:
    """The link of the line with this number and sum that follows one with this link."""
    return hashlib.sha256(link + seq.to_bytes(8, "big") + told).digest()


def current(
    database: Database, key: bytes, persons: Iterable[str], session: ClientSession | None = None
) -> dict[str, Chain]:
    """By person, the chains that their next lines come into."""
    wanted: Document = {"person": {"$in": list(persons)}, "is_current": True}
    return {row["person"]: chain_of(key, row) for row in database[CHAINS].find(wanted, session=session)}


def write(key: bytes, chain: Chain) -> ReplaceOne[Document]:
    """What stores the chain as it is now, ahead of what was signed."""
    row = {
        "_id": chain.id,
        "person": chain.person,
        "is_current": True,
        "is_erased": chain.person.startswith(ERASED),
        "seq": chain.seq,
        "link": chain.link,
        "cut_seq": chain.cut_seq,
        "cut_link": chain.cut_link,
        "oldest_ms": chain.oldest_ms,
        "is_ahead": True,
        "mac": _mac(key, chain),
    }
    return ReplaceOne({"_id": chain.id}, row, upsert=True)


def cut(key: bytes, chain: Chain) -> Document:
    """What of the row changes when its oldest lines have gone."""
    told = {"cut_seq": chain.cut_seq, "cut_link": chain.cut_link, "oldest_ms": chain.oldest_ms}
    return told | {"mac": _mac(key, chain)}


def rename(database: Database, person: str, alias: str) -> None:
    """An erased person's chain under the name that stands for them; what still comes begins another. Repeatable."""
    change = {"$set": {"person": alias, "is_erased": True}, "$unset": {"is_current": ""}}
    database[CHAINS].update_many({"person": person}, change)


def chain_of(key: bytes, row: Document) -> Chain:
    found = Chain(
        id=row["_id"],
        person=row["person"],
        seq=row["seq"],
        link=bytes(row["link"]),
        cut_seq=row["cut_seq"],
        cut_link=bytes(row["cut_link"]),
        oldest_ms=row["oldest_ms"],
    )
    return replace(found, is_intact=hmac.compare_digest(_mac(key, found), bytes(row.get("mac", b""))))


def ensure_indexes(database: Database) -> None:
    chains = database[CHAINS]
    is_current = {"is_current": True}
    chains.create_index("person", name="current", unique=True, partialFilterExpression=is_current)
    chains.create_index([("is_erased", 1), ("oldest_ms", 1)], name="oldest")
    chains.create_index("is_ahead", name="ahead", partialFilterExpression={"is_ahead": True})


def _mac(key: bytes, chain: Chain) -> bytes:
    told = (chain.id, chain.seq, chain.link, chain.cut_seq, chain.cut_link)
    return mac(key, b"chain\0" + msgspec.msgpack.encode(told))
