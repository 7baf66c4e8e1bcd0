"""How instants and local days are written: RFC 3339, at the offset that somebody's clock had."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from phr.readings.columns import IntArray
from phr.readings.raw import OffsetAt
from phr.readings.spans import DAY_MS

MIDNIGHTS_KEPT = 10_000


@dataclass(slots=True)
class Clock:
    """A person's clocks; remembers the midnights it was asked for, since asking a time zone takes its time."""

    offset_at: OffsetAt
    _midnights: dict[int, str] = field(default_factory=dict)

    def midnight(self, day: int) -> str:
        """The start of a local day (number since 1970-01-01)."""
        text = self._midnights.get(day)
        if text is None:
            if len(self._midnights) >= MIDNIGHTS_KEPT:
                self._midnights.clear()
            text = f"{np.datetime64(day, 'D')}T00:00:00{suffix(self._midnight_offset(day))}"
            self._midnights[day] = text
        return text

    def _midnight_offset(self, day: int) -> int:
        """The first midnight where it comes twice; where the clocks skip it, the instant at which they do."""
        at_ms = day * DAY_MS
        before, after = self.offset_at(at_ms - DAY_MS), self.offset_at(at_ms + DAY_MS)
        if before == after or self.offset_at(at_ms - before * 60_000) == before:
            return before
        return after if self.offset_at(at_ms - after * 60_000) == after else before


def texts(t: IntArray, offsets: IntArray) -> list[str]:
    """Each instant at its offset in minutes, with milliseconds only where there are some."""
    local = t + offsets * 60_000
    written: list[str] = np.datetime_as_string((local // 1000).astype("datetime64[s]")).tolist()
    for index in np.flatnonzero(local % 1000).tolist():
        written[index] += f".{int(local[index]) % 1000:03}"
    if not offsets.size or (offsets == offsets[0]).all():
        end = suffix(int(offsets[0])) if offsets.size else ""
        return [text + end for text in written]
    return [text + suffix(offset) for text, offset in zip(written, offsets.tolist(), strict=True)]


@lru_cache(maxsize=4096)
def suffix(offset_min: int) -> str:
    """``+08:00``."""
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02}:{minutes:02}"
