"""One chain from its first line to its last: what is not as it was written. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from phr.audit.chains import Chain, next_link
from phr.clock import rfc3339
from phr.database import Document
from phr.people.access_lines import genuine_sum


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: as much of a line as can be named."""

    what: str  # "changed" | "moved" | "removed" | "forged" | "copied" | "state" | "day"
    detail: str
    person: str | None = None
    seq: int | None = None
    line: str | None = None
    at: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class Head(NamedTuple):
    """How far a chain was when a day was signed."""

    seq: int
    link: bytes
    day: str


@dataclass(slots=True)
class Walk:
    """What one pass knows and counts. ``through``: up to which number each writer's lines were linked as it began."""

    key: bytes
    through: Mapping[str, int]
    met: Counter[str] = field(default_factory=Counter)  # lines of each writer, up to that number
    unknown: set[str] = field(default_factory=set)  # writers that nothing is remembered of
    lines: int = 0

    def is_whole(self, chain: Chain, lines: Iterable[Document], heads: Iterable[Head]) -> bool:
        """True where a chain is as it was when the pass began; ``lines`` by their seq, those after its end are new."""
        signed = {one.seq: one.link for one in heads}
        seq, link = chain.cut_seq, chain.cut_link
        for row in lines:
            if row["seq"] > chain.seq:
                break
            seq += 1
            told = genuine_sum(self.key, row)
            if told is None or row["seq"] != seq or row["person"] != chain.person:
                return False
            link = next_link(link, seq, told)
            if link != row["link"] or (signed and signed.get(seq, link) != link):
                return False
            self._count(row["w"], row["n"])
        return chain.is_intact and (seq, link) == (chain.seq, chain.link) and max(signed, default=0) <= seq

    def _count(self, writer: str, number: int) -> None:
        self.lines += 1
        through = self.through.get(writer)
        if through is None:
            self.unknown.add(writer)
        elif number <= through:
            self.met[writer] += 1


def faults(key: bytes, chain: Chain, lines: Iterable[Document], heads: Iterable[Head]) -> list[Fault]:
    """What is wrong with a chain that is not whole, line by line."""
    found = [] if chain.is_intact else [_of_state(chain)]
    signed = {one.seq: one for one in heads}
    seq, link = chain.cut_seq, chain.cut_link
    for row in lines:
        if row["seq"] > chain.seq:
            break
        found += _of_line(key, row, chain, (seq, link), signed)
        seq, link = row["seq"], row["link"]
    last = max(chain.seq if chain.is_intact else seq, *signed, 0)
    if seq < last:
        found.append(removed(chain.person, seq + 1, last))
    elif chain.is_intact and link != chain.link:
        found.append(Fault("moved", "it is not the line that the chain ended with", chain.person, seq))
    return found


def _of_line(
    key: bytes, row: Document, chain: Chain, before: tuple[int, bytes], signed: Mapping[int, Head]
) -> list[Fault]:
    seq, told, found = row["seq"], genuine_sum(key, row), list[Fault]()
    if seq != before[0] + 1:
        is_gap = seq > before[0]
        twice = of_line("copied", row, "there is another with its number")
        found.append(removed(chain.person, before[0] + 1, seq - 1) if is_gap else twice)
    if told is None:
        found.append(of_line("changed", row, "it is not what was written"))
    elif row["person"] != chain.person:
        found.append(of_line("moved", row, f"it stands in the chain of {chain.person}"))
    elif seq == before[0] + 1 and next_link(before[1], seq, told) != row["link"]:
        found.append(of_line("moved", row, "it is not what was written in this place"))
    if seq in signed and signed[seq].link != row["link"]:
        found.append(of_line("moved", row, f"it is not what was signed for {signed[seq].day}"))
    return found


def of_line(what: str, row: Document, detail: str) -> Fault:
    """A fault of a row, whatever somebody made of it."""
    at_ms, seq, person = row.get("at_ms"), row.get("seq"), row.get("person")
    return Fault(
        what=what,
        detail=detail,
        person=person if isinstance(person, str) else None,
        seq=seq if isinstance(seq, int) else None,
        line=str(row["_id"]),
        at=rfc3339(at_ms) if isinstance(at_ms, int) and 0 <= at_ms < 2**47 else None,
    )


def removed(person: str | None, first: int, last: int) -> Fault:
    detail = "the line is not there" if first == last else f"{last - first + 1} lines up to {last} are not there"
    return Fault("removed", detail, person, first)


def _of_state(chain: Chain) -> Fault:
    return Fault("state", f"what is remembered of chain {chain.id} was changed", chain.person, chain.seq)
