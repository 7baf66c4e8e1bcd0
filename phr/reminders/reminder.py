"""A schedule as it is kept, and the one place that turns it into a row and back.

Collection ``reminders``:
    _id   from its key      person, kind, categories, about      words  sealed: text, text_en      source  who put it
    rrule, starts_on, ends_on, times, zone, window_min, quiet    as it was said
    days  {rule, ends_on}, what the rule means                   state  "active" | "ended"   version
    last  the slot that was handled last     next_ms  when the next is planned
    part, due_ms  where, and when a scheduler is to look at it: their index is what is due; absent where nothing comes
    plan  counts how often somebody else than a scheduler's round has decided that
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from phr.database import Database, Document
from phr.people import seals
from phr.reminders.moments import Pattern, clock_text
from phr.reminders.recurrence import Days
from phr.reminders.schedule import KINDS, Name, Schedule

REMINDERS = "reminders"
ACTIVE, ENDED = "active", "ended"
NEVER_SLOT = -(2**53)
PARTS = 16  # what schedulers lease; many more than schedulers, few enough to look into each


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A schedule without its words, which are sealed and opened where they are shown."""

    id: str
    person: str
    kind: Name
    categories: tuple[str, ...]
    about: str | None
    pattern: Pattern
    rrule: str
    zone: str | None
    source: str
    is_active: bool
    version: int
    last_slot: int
    next_ms: int | None
    created_at_ms: int
    changed_at_ms: int


def id_of(key: str) -> str:
    """The id of the schedule that was put under a key."""
    return f"r-{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def part_of(one: str) -> int:
    """In which part a schedule lies: ids are hashes, so each has as many."""
    return int(one[-4:], 16) % PARTS


def to_row(database: Database, schedule: Schedule, pattern: Pattern, source: str, *, one: str = "") -> Document:
    """What a schedule says, as it is stored under an id; without one, that of its key."""
    one, days = one or id_of(schedule.key), pattern.days
    words = {"text": schedule.text, "text_en": schedule.text_en}
    return {
        "_id": one,
        "part": part_of(one),
        "person": schedule.person,
        "kind": schedule.kind,
        "categories": sorted({*KINDS[schedule.kind].categories, *schedule.categories}),
        "about": schedule.about,
        "words": seals.seal(database, schedule.person, _place(one), words),
        "source": source,
        "rrule": schedule.rrule,
        "starts_on": schedule.starts_on.isoformat(),
        "ends_on": schedule.ends_on.isoformat() if schedule.ends_on else None,
        "times": list(pattern.times),
        "zone": schedule.zone,
        "window_min": pattern.window_min,
        "quiet": list(pattern.quiet) if pattern.quiet else None,
        "days": {"rule": days.rule, "ends_on": days.ends_on.isoformat() if days.ends_on else None},
        "state": ACTIVE,
    }


def from_row(row: Document) -> Reminder:
    return Reminder(
        id=row["_id"],
        person=row["person"],
        kind=row["kind"],
        categories=tuple(row["categories"]),
        about=row["about"],
        pattern=pattern_of_row(row),
        rrule=row["rrule"],
        zone=row["zone"],
        source=row["source"],
        is_active=row["state"] == ACTIVE,
        version=row["version"],
        last_slot=row["last"],
        next_ms=row.get("next_ms"),
        created_at_ms=row["created_at_ms"],
        changed_at_ms=row["changed_at_ms"],
    )


def pattern_of_row(row: Document) -> Pattern:
    days, quiet = row["days"], row["quiet"]
    said = (days["rule"], row["starts_on"], days["ends_on"])
    return _pattern(said, tuple(row["times"]), row["window_min"], (quiet[0], quiet[1]) if quiet else None)


@lru_cache(maxsize=8_192)
def _pattern(
    said: tuple[str, str, str | None], times: tuple[int, ...], window_min: int, quiet: tuple[int, int] | None
) -> Pattern:
    """Many people's schedules are alike but for whose they are."""
    rule, starts_on, ends_on = said
    days = Days(rule, date.fromisoformat(starts_on), date.fromisoformat(ends_on) if ends_on else None)
    return Pattern(days, times, window_min, quiet)


def schedule_of(database: Database, key: str, row: Document) -> Schedule:
    """What was put, so that it can be changed field by field."""
    words, quiet = words_of(database, row), row["quiet"]
    return Schedule(
        key=key,
        person=row["person"],
        kind=row["kind"],
        rrule=row["rrule"],
        starts_on=date.fromisoformat(row["starts_on"]),
        times=tuple(map(clock_text, row["times"])),
        text=words["text"],
        text_en=words["text_en"],
        about=row["about"],
        ends_on=date.fromisoformat(row["ends_on"]) if row["ends_on"] else None,
        zone=row["zone"],
        window_min=row["window_min"],
        quiet=(clock_text(quiet[0]), clock_text(quiet[1])) if quiet else None,
        categories=tuple(row["categories"]),
    )


def words_of(database: Database, row: Document) -> dict[str, Any]:
    """Raises KeyDestroyed, SealBroken."""
    words: dict[str, Any] = seals.unseal(database, row["person"], _place(row["_id"]), row["words"])
    return words


def _place(one: str) -> str:
    return f"reminders.{one}.words"
