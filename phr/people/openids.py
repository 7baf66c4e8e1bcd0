"""Logins by WeChat: whose an openid is. One that is new has a person of its own, whose record is empty.

In ``logins``: _id  keyed token of app and openid; person, kind "wechat", sealed (both, with its key), made_at_ms,
union (keyed token of the unionid, where WeChat has told it: one user's logins by several apps have the same),
second_at_ms (when a second factor was last given with it)
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from pymongo.errors import BulkWriteError

from phr.database import Database, Document, insert_new
from phr.people import people, seals
from phr.people.people import NewPerson

LOGINS, WECHAT = "logins", "wechat"
PLACE = "logins.openid"


@dataclass(frozen=True, slots=True)
class OpenId:
    """How one app of WeChat's names one of its users."""

    appid: str
    openid: str
    unionid: str | None = None  # the same in all apps of one Open Platform account


def person_of(database: Database, who: OpenId, zone: str, now_ms: int) -> str:
    """The person whose login this is; a new one is that of the user's other apps, else of somebody who is made.

    Who is made lives in the zone. Raises KeyDestroyed.
    """
    token, union = _token(database, who), _union(database, who)
    row = database[LOGINS].find_one({"_id": token})
    if row is not None and union is not None and "union" not in row:
        database[LOGINS].update_one({"_id": token}, {"$set": {"union": union}})
    if row is None:
        _begin(database, token, who, now_ms)
        row = database[LOGINS].find_one({"_id": token})
        assert row is not None  # by this process or another
    person = str(row["person"])
    if not people.is_there(database, person):  # new, or a process died between the two writes
        with contextlib.suppress(BulkWriteError):  # another made them at the same moment
            people.create(database, NewPerson(id=person, zone=zone))
    return person


def known_person(database: Database, who: OpenId) -> str | None:
    """Whose login this is; None where it is nobody's yet, who is not made."""
    row = database[LOGINS].find_one({"_id": _token(database, who)}, {"person": 1})
    return str(row["person"]) if row else None


def second_at_ms(database: Database, who: OpenId) -> int | None:
    """When this login's person last gave their second factor with it."""
    row = database[LOGINS].find_one({"_id": _token(database, who)}, {"second_at_ms": 1})
    return row.get("second_at_ms") if row else None


def set_second(database: Database, who: OpenId, at_ms: int) -> None:
    database[LOGINS].update_one({"_id": _token(database, who)}, {"$set": {"second_at_ms": at_ms}})


def would_join(database: Database, who: OpenId) -> str | None:
    """Whose record a login that is new would come to, since the same user comes to it by other apps.

    None where it is not new, and where these have come to several records: which one it would be is theirs to say.
    """
    union = _union(database, who)
    if union is None or database[LOGINS].find_one({"_id": _token(database, who)}, {"_id": 1}) is not None:
        return None
    found = database[LOGINS].distinct("person", {"union": union, "kind": WECHAT})
    return str(found[0]) if len(found) == 1 else None


def resealed(database: Database, row: Document, person: str) -> bytes:
    """The openid of a login's row, sealed with the key of the person who is to have it."""
    return seals.seal(database, person, PLACE, seals.unseal(database, row["person"], PLACE, row["sealed"]))


def of_person(database: Database, person: str, appid: str | None) -> OpenId | None:
    """How an app of WeChat's names the person; None for who does not come by it. Raises KeyDestroyed."""
    rows = database[LOGINS].find({"person": person, "kind": WECHAT}, sort=[("made_at_ms", 1)])
    known = (OpenId(*seals.unseal(database, person, PLACE, row["sealed"])[:2]) for row in rows)
    return next((one for one in known if one.appid == appid), None)


def has(database: Database, person: str) -> bool:
    return database[LOGINS].find_one({"person": person, "kind": WECHAT}, {"_id": 1}) is not None


def has_other_login(database: Database, person: str) -> bool:
    """True for somebody who comes in by something else than WeChat as well."""
    return database[LOGINS].find_one({"person": person, "kind": {"$ne": WECHAT}}, {"_id": 1}) is not None


def _begin(database: Database, token: bytes, who: OpenId, now_ms: int) -> None:
    person, union = would_join(database, who) or people.new_id(), _union(database, who)
    sealed = seals.seal(database, person, PLACE, [who.appid, who.openid])
    row: Document = {"_id": token, "person": person, "kind": WECHAT, "sealed": sealed, "made_at_ms": now_ms}
    insert_new(database, LOGINS, [row | ({} if union is None else {"union": union})])


def _token(database: Database, who: OpenId) -> bytes:
    return seals.lookup_tokens(database, "wechat", [f"{who.appid}\0{who.openid}"])[0]


def _union(database: Database, who: OpenId) -> bytes | None:
    return seals.lookup_tokens(database, "wechat-union", [who.unionid])[0] if who.unionid else None
