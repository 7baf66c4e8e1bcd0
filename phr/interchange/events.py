"""Entries of an import: what a format says of them, checked as entries are and taken in under the import's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError

from phr.database import Database
from phr.formats.building import ItemRefused, parse_time
from phr.interchange import event_files
from phr.interchange.formats import Event
from phr.interchange.imports import Counts, Import, Reason
from phr.people import people
from phr.people.people import Person
from phr.timeline import imported
from phr.timeline.content import checked
from phr.timeline.effective import Effective, When, instant, placed, remembered
from phr.timeline.entry import Author, Draft
from phr.timeline.imported import Back, Found, Outcome
from phr.timeline.kinds import kinds

CLIENT = "import"
_COUNTED: Mapping[Outcome, Counts] = {
    "stored": Counts(stored=1),
    "replaced": Counts(replaced=1),
    "duplicate": Counts(duplicate=1),
    "deleted": Counts(duplicate=1),  # the person has deleted it, and it stays so
}


@dataclass(slots=True)
class Told:
    counts: Counts = field(default_factory=Counts)
    reasons: list[Reason] = field(default_factory=list)


def take(database: Database, one: Import, said: Sequence[Event], now_ms: int) -> Told:
    """What became of them; safe to repeat. In a dry run nothing is written."""
    told = Told()
    if not said:
        return told
    person, found = people.require(database, one.person), []
    for event in said:
        try:
            found.append(_found(database, one, person, event, told))
        except ItemRefused as refused:
            told.reasons.append(Reason(refused.code, refused.detail, 1, event.path + refused.pointer))
    act = imported.weigh if one.is_dry_run else imported.take_in
    for outcome in act(database, _named(one), found, now_ms):
        told.counts = told.counts.plus(_COUNTED[outcome])
    told.counts = told.counts.plus(Counts(refused=len(told.reasons)))
    return told


def _found(database: Database, one: Import, person: Person, event: Event, told: Told) -> Found:
    """The entry of an event, its file kept. Raises ItemRefused; a file that is refused is told, its entry is taken."""
    key = f"{one.format}\0{event.key}"
    if event.file is None:
        return Found(key, _draft(person, event))
    filed = event_files.filed(one.person, imported.entry_id(key), event, event.file)
    if filed.refused:
        told.reasons.append(Reason(*filed.refused, 1, event.path))
    draft = _draft(person, filed.event)
    if filed.name and not one.is_dry_run:
        event_files.keep(database, filed.name, event.file.content)
    return Found(key, draft)


def take_back(database: Database, one: Import, now_ms: int) -> Back:
    """Safe to repeat after a break."""
    return imported.take_back(database, _named(one), now_ms)


def standing(database: Database, one: Import) -> Counts:
    """The entries that say what the import wrote, and of them those that said something else before."""
    rows = list(database["entries"].find({"person": one.person, "source": _named(one).source}, {"version": 1}))
    replaced = sum(row["version"] > 1 for row in rows)
    return Counts(stored=len(rows) - replaced, replaced=replaced)


def _named(one: Import) -> imported.Import:
    return imported.Import(one.person, one.id, Author(one.author, CLIENT, None))


def _draft(person: Person, event: Event) -> Draft:
    """Raises ItemRefused with the field at fault."""
    kind = kinds()[event.kind]
    try:
        content = checked(kind, event.content)
    except ValidationError as error:
        pointer, detail = _first(error.messages)
        raise ItemRefused("entry-invalid", f"{event.kind}{pointer}: {detail}") from error
    begin = _when(person, event.begin)
    effective = Effective(begin, None if event.end is None else _when(person, event.end))
    if not effective.is_in_order:
        effective = Effective(begin)  # an end before the beginning is worth nothing, the rest of it is
    return Draft(kind=kind.name, content=content, effective=effective, provenance=event.provenance)


def _when(person: Person, text: str) -> When:
    try:
        told = remembered(text)
    except ValueError as error:
        raise ItemRefused("time-invalid", f"no such time: {error}") from error
    return placed(told, person.offset_min_at) if told else instant(*parse_time(text, ""))


def _first(messages: Any, pointer: str = "") -> tuple[str, str]:
    while isinstance(messages, dict):
        key, messages = next(iter(messages.items()))
        pointer = pointer if key == "_schema" else f"{pointer}/{key}"
    return pointer, " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
