"""The timeline: entries and day lines in one order, latest local day first, a page at a time.

Within a day the entries stand first, latest first, then a line per metric by its key. A page begins after the line that
the page before ended with, so that what is added meanwhile neither repeats nor hides a line.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Generic, Protocol, TypeVar

from phr.clock import DAY_MS
from phr.database import Database, Document
from phr.errors import InputInvalid
from phr.timeline import effective, listing
from phr.timeline.categories import READINGS
from phr.timeline.entry import Entry, from_row
from phr.timeline.kinds import kinds
from phr.timeline.listing import Filter

KINDS = frozenset((*kinds(), READINGS))
DAYS = range(-719_162, 2_932_897)  # 0001-01-01 to 9999-12-31
ENTRIES_AT_ONCE = 100
AHEAD = 8  # entries beyond a page, to know the order of its last: some days' worth, lest a second query be needed

_CURSOR = re.compile(r"(-?\d{1,7})\.(?:e\.(-?\d{1,16})\.([A-Za-z0-9_-]{1,64})|r\.([a-z0-9-]{1,64}))")


class Whose(Protocol):
    """The person whose life it is."""

    @property
    def id(self) -> str: ...

    def offset_min_at(self, t_ms: int) -> int: ...


class DayLine(Protocol):
    """One metric on one local day; what it says of it is the readings' business."""

    @property
    def day(self) -> int: ...

    @property
    def key(self) -> str: ...


LineT = TypeVar("LineT", bound=DayLine)
# The day lines from one local day to another (None: without end), in order, read as they are asked for.
DayLines = Callable[[int | None, int | None], Iterator[LineT]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries, and whether with lines of the local days from first to last."""

    entries: Filter = field(default_factory=Filter)
    has_readings: bool = True
    first_day: int | None = None
    last_day: int | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Dated:
    """An entry and the local day it stands on."""

    day: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A stored entry and the local day it stands on; most of those that are read ahead are never opened."""

    day: int
    row: Document


@dataclass(frozen=True, slots=True)
class Page(Generic[LineT]):
    lines: list[Dated | LineT]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page ended: at an entry (instant and id) or at a day line (metric)."""

    day: int
    at_ms: int | None = None
    id: str | None = None
    metric: str | None = None


def page(database: Database, whose: Whose, wanted: Wanted, day_lines: DayLines[LineT]) -> Page[LineT]:
    """The next lines of a life. Raises InputInvalid for a cursor that is none of ours."""
    after = _place(wanted.cursor) if wanted.cursor is not None else None
    dated = _entries_after(database, whose, wanted, after)
    lines = _lines_after(day_lines, wanted, after) if wanted.has_readings else iter(())
    merged: Iterator[_Sealed | LineT] = heapq.merge(
        dated, lines, key=lambda one: (-one.day, not isinstance(one, _Sealed))
    )
    found = list(islice(merged, wanted.limit + 1))
    shown = [
        Dated(one.day, from_row(database, one.row)) if isinstance(one, _Sealed) else one
        for one in found[: wanted.limit]
    ]
    return Page(shown, _cursor(shown[-1]) if len(found) > len(shown) else None)


def local_day(whose: Whose, t_ms: int, offset_min: int | None) -> int:
    """The local day of an instant, since 1970-01-01: by the offset that was told, else by the person's zone then."""
    return (t_ms + (whose.offset_min_at(t_ms) if offset_min is None else offset_min) * 60_000) // DAY_MS


def _lines_after(day_lines: DayLines[LineT], wanted: Wanted, after: _Place | None) -> Iterator[LineT]:
    days = [day for day in (wanted.last_day, after.day if after else None) if day is not None]
    for line in day_lines(wanted.first_day, min(days, default=None)):
        if after is None or line.day < after.day or after.metric is None or line.key > after.metric:
            yield line


def _entries_after(database: Database, whose: Whose, wanted: Wanted, after: _Place | None) -> Iterator[_Sealed]:
    """Entries by local day, those of a day latest first.

    They are stored by instant, and a later instant can have an earlier local day, by less than two days. So each waits
    until none that is still to be read can come before it.
    """
    waiting: list[tuple[int, int, _Sealed]] = []
    for number, dated in enumerate(
        _by_instant(database, whose, _narrowed(wanted.entries, after), wanted.limit + AHEAD)
    ):
        latest_day = (dated.row["effective_ms"] + DAY_MS) // DAY_MS  # of this one and of all that follow it
        while waiting and -waiting[0][0] >= latest_day:
            yield heapq.heappop(waiting)[2]
        if after is None or _is_after(dated, after):
            heapq.heappush(waiting, (-dated.day, number, dated))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _narrowed(wanted: Filter, after: _Place | None) -> Filter:
    """Without the instants that only entries of earlier pages can have."""
    if after is None:
        return wanted
    before_ms = after.day * DAY_MS + DAY_MS  # of an earlier day, wherever the person was
    if after.at_ms is not None:
        before_ms = max(before_ms, after.at_ms + 1)
    return replace(wanted, to_ms=before_ms if wanted.to_ms is None else min(before_ms, wanted.to_ms))


def _by_instant(database: Database, whose: Whose, wanted: Filter, count: int) -> Iterator[_Sealed]:
    cursor = None
    while True:
        found = listing.row_page(database, whose.id, wanted, min(ENTRIES_AT_ONCE, count), cursor)
        for row in found.rows:
            yield _Sealed(local_day(whose, row["effective_ms"], effective.from_row(row["begin"]).offset_min), row)
        if found.next_cursor is None:
            return
        # The bound lets the index begin where the cursor stands, which alone it does not.
        wanted, cursor = replace(wanted, to_ms=found.rows[-1]["effective_ms"] + 1), found.next_cursor


def _is_after(dated: _Sealed, place: _Place) -> bool:
    if dated.day != place.day or place.at_ms is None or place.id is None:
        return dated.day < place.day
    return (dated.row["effective_ms"], dated.row["id"]) < (place.at_ms, place.id)


def _cursor(line: Dated | DayLine) -> str:
    if isinstance(line, Dated):
        return f"{line.day}.e.{line.entry.effective_ms}.{line.entry.id}"
    return f"{line.day}.r.{line.key}"


def _place(cursor: str) -> _Place:
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[1]) not in DAYS:
        raise InputInvalid("cursor is not one that this list gave", "/cursor")
    day, at_ms, entry_id, metric = found.groups()
    return _Place(int(day), None if at_ms is None else int(at_ms), entry_id, metric)
