"""Brings what became of reminders into timelines, each outcome once; what is said otherwise later takes its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from phr.database import Database, Document
from phr.people.keyring import KeyDestroyed
from phr.reminders import categories, ledger
from phr.reminders.ledger import DONE, MISSED, SKIPPED, Seen
from phr.reminders.reminder import REMINDERS, words_of
from phr.reminders.schedule import KINDS
from phr.timeline import happened
from phr.timeline.happened import Happening
from phr.timeline.kinds import kinds

AT_ONCE = 200
SHOWN = (DONE, SKIPPED, MISSED)  # what was withdrawn was never asked for


def enter_some(database: Database, now_ms: int) -> int:
    """One round; how many occurrences were told. Safe to break off and to repeat."""
    found = ledger.to_enter(database, AT_ONCE)
    if found:
        ids = sorted({one.reminder for one in found})
        rows = {row["_id"]: row for row in database[REMINDERS].find({"_id": {"$in": ids}})}
        under = categories.of_entries(database, ((one.person, one.kind, one.about) for one in found))
        seen = [
            replace(one, categories=(*one.categories, *under.get((one.person, one.kind, one.about), ())))
            for one in found
        ]
        happened.put(database, _happenings(database, rows, seen), now_ms)
        ledger.set_entered(database, found)
    return len(found)


def _happenings(database: Database, rows: Mapping[str, Document], found: Iterable[Seen]) -> Iterator[Happening]:
    for one in found:
        text = _text(database, rows.get(one.reminder), one)
        if text is not None:
            for outcome in SHOWN:
                if outcome in (one.entered, one.state):
                    yield _happening(one, text, outcome, is_so=outcome == one.state)


def _happening(one: Seen, text: str, outcome: str, *, is_so: bool) -> Happening:
    return Happening(
        key=f"{ledger.NOTICE}{one.id}:{outcome}",
        person=one.person,
        kind="reminder",
        at_ms=one.planned_ms,
        content={"text": text, "about": one.about or one.reminder, "outcome": outcome},
        is_so=is_so,
        sensitive=tuple(sorted(set(one.categories) - {kinds()["reminder"].category})),
    )


def _text(database: Database, row: Document | None, one: Seen) -> str | None:
    """None for a record that is ending."""
    try:
        text: str = words_of(database, row)["text"] if row else ""
    except KeyDestroyed:
        return None
    return text or KINDS[one.kind].zh  # type: ignore[index]
