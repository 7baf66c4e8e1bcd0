"""When a payload that states no time came for the first time: what is delivered or sent again was measured then.

Collection ``arrivals``, one row a device and payload, written before its readings:
    _id  digest of who sent it and its bytes        s  [[arrival, packet], ...], oldest first        expires_at
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bson.binary import Binary
from pymongo import UpdateOne

from phr.clock import to_datetime
from phr.database import Database, Document, write_new
from phr.errors import ServerUnavailable
from phr.vocabulary.metric import Density, Metric

KEPT = timedelta(days=2)
KEPT_MS = int(KEPT / timedelta(milliseconds=1))
MOST = 100  # arrivals of one payload that are told apart
MAX_TRIES = 60
# Two alike that lie nearer than this are one that was sent again: no such metric is honestly measured twice in it.
_AGAIN_WITHIN_MS = {
    Density.SECOND: 1_000,
    Density.WAVEFORM: 1_000,
    Density.MINUTE: 60_000,
    Density.DAILY: 600_000,
    Density.RARE: 600_000,
}

_Seen = list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Coming:
    """A payload that states no time, as it comes now.

    ``packet``: what the broker calls this delivery until it is acknowledged, "" where it has no name. ``is_again``: the
    broker says that it was delivered before. ``again_within_ms``: how long another one with the same bytes is this one.
    """

    key: bytes
    at_ms: int
    packet: str
    is_again: bool
    again_within_ms: int


def key_of(sender: str, payload: bytes) -> bytes:
    digest = hashlib.sha256(sender.encode())
    digest.update(b"\0")
    digest.update(payload)
    return digest.digest()[:16]


def again_within_ms(metrics: Iterable[Metric]) -> int:
    """How long the same bytes are the same measurement, where nothing in them says which one it is."""
    return min(_AGAIN_WITHIN_MS[metric.density] for metric in metrics)


def first(database: Database, ones: Sequence[Coming]) -> list[int]:
    """The arrival each is known by, kept before it is given: for ever the same for a delivery that is repeated.

    Safe to repeat. Raises PyMongoError when the database fails, ServerUnavailable when other writers win every time.
    """
    for _ in range(MAX_TRIES):
        rows = {row["_id"]: row for row in database["arrivals"].find({"_id": {"$in": [one.key for one in ones]}})}
        seen: dict[bytes, _Seen] = {key: [(int(at), packet) for at, packet in row["s"]] for key, row in rows.items()}
        changed: dict[bytes, int] = {}
        answers = []
        for one in ones:
            before = seen.setdefault(one.key, [])
            at_ms = _known(before, one)
            if at_ms is None:
                at_ms = one.at_ms
                before.append((at_ms, one.packet))
                changed[one.key] = max(at_ms, changed.get(one.key, 0))
            answers.append(at_ms)
        writes = [_write(key, rows.get(key), seen[key], at_ms) for key, at_ms in changed.items()]
        if not writes or not write_new(database["arrivals"], writes).there:
            return answers
    raise ServerUnavailable("payloads without a time arrive at other workers faster than they can be told apart")


def ensure_indexes(database: Database) -> None:
    database["arrivals"].create_index("expires_at", name="expires", expireAfterSeconds=0)


def _known(seen: _Seen, one: Coming) -> int | None:
    for at_ms, packet in seen:
        if abs(one.at_ms - at_ms) <= one.again_within_ms or (one.is_again and packet == one.packet != ""):
            return at_ms
    return None


def _write(key: bytes, row: Document | None, seen: _Seen, latest_ms: int) -> UpdateOne:
    """Guarded by what was read: where another worker has been quicker it becomes an insert of an _id that exists."""
    guard = {"_id": Binary(key), "s": row["s"] if row else []}
    change = {"s": [list(one) for one in seen[-MOST:]], "expires_at": to_datetime(latest_ms) + KEPT}
    return UpdateOne(guard, {"$set": change}, upsert=True)
