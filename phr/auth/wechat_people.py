"""Who comes in by WeChat: the person, told of before where a login that is new comes to a record that is there.

And browsers on their way to WeChat's page and back.

Collection ``wechat_states``: _id  hash of the state that WeChat brings back; browser (hash of its cookie), back_to,
expires_at; person  of one that WeChat has proven, who is asked for their second factor
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database, Document
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.passwords import hash_of
from phr.people import openids
from phr.people.openids import WECHAT, OpenId

STATES = "wechat_states"
LIFE = timedelta(minutes=10)
AMR = (WECHAT,)  # RFC 8176 registers no name for it


def person_of(database: Database, who: OpenId, zone: str, now_ms: int) -> str:
    """As ``openids.person_of``."""
    joins = openids.would_join(database, who)
    if joins is not None:
        zh = "您的微信在另一个应用中首次登录了您的健康档案。如非本人操作，请检查“登录方式”。"
        en = "Your WeChat came to your record by another app for the first time. If that was not you, look at logins."
        key = f"wechat-app:{joins}:{hash_of(f'{who.appid}:{who.openid}')}"
        outbox.tell(database, Telling(key, joins, "login-added", zh, en, urgency=3), now_ms)
    return openids.person_of(database, who, zone, now_ms)


def begin(database: Database, cookie: str, back_to: str, now_ms: int, person: str | None = None) -> str:
    """The state of a browser that leaves for WeChat, and comes back to the address; with a person, of half a login."""
    state = secrets.token_hex(32)  # letters and digits, as WeChat wants it
    expires_at = to_datetime(now_ms) + LIFE
    row: Document = {"_id": hash_of(state), "browser": hash_of(cookie), "back_to": back_to, "expires_at": expires_at}
    database[STATES].insert_one(row | ({} if person is None else {"person": person}))
    return state


def end(database: Database, state: str, cookie: str | None, now_ms: int) -> str | None:
    """Where the browser goes on; None for a state that is not its own, or was brought before, or is over."""
    row = _ended(database, state, cookie, now_ms, is_half=False)
    return None if row is None else str(row["back_to"])


def end_half(database: Database, state: str, cookie: str | None, now_ms: int) -> tuple[str, str] | None:
    """Whom WeChat has proven at this browser, and where it goes on; None as ``end``."""
    row = _ended(database, state, cookie, now_ms, is_half=True)
    return None if row is None else (str(row["person"]), str(row["back_to"]))


def _ended(database: Database, state: str, cookie: str | None, now_ms: int, *, is_half: bool) -> Document | None:
    row = database[STATES].find_one_and_delete({"_id": hash_of(state), "person": {"$exists": is_half}})
    if row is None or cookie is None or row["expires_at"] <= to_datetime(now_ms):
        return None
    return row if hmac.compare_digest(row["browser"], hash_of(cookie)) else None


def ensure_indexes(database: Database) -> None:
    database[STATES].create_index("person", name="person", sparse=True)
    database[STATES].create_index("expires_at", name="expiry", expireAfterSeconds=0)
