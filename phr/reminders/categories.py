"""Whose eyes a reminder is for: what it was made of, and of a medicine all that its entry is under by now."""

from __future__ import annotations

from collections.abc import Iterable

from phr.database import Database

MEDICATION = "medication"
Asked = tuple[str, str, str | None]  # person, kind, about


def of_entries(database: Database, asked: Iterable[Asked]) -> dict[Asked, frozenset[str]]:
    """The categories of the entries that reminders of medicines are about, deleted ones too; those without are left
    out. An entry may come under a sensitive category after its reminder was made.
    """
    wanted = {f"{one[0]}:{one[2]}": one for one in asked if one[1] == MEDICATION and one[2] is not None}
    if not wanted:
        return {}
    rows = database["entries"].find({"_id": {"$in": list(wanted)}, "kind": MEDICATION}, {"categories": 1})
    return {wanted[row["_id"]]: frozenset(row["categories"]) for row in rows}
