"""What a phone that was away must hear: first all there is, then what changed, page by page in the order of commits.

A cursor says how far a phone has come:
    entries → years → changes      the first reading of the record, and then what changed since it began
With the last page come the readings that have changed and have no position yet (phr.readings.changed.unsettled), so
the same span may be told twice at one version.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import msgspec

from phr.database import Database
from phr.errors import InputInvalid, PhrError
from phr.feed import feed, positions
from phr.feed.feed import KEPT_DAYS, READINGS, EntryChange, SpanChange, Told
from phr.readings import changed
from phr.timeline import history, listing
from phr.timeline.entries import is_seen
from phr.timeline.entry import Entry
from phr.timeline.listing import Filter
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Period, Sight

LONGEST_CURSOR = 1_024
MOST_UNSETTLED = 500
DAY_S = 86_400

Phase = Literal["entries", "years", "changes"]
Item = Entry | EntryChange | SpanChange  # an EntryChange is the tombstone of an entry


class ResyncRequired(PhrError):
    """The cursor says nothing any more: the phone forgets what it has and begins anew, without ``since``."""

    code: ClassVar[str] = "resync-required"
    status: ClassVar[int] = 410


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How far a phone has come; ``sight`` stands for the categories that it was shown so far."""

    person: str
    epoch: str
    given_s: int
    sight: str
    position: int
    phase: Phase = "changes"
    after: str = ""

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose record is read, which categories of it the reader may see (one at least), and when."""

    person: str
    sight: Sight
    now_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Item]
    next: Cursor
    has_more: bool


def page(database: Database, reader: Reader, cursor: Cursor, limit: int) -> Page:
    """What follows the cursor: at most ``limit`` items, and the unsettled readings when nothing else is left."""
    match cursor.phase:
        case "entries":
            return _entries(database, reader, cursor, limit)
        case "years":
            return _years(database, reader, cursor, limit)
        case "changes":
            found = news(database, reader, cursor, limit)
            if not found.has_more and READINGS in reader.sight:
                unsettled = changed.unsettled(database, vocabulary().metrics, reader.person, MOST_UNSETTLED)
                found.items.extend(_within(unsettled, reader))
            return found


def news(database: Database, reader: Reader, cursor: Cursor, limit: int) -> Page:
    """What the feed tells after the cursor, without the unsettled readings."""
    told = feed.since(database, reader.person, cursor.position, limit + 1)
    has_more = len(told) > limit
    items = _resolved(database, reader, told[:limit])
    # While more is left the cursor is as old as it was: the rows it has yet to pass expire by their own age.
    following = _moved(cursor, told[:limit])
    return Page(items, following if has_more else _renewed(following, reader), has_more)


def begin(database: Database, reader: Reader) -> Cursor:
    """A cursor of who has nothing yet. What is committed from now on will be told after all that there is."""
    return latest(database, reader, "entries")


def latest(database: Database, reader: Reader, phase: Phase = "changes") -> Cursor:
    """A cursor of who has everything."""
    position = positions.last(database, reader.person)
    epoch = feed.epoch(database)
    return Cursor(reader.person, epoch, reader.now_ms // 1000, reader.sight.name, position, phase)


def is_behind(database: Database, cursor: Cursor, limit: int) -> bool:
    """True where more than so many changes follow."""
    return len(feed.since(database, cursor.person, cursor.position, limit + 1)) > limit


def resumed(database: Database, reader: Reader, text: str) -> Cursor:
    """The cursor that was given out as ``text``. Raises InputInvalid, ResyncRequired."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError, RecursionError) as error:
        raise InputInvalid("since is not one that this list gave", "/since") from error
    if cursor.person != reader.person:
        raise InputInvalid("since is of another record", "/since")
    if cursor.epoch != feed.epoch(database) or cursor.position > positions.last(database, reader.person):
        raise ResyncRequired("the record was restored from a backup; begin anew, without since")
    if reader.now_ms // 1000 - cursor.given_s > KEPT_DAYS * DAY_S:
        raise ResyncRequired(f"changes are kept for {KEPT_DAYS} days; begin anew, without since")
    if cursor.sight != reader.sight.name:
        raise ResyncRequired("what you may see has changed; begin anew, without since")
    return cursor


def _resolved(database: Database, reader: Reader, told: Sequence[Told]) -> list[Item]:
    """What the reader is told of: entries as they are now, or that they are gone (for this reader at least)."""
    changes = [one.change for one in told if one.change.is_told(reader.sight.periods)]
    wanted = [one.entry for one in changes if isinstance(one, EntryChange)]
    found = listing.standing(database, reader.person, wanted) if wanted else {}
    seen = {entry.id: entry for entry in found.values() if is_seen(entry, reader.sight)}
    gone = set(wanted) - seen.keys()
    if reader.sight.limited:  # of what never was in the reader's period not even that is told
        gone = history.ever_seen(database, reader.person, gone, reader.sight)
    items: list[Item] = []
    for one in changes:
        if isinstance(one, SpanChange):
            items.extend(_within([one], reader))
        elif one.entry in seen or one.entry in gone:
            items.append(seen.get(one.entry, one))
    return items


def span_within(span: SpanChange, sight: Sight) -> SpanChange | None:
    """The part of a span that the sight has; None where it has none."""
    if READINGS not in sight:
        return None
    part = sight.periods[READINGS].cut(Period(span.from_ms, span.to_ms))
    assert part.from_ms is not None
    assert part.until_ms is not None
    return replace(span, from_ms=part.from_ms, to_ms=part.until_ms) if part.from_ms < part.until_ms else None


def _within(spans: Iterable[SpanChange], reader: Reader) -> list[SpanChange]:
    return [part for one in spans if (part := span_within(one, reader.sight))]


def _entries(database: Database, reader: Reader, cursor: Cursor, limit: int) -> Page:
    found = listing.by_id(database, reader.person, Filter(sight=reader.sight), limit, cursor.after)
    if len(found) == limit:
        return Page([*found], msgspec.structs.replace(cursor, after=found[-1].id), has_more=True)
    phase: Phase = "years" if READINGS in reader.sight else "changes"
    return Page([*found], msgspec.structs.replace(cursor, phase=phase, after=""), has_more=True)


def _years(database: Database, reader: Reader, cursor: Cursor, limit: int) -> Page:
    found = changed.years(database, vocabulary().metrics, reader.person, cursor.after, limit)
    items: list[Item] = [*_within((span for _, span in found), reader)]
    if len(found) == limit:
        return Page(items, msgspec.structs.replace(cursor, after=found[-1][0]), has_more=True)
    return Page(items, msgspec.structs.replace(cursor, phase="changes", after=""), has_more=True)


def _renewed(cursor: Cursor, reader: Reader) -> Cursor:
    return msgspec.structs.replace(cursor, given_s=reader.now_ms // 1000)


def _moved(cursor: Cursor, told: Sequence[Told]) -> Cursor:
    return msgspec.structs.replace(cursor, position=told[-1].position) if told else cursor
