"""What became of a notice at each address: one row each, from waiting to sent, failed or dropped.

Collection ``deliveries``: _id  address|notice     person, notice, channel, address, urgency, rank
    state  "waiting", then "sent", "failed" or "dropped", with ``why``
    due_ms  when it is tried next, or its lease ends
    lease  who has it in hand     tries     expires_at  when the row goes, once it is settled

``claim`` moves ``due_ms`` on: who dies with a delivery in hand is followed by another when the lease is over. What is
written afterwards is guarded by the lease, so that who was overtaken changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pymongo import InsertOne, ReturnDocument

from phr.clock import to_datetime
from phr.database import DURABLE, Database, Document, write_new

DELIVERIES = "deliveries"
WAITING, SENT, FAILED, DROPPED = "waiting", "sent", "failed", "dropped"
LEASE_MS = 60_000  # twice what a channel may take for one message
KEPT_MS = 90 * 86_400_000
AT_ONCE = 100  # of one digest
URGENT = 3  # goes before all that is less


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """``lease``: empty but for who has it in hand."""

    person: str
    notice: str
    channel: str
    address: str
    urgency: int
    due_ms: int
    tries: int = 0
    lease: bytes = b""

    @property
    def id(self) -> str:
        return f"{self.address}|{self.notice}"


def plan(database: Database, deliveries: Iterable[Delivery]) -> None:
    """Each once, whatever became of it; safe to repeat."""
    rows = [InsertOne(_row(one)) for one in deliveries]
    if rows:
        write_new(database[DELIVERIES].with_options(write_concern=DURABLE), rows)


def claim(database: Database, channel: str, now_ms: int) -> Delivery | None:
    """A delivery of a channel that is due, urgent ones first, for the caller alone until the lease ends; None: there is
    none.
    """
    for rank in (0, 1):
        found = database[DELIVERIES].find_one_and_update(
            {"channel": channel, "rank": rank, "state": WAITING, "due_ms": {"$lte": now_ms}},
            {"$set": {"due_ms": now_ms + LEASE_MS, "lease": secrets.token_bytes(12)}, "$inc": {"tries": 1}},
            sort=[("due_ms", 1)],
            return_document=ReturnDocument.AFTER,
        )
        if found:
            return _delivery(found)
    return None


def claim_with(database: Database, first: Delivery, now_ms: int) -> list[Delivery]:
    """``first`` and all else that is due at its address and not urgent, under the same lease."""
    wanted: Document = {"address": first.address, "state": WAITING, "due_ms": {"$lte": now_ms}, "rank": 1}
    ids = [row["_id"] for row in database[DELIVERIES].find(wanted, {"_id": 1}).limit(AT_ONCE - 1)]
    taken = {"$set": {"due_ms": now_ms + LEASE_MS, "lease": first.lease}, "$inc": {"tries": 1}}
    if not ids:
        return [first]
    database[DELIVERIES].update_many(wanted | {"_id": {"$in": ids}}, taken)
    rows = database[DELIVERIES].find({"_id": {"$in": [first.id, *ids]}, "lease": first.lease}, sort=[("_id", 1)])
    return [_delivery(row) for row in rows]


def settle(database: Database, those: Sequence[Delivery], state: str, why: str | None, now_ms: int) -> int:
    """What became of them, unless another has them in hand by now; how many were."""
    if not those:
        return 0
    fields = {"state": state, "why": why, "settled_ms": now_ms, "expires_at": to_datetime(now_ms + KEPT_MS)}
    update = {"$set": fields, "$unset": {"due_ms": "", "lease": ""}}
    return _held(database, those, update)


def postpone(database: Database, those: Sequence[Delivery], due_ms: int, why: str, *, is_try: bool) -> int:
    """They are tried again then. ``is_try``: it counts, since something was sent."""
    update: Document = {"$set": {"due_ms": due_ms, "why": why}, "$unset": {"lease": ""}}
    if not is_try:
        update["$inc"] = {"tries": -1}
    return _held(database, those, update)


def of_notice(database: Database, notice: str) -> list[Document]:
    """Rows of one notice, by channel."""
    return list(database[DELIVERIES].find({"notice": notice}, sort=[("channel", 1), ("_id", 1)]))


def ensure_indexes(database: Database) -> None:
    rows, waits = database[DELIVERIES], {"state": WAITING}
    rows.create_index([("channel", 1), ("rank", 1), ("due_ms", 1)], name="due", partialFilterExpression=waits)
    rows.create_index([("address", 1), ("due_ms", 1)], name="address", partialFilterExpression=waits)
    rows.create_index("notice", name="notice")
    rows.create_index("person", name="person")
    rows.create_index("expires_at", name="expires", expireAfterSeconds=0)


def _held(database: Database, those: Sequence[Delivery], update: Document) -> int:
    wanted = {"_id": {"$in": [one.id for one in those]}, "lease": those[0].lease, "state": WAITING}
    return database[DELIVERIES].with_options(write_concern=DURABLE).update_many(wanted, update).modified_count


def _row(one: Delivery) -> Document:
    return {
        "_id": one.id,
        "person": one.person,
        "notice": one.notice,
        "channel": one.channel,
        "address": one.address,
        "urgency": one.urgency,
        "rank": 0 if one.urgency >= URGENT else 1,
        "state": WAITING,
        "due_ms": one.due_ms,
        "tries": 0,
    }


def _delivery(row: Document) -> Delivery:
    return Delivery(
        person=row["person"],
        notice=row["notice"],
        channel=row["channel"],
        address=row["address"],
        urgency=row["urgency"],
        due_ms=row["due_ms"],
        tries=row["tries"],
        lease=row.get("lease", b""),
    )
