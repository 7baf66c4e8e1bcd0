"""Checks the whole access log, or one person's: each line, its place in its chain, what is missing, the signed days.

It may run while everybody works: what is linked after it began is left for the next time, and what seems wrong is
looked at twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from bson import decode_all
from joserfc import jws
from joserfc.errors import JoseError

from phr.audit import chains, days, writers
from phr.audit.chains import CHAINS, Chain
from phr.audit.days import DAYS, HEADS, House
from phr.audit.walking import Fault, Head, Walk, faults, of_line
from phr.audit.writers import PATIENCE_MS, Writer
from phr.auth.keys import ALGORITHM, Ring
from phr.clock import rfc3339
from phr.database import Database, Document
from phr.people.access_lines import LOG, genuine_sum, key_of

CHAINS_AT_ONCE = 500
ROWS_AT_ONCE = 2_000
MOST_GAPS = 20


@dataclass(slots=True)
class Report:
    """What was looked at and what is wrong with it."""

    lines: int = 0
    chains: int = 0
    unlinked: int = 0
    days: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Signed:
    """The days that are signed, and the round of heads that each signature is over."""

    by_round: dict[str, str]
    faults: list[Fault]


def verify(database: Database, of: House, now_ms: int, person: str | None = None) -> Report:
    """All that is wrong. ``person``: that one's chains alone, and nothing of lines that are in none."""
    secret, report = key_of(database), Report()
    states = writers.read(database, secret)
    walk = Walk(secret, {name: one.through for name, one in states.items()})
    signed = _signed(database, of, days.first_kept(of, now_ms))
    report.days, report.faults = len(signed.by_round), list(signed.faults)
    for some, among in _batches(database, secret, person):
        report.chains += len(some)
        suspects = _suspects(database, walk, some, among, signed)
        report.faults += [fault for name in suspects for fault in _again(database, secret, name, signed)]
    report.lines = walk.lines
    if person is None:
        _look_at_loose(database, secret, now_ms, report)
        _look_at_writers(database, secret, states, walk, report)
    return report


def _batches(database: Database, secret: bytes, person: str | None) -> Iterator[tuple[dict[str, Chain], Document]]:
    """Chains by id, and what finds their lines; among all chains also lines of a chain that is not there."""
    wanted: Document = {} if person is None else {"person": person}
    rows, above = database[CHAINS].find(wanted, batch_size=CHAINS_AT_ONCE).sort("_id", 1), ""
    some: dict[str, Chain] = {}
    for row in rows:
        some[row["_id"]] = chains.chain_of(secret, row)
        if len(some) == CHAINS_AT_ONCE:
            last = row["_id"]
            yield some, {"$in": list(some)} if person else {"$gte": above, "$lte": last}
            some, above = {}, last + "\0"
    yield some, {"$in": list(some)} if person else {"$gte": above}


def _suspects(database: Database, walk: Walk, some: dict[str, Chain], among: Document, signed: Signed) -> list[str]:
    """The chains with which something seems wrong."""
    heads = _heads(database, list(some), signed)
    suspects, seen = [], set()
    for name, lines in groupby(_rows(database, among), key=itemgetter("chain")):
        seen.add(name)
        if name not in some or not walk.is_whole(some[name], lines, heads.get(name, ())):
            suspects.append(name)
    return suspects + [name for name in some.keys() - seen if not walk.is_whole(some[name], (), heads.get(name, ()))]


def _rows(database: Database, among: Document) -> Iterator[Document]:
    """Lines by chain and seq; the server looks for the next ones while these are looked at."""
    found = database[LOG].find_raw_batches({"chain": among}, batch_size=ROWS_AT_ONCE)
    batches: Iterator[Any] = found.sort([("chain", 1), ("seq", 1)])  # of bytes, which its type does not say
    with ThreadPoolExecutor(1, thread_name_prefix="audit") as ahead:
        following = ahead.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = ahead.submit(next, batches, None)
            yield from decode_all(batch)


def _again(database: Database, secret: bytes, name: str, signed: Signed) -> list[Fault]:
    """What is wrong with a chain as it is at one moment."""
    with database.client.start_session(snapshot=True) as session:
        row = database[CHAINS].find_one({"_id": name}, session=session)
        lines = database[LOG].find({"chain": name}, session=session).sort("seq", 1)
        if row is None:
            return [of_line("state", line, f"nothing is remembered of its chain, {name}") for line in lines.limit(1)]
        chain, heads = chains.chain_of(secret, row), _heads(database, [name], signed).get(name, ())
        return faults(secret, chain, lines, heads)


