"""What a reading holds, and what it held before it was corrected: the bucket's history, oldest first, bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bson import encode

Key = tuple[int, int]  # (t, seq)
Line = dict[str, Any]

HISTORY_CAP = 4_000  # revisions a bucket keeps; far above honest use
HISTORY_BYTES = 3 * 2**20  # and their share of the 16 MB a document may have
# What makes two readings the same measurement: its number, and these extras (phr.readings.chunk.EXTRA_KEYS).
_MEANING = ("f", "v")


@dataclass(frozen=True, slots=True)
class Row:
    """One reading as stored: a number per component, the run it came in, what else is known of it."""

    values: tuple[tuple[str, int], ...]
    run: int
    extra: dict[str, Any] | None = None

    @property
    def meaning(self) -> tuple[Any, ...]:
        extra = self.extra or {}
        return (self.values, *(extra.get(name) for name in _MEANING))

    @property
    def context(self) -> dict[str, Any] | None:
        return (self.extra or {}).get("c")

    def adds_nothing_to(self, other: Row) -> bool:
        """True where this is the same measurement, with no context or the same."""
        return self.meaning == other.meaning and self.context in (None, other.context)


class History:
    """The revisions of a bucket while readings arrive in one of its chunks; ``new`` are those that came about."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._by_value: dict[tuple[Key, Any], list[Line]] | None = None  # made when the first value differs
        self._bytes: int | None = None
        self.new: list[Line] = []

    def held_before(self, key: Key, row: Row, sent_at_ms: int | None) -> bool:
        """True for a value the reading held once, unless it was sent later than the word that replaced it.

        What states no ``sent_at`` may be a redelivery, so it is never the later word.
        """
        lines = [line for line in self._index()[key, row.values] if row.adds_nothing_to(past_row(line))]
        return bool(lines) and (sent_at_ms is None or sent_at_ms <= lines[-1]["by"])

    def add(self, key: Key, row: Row, said_at_ms: int) -> bool:
        """Keeps what was replaced, and when the new word was said; False where there is no room."""
        line: Line = {"t": key[0], "q": key[1], "v": [list(pair) for pair in row.values], "r": row.run}
        line |= {"by": said_at_ms} | ({"x": row.extra} if row.extra else {})
        if self._bytes is None:
            self._bytes = len(encode({"h": list(self._lines)}))
        size = len(encode({"0000": line}))
        if len(self._lines) + len(self.new) >= HISTORY_CAP or self._bytes + size > HISTORY_BYTES:
            return False
        self._bytes += size
        self.new.append(line)
        self._index()[key, row.values].append(line)
        return True

    def _index(self) -> dict[tuple[Key, Any], list[Line]]:
        if self._by_value is None:
            self._by_value = defaultdict(list)
            for line in self._lines:
                self._by_value[(line["t"], line["q"]), past_row(line).values].append(line)
        return self._by_value


def past_row(line: Line) -> Row:
    """What a line of the history says that a reading held."""
    """What a line of the history says that the reading held."""
    return Row(tuple((name, value) for name, value in line["v"]), line["r"], line.get("x"))
