"""What people say of an occurrence: done or left out, once; whoever says it again hears what it is already."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.people import whereabouts
from phr.reminders import ledger
from phr.reminders.claiming import seen_of
from phr.reminders.ledger import DONE, SETTLED, SKIPPED, Seen, Settlement
from phr.reminders.moments import at_slot, between, closes_ms, slot_of
from phr.reminders.reminder import ACTIVE, pattern_of_row, words_of
from phr.reminders.schedule import FIRST_DAY, KINDS, LAST_DAY, bounds_min
from phr.reminders.schedules import zones_of
from phr.timeline import entries
from phr.timeline.content import checked
from phr.timeline.effective import Effective, instant
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft
from phr.timeline.kinds import kinds

EARLIEST_MS = 86_400_000  # before its planned time; nobody takes next week's dose today
MISSED = ledger.MISSED
INTAKE = {DONE: "taken", SKIPPED: "skipped"}
_SLOT = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Word:
    """``outcome``: done or skipped; ``at_ms``: when; ``author``: who says so."""

    outcome: str
    at_ms: int
    author: Author


def parsed_slot(text: str) -> int:
    """Raises NotFound for what is no slot: there can be no such occurrence."""
    found = _SLOT.fullmatch(text)
    try:
        day = date.fromisoformat(found[1]) if found else None
        if found is None or day is None or not FIRST_DAY <= day <= LAST_DAY:
            raise ValueError
        return slot_of(day, int(found[2]) * 60 + int(found[3]))
    except ValueError as error:
        raise NotFound("no such occurrence") from error


def occurrence(database: Database, row: Document, slot: int) -> Seen:
    """As it is in the ledger, else as it is planned. Raises NotFound where the schedule has none there."""
    there = ledger.find(database, ledger.id_of(row["_id"], slot))
    if there is not None:
        return there
    found = _upcoming(database, row, slot)
    if found is None:
        raise NotFound("no such occurrence")
    return found


def upcoming(database: Database, row: Document, from_ms: int, to_ms: int) -> list[Seen]:
    """What a schedule plans in [from, to), whatever the ledger has of it."""
    where = whereabouts.of_people(database, [row["person"]]).get(row["person"])
    if where is None or not where.is_reminded or row["state"] != ACTIVE:
        return []
    pattern = pattern_of_row(row)
    found = between(pattern, zones_of(row, where), from_ms, to_ms)
    bounds = bounds_min(row["kind"], pattern)
    return [seen_of(row, one, closes_ms(pattern, one.planned_ms), bounds) for one in found]


def say(database: Database, seen: Seen, word: Word, now_ms: int) -> tuple[Seen, bool]:
    """The occurrence as it is then; True where it was settled before, and stays so.

    Raises InputInvalid for one of another day.
    """
    if seen.planned_ms - now_ms > EARLIEST_MS:
        raise InputInvalid("this is planned for later than a day from now")
    if word.at_ms < seen.planned_ms - EARLIEST_MS:
        raise InputInvalid("that is more than a day before it was planned", "/at")
    return ledger.say(database, seen, Settlement(seen.id, word.outcome, word.author.subject, word.at_ms), now_ms)


def intake_of(database: Database, row: Document, word: Word, said: Mapping[str, Any]) -> Draft:
    """The entry that says that the medicine was taken, or left out. Raises marshmallow's ValidationError."""
    if row["kind"] != "medication":
        raise InputInvalid("only a medicine has an intake", "/intake")
    words = {"text": words_of(database, row)["text"] or KINDS["medication"].zh, "status": INTAKE[word.outcome]}
    about = {} if row["about"] is None else {"medication": row["about"]}
    content = checked(kinds()["intake"], {**words, **about, **said})
    sensitive = set(row["categories"]) - set(KINDS["medication"].categories)
    return Draft(
        kind="intake",
        content=content,
        effective=Effective(instant(word.at_ms, None)),
        sensitive=tuple(sorted(sensitive)),
        provenance={"how": "self-reported"},
    )


def write_intake(database: Database, seen: Seen, draft: Draft, word: Word, now_ms: int) -> None:
    """One entry an occurrence, however often it is said; the first stays."""
    one = f"i-{hashlib.sha256(seen.id.encode()).hexdigest()[:32]}"
    try:
        entries.create(database, NewEntry(person=seen.person, draft=draft, author=word.author, id=one), now_ms)
    except AlreadyThere:
        return


def is_settled(seen: Seen) -> bool:
    """True where nothing that anybody says changes it; what was missed may still be said to be done."""
    return seen.state in SETTLED and seen.state != MISSED


def _upcoming(database: Database, row: Document, slot: int) -> Seen | None:
    where = whereabouts.of_people(database, [row["person"]]).get(row["person"])
    if where is None or row["state"] != ACTIVE:
        return None
    pattern = pattern_of_row(row)
    found = at_slot(pattern, zones_of(row, where), slot)
    if found is None:
        return None
    return seen_of(row, found, closes_ms(pattern, found.planned_ms), bounds_min(row["kind"], pattern))
