"""Signed days: once a day, how far each chain was that had grown, signed by a key that is not in the database.

Collections ``access_heads``: day, round, chain, seq, link; ``access_days``: _id day, jws. The signature is over all
heads of its round and the signature before it; each is also a line of a register beside the database, which remembers
them for after somebody has taken days away, or all there is.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jws
from pymongo import UpdateOne

from phr import private_files
from phr.audit.chains import CHAINS
from phr.auth.keys import ALGORITHM, Ring, access_ring
from phr.clock import DAY_MS, to_datetime
from phr.config import Settings
from phr.database import Database, Document, insert_new
from phr.errors import SettingInvalid
from phr.people.access_lines import LEAST_KEPT_DAYS

HEADS, DAYS = "access_heads", "access_days"
FILE = Path("registers") / "access_log.jsonl"
TYPE = "access-log-day+json"


@dataclass(frozen=True, slots=True)
class House:
    """What signing, checking and taking away need of the installation."""

    data_dir: Path
    ring: Ring
    kept_days: int


def house(settings: Settings) -> House:
    """Raises SettingInvalid for a signing key that is none, and for logs that would be kept too shortly."""
    if settings.access_log_days < LEAST_KEPT_DAYS:
        raise SettingInvalid(
            f"PHR_ACCESS_LOG_DAYS must be {LEAST_KEPT_DAYS} at least: the law wants logs for six months"
        )
    return House(settings.data_dir, access_ring(settings), settings.access_log_days)


def sign_one(database: Database, of: House, now_ms: int) -> bool:
    """Signs yesterday, where that is not done and something was written; then the register has what is signed.

    Broken off anywhere it is begun again, and two at once do no harm: the heads of a round that was not signed count
    for nothing. Raises OSError where the register can't be written.
    """
    day = to_datetime(now_ms - DAY_MS).date().isoformat()
    last = database[DAYS].find_one(sort=[("_id", -1)])
    has_signed = False
    if (last is None or last["_id"] < day) and database[CHAINS].find_one({"is_ahead": True}, {"_id": 1}):
        name = secrets.token_hex(8)
        _take_heads(database, day, name)
        statement = {"day": day, "round": name, "before": last and digest_of(last["jws"])}
        statement |= told_of(heads_of(database, name))
        key = of.ring.current
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
        signed = jws.serialize_compact(header, json.dumps(statement, sort_keys=True).encode(), key)
        has_signed = insert_new(database, DAYS, [{"_id": day, "jws": signed}]) > 0
        if has_signed:
            _set_even(database, name)
    _register(database, of.data_dir)
    return has_signed


def registered(data_dir: Path) -> dict[str, str]:
    """The signatures by day, as the register has them. Raises SettingInvalid for one that is damaged."""
    found: dict[str, str] = {}
    try:
        lines = private_files.lines(data_dir / FILE)
    except ValueError as error:
        raise SettingInvalid(f"{error}; put the register back from a copy") from error
    for line in lines:
        if "restored_to" in line:
            found = {day: text for day, text in found.items() if day <= line["restored_to"]}
        else:
            found[line["day"]] = line["jws"]
    return found


def note_restore(database: Database, data_dir: Path, now_ms: int) -> None:
    """For after a restore: days that were signed since the backup are lost with it, and the register says so."""
    last = database[DAYS].find_one(sort=[("_id", -1)])
    line = {"restored_to": last["_id"] if last else "", "at_ms": now_ms}
    private_files.append_line(data_dir / FILE, line)


def prune(database: Database, of: House, now_ms: int) -> None:
    """Heads that are of no use, since the lines that they tell of have gone; their days stay."""
    database[HEADS].delete_many({"day": {"$lt": first_kept(of, now_ms)}})


def first_kept(of: House, now_ms: int) -> str:
    """The first day whose heads are all there."""
    return to_datetime(now_ms - of.kept_days * DAY_MS).date().isoformat()


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def told_of(heads: Iterable[Document]) -> dict[str, Any]:
    """{"chains", "digest"} of the heads of a round, in the order of their chains."""
    count, digest = 0, hashlib.sha256()
    for row in heads:
        digest.update(f"{row['chain']} {row['seq']} {bytes(row['link']).hex()}\n".encode())
        count += 1
    return {"chains": count, "digest": digest.hexdigest()}


def ensure_indexes(database: Database) -> None:
    database[HEADS].create_index([("round", 1), ("chain", 1)], name="round")
    database[HEADS].create_index("day", name="day")


def heads_of(database: Database, name: str) -> Iterator[Document]:
    """The heads of a round, in the order of their chains."""
    return iter(database[HEADS].find({"round": name}).sort("chain", 1))


def _take_heads(database: Database, day: str, name: str) -> None:
    told: Document = {
        "_id": 0,
        "chain": "$_id",
        "seq": 1,
        "link": 1,
        "day": {"$literal": day},
        "round": {"$literal": name},
    }
    database[CHAINS].aggregate([{"$match": {"is_ahead": True}}, {"$project": told}, {"$merge": {"into": HEADS}}])


def _set_even(database: Database, name: str) -> None:
    """What has not grown since is not ahead any more."""
    even = [{"_id": row["chain"], "seq": row["seq"]} for row in heads_of(database, name)]
    database[CHAINS].bulk_write([UpdateOne(one, {"$unset": {"is_ahead": ""}}) for one in even], ordered=False)


def _register(database: Database, data_dir: Path) -> None:
    """Writes what it does not have yet; one that was killed in between is made up for."""
    last = max(registered(data_dir), default="")
    for row in database[DAYS].find({"_id": {"$gt": last}}).sort("_id", 1):
        private_files.append_line(data_dir / FILE, {"day": row["_id"], "jws": row["jws"]})
