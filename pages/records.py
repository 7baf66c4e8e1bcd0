"""What pages ask of a record that may be somebody else's: as much as the reader's grant reaches, and no fuss."""

from __future__ import annotations

from typing import Any

from pages import sittings
from pages.api import Refused


def or_nothing(path: str, **asked: Any) -> Any:
    """What the API answers; None where the reader's grant does not reach."""
    try:
        return sittings.ask("GET", path, **asked)
    except Refused as error:
        if error.reply.status == 403:
            return None
        raise


def listed(path: str, name: str) -> list[dict[str, Any]]:
    """The list of that name in the answer; empty where the reader's grant does not reach."""
    found: list[dict[str, Any]] = (or_nothing(path) or {name: []})[name]
    return found


def profile_of(person: str) -> dict[str, Any]:
    """Who it is, as far as that may be seen."""
    return or_nothing(f"/v1/people/{person}") or {}
