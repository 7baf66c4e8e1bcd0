"""Whose eyes an entry is for: its kind's category, what its codes are sensitive by, and what its author named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from phr.timeline.kind import Content, Kind
from phr.timeline.kinds import kinds
from phr.timeline.sensitive import ICD_10, sensitive_of

READINGS = "readings"

SENSITIVE = ("genomic", *sorted(ICD_10))


@cache
def all_categories() -> tuple[str, ...]:
    """Every category that an entry or a day line of readings can have."""
    return tuple(sorted({kind.category for kind in kinds().values()} | set(SENSITIVE) | {READINGS}))


def categories_of(kind: Kind, content: Content, named: Iterable[str] = ()) -> tuple[str, ...]:
    """One must be allowed all of them to see the entry."""
    by_code = {category for system, code in _codes(content) for category in sensitive_of(system, code)}
    return tuple(sorted({kind.category, *named} | by_code))


def _codes(value: Any) -> Iterator[tuple[str, str]]:
    """Wherever they stand in it."""
    if isinstance(value, dict):
        if isinstance(value.get("system"), str) and isinstance(value.get("code"), str):
            yield value["system"], value["code"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _codes(one)
