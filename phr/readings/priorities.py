"""A person's own order of the sources of a metric. Collection ``priorities``, a document a person and metric.

_id   person:metric         p, m   the same, apart         sources   in order         v   version
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from phr.database import Database
from phr.errors import VersionConflict

COLLECTION = "priorities"
_CHANGED = "the order has changed since you read it; read it again"


@dataclass(frozen=True, slots=True)
class Priorities:
    sources: tuple[str, ...] = ()
    version: int = 0  # 0: none was ever stated


def find(database: Database, person: str, metric: str) -> Priorities:
    row = database[COLLECTION].find_one({"_id": _key(person, metric)})
    return Priorities(tuple(row["sources"]), row["v"]) if row else Priorities()


def put(database: Database, person: str, metric: str, sources: Iterable[str], if_version: int) -> Priorities:
    """The order as it is from now on; an empty one leaves the usual one. Raises VersionConflict."""
    new = Priorities(tuple(sources), if_version + 1)
    fields = {"p": person, "m": metric, "sources": list(new.sources), "v": new.version}
    guard = {"_id": _key(person, metric), "v": if_version}
    try:
        done = database[COLLECTION].update_one(guard, {"$set": fields}, upsert=if_version == 0)
    except DuplicateKeyError as error:
        raise VersionConflict(_CHANGED) from error
    if not done.matched_count and if_version:
        raise VersionConflict(_CHANGED)
    return new


def sources_of(database: Database, person: str, metric: str) -> list[str]:
    """Every source that ever measured it for the person, in order of their names."""
    rows = database.sources.find({"p": person, "m": metric}, {"d": 1, "_id": 0}, batch_size=1_000)
    return sorted(row["d"] for row in rows)


def _key(person: str, metric: str) -> str:
    return f"{person}:{metric}"
