"""What became of a notice at each address: one row each, from waiting to sent, failed or dropped.

Collection ``deliveries``: _id  address|notice     person, notice, channel, address, urgency, rank
    state  "waiting", then "sent", "failed" or "dropped", with ``why``
    due_ms  when it is tried next, or its lease ends
    lease  who has it in hand     tries     expires_at  when the row goes, once it is settled
    ref  what the other side calls the message     to_follow  it failed after it was taken, and another is to tell it
Collection ``late_failures``: _id  such a ref     why     expires_at  what the other side has said of it, which may come
    before who sent it has written down that it did

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
LATE = "late_failures"
LATE_KEPT_MS = 3_600_000  # who sends has written it down long before
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
    return _settled(database, those, {"state": state, "why": why}, now_ms)


def sent(database: Database, those: Sequence[Delivery], ref: str | None, now_ms: int) -> int:
    """As ``settle``. ``ref``: what the other side calls the message, which it may say later did not arrive."""
    count = _settled(database, those, {"state": SENT, "why": None} | ({} if ref is None else {"ref": ref}), now_ms)
    if ref is not None:
        _fail_late(database, ref, now_ms)
    return count


def fail_after_all(database: Database, ref: str, why: str, now_ms: int) -> int:
    """The other side took the message and says that it did not arrive: how many deliveries it was. Once.

    It may say so before ``sent`` was called: whichever of the two writes later sees what the other wrote.
    """
    word = {"why": why, "expires_at": to_datetime(now_ms + LATE_KEPT_MS)}
    database[LATE].with_options(write_concern=DURABLE).update_one({"_id": ref}, {"$set": word}, upsert=True)
    return _fail_late(database, ref, now_ms)


def to_follow(database: Database, limit: int) -> list[Delivery]:
    """Those that failed after all and that nobody has planned another for."""
    return [_delivery(row | {"due_ms": 0}) for row in database[DELIVERIES].find({"to_follow": True}).limit(limit)]


def followed(database: Database, those: Iterable[Delivery]) -> None:
    """Another is planned for each."""
    ids = [one.id for one in those]
    database[DELIVERIES].update_many({"_id": {"$in": ids}}, {"$unset": {"to_follow": ""}})


def postpone(database: Database, those: Sequence[Delivery], due_ms: int, why: str, *, is_try: bool) -> int:
    """They are tried again then. ``is_try``: it counts, since something was sent."""
    update: Document = {"$set": {"due_ms": due_ms, "why": why}, "$unset": {"lease": ""}}
    if not is_try:
        update["$inc"] = {"tries": -1}
    return _held(database, those, update)


def of_notice(database: Database, notice: str) -> list[Document]:
    """Rows of one notice, by channel."""
    return list(database[DELIVERIES].find({"notice": notice}, sort=[("channel", 1), ("_id", 1)]))


def backlog(database: Database) -> dict[str, tuple[int, int]]:
    """Of each channel that has some: how many wait, and when the first of them is or was due."""
    steps: list[Document] = [
        {"$match": {"state": WAITING}},
        {"$group": {"_id": "$channel", "n": {"$sum": 1}, "first": {"$min": "$due_ms"}}},
    ]
    return {row["_id"]: (row["n"], row["first"]) for row in database[DELIVERIES].aggregate(steps)}


def ensure_indexes(database: Database) -> None:
    rows, waits = database[DELIVERIES], {"state": WAITING}
    rows.create_index([("channel", 1), ("rank", 1), ("due_ms", 1)], name="due", partialFilterExpression=waits)
    rows.create_index([("address", 1), ("due_ms", 1)], name="address", partialFilterExpression=waits)
    rows.create_index("notice", name="notice")
    rows.create_index("ref", name="ref", partialFilterExpression={"ref": {"$exists": True}})
    rows.create_index("to_follow", name="to_follow", partialFilterExpression={"to_follow": True})
    rows.create_index("person", name="person")
    rows.create_index("expires_at", name="expires", expireAfterSeconds=0)
    database[LATE].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _fail_late(database: Database, ref: str, now_ms: int) -> int:
    word = database[LATE].find_one({"_id": ref})
    if word is None:
        return 0
    fields = {"state": FAILED, "why": word["why"], "settled_ms": now_ms, "to_follow": True}
    wanted = {"ref": ref, "state": SENT}
    return database[DELIVERIES].with_options(write_concern=DURABLE).update_many(wanted, {"$set": fields}).modified_count


def _settled(database: Database, those: Sequence[Delivery], fields: Document, now_ms: int) -> int:
    if not those:
        return 0
    stamps = {"settled_ms": now_ms, "expires_at": to_datetime(now_ms + KEPT_MS)}
    return _held(database, those, {"$set": fields | stamps, "$unset": {"due_ms": "", "lease": ""}})


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
