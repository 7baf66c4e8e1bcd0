"""Whether an address is the person's: a code is sent there, and who types it where they are logged in has read it.

A code and no link, since programs that look through e-mails open links, and nothing is to be proved by those.

Collections:
    address_proofs  _id  the address     person, name  of the delivery that brings it, sealed  the code, tries_left,
        until_ms, expires_at
    proof_counts    _id  keyed token of a place, or of a person     count, until_ms, expires_at: codes of a day
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

from pymongo import ReturnDocument

from phr.clock import DAY_MS, to_datetime
from phr.database import DURABLE, Database, Document
from phr.errors import InputInvalid, TooManyTries
from phr.notices import addresses, deliveries
from phr.notices.addresses import Address
from phr.notices.deliveries import URGENT, Delivery
from phr.people import seals

PROOFS, COUNTS = "address_proofs", "proof_counts"
NAME = "proof:"  # how the name of a delivery begins that brings a code and no notice
DIGITS, TRIES = 6, 5
LIFE_MS = 30 * 60_000
MOST_TO_A_PLACE, MOST_BY_A_PERSON = 5, 10  # of a day: a stranger's mailbox is not to be filled


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent, and where."""

    given: dict[str, str] = field(repr=False)
    code: str = field(repr=False)


def ask(database: Database, address: Address, place: str, now_ms: int) -> None:
    """Has a new code sent to an address, whose place that is; the one before is worth nothing. Raises TooManyTries."""
    _count(database, f"place\0{address.channel}\0{place.casefold()}", MOST_TO_A_PLACE, now_ms)
    _count(database, f"person\0{address.person}", MOST_BY_A_PERSON, now_ms)
    code, name = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}", f"{NAME}{secrets.token_hex(8)}"
    row: Document = {
        "person": address.person,
        "name": name,
        "sealed": seals.seal(database, address.person, _place(address.id), code),
        "tries_left": TRIES,
        "until_ms": now_ms + LIFE_MS,
        "expires_at": to_datetime(now_ms + LIFE_MS),
    }
    database[PROOFS].with_options(write_concern=DURABLE).replace_one({"_id": address.id}, row, upsert=True)
    bringing = Delivery(
        person=address.person, notice=name, channel=address.channel, address=address.id, urgency=URGENT, due_ms=now_ms
    )
    deliveries.plan(database, [bringing])


def is_proof(notice: str) -> bool:
    """True for the name of a delivery that brings a code."""
    return notice.startswith(NAME)


def to_send(database: Database, one: Delivery, now_ms: int) -> Sending | None:
    """What a delivery brings; None once it is too late, another code was asked for, or none is needed any more."""
    row = database[PROOFS].find_one({"_id": one.address, "name": one.notice, "until_ms": {"$gt": now_ms}})
    given = addresses.opened(database, one.person, one.address, addresses.UNPROVED)
    if row is None or given is None:
        return None
    return Sending(dict(given), seals.unseal(database, one.person, _place(one.address), row["sealed"]))


def use(database: Database, person: str, address: str, code: str, now_ms: int) -> Address:
    """The address, active from now on, for the right code. Each try counts, before it is looked at.

    Raises NotFound, InputInvalid.
    """
    known = addresses.find(database, person, address)
    wanted: Document = {"_id": known.id, "tries_left": {"$gt": 0}, "until_ms": {"$gt": now_ms}}
    row = database[PROOFS].find_one_and_update(wanted, {"$inc": {"tries_left": -1}})
    sent = str(seals.unseal(database, person, _place(known.id), row["sealed"])) if row else ""
    if not hmac.compare_digest("".join(code.split()).encode(), sent.encode()) or not sent:
        raise InputInvalid("not the code that was sent last, or too late; add the address again for another", "/code")
    made = addresses.prove(database, person, known.id, now_ms)
    database[PROOFS].delete_one({"_id": known.id})
    return made


def ensure_indexes(database: Database) -> None:
    database[PROOFS].create_index("person", name="person")
    for name in (PROOFS, COUNTS):
        database[name].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _count(database: Database, what: str, most: int, now_ms: int) -> None:
    key = seals.lookup_tokens(database, "proof-count", [what])[0]
    is_over = {"$lte": [{"$ifNull": ["$until_ms", 0]}, now_ms]}
    end_ms = now_ms + DAY_MS
    update: Document = {
        "count": {"$cond": [is_over, 1, {"$add": ["$count", 1]}]},
        "until_ms": {"$cond": [is_over, end_ms, "$until_ms"]},
        "expires_at": {"$cond": [is_over, to_datetime(end_ms), "$expires_at"]},
    }
    row = database[COUNTS].find_one_and_update(
        {"_id": key}, [{"$set": update}], upsert=True, return_document=ReturnDocument.AFTER
    )
    assert row is not None  # it was upserted
    if row["count"] > most:
        raise TooManyTries("too many codes in a day: wait", -(-(row["until_ms"] - now_ms) // 1000))


def _place(address: str) -> str:
    return f"address_proofs.{address}"
