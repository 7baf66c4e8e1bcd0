"""What a device says of itself: there or not, its battery, its firmware; the last word of each device is kept.

Collection ``device_status``: {_id: "vendor/device", state, since_ms | null, battery, firmware}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from pymongo import UpdateOne

from phr.database import Database, Document
from phr.errors import PayloadUnreadable
from phr.intake import sightings

State = Literal["online", "offline"]
MOST_BYTES = 1024
MAX_FIRMWARE = 64


class Status(msgspec.Struct, frozen=True):
    """{"state": "online" | "offline", "battery": 0 to 100 %, "firmware": text}; the last two where the device knows."""

    state: State
    battery: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    firmware: Annotated[str, msgspec.Meta(max_length=MAX_FIRMWARE, pattern=r"\A[^\x00-\x1f\x7f]*\Z")] | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """``is_replay``: the broker kept it; it tells the state, not when the device spoke."""

    status: Status
    is_replay: bool

    @property
    def is_sign_of_life(self) -> bool:
        """A Will speaks for a device that is gone, the broker for one that may be."""
        return not self.is_replay and self.status.state == "online"


@dataclass(frozen=True, slots=True)
class Known:
    state: str
    since_ms: int | None  # None: it began while nobody listened; the broker remembered it
    battery: float | None
    firmware: str | None


def parse_status(payload: bytes) -> Status:
    """The status; the bare words ``online`` and ``offline`` are one too, as a Will often has them.

    Raises PayloadUnreadable.
    """
    if payload in (b"online", b"offline"):
        return Status("online" if payload == b"online" else "offline")
    if len(payload) > MOST_BYTES:
        raise PayloadUnreadable(f"a status has at most {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(payload, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadUnreadable('a status is {"state": "online" or "offline", "battery", "firmware"}') from error


def put(database: Database, heard: Mapping[str, Heard], now_ms: int) -> int:
    """Keeps the last word of each device that is registered; the count of those. Safe to repeat."""
    rows = database["devices"].find({"_id": {"$in": list(heard)}}, {"_id": 1})
    refs = [row["_id"] for row in rows]
    writes = [UpdateOne({"_id": ref}, _update(heard[ref], now_ms), upsert=True) for ref in refs]
    if writes:
        database["device_status"].bulk_write(writes, ordered=False)
    sightings.note(database, {ref: now_ms for ref in refs if heard[ref].is_sign_of_life})
    return len(writes)


def of_devices(database: Database, refs: Iterable[str]) -> dict[str, Known]:
    """Those that ever said something."""
    return {row["_id"]: _known(row) for row in database["device_status"].find({"_id": {"$in": list(refs)}})}


def _update(heard: Heard, now_ms: int) -> list[Document]:
    """In one step: a state that stays keeps its beginning, an offline that brings no battery keeps the last one."""
    status = heard.status
    is_same = {"$eq": ["$state", status.state]}
    since = {"$cond": [is_same, {"$ifNull": ["$since_ms", None]}, None if heard.is_replay else now_ms]}
    fields: Document = {"state": status.state, "since_ms": since}
    if status.battery is not None:
        fields["battery"] = status.battery
    if status.firmware is not None:
        fields["firmware"] = {"$literal": status.firmware}
    return [{"$set": fields}]


def _known(row: Document) -> Known:
    return Known(row["state"], row["since_ms"], row.get("battery"), row.get("firmware"))