def _heads(database: Database, names: list[str], signed: Signed) -> dict[str, list[Head]]:
    found: dict[str, list[Head]] = {}
    for row in database[HEADS].find({"chain": {"$in": names}}):
        if row["round"] in signed.by_round:
            head = Head(row["seq"], bytes(row["link"]), signed.by_round[row["round"]])
            found.setdefault(row["chain"], []).append(head)
    return found


def _signed(database: Database, of: House, first_kept: str) -> Signed:
    """Each signed day: its signature, the one before it, its heads while they are kept; and what the register has."""
    signed, before = Signed({}, []), None
    rows = {row["_id"]: row["jws"] for row in database[DAYS].find().sort("_id", 1)}
    for day, text in rows.items():
        statement = _statement(of.ring, text)
        if statement is None or statement["day"] != day:
            signed.faults.append(Fault("day", "its signature does not hold", at=day))
        else:
            signed.by_round[statement["round"]] = day
            if statement["before"] != before:
                signed.faults.append(Fault("day", "it was not signed after the day that stands before it", at=day))
            told = days.told_of(days.heads_of(database, statement["round"]))
            if day >= first_kept and told.items() - statement.items():
                signed.faults.append(Fault("day", "what was signed for it is not what is there", at=day))
        before = days.digest_of(text)
    for day, text in days.registered(of.data_dir).items():
        if rows.get(day) != text:
            signed.faults.append(Fault("day", "the database does not have what the register beside it has", at=day))
    return signed


def _statement(ring: Ring, text: str) -> dict[str, Any] | None:
    try:
        found = jws.deserialize_compact(text, lambda signed: ring.of_id(signed.headers().get("kid")), [ALGORITHM])
        statement: dict[str, Any] = json.loads(found.payload)
    except (JoseError, ValueError, TypeError):
        return None
    return statement if {"day", "round", "before"} <= statement.keys() else None


def _look_at_loose(database: Database, secret: bytes, now_ms: int, report: Report) -> None:
    """Lines that are in no chain: those that were just written, and what somebody put there."""
    for row in database[LOG].find({"chain": {"$not": {"$type": "string"}}}):
        if genuine_sum(secret, row) is None:
            report.faults.append(of_line("forged", row, "it is not what the house wrote"))
        elif row.get("open") is not True:
            report.faults.append(of_line("copied", row, "another line stands in its place"))
        else:
            report.unlinked += 1
            if row["at_ms"] < now_ms - 2 * PATIENCE_MS:
                report.faults.append(of_line("state", row, "nobody links it: does a scheduler run?"))


def _look_at_writers(database: Database, secret: bytes, states: dict[str, Writer], walk: Walk, report: Report) -> None:
    """That each writer's lines are all there; where they seem not to be, at one moment."""
    short = {name for name, one in states.items() if _is_short(one, walk.met[name])}
    for name in sorted(walk.unknown | short):
        with database.client.start_session(snapshot=True) as session:
            state = writers.read(database, secret, [name], session).get(name)
            lines = database[LOG].find({"w": name, "chain": {"$exists": True}}, {"n": 1, "at_ms": 1}, session=session)
            kept = {row["n"]: row["at_ms"] for row in lines}
        if state is None or not state.is_intact:
            report.faults.append(Fault("state", f"what is remembered of writer {name} was changed, or is gone"))
        elif _is_short(state, len(kept)):
            report.faults += _gaps(state, kept)


def _is_short(state: Writer, count: int) -> bool:
    accounted = count + state.pruned + len(state.lost)
    return not state.is_intact or bool(state.holes) or accounted != state.through


def _gaps(state: Writer, kept: dict[int, int]) -> list[Fault]:
    """Where numbers of a writer are missing. Those of lines that went when their time was over can't be told apart."""
    faults, before = list[Fault](), 0
    for number in [*sorted(kept), state.through + 1]:
        gone = [one for one in range(before + 1, number) if one not in state.lost]
        if gone and not (state.pruned and before == 0):
            since = f" after {rfc3339(kept[before])}" if before in kept else ""
            until = f" before {rfc3339(kept[number])}" if number in kept else ""
            detail = f"{len(gone)} of writer {state.id}, from its number {gone[0]} on, written{since}{until}"
            faults.append(Fault("removed", detail))
        before = number
    return faults[:MOST_GAPS] or [Fault("removed", f"lines of writer {state.id} are not there")]
