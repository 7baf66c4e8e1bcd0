"""How a device becomes somebody's: by its single-use code and a reading taken just now.

Collection ``claims``, a row a used code, made before the device is bound so that a claim can be repeated after a crash:
    _id  hash of the code        device, person, slot, since_ms        expires_at
Collection ``claim_tries``: _id  "caller:…" or "device:…"        at  the instants of wrong codes        expires_at
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.errors import AlreadyThere, NotFound, PhrError, TooManyTries
from phr.intake import bindings, claim_codes, held
from phr.intake.bindings import Holding
from phr.intake.device import Binding, Device
from phr.intake.held import HeldRow
from phr.intake.households import holders
from phr.passwords import hash_of

FRESH_MS = 5 * 60_000
MOST_TRIES = 5
TRIES_MS = 15 * 60_000
KEPT_CLAIM = timedelta(days=1)
LOOKED_AT = 500  # of what a device sent lately; in five minutes a device sends less
_UNUSED = hash_of("")  # of no code: so that a device without one costs the same comparison


class ReadingMissing(PhrError):
    """The code is right, but nobody has used the device in the last minutes."""

    code: ClassVar[str] = "reading-missing"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Claim:
    device: str
    code: str
    person: str
    slot: str | None  # None: the one that the fresh reading came from


@dataclass(frozen=True, slots=True)
class Claimed:
    device: Device
    slot: str
    since_ms: int
    readings: tuple[HeldRow, ...]  # those from the fresh one on: the claimant's, to be recorded and then settled


def claim(database: Database, wish: Claim, now_ms: int) -> Claimed:
    """The device bound from its fresh reading on; safe to repeat with the same code.

    Raises NotFound for a wrong code and for no such device in the same words, TooManyTries, ReadingMissing,
    AlreadyThere where somebody has this slot.
    """
    tried = (f"caller:{wish.person}", f"device:{wish.device}")
    for key in tried:
        _try(database, key, now_ms)
    begun = _begun(database, wish)
    _forget_tries(database, tried, now_ms)
    if begun is None:
        fresh = _fresh(database, wish, now_ms)
        begun = _begin(database, wish, fresh, now_ms)
    device = _bind(database, wish, begun)
    rows = [row for row in _lately(database, wish.device) if _is_theirs(row, begun)]
    return Claimed(device, begun["slot"], begun["since_ms"], tuple(rows))


def renew_code(database: Database, ref: str) -> str:
    """A new code for the device; the one before is worth nothing from now on. Raises NotFound."""
    return _renewed(database, ref, lambda _: None)


def renew_code_of_free(database: Database, ref: str) -> str:
    """As ``renew_code``. Raises AlreadyThere where somebody has the device: a code would open their other slots."""

    def refuse_taken(one: Holding) -> None:
        if holders(one.bindings):
            raise AlreadyThere("somebody has this device; who gives it up is told the next code")

    return _renewed(database, ref, refuse_taken)


def release(database: Database, ref: str, binding: tuple[str, str], now_ms: int) -> str | None:
    """Ends the (slot, person) binding now; the new claim code, where nobody else has the device. Raises NotFound."""
    slot, person = binding
    code = claim_codes.new_claim_code()

    def released(one: Holding) -> Holding:
        ended = [
            _ended(b, now_ms) if (b.slot, b.person, b.until_ms) == (slot, person, None) else b for b in one.bindings
        ]
        if tuple(ended) == one.bindings:
            raise NotFound("no such device of this person")
        is_free = all(b.until_ms is not None for b in ended)
        return Holding(tuple(ended), hash_of(code) if is_free else one.claim_code_hash)

    device = bindings.rehold(database, ref, released)
    return code if all(one.until_ms is not None for one in device.bindings) else None


def ensure_indexes(database: Database) -> None:
    for name in ("claims", "claim_tries"):
        database[name].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _renewed(database: Database, ref: str, check: Callable[[Holding], None]) -> str:
    code = claim_codes.new_claim_code()

    def renewed(one: Holding) -> Holding:
        check(one)
        return replace(one, claim_code_hash=hash_of(code))

    bindings.rehold(database, ref, renewed)
    return code


def _ended(binding: Binding, now_ms: int) -> Binding:
    """A binding ends after it begins, or never was: one that begins later (a clock ahead) ends at its beginning."""
    return replace(binding, until_ms=max(now_ms, binding.since_ms or now_ms))


def _try(database: Database, key: str, now_ms: int) -> None:
    """Counts a try before it is made, so that many at once are not more than one by one. Raises TooManyTries."""
    live = {"$filter": {"input": {"$ifNull": ["$at", []]}, "cond": {"$gt": ["$$this", now_ms - TRIES_MS]}}}
    counted = {"$cond": [{"$lt": [{"$size": "$at"}, MOST_TRIES]}, {"$concatArrays": ["$at", [now_ms]]}, "$at"]}
    expires_at = to_datetime(now_ms + TRIES_MS)
    steps: list[dict[str, Any]] = [{"$set": {"at": live}}, {"$set": {"at": counted, "expires_at": expires_at}}]
    before = _updated(database, key, steps) or {"at": []}
    recent = [at for at in before["at"] if at > now_ms - TRIES_MS]
    if len(recent) >= MOST_TRIES:
        wait_s = -((min(recent) + TRIES_MS - now_ms) // -1000)
        raise TooManyTries("too many wrong codes; try again later", wait_s)


def _updated(database: Database, key: str, steps: list[dict[str, Any]]) -> Document | None:
    tries = database["claim_tries"]
    try:
        return tries.find_one_and_update({"_id": key}, steps, upsert=True, return_document=ReturnDocument.BEFORE)
    except DuplicateKeyError:  # two first tries at once
        return tries.find_one_and_update({"_id": key}, steps, return_document=ReturnDocument.BEFORE)


def _forget_tries(database: Database, keys: Iterable[str], now_ms: int) -> None:
    """The code was right: that was no guess."""
    database["claim_tries"].update_many({"_id": {"$in": list(keys)}}, {"$pull": {"at": now_ms}})


def _begun(database: Database, wish: Claim) -> Document | None:
    """The claim that this person began with this code, None where the code is new. Raises NotFound."""
    given = hash_of(wish.code)
    stored = bindings.claim_code_hash(database, wish.device)
    begun = database["claims"].find_one({"_id": given, "device": wish.device, "person": wish.person})
    is_right = hmac.compare_digest(stored or _UNUSED, given) and stored is not None
    if not is_right and begun is None:
        raise NotFound("no such device, or this is not its code")
    return begun


def _fresh(database: Database, wish: Claim, now_ms: int) -> HeldRow:
    """The latest reading that was measured and arrived within five minutes. Raises ReadingMissing."""
    found = [
        row
        for row in _lately(database, wish.device)
        if wish.slot in (None, row.slot)
        and abs(now_ms - row.t_ms) <= FRESH_MS
        and abs(now_ms - row.arrived_at_ms) <= FRESH_MS
    ]
    if not found:
        raise ReadingMissing("take a reading with the device and claim it within five minutes")
    return max(found, key=lambda row: row.t_ms)


def _lately(database: Database, device: str) -> list[HeldRow]:
    rows = held.for_device(database, device, LOOKED_AT, is_open=True)
    return [row for row in rows if row.reason == "unbound"]


def _begin(database: Database, wish: Claim, fresh: HeldRow, now_ms: int) -> Document:
    """Keeps what the code is used for; of two at once the first has it. Raises NotFound for the other."""
    row: Document = {
        "_id": hash_of(wish.code),
        "device": wish.device,
        "person": wish.person,
        "slot": fresh.slot,
    }
    row |= {"since_ms": fresh.t_ms, "expires_at": to_datetime(now_ms) + KEPT_CLAIM}
    try:
        database["claims"].insert_one(row)
    except DuplicateKeyError as error:
        there = database["claims"].find_one({"_id": row["_id"], "person": wish.person})
        if there is None:
            raise NotFound("no such device, or this is not its code") from error
        return there
    return row


def _bind(database: Database, wish: Claim, begun: Document) -> Device:
    binding = Binding(begun["slot"], begun["person"], begun["since_ms"], None)

    def bound(one: Holding) -> Holding:
        if one.claim_code_hash != begun["_id"]:
            if binding in one.bindings:
                return one
            raise NotFound("no such device, or this is not its code")
        if any(binding.overlaps(other) for other in one.bindings):
            raise AlreadyThere("somebody has this device, or this slot of it")
        return Holding((*one.bindings, binding), None)

    try:
        return bindings.rehold(database, wish.device, bound)
    except AlreadyThere:
        database["claims"].delete_one({"_id": begun["_id"]})
        raise


def _is_theirs(row: HeldRow, begun: Document) -> bool:
    is_after: bool = row.t_ms >= begun["since_ms"]
    return is_after and row.slot == str(begun["slot"])
