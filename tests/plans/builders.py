"""Entries with codes, valid unless told otherwise."""

from __future__ import annotations

from typing import Any

from phr.database import Database
from phr.timeline import effective, entries
from phr.timeline.effective import Effective
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft, Entry
from tests.cast import T0

DAY_MS = 86_400_000


def coded(database: Database, person: str, code: str, **said: Any) -> Entry:
    """A condition of an ICD-10 code, or with ``atc=True`` a medication, since ``days`` before now."""
    is_drug, days, ended = said.pop("atc", False), said.pop("days", 1), said.pop("ended", None)
    sensitive = said.pop("sensitive", ())
    content = {"text": code, "codes": [{"system": "atc" if is_drug else "icd-10", "code": code}]} | said
    end = effective.instant(T0 - ended * DAY_MS, 480) if ended is not None else None
    draft = Draft(
        kind="medication" if is_drug else "condition",
        content=content,
        effective=Effective(effective.instant(T0 - days * DAY_MS, 480), end),
        sensitive=sensitive,
    )
    return entries.create(database, NewEntry(person=person, draft=draft, author=Author(person, "app", None)), T0)
