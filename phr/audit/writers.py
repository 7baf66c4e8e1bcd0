"""Writers: up to which number each one's lines are linked, and which numbers are missing.

Collection ``access_writers``: _id (of a process), through, lost (numbers that it said it could not write), holes
(ranges of numbers that nobody accounts for), pruned (how many lines went when their time was over), mac.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.people.access_lines import mac

WRITERS = "access_writers"
# A line whose writing failed is told of by the next one; the longest try ends sooner (see phr.database.connect).
PATIENCE_MS = 5 * 60_000
Range = tuple[int, int]


class Numbered(NamedTuple):
    """What the number of a line says."""

    number: int
    lost: tuple[int, ...]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    id: str
    through: int = 0
    lost: tuple[int, ...] = ()
    holes: tuple[Range, ...] = ()  # each from its first number through its last
    pruned: int = 0
    is_intact: bool = True  # its row is as the house wrote it

    @property
    def missing(self) -> int:
        """How many numbers nobody accounts for."""
        return sum(last - first + 1 for first, last in self.holes)


@dataclass(slots=True)
class Sorted:
    """What becomes of the lines of one writer: those at these indices are linked, those are copies, the rest waits."""

    writer: Writer
    linked: list[int] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)


def sort_out(writer: Writer, lines: Sequence[Numbered], now_ms: int) -> Sorted:
    """The lines of a writer in the order of their numbers, taken as far as every number before them is accounted for.

    After PATIENCE_MS a number that has not come and was not called lost is a hole, and the rest goes on.
    """
    told = {number for line in lines for number in line.lost}
    through, holes, done = writer.through, list(writer.holes), Sorted(writer)
    lost = set(writer.lost)
    for index, (number, _, at_ms) in enumerate(lines):
        if number > through:
            called = {one for one in told if through < one < number}
            is_whole = len(called) == number - through - 1
            if not is_whole and now_ms - at_ms < PATIENCE_MS:
                break
            lost |= called
            if not is_whole:
                holes += _without((through + 1, number - 1), called)
            through = number
        elif number in lost:
            lost.discard(number)
        elif any(first <= number <= last for first, last in holes):
            holes = [part for one in holes for part in _without(one, {number})]
        else:
            done.copies.append(index)
            continue
        done.linked.append(index)
    late = {one for one in told if any(first <= one <= last for first, last in holes)}
    holes = [part for one in holes for part in _without(one, late)]
    done.writer = replace(writer, through=through, lost=tuple(sorted(lost | late)), holes=tuple(holes))
    return done


def read(
    database: Database, key: bytes, ids: Iterable[str] | None = None, session: ClientSession | None = None
) -> dict[str, Writer]:
    """By id; all of them where none are named. A row that somebody changed counts as if nothing had been linked."""
    wanted: Document = {} if ids is None else {"_id": {"$in": list(ids)}}
    return {row["_id"]: _writer_of(key, row) for row in database[WRITERS].find(wanted, session=session)}


def write(key: bytes, writer: Writer) -> ReplaceOne[Document]:
    row = {
        "_id": writer.id,
        "through": writer.through,
        "lost": list(writer.lost),
        "holes": [list(one) for one in writer.holes],
        "pruned": writer.pruned,
        "mac": _mac(key, writer),
    }
    return ReplaceOne({"_id": writer.id}, row, upsert=True)


def _writer_of(key: bytes, row: Document) -> Writer:
    try:
        found = Writer(
            id=row["_id"],
            through=int(row["through"]),
            lost=tuple(row["lost"]),
            holes=tuple((first, last) for first, last in row["holes"]),
            pruned=int(row["pruned"]),
        )
        is_intact = hmac.compare_digest(_mac(key, found), bytes(row["mac"]))
    except (KeyError, TypeError, ValueError):
        is_intact = False
    return found if is_intact else Writer(id=row["_id"], is_intact=False)


def _without(span: Range, numbers: Iterable[int]) -> list[Range]:
    """What is left of a range."""
    first, last = span
    left = []
    for number in sorted(one for one in numbers if first <= one <= last):
        if first < number:
            left.append((first, number - 1))
        first = number + 1
    return [*left, (first, last)] if first <= last else left


def _mac(key: bytes, writer: Writer) -> bytes:
    told = (writer.id, writer.through, writer.lost, writer.holes, writer.pruned)
    return mac(key, b"writer\0" + msgspec.msgpack.encode(told))
