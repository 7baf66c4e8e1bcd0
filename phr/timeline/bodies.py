"""What an entry says as it is sealed in its row, for who reads it without its kinds and words: ingestion does."""

from __future__ import annotations

from typing import Any

from phr.database import Database, Document
from phr.people import seals


def opened(database: Database, row: Document) -> dict[str, Any]:
    """Content and provenance of a stored row; both empty of a tombstone. Raises KeyDestroyed, SealBroken."""
    if row["body"] is None:
        return {"content": {}, "provenance": {}}
    owner = owner_of(row["person"], row["retained_by"])
    body: dict[str, Any] = seals.unseal(database, owner, place_of(row["id"]), row["body"])
    return body


def owner_of(person: str, retained_by: str | None) -> str:
    """Whose key it is sealed with: its organisation's where one must retain it, else the person's."""
    return seals.organisation(retained_by) if retained_by else person


def place_of(entry_id: str) -> str:
    return f"entries.{entry_id}.body"
