"""Where people are told: an address of a channel, sealed with its person's key.

Collection ``notice_addresses``: _id  keyed token of person, channel and place     person, channel
    sealed  the address, as its channel's ``shape`` has it     state  "active"; "unproved", until its person has shown
    that it is theirs; or "disabled", with ``why``     added_at_ms, proved_at_ms, last_sent_ms
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from phr.database import DURABLE, Database, Document
from phr.errors import InputInvalid, NotFound
from phr.people import seals

ADDRESSES = "notice_addresses"
ACTIVE, UNPROVED, DISABLED = "active", "unproved", "disabled"
PROVED = "proved_at_ms"
MOST = 20
PLACE = "notice_addresses.address"
LONGEST = 2_048


def _has(*names: str) -> Callable[[Mapping[str, Any]], str | None]:
    """Gives the name of the first field that is missing, no text, too long or too many."""

    def first_fault(given: Mapping[str, Any]) -> str | None:
        for name in names:
            value = given.get(name)
            if not isinstance(value, str) or not 0 < len(value) <= LONGEST or not value.isprintable():
                return name
        return next(iter(sorted(set(given) - set(names))), None)

    return first_fault


@dataclass(frozen=True, slots=True)
class Kind:
    """A channel, as people choose it. ``may_detail``: it may be allowed to say what a notice is about.

    ``is_given``: the person gives the address themself; else the house learns it. ``is_proved``: they show that it is
    theirs before anything is sent there (``proofs``).
    """

    fields: tuple[str, ...]
    may_detail: bool
    is_given: bool
    is_proved: bool = False

    def first_fault(self, given: Mapping[str, Any]) -> str | None:
        return _has(*self.fields)(given)


# Cards of WeChat, displays and short messages are read over a shoulder or on a lock screen; e-mails go over others'
# servers, and a device is not the person's alone. Web push is sealed for one browser, a partner's webhook is signed.
CHANNELS: Mapping[str, Kind] = {
    "wechat": Kind(("appid", "openid"), may_detail=False, is_given=False),
    "wechat-official": Kind(("appid", "openid"), may_detail=False, is_given=False),
    "web-push": Kind(("endpoint", "p256dh", "auth"), may_detail=True, is_given=True),
    "webhook": Kind(("url", "secret"), may_detail=True, is_given=True),
    "email": Kind(("email",), may_detail=False, is_given=True, is_proved=True),
    "sms": Kind(("phone",), may_detail=False, is_given=False),
    "device": Kind(("device",), may_detail=False, is_given=True),
}


@dataclass(frozen=True, slots=True)
class Address:
    id: str
    person: str
    channel: str
    state: str
    why: str | None
    last_sent_ms: int

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE


def put(database: Database, person: str, channel: str, given: Mapping[str, str], now_ms: int) -> Address:
    """The address, whether it was there or not: active, or unproved where it has to be proved and never was.

    Raises InputInvalid, KeyDestroyed.
    """
    fault = CHANNELS[channel].first_fault(given)
    if fault is not None:
        raise InputInvalid(f"an address of {channel} has {', '.join(CHANNELS[channel].fields)}", f"/address/{fault}")
    key = _id(database, person, channel, given)
    rows = database[ADDRESSES].with_options(write_concern=DURABLE)
    if rows.count_documents({"person": person, "_id": {"$ne": key}}, limit=MOST) == MOST:
        raise InputInvalid(f"a person has at most {MOST} addresses; take one away first", "/channel")
    begun = {"$cond": [{"$eq": ["$state", ACTIVE]}, ACTIVE, UNPROVED]} if CHANNELS[channel].is_proved else ACTIVE
    fields = {
        "person": {"$literal": person},
        "channel": channel,
        "sealed": {"$literal": seals.seal(database, person, PLACE, dict(given))},
        "state": begun,
        "why": None,
        "added_at_ms": {"$ifNull": ["$added_at_ms", now_ms]},
    }
    rows.update_one({"_id": key}, [{"$set": fields}], upsert=True)
    return find(database, person, key)


def find(database: Database, person: str, key: str) -> Address:
    """Raises NotFound."""
    row = database[ADDRESSES].find_one({"_id": key, "person": person})
    if row is None:
        raise NotFound("no such address")
    return _address(row)


def opened(database: Database, person: str, key: str, state: str = ACTIVE) -> Mapping[str, str] | None:
    """The address itself; None for one that was taken away or is in another state. Raises KeyDestroyed."""
    row = database[ADDRESSES].find_one({"_id": key, "person": person, "state": state})
    return None if row is None else seals.unseal(database, person, PLACE, row["sealed"])


def of_people(database: Database, people: Collection[str], *, is_active: bool = True) -> list[Address]:
    wanted: Document = {"person": {"$in": list(people)}} | ({"state": ACTIVE} if is_active else {})
    return [_address(row) for row in database[ADDRESSES].find(wanted, sort=[("person", 1), ("added_at_ms", 1)])]


def who_have_any(database: Database, people: Iterable[str]) -> frozenset[str]:
    """Those of them whom a channel can reach outside the app."""
    wanted = {"person": {"$in": list(people)}, "state": ACTIVE}
    return frozenset(database[ADDRESSES].distinct("person", wanted))


def prove(database: Database, person: str, key: str, now_ms: int) -> Address:
    """Its person has shown that it is theirs: they are told there from now on. Raises NotFound."""
    rows = database[ADDRESSES].with_options(write_concern=DURABLE)
    shown = {"state": ACTIVE, PROVED: now_ms, "last_sent_ms": 0}  # the code keeps no notice waiting
    rows.update_one({"_id": key, "person": person, "state": UNPROVED}, {"$set": shown})
    return find(database, person, key)


def disable(database: Database, one: str, why: str) -> bool:
    """Nothing is sent there any more; True for who has done it."""
    rows, wanted = database[ADDRESSES].with_options(write_concern=DURABLE), {"_id": one, "state": {"$ne": DISABLED}}
    return bool(rows.update_one(wanted, {"$set": {"state": DISABLED, "why": why}}).matched_count)


def set_sent(database: Database, one: str, now_ms: int) -> None:
    database[ADDRESSES].update_one({"_id": one}, {"$max": {"last_sent_ms": now_ms}})


def remove(database: Database, person: str, key: str) -> None:
    """Raises NotFound."""
    rows = database[ADDRESSES].with_options(write_concern=DURABLE)
    if not rows.delete_one({"_id": key, "person": person}).deleted_count:
        raise NotFound("no such address")


def ensure_indexes(database: Database) -> None:
    database[ADDRESSES].create_index([("person", 1), ("state", 1)], name="person")


def _id(database: Database, person: str, channel: str, given: Mapping[str, str]) -> str:
    place = "\0".join((channel, *(given[name] for name in CHANNELS[channel].fields if name != "secret")))
    return seals.tokens(database, person, [place])[0].hex()


def _address(row: Document) -> Address:
    return Address(row["_id"], row["person"], row["channel"], row["state"], row.get("why"), row.get("last_sent_ms", 0))
