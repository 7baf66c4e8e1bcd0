"""Plans: people enrolled in programmes, what they measure and take and when they are visited: collection ``plans``.

One plan a person and programme, whose id is a token that does not tell which. In the clear: its state, the organisation
that leads it, when the next visit is due, and that reminders are to be brought in line (``to_ask``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from phr.care.programme import Programme
from phr.care.rules import rules
from phr.database import Database
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.people import seals
from phr.plans import rhythm, versions, whose
from phr.plans.rhythm import Measuring, Rhythm
from phr.plans.versions import New, Version
from phr.vocabulary.metrics import vocabulary

COLLECTION = "plans"
ACTIVE, ENDED = "active", "ended"
MOST = 20  # measurements, medicines, and lessons
LONGEST_NOTE = 2_000


@dataclass(frozen=True, slots=True)
class Taking:
    """A medicine of the timeline, and when it is taken; how much the entry says."""

    entry: str
    rhythm: Rhythm


@dataclass(frozen=True, slots=True)
class Teaching:
    """A lesson to read, from a day on, with its title when it was prescribed; ``categories``: what its being
    prescribed tells of the person, besides the plan's own.
    """

    lesson: str
    starts_on: date
    zh: str
    en: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``next_on``: a day that the doctor has agreed for the next visit, beside those of the rules."""

    person: str
    id: str
    programme: str
    organisation: str
    state: str
    starts_on: date
    ends_on: date | None
    measuring: tuple[Measuring, ...]
    taking: tuple[Taking, ...]
    next_on: date | None
    note: str
    by: str
    at_ms: int
    version: int
    teaching: tuple[Teaching, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        """What one must be allowed to see to be told of it; its medicines are of one more."""
        return whose.of_programme(programme_of(self.programme))


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who does something, for which organisation, and when."""

    by: str
    organisation: str
    at_ms: int


def programme_of(name: str) -> Programme:
    """Raises InputInvalid for a programme that there is not."""
    found = next((one for one in rules().programmes if one.id == name), None)
    if found is None:
        names = ", ".join(sorted(one.id for one in rules().programmes))
        raise InputInvalid(f"there are the programmes {names}", "/programme")
    return found


def enrol(database: Database, plan: Plan, stamp: Stamp, due_on: date | None) -> Plan:
    """The plan, stored; without measurements it has those of its programme. Enrolling again begins it anew.

    ``plan.id``, ``by``, ``at_ms`` and ``version`` are the store's to say. Raises InputInvalid; AlreadyThere where the
    person is enrolled.
    """
    programme = programme_of(plan.programme)
    plan = replace(plan, id=id_of(database, plan.person, plan.programme), state=ACTIVE)
    before = versions.find(database, COLLECTION, plan.person, plan.id)
    if before is not None and before.body["state"] == ACTIVE:
        raise AlreadyThere("is enrolled in this programme; change the plan", "/programme")
    wanted = plan.measuring or tuple(rhythm.of_programme(programme))
    new = replace(plan, measuring=wanted, version=before.version if before else 0)
    return put(database, new, stamp, due_on)


def put(database: Database, plan: Plan, stamp: Stamp, due_on: date | None) -> Plan:
    """The plan saying this from now on, ``plan.version`` being the version that it replaces.

    Raises InputInvalid with a pointer, VersionConflict.
    """
    checked = _checked(plan)
    found_by = {
        "state": checked.state,
        "organisation": checked.organisation,
        "due_on": due_on.isoformat() if due_on and checked.state == ACTIVE else None,
        "to_ask": True,
        "to_panel": True,
    }
    new = New(person=plan.person, name=plan.id, by=stamp.by, at_ms=stamp.at_ms, body=_body(checked), found_by=found_by)
    return plan_of(versions.put(database, COLLECTION, new, plan.version))


def set_due(database: Database, person: str, plan: str, due_on: date | None) -> None:
    """When the next visit is due has become known; no new version of the plan."""
    told = due_on.isoformat() if due_on else None
    database[COLLECTION].update_one({"_id": f"{person}:{plan}", "state": ACTIVE}, {"$set": {"due_on": told}})


def find(database: Database, person: str, plan: str) -> Plan:
    """Raises NotFound."""
    found = versions.find(database, COLLECTION, person, plan)
    if found is None:
        raise NotFound("no such plan")
    return plan_of(found)


def of_person(database: Database, person: str) -> list[Plan]:
    """All of them, ended ones too."""
    return [plan_of(one) for one in versions.find_all(database, COLLECTION, [person])]


def history(database: Database, person: str, plan: str) -> list[Plan]:
    """Every version, newest first. Raises NotFound."""
    found = [plan_of(one) for one in versions.history(database, COLLECTION, person, plan)]
    if not found:
        raise NotFound("no such plan")
    return found


def programmes_of(stored: Iterable[Version]) -> Mapping[str, frozenset[str]]:
    """The programmes that people are enrolled in now, by their plans."""
    found: dict[str, set[str]] = {}
    for one in stored:
        if one.body["state"] == ACTIVE:
            found.setdefault(one.person, set()).add(one.body["programme"])
    return {person: frozenset(some) for person, some in found.items()}


def id_of(database: Database, person: str, programme: str) -> str:
    """The id of a person's plan in a programme."""
    (token,) = seals.tokens(database, person, [f"plan:{programme}"])
    return token.hex()


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index("person", name="person")
    is_active = {"state": ACTIVE}
    keys = [("organisation", 1), ("due_on", 1)]
    database[COLLECTION].create_index(keys, name="due", partialFilterExpression=is_active)
    to_ask = {"to_ask": True}
    database[COLLECTION].create_index("to_ask", name="to_ask", partialFilterExpression=to_ask)


def _checked(plan: Plan) -> Plan:
    if plan.ends_on is not None and plan.ends_on < plan.starts_on:
        raise InputInvalid("a plan ends after it begins", "/ends_on")
    if len(plan.note) > LONGEST_NOTE:
        raise InputInvalid(f"at most {LONGEST_NOTE} characters", "/note")
    for name, some in (
        ("measurements", plan.measuring),
        ("medications", plan.taking),
        ("lessons", plan.teaching),
    ):
        if len(some) > MOST:
            raise InputInvalid(f"at most {MOST}", f"/{name}")
    if len({one.lesson for one in plan.teaching}) < len(plan.teaching):
        raise InputInvalid("a lesson is there twice", "/lessons")
    for number, one in enumerate(plan.measuring):
        metric = vocabulary().get(one.metric)
        if metric is None or not metric.is_reading:
            raise InputInvalid(f"{one.metric} is not measured here", f"/measurements/{number}/metric")
    measuring = tuple(
        replace(one, rhythm=rhythm.checked(one.rhythm, f"/measurements/{number}"))
        for number, one in enumerate(plan.measuring)
    )
    taking = tuple(
        replace(one, rhythm=rhythm.checked(one.rhythm, f"/medications/{number}"))
        for number, one in enumerate(plan.taking)
    )
    return replace(plan, measuring=measuring, taking=taking)


def _body(plan: Plan) -> dict[str, Any]:
    return {
        "programme": plan.programme,
        "organisation": plan.organisation,
        "state": plan.state,
        "starts_on": plan.starts_on.isoformat(),
        "ends_on": plan.ends_on.isoformat() if plan.ends_on else None,
        "measuring": [[one.metric, rhythm.to_row(one.rhythm)] for one in plan.measuring],
        "taking": [[one.entry, rhythm.to_row(one.rhythm)] for one in plan.taking],
        "teaching": [[t.lesson, t.starts_on.isoformat(), t.zh, t.en, list(t.categories)] for t in plan.teaching],
        "next_on": plan.next_on.isoformat() if plan.next_on else None,
        "note": plan.note,
    }


def plan_of(found: Version) -> Plan:
    """The plan of a stored version."""
    body = found.body
    return Plan(
        person=found.person,
        id=found.name,
        programme=body["programme"],
        organisation=body["organisation"],
        state=body["state"],
        starts_on=date.fromisoformat(body["starts_on"]),
        ends_on=_day(body["ends_on"]),
        measuring=tuple(Measuring(metric, rhythm.from_row(row)) for metric, row in body["measuring"]),
        taking=tuple(Taking(entry, rhythm.from_row(row)) for entry, row in body["taking"]),
        next_on=_day(body["next_on"]),
        teaching=tuple(
            Teaching(lesson, date.fromisoformat(day), zh, en, tuple(categories))
            for lesson, day, zh, en, categories in body.get("teaching", ())  # plans of before have none
        ),
        note=body["note"],
        by=found.by,
        at_ms=found.at_ms,
        version=found.version,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
