"""E-mail addresses that nobody has proved to be their person's get nothing until a code that is sent there is typed.

Each person reads in the inbox that their address waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from phr.clock import now_ms
from phr.database import Database
from phr.notices import addresses, outbox
from phr.notices.addresses import ACTIVE, ADDRESSES, UNPROVED
from phr.notices.outbox import Telling

BATCH = 500
_ZH = "您的提醒邮箱需要验证：请在提醒设置中再次添加，并输入邮件中的验证码。在此之前不会向它发送提醒。"
_EN = "Your e-mail address for notices has to be proved: add it again in your settings and type the code that it gets."


def run(database: Database) -> Iterator[int]:
    """Told before it is changed, under a key: cut off in between, it is told once."""
    old = {"channel": "email", "state": ACTIVE, addresses.PROVED: {"$exists": False}}
    while rows := list(database[ADDRESSES].find(old, {"person": 1}).limit(BATCH)):
        told = [
            Telling(f"address-unproved:{row['_id']}", row["person"], "address-unproved", _ZH, _EN, is_neutral=True)
            for row in rows
        ]
        outbox.tell_many(database, told, now_ms())
        wanted = old | {"_id": {"$in": [row["_id"] for row in rows]}}
        yield database[ADDRESSES].update_many(wanted, {"$set": {"state": UNPROVED}}).modified_count
