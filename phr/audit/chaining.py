"""Links new lines of the access log into their people's chains, behind the requests that wrote them.

A request writes its line and waits for nothing else. Here the lines of each writer are taken in the order of their
numbers, up to the first that is missing, and get chain, seq and link; the states of chains and writers change in the
same transaction, so that several schedulers, or one that is killed, do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from phr.audit import chains, writers
from phr.audit.chains import CHAINS, Chain
from phr.audit.writers import WRITERS, Numbered, Writer
from phr.clock import DAY_MS
from phr.database import Database, Document, transact
from phr.people.access_lines import LEAST_KEPT_DAYS, LOG, genuine_sum, key_of

LINES_AT_ONCE = 1_000

_LOG = logging.getLogger(__name__)
Found = tuple[Document, bytes]  # a line's row, and its sum


def link_some(database: Database, now_ms: int) -> bool:
    """Links up to a thousand lines or so; True where there was something to do."""
    waiting = [one for one in database[LOG].distinct("w", {"open": True}) if isinstance(one, str)]
    if not waiting:
        return False
    key = key_of(database)
    return transact(database, lambda session: _link(database, key, waiting, now_ms, session)) > 0


def prune_some(database: Database, kept_days: int, now_ms: int) -> bool:
    """Takes away up to a thousand of one chain's lines whose time is over; True where there was something to do.

    Those of an erased person go as soon as the law lets them. A line that is not as it was written stays, as evidence.
    """
    for is_erased, days in ((True, LEAST_KEPT_DAYS), (False, kept_days)):
        before_ms = now_ms - days * DAY_MS
        wanted = {"is_erased": is_erased, "oldest_ms": {"$lt": before_ms}}
        row = database[CHAINS].find_one(wanted, {"_id": 1}, sort=[("oldest_ms", 1)])
        if row is not None:
            pruning = partial(_prune, database, key_of(database), row["_id"], (before_ms, now_ms))
            transact(database, pruning)
            return True
    return False


def _link(database: Database, key: bytes, waiting: Iterable[str], now_ms: int, session: ClientSession) -> int:
    states = writers.read(database, key, waiting, session)
    found: list[Found] = []
    moved: list[Writer] = []
    changes: list[UpdateOne] = []
    for name in waiting:
        if len(found) >= LINES_AT_ONCE:
            break
        state = states.get(name, Writer(id=name))
        genuine, aside = _lines_of(database, key, name, session)
        done = writers.sort_out(state, [_numbered(row) for row, _ in genuine], now_ms)
        if done.writer.holes != state.holes and done.writer.missing > state.missing:
            _LOG.error("access log: lines of writer %s are missing; see `app.py audit verify`", name)
        found += [genuine[index] for index in done.linked]
        aside += [genuine[index][0] for index in done.copies]
        if done.writer != state:
            moved.append(done.writer)
        changes += [UpdateOne({"_id": row["_id"]}, {"$set": {"open": False}}) for row in aside]
    linked, heads = _chained(found, _chains_of(database, key, (row["person"] for row, _ in found), session))
    if changes + linked:
        database[LOG].bulk_write(changes + linked, ordered=False, session=session)
    if heads:
        database[CHAINS].bulk_write([chains.write(key, one) for one in heads], session=session)
    if moved:
        database[WRITERS].bulk_write([writers.write(key, one) for one in moved], session=session)
    return len(changes) + len(linked)


def _lines_of(
    database: Database, key: bytes, writer: str, session: ClientSession
) -> tuple[list[Found], list[Document]]:
    """A writer's open lines by number; and what says that it is one and is not as the house wrote it."""
    genuine, aside = [], []
    rows = database[LOG].find({"open": True, "w": writer}, session=session).sort("n", 1).limit(LINES_AT_ONCE)
    for row in rows:
        told = genuine_sum(key, row)
        if told is None:
            aside.append(row)
        else:
            genuine.append((row, told))
    return genuine, aside


def _numbered(row: Document) -> Numbered:
    return Numbered(row["n"], tuple(row.get("lost", ())), row["at_ms"])


def _chains_of(database: Database, key: bytes, people: Iterable[str], session: ClientSession) -> dict[str, Chain]:
    """Where the lines of these people come into; instead of a chain whose row somebody changed another begins."""
    persons = sorted(set(people))
    known = chains.current(database, key, persons, session)
    for one in (one for one in known.values() if not one.is_intact):
        _LOG.error("access log: the state of chain %s was changed; see `app.py audit verify`", one.id)
        database[CHAINS].update_one({"_id": one.id}, {"$unset": {"is_current": ""}}, session=session)
    return {name: known[name] if name in known and known[name].is_intact else chains.new(name) for name in persons}


def _chained(found: Sequence[Found], known: dict[str, Chain]) -> tuple[list[UpdateOne], list[Chain]]:
    """What gives each line its place; and the chains as they are then."""
    changes = []
    for row, told in sorted(found, key=_by_time):
        chain = known[row["person"]]
        seq = chain.seq + 1
        link = chains.next_link(chain.link, seq, told)
        oldest_ms = row["at_ms"] if chain.seq == chain.cut_seq else chain.oldest_ms
        known[row["person"]] = replace(chain, seq=seq, link=link, oldest_ms=oldest_ms)
        place = {"$set": {"chain": chain.id, "seq": seq, "link": link}, "$unset": {"open": ""}}
        changes.append(UpdateOne({"_id": row["_id"]}, place))
    return changes, list(known.values())


def _by_time(one: Found) -> Any:
    row = one[0]
    return row["at_ms"], row["w"], row["n"]


def _prune(database: Database, key: bytes, name: str, span: tuple[int, int], session: ClientSession) -> None:
    before_ms, now_ms = span
    row = database[CHAINS].find_one({"_id": name}, session=session)
    if row is None:
        return
    chain, gone = chains.chain_of(key, row), list[Document]()
    lines = database[LOG].find({"chain": name}, session=session).sort("seq", 1).limit(LINES_AT_ONCE + 1)
    following = None
    for line in lines:
        is_over = line["at_ms"] < before_ms and len(gone) < LINES_AT_ONCE
        if not is_over or line["seq"] != chain.cut_seq + 1 or genuine_sum(key, line) is None or not chain.is_intact:
            following = line
            break
        gone.append(line)
        chain = replace(chain, cut_seq=line["seq"], cut_link=line["link"])
    # What can't be taken away must not be come back to at once.
    oldest_ms = following["at_ms"] if gone and following else now_ms
    change = chains.cut(key, replace(chain, oldest_ms=oldest_ms)) if chain.is_intact else {"oldest_ms": oldest_ms}
    database[CHAINS].update_one({"_id": name}, {"$set": change}, session=session)
    _count(database, key, gone, session)
    database[LOG].delete_many({"_id": {"$in": [line["_id"] for line in gone]}}, session=session)


def _count(database: Database, key: bytes, gone: Sequence[Document], session: ClientSession) -> None:
    """Notes for each writer how many of its lines went; of one whose own row is not intact nothing is noted."""
    wrote = [line["w"] for line in gone]
    for state in writers.read(database, key, set(wrote), session).values():
        if state.is_intact:
            counted = writers.write(key, replace(state, pruned=state.pruned + wrote.count(state.id)))
            database[WRITERS].bulk_write([counted], session=session)
