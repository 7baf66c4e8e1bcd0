"""What a team has to see to: referrals, until somebody has said what came of them: collection ``care_tasks``.

In the clear: state, organisation, by when; not why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from phr.database import Database
from phr.errors import InputInvalid, NotFound, VersionConflict
from phr.plans import versions
from phr.plans.versions import New, Version

COLLECTION = "care_tasks"
OPEN, CLOSED = "open", "closed"
LONGEST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A referral to see to: ``reasons`` by the codes of the forms; ``due_on``: when what came of it is asked for."""

    person: str
    id: str
    organisation: str
    plan: str | None
    visit: str | None
    reasons: tuple[str, ...]
    is_urgent: bool
    is_ordered: bool  # by the doctor; False: by the rules, and the doctor has not said so
    to: str | None
    due_on: date
    categories: tuple[str, ...]
    state: str = OPEN
    outcome: str | None = None
    by: str = ""
    at_ms: int = 0
    version: int = 0


def open_one(database: Database, task: Task, by: str, now_ms: int) -> Task:
    """The task, stored under its id; one that is there already stays as it is."""
    try:
        return _put(database, replace(task, state=OPEN, version=0), by, now_ms)
    except VersionConflict:
        return find(database, task.person, task.id)


def close(database: Database, task: Task, outcome: str, stamp: tuple[str, int]) -> Task:
    """What came of it. Raises InputInvalid, VersionConflict. ``stamp``: who says so, and when."""
    if not 0 < len(outcome.strip()) <= LONGEST:
        raise InputInvalid("say what came of it", "/outcome")
    if task.state == CLOSED:
        raise InputInvalid("it is closed")
    return _put(database, replace(task, state=CLOSED, outcome=outcome.strip()), *stamp)


def find(database: Database, person: str, task: str) -> Task:
    """Raises NotFound."""
    found = versions.find(database, COLLECTION, person, task)
    if found is None:
        raise NotFound("no such task")
    return _task(found)


def of_people(database: Database, people: Iterable[str]) -> list[Task]:
    """All of these people's, closed ones too."""
    return [_task(one) for one in versions.find_all(database, COLLECTION, people)]


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("person", name="person")
    keys = [("organisation", 1), ("due_on", 1)]
    database[COLLECTION].create_index(keys, name="open", partialFilterExpression={"state": OPEN})


_TOLD = ("organisation", "plan", "visit", "is_urgent", "is_ordered", "to", "state", "outcome")


def _put(database: Database, task: Task, by: str, now_ms: int) -> Task:
    body: dict[str, Any] = {name: getattr(task, name) for name in _TOLD}
    body |= {"reasons": list(task.reasons), "categories": list(task.categories), "due_on": task.due_on.isoformat()}
    found_by = {"state": task.state, "organisation": task.organisation, "due_on": body["due_on"]}
    found_by["to_panel"] = True
    new = New(person=task.person, name=task.id, by=by, at_ms=now_ms, body=body, found_by=found_by)
    return _task(versions.put(database, COLLECTION, new, task.version))


def _task(found: Version) -> Task:
    body = dict(found.body)
    body |= {
        "reasons": tuple(body["reasons"]),
        "categories": tuple(body["categories"]),
        "due_on": date.fromisoformat(body["due_on"]),
    }
    return Task(person=found.person, id=found.name, by=found.by, at_ms=found.at_ms, version=found.version, **body)
