"""What devices are told: a stored outbox of codes with neutral words, never a medicine, a value or a name.

Collection ``commands``: {_id, device, code, args, created_at_ms, expires_at_ms, claimed_until_ms, sent_at_ms | null,
expires_at}. The broker keeps a command that was sent for a device that is away, until it expires; for a device that has
no session there it waits here and is tried again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from pymongo import InsertOne, ReturnDocument

from phr.clock import rfc3339, to_datetime
from phr.database import Database, Document, write_new
from phr.errors import InputInvalid, NotFound

MEASURE_AGAIN = "measure-again"  # rest, and take a second reading
MAX_TEXT = 40
MAX_TIMES = 12
SHORTEST_LIFE_S, LONGEST_LIFE_S = 60, 7 * 24 * 3600
CLAIM_MS = 30_000  # a command that the broker has not taken for its device by then is sent again under the same id

_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
_SHOWN = re.compile(r"[A-Z0-9-]{1,12}")


@dataclass(frozen=True, slots=True)
class Command:
    id: str
    device: str
    code: str
    args: Mapping[str, Any]
    created_at_ms: int
    expires_at_ms: int
    sent_at_ms: int | None

    @property
    def message(self) -> bytes:
        """What the device hears."""
        sent = {"id": self.id, "code": self.code, "args": self.args, "expires_at": rfc3339(self.expires_at_ms)}
        return msgspec.json.encode(sent)

    def left_s(self, now_ms: int) -> int:
        """Whole seconds, rounded down: the broker must not keep it for longer."""
        return max(1, (self.expires_at_ms - now_ms) // 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommand:
    device: str
    code: str
    args: Mapping[str, Any]
    life_s: int


def add(database: Database, draft: NewCommand, now_ms: int) -> Command:
    """The command, stored; a worker sends it within seconds. Raises InputInvalid, NotFound for no such device."""
    check(draft)
    if database["devices"].find_one({"_id": draft.device}, {"_id": 1}) is None:
        raise NotFound("no such device of yours")
    row = _row(secrets.token_hex(12), draft, now_ms)
    database["commands"].insert_one(row)
    return _command(row)


def add_once(database: Database, drafts: Mapping[str, NewCommand], now_ms: int) -> None:
    """Commands to devices that are known, each once for its key. Safe to repeat."""
    write_new(database["commands"], [InsertOne(_row(key, draft, now_ms)) for key, draft in drafts.items()])


def _row(key: str, draft: NewCommand, now_ms: int) -> Document:
    expires_at_ms = now_ms + draft.life_s * 1000
    return {
        "_id": key,
        "device": draft.device,
        "code": draft.code,
        "args": dict(draft.args),
        "created_at_ms": now_ms,
        "expires_at_ms": expires_at_ms,
        "claimed_until_ms": 0,
        "sent_at_ms": None,
        "expires_at": to_datetime(expires_at_ms),
    }


def check(draft: NewCommand) -> None:
    """Raises InputInvalid for a code that is none, arguments that are not its own, words that are not neutral."""
    fields = CODES.get(draft.code)
    if fields is None:
        raise InputInvalid(f"there are {', '.join(sorted(CODES))}", "/code")
    if not SHORTEST_LIFE_S <= draft.life_s <= LONGEST_LIFE_S:
        raise InputInvalid(f"a command lives for {SHORTEST_LIFE_S} to {LONGEST_LIFE_S} s", "/life_s")
    if odd := sorted(set(fields) ^ set(draft.args)):
        raise InputInvalid(f"{draft.code} takes {', '.join(fields) or 'nothing'}", f"/args/{odd[0]}")
    for name, is_right in fields.items():
        if not is_right(draft.args[name]):
            raise InputInvalid(_SHAPES[name], f"/args/{name}")


def claim_one(database: Database, now_ms: int) -> Command | None:
    """A command that waits to be sent, for this worker alone for half a minute; None where there is none."""
    waits = {"sent_at_ms": None, "claimed_until_ms": {"$lte": now_ms}, "expires_at_ms": {"$gte": now_ms + 1_000}}
    row = database["commands"].find_one_and_update(
        waits,
        {"$set": {"claimed_until_ms": now_ms + CLAIM_MS}},
        sort=[("created_at_ms", 1)],
        return_document=ReturnDocument.AFTER,
    )
    return _command(row) if row else None


def mark_sent(database: Database, ids: Sequence[str], now_ms: int) -> None:
    """The broker has them."""
    database["commands"].update_many({"_id": {"$in": list(ids)}}, {"$set": {"sent_at_ms": now_ms}})


def ensure_indexes(database: Database) -> None:
    database["commands"].create_index([("sent_at_ms", 1), ("created_at_ms", 1)], name="to_send")
    database["commands"].create_index("expires_at", name="expires", expireAfterSeconds=0)


def is_neutral(text: Any) -> bool:
    """Short, printable, and no number but times of day: a dose or a value has no place where a household can see it."""
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT or not text.isprintable():
        return False
    return not any(char.isnumeric() for char in re.sub(rf"(?<!\d){_TIME.pattern}(?![\d:])", "", text))


def _are_times(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MAX_TIMES
        and all(isinstance(one, str) and _TIME.fullmatch(one) for one in value)
    )


def _is_shown(value: Any) -> bool:
    return isinstance(value, str) and bool(_SHOWN.fullmatch(value))


CODES: dict[str, dict[str, Callable[[Any], bool]]] = {
    "set-schedule": {"times": _are_times},
    "remind": {"text": is_neutral},
    "sync-now": {},
    "show-code": {"shown": _is_shown},
    MEASURE_AGAIN: {},
}
_SHAPES = {
    "times": f'1 to {MAX_TIMES} times of day like "07:30"',
    "text": f"1 to {MAX_TEXT} characters, with no number but a time of day like 07:30",
    "shown": "1 to 12 of A to Z, 0 to 9 and -",
}


def _command(row: Document) -> Command:
    return Command(
        row["_id"],
        row["device"],
        row["code"],
        row["args"],
        row["created_at_ms"],
        row["expires_at_ms"],
        row["sent_at_ms"],
    )
