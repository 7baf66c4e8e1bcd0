"""One-time codes for phones: six digits, five minutes, five tries, once. There is one a number, the latest.

Collection ``phone_codes``: _id  keyed token of the number; code  keyed token of both; tries_left, expires_at
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta

from phr.clock import to_datetime
from phr.database import Database
from phr.people import seals

CODES = "phone_codes"
DIGITS, TRIES = 6, 5
LIFE = timedelta(minutes=5)


def make(database: Database, phone: str, now_ms: int) -> str:
    """A new code for a number; the one before is worth nothing."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    kept = {"code": _token(database, phone, code), "tries_left": TRIES, "expires_at": to_datetime(now_ms) + LIFE}
    database[CODES].update_one({"_id": _token(database, phone)}, {"$set": kept}, upsert=True)
    return code


def use(database: Database, phone: str, code: str, now_ms: int) -> bool:
    """True for the right code, the first time; each try counts, before it is looked at."""
    wanted = {"_id": _token(database, phone), "tries_left": {"$gt": 0}, "expires_at": {"$gt": to_datetime(now_ms)}}
    row = database[CODES].find_one_and_update(wanted, {"$inc": {"tries_left": -1}})
    given = _token(database, phone, "".join(code.split()))
    if not hmac.compare_digest(row["code"] if row else b"", given):
        return False
    return bool(database[CODES].delete_one({"_id": wanted["_id"], "code": given}).deleted_count)


def ensure_indexes(database: Database) -> None:
    database[CODES].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _token(database: Database, *parts: str) -> bytes:
    return seals.lookup_tokens(database, "phone-code", ["\0".join(parts)])[0]
