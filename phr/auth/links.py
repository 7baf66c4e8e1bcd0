"""Links: what a person allowed one client, and the refresh tokens that carry it on, each good for one turn.

A refresh token is ``link.turn.proof``; the proof is a keyed hash (RFC 2104) under a key that is not in the database,
which knows only whose turn it is. So nothing that is stored opens anything, a turn is one write, and a token of an
earlier turn is known for what it is however old it is: it was used twice, and the link ends (RFC 9700, 4.14.2). An
answer that was lost may be asked for again: the token before is good for 20 s while the one after it is unused, and
gives the same.

Collection ``links``: _id (sid), person, client_id, scope, auth_at_ms, amr, turn, turned_at_ms, began_at_ms,
ended_at_ms, why, expires_at
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from phr.auth.revocations import revoke
from phr.clock import to_datetime
from phr.database import Database, Document
from phr.errors import NotFound
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import seals

LINKS = "links"
REPEAT_MS = 20_000
IDLE = timedelta(days=90)  # unused for so long, a link is over
LONGEST = timedelta(days=365)
ONE_TOKEN = timedelta(minutes=10)  # of one that gives a single access token
REUSED, TAKEN_BACK = "reused", "revoked"


@dataclass(frozen=True, slots=True)
class Link:
    id: str
    person: str
    client_id: str
    scope: str
    auth_at_ms: int  # when the person logged in
    amr: tuple[str, ...]  # how (RFC 8176)
    turn: int
    began_at_ms: int
    turned_at_ms: int

    def check_client(self, client: object) -> bool:
        """As authlib asks: whether it is this client's."""
        return getattr(client, "get_client_id", lambda: None)() == self.client_id

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True, slots=True)
class NewLink:
    person: str
    client_id: str
    scope: str
    auth_at_ms: int
    amr: tuple[str, ...]
    life: timedelta = IDLE


def new_id() -> str:
    return secrets.token_hex(16)


def begin(database: Database, link_id: str, draft: NewLink, now_ms: int) -> Link | None:
    """The link at its first turn; None where one of this id has ended already."""
    row: Document = {
        "_id": link_id,
        "person": draft.person,
        "client_id": draft.client_id,
        "scope": draft.scope,
        "auth_at_ms": draft.auth_at_ms,
        "amr": list(draft.amr),
        "turn": 0,
        "turned_at_ms": now_ms,
        "began_at_ms": now_ms,
        "ended_at_ms": None,
        "expires_at": to_datetime(now_ms) + draft.life,
    }
    try:
        database[LINKS].insert_one(row)
    except DuplicateKeyError:
        return None
    return _link(row)


def refresh_token(database: Database, link: Link) -> str:
    """The one of the link's present turn; the same each time it is asked for."""
    return f"{link.id}.{link.turn}.{_proof(database, link.id, link.turn)}"


def find(database: Database, token: str) -> tuple[Link, int] | None:
    """The link of a token that was given once, and the token's turn; None for any other text."""
    named = named_by(database, token)
    row = database[LINKS].find_one({"_id": named[0]}) if named else None
    return (_link(row), named[1]) if named and row and "person" in row else None


def named_by(database: Database, token: str) -> tuple[str, int] | None:
    """The id of the token's link, and its turn, without a look at what became of it; None for a token not of ours."""
    link_id, _, rest = token.partition(".")
    number, _, proof = rest.partition(".")
    if not (token.isascii() and number.isdigit() and len(number) < 10 and number == str(int(number))):
        return None
    is_ours = hmac.compare_digest(_proof(database, link_id, int(number)), proof)
    return (link_id, int(number)) if is_ours else None


def take_turn(database: Database, link_id: str, turn: int, now_ms: int) -> Link | None:
    """The link at the turn after this one; None where it is over, or ends now because this turn was taken before."""
    now = to_datetime(now_ms)
    wanted: Document = {"_id": link_id, "turn": turn, "ended_at_ms": None, "expires_at": {"$gt": now}}
    last = {"$add": [{"$toDate": "$began_at_ms"}, int(LONGEST.total_seconds() * 1000)]}
    taken: Document = {"turn": turn + 1, "turned_at_ms": now_ms, "expires_at": {"$min": [now + IDLE, last]}}
    after = ReturnDocument.AFTER
    row: Document | None = database[LINKS].find_one_and_update(wanted, [{"$set": taken}], return_document=after)
    if row is not None:
        return _link(row)
    row = database[LINKS].find_one({"_id": link_id})
    if row is None or row["ended_at_ms"] is not None or row["expires_at"] <= now or row["turn"] < turn:
        return None
    if row["turn"] == turn + 1 and now_ms - row["turned_at_ms"] <= REPEAT_MS:
        return _link(row)
    end(database, link_id, REUSED, now_ms)
    return None


def end(database: Database, link_id: str, why: str, now_ms: int) -> None:
    """Over for good: its refresh token at once, its access tokens within a second, also where it has not begun yet."""
    ended: Document = {"ended_at_ms": now_ms, "why": why}
    unborn: Document = {"expires_at": to_datetime(now_ms) + IDLE}
    revoke(database, link_id, now_ms)
    try:
        database[LINKS].update_one(
            {"_id": link_id, "ended_at_ms": None}, {"$set": ended, "$setOnInsert": unborn}, upsert=True
        )
    except DuplicateKeyError:
        return  # ended before
    if why == REUSED:
        _tell(database, link_id, now_ms)


def of_person(database: Database, person: str, now_ms: int) -> list[Link]:
    """Those that live, latest first."""
    wanted: Document = {"person": person, "ended_at_ms": None, "expires_at": {"$gt": to_datetime(now_ms)}}
    return [_link(row) for row in database[LINKS].find(wanted).sort("began_at_ms", DESCENDING)]


def end_own(database: Database, person: str, link_id: str, now_ms: int) -> None:
    """As ``end``, for who let the client in. Raises NotFound for a link that is not theirs."""
    if database[LINKS].find_one({"_id": link_id, "person": person}, {"_id": 1}) is None:
        raise NotFound("no such link of this person")
    end(database, link_id, TAKEN_BACK, now_ms)


def ensure_indexes(database: Database) -> None:
    database[LINKS].create_index("person", name="person")
    database[LINKS].create_index("expires_at", name="expiry", expireAfterSeconds=86_400)


def _tell(database: Database, link_id: str, now_ms: int) -> None:
    row = database[LINKS].find_one({"_id": link_id, "person": {"$exists": True}})
    if row is not None:
        zh = "您授权的一个应用的登录凭据被使用了两次，可能已被他人获得；该应用的访问已停止，如仍需使用请重新授权。"
        en = "What an app of yours logs in with was used twice and may be known to others. Its access has ended."
        outbox.tell(database, Telling(f"reused:{link_id}", row["person"], "link-reused", zh, en), now_ms)


def _proof(database: Database, link_id: str, turn: int) -> str:
    """192 bits, since one look-up token has 96 and a guess must not succeed once in 2^128 (RFC 6749, 10.10)."""
    halves = seals.lookup_tokens(database, "refresh", [f"{link_id}.{turn}.{half}" for half in "ab"])
    return base64.urlsafe_b64encode(b"".join(halves)).decode()


def _link(row: Document) -> Link:
    return Link(
        id=row["_id"],
        person=row["person"],
        client_id=row["client_id"],
        scope=row["scope"],
        auth_at_ms=row["auth_at_ms"],
        amr=tuple(row["amr"]),
        turn=row["turn"],
        began_at_ms=row["began_at_ms"],
        turned_at_ms=row["turned_at_ms"],
    )
