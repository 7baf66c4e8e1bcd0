"""Where people are and whether they are to be reminded, of many at once; nobody's name is opened for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from phr.database import Database
from phr.people.people import ZonePeriod

_FIELDS = {"zones": 1, "died_on": 1, "consent_withdrawn": 1}


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """``zones``: as of a person; ``is_reminded``: False of the dead, and of those who took back their consent or whose
    record is about to end.
    """

    zones: tuple[ZonePeriod, ...]
    is_reminded: bool


def of_people(database: Database, person_ids: Iterable[str]) -> dict[str, Whereabouts]:
    """Those of the people who exist; one query."""
    rows = database["people"].find({"_id": {"$in": list(set(person_ids))}}, _FIELDS)
    return {
        row["_id"]: Whereabouts(
            tuple(ZonePeriod(period.get("since_ms"), period["zone"]) for period in row["zones"]),
            not row["consent_withdrawn"] and not row.get("died_on"),
        )
        for row in rows
    }


def changed_since(database: Database, seq: int, limit: int) -> list[tuple[str, int]]:
    """Who has changed after a registry number, and at which, in order of numbers."""
    rows = database["people"].find({"seq": {"$gt": seq}}, {"seq": 1}, sort=[("seq", 1)], limit=limit)
    return [(row["_id"], row["seq"]) for row in rows]
