"""What somebody has entered of a person for rules to know, and that no entry tells: collection ``known``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from phr.database import Database
from phr.errors import InputInvalid
from phr.plans import versions
from phr.plans.versions import New, Version
from phr.vocabulary.metrics import vocabulary

COLLECTION = "known"
_NAME = "facts"
LONGEST_AHEAD_MS = 300 * 86_400_000


@dataclass(frozen=True, slots=True)
class Known:
    """``best``: personal bests by metric, canonical; ``pregnant_until_ms``: an expected date that has not come."""

    lives_high: bool | None = None
    pregnant_until_ms: int | None = None
    best: Mapping[str, float] = field(default_factory=dict)
    version: int = 0


NOTHING = Known()


def of_person(database: Database, person: str) -> Known:
    found = versions.find(database, COLLECTION, person, _NAME)
    return _known(found) if found else NOTHING


def of_people(found: Iterable[Version]) -> dict[str, Known]:
    """Of those of whom something was entered, by what of it is stored."""
    return {one.person: _known(one) for one in found}


def enter(database: Database, person: str, new: Known, by: str, now_ms: int) -> Known:
    """As it is now known, ``new.version`` being the version it was made from.

    Raises InputInvalid for a best that is beyond physical bounds or a date that is too far, VersionConflict.
    """
    for key, value in new.best.items():
        metric = vocabulary().get(key)
        if metric is None or metric.bounds is None or not metric.bounds.low <= value <= metric.bounds.high:
            raise InputInvalid(f"{key}: not measured here, or beyond what can be", f"/best/{key}")
    until_ms = new.pregnant_until_ms
    if until_ms is not None and not 0 <= until_ms - now_ms <= LONGEST_AHEAD_MS:
        raise InputInvalid("a date to come, within ten months", "/pregnant_until")
    body = {"lives_high": new.lives_high, "pregnant_until_ms": until_ms, "best": dict(new.best)}
    row = New(person=person, name=_NAME, by=by, at_ms=now_ms, body=body)
    return _known(versions.put(database, COLLECTION, row, new.version))


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("person", name="person")


def _known(found: Version) -> Known:
    return Known(**found.body, version=found.version)
