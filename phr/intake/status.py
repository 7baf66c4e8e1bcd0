"""What a device says of itself: there or not, its battery, its firmware; the last word of each device is kept.

Collection ``device_status``: {_id: "vendor/device", state, since_ms | null, battery, firmware, is_low, untold}.
``is_low``: its battery was low and has not been charged since; ``untold``: what no timeline tells yet.
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
# In %. At the first a device is about to stop measuring; only from the second on is it charged again, so that one that
# hovers is told of once. The first is where phones begin to warn; neither is a clinical number.
LOW_BATTERY, CHARGED_BATTERY = 15, 30
MOST_UNTOLD = 20


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
    state: State
    since_ms: int | None  # None: it began while nobody listened; the broker remembered it
    battery: float | None
    firmware: str | None


@dataclass(frozen=True, slots=True)
class Untold:
    device: str
    what: Literal["battery-low", "firmware"]
    at_ms: int


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


def untold(database: Database, limit: int) -> list[Untold]:
    """What devices said that their owners' timelines do not tell yet; all that the first so many devices said."""
    rows = database["device_status"].find({"untold.at_ms": {"$exists": True}}, {"untold": 1}).limit(limit)
    return [Untold(row["_id"], one["what"], one["at_ms"]) for row in rows for one in row["untold"]]


def set_told(database: Database, told: Iterable[Untold]) -> None:
    writes = [
        UpdateOne({"_id": one.device}, {"$pull": {"untold": {"what": one.what, "at_ms": one.at_ms}}}) for one in told
    ]
    if writes:
        database["device_status"].bulk_write(writes, ordered=False)


def ensure_indexes(database: Database) -> None:
    is_there = {"untold.at_ms": {"$exists": True}}
    database["device_status"].create_index("untold.at_ms", name="untold", partialFilterExpression=is_there)


def _update(heard: Heard, now_ms: int) -> list[Document]:
    """In one step: a state that stays keeps its beginning, an offline that brings no battery keeps the last one."""
    status = heard.status
    is_same = {"$eq": ["$state", status.state]}
    since = {"$cond": [is_same, {"$ifNull": ["$since_ms", None]}, None if heard.is_replay else now_ms]}
    fields: Document = {"state": status.state, "since_ms": since}
    news: list[Document] = []
    if status.battery is not None:
        was_low = {"$ifNull": ["$is_low", False]}
        is_low = status.battery <= LOW_BATTERY
        fields["battery"] = status.battery
        fields["is_low"] = is_low if is_low or status.battery >= CHARGED_BATTERY else was_low
        news.append(_news("battery-low", {"$and": [is_low, {"$not": was_low}]}, now_ms))
    if status.firmware is not None:
        firmware = {"$literal": status.firmware}
        fields["firmware"] = firmware
        news.append(_news("firmware", {"$ne": [{"$ifNull": ["$firmware", firmware]}, firmware]}, now_ms))
    if news:
        fields["untold"] = {"$slice": [{"$concatArrays": [{"$ifNull": ["$untold", []]}, *news]}, -MOST_UNTOLD]}
    return [{"$set": fields}]


def _news(what: str, is_new: Document, now_ms: int) -> Document:
    return {"$cond": [is_new, [{"what": what, "at_ms": now_ms}], []]}


def _known(row: Document) -> Known:
    return Known(row["state"], row["since_ms"], row.get("battery"), row.get("firmware"))
