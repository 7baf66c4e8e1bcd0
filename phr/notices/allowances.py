"""How many messages a person has allowed WeChat to show: each time they accept, one more.

Collection ``wechat_allowances``: _id  person:template     person, template, left, is_banned, changed_ms, heard
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pymongo import ReturnDocument

from phr.database import DURABLE, Database, Document

ALLOWANCES = "wechat_allowances"
MOST = 100  # a client that reports without end is believed no further
REMEMBERED = 20  # events; WeChat sends one again within seconds
ASK_BELOW = 5  # reminders of a day or two: asked at a tap, before none is left
Result = Literal["accept", "reject", "ban", "filter"]
RESULTS: tuple[Result, ...] = ("accept", "reject", "ban", "filter")


@dataclass(frozen=True, slots=True)
class Allowance:
    """``is_banned``: the person has switched this off at WeChat, where asking shows them nothing."""

    template: str
    left: int
    is_banned: bool

    @property
    def asks_again(self) -> bool:
        return self.left < ASK_BELOW and not self.is_banned


def report(database: Database, person: str, template: str, result: Result, now_ms: int) -> Allowance:
    """What ``wx.requestSubscribeMessage`` gave for a template. A "reject" leaves what was allowed before."""
    rows = database[ALLOWANCES].with_options(write_concern=DURABLE)
    key, fields = f"{person}:{template}", {"person": person, "template": template, "changed_ms": now_ms}
    left: object = "$left"
    if result == "accept":
        left = {"$min": [MOST, {"$add": [{"$ifNull": ["$left", 0]}, 1]}]}
    elif result == "ban":
        left = 0
    is_banned = {"$literal": result == "ban"} if result in ("accept", "ban") else {"$ifNull": ["$is_banned", False]}
    update: Document = fields | {"left": {"$ifNull": [left, 0]}, "is_banned": is_banned}
    row = rows.find_one_and_update({"_id": key}, [{"$set": update}], upsert=True, return_document=ReturnDocument.AFTER)
    assert row is not None
    return _allowance(row)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of WeChat's, by a name that it has again where it comes again."""

    name: str
    template: str
    result: Result


def hear(database: Database, person: str, event: Heard, now_ms: int) -> None:
    """As ``report``; an event that comes again changes nothing."""
    rows = database[ALLOWANCES].with_options(write_concern=DURABLE)
    known = {"$ifNull": ["$heard", []]}
    is_new = {"$not": [{"$in": [event.name, known]}]}
    left, banned = {"$ifNull": ["$left", 0]}, {"$ifNull": ["$is_banned", False]}
    more = {"$min": [MOST, {"$add": [left, 1]}]} if event.result == "accept" else 0
    update: Document = {
        "person": {"$literal": person},
        "template": {"$literal": event.template},
        "changed_ms": now_ms,
        "left": {"$cond": [is_new, more, left]},
        "is_banned": {"$cond": [is_new, {"$literal": event.result == "ban"}, banned]},
        "heard": {"$cond": [is_new, {"$slice": [{"$concatArrays": [known, [event.name]]}, -REMEMBERED]}, known]},
    }
    rows.update_one({"_id": f"{person}:{event.template}"}, [{"$set": update}], upsert=True)


def take(database: Database, person: str, template: str, now_ms: int) -> bool:
    """Uses one up, before it is sent; False where none is left."""
    rows = database[ALLOWANCES].with_options(write_concern=DURABLE)
    wanted = {"_id": f"{person}:{template}", "left": {"$gt": 0}}
    return bool(rows.update_one(wanted, {"$inc": {"left": -1}, "$set": {"changed_ms": now_ms}}).modified_count)


def give_back(database: Database, person: str, template: str) -> None:
    """It was not sent after all."""
    database[ALLOWANCES].update_one({"_id": f"{person}:{template}", "left": {"$lt": MOST}}, {"$inc": {"left": 1}})


def use_up(database: Database, person: str, template: str) -> None:
    """WeChat says that none is left, whatever was counted here."""
    database[ALLOWANCES].update_one({"_id": f"{person}:{template}"}, {"$set": {"left": 0}})


def find(database: Database, person: str, template: str) -> Allowance:
    row = database[ALLOWANCES].find_one({"_id": f"{person}:{template}"})
    return _allowance(row) if row else Allowance(template, 0, is_banned=False)


def of_person(database: Database, person: str) -> list[Allowance]:
    return [_allowance(row) for row in database[ALLOWANCES].find({"person": person}, sort=[("template", 1)])]


def ensure_indexes(database: Database) -> None:
    database[ALLOWANCES].create_index("person", name="person")


def _allowance(row: Document) -> Allowance:
    return Allowance(row["template"], row["left"], row["is_banned"])
