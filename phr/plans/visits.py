"""Follow-up visits and their forms: prepared, filled in, confirmed by a doctor: collection ``visits``.

In the clear: the plan's id, the state, the organisation and the doctor's day of the visit, and whether it was sent on.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from phr.care import followup, goals
from phr.care.followup import Class, Due, Mode
from phr.care.followup import Visit as Done
from phr.care.form import Form, forms
from phr.care.goals import Goal
from phr.database import Database
from phr.errors import InputInvalid, NotFound
from phr.plans import versions
from phr.plans.plans import Plan, Stamp
from phr.plans.versions import New, Version

COLLECTION = "visits"
PREPARED, CONFIRMED = "prepared", "confirmed"
LONGEST_TO = 200
PATIENCE_MS = 60_000  # who confirmed it is doing what follows


@dataclass(frozen=True, slots=True)
class Filled:
    """``how``: "record" (filled in, to be looked at), "said" at the visit, "adopted" from home, "proposed" by rule."""

    value: Any
    how: str
    basis: Mapping[str, Any] | None = None  # what a value of the record rests on: when, of how many days


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """``home``: what stands beside the form and is no value of it; ``target``: clinical goals, apart from the class."""

    person: str
    id: str
    plan: str
    programme: str
    organisation: str
    state: str
    on: date
    items: Mapping[str, Filled]
    home: Mapping[str, Any] | None
    signs: tuple[str, ...] = ()
    is_check_up: bool = False
    target: Sequence[Mapping[str, Any]] = ()
    proposal: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    doctor: str | None = None
    sent: Mapping[str, Any] | None = None
    by: str = ""
    at_ms: int = 0
    version: int = 0

    @property
    def form(self) -> Form:
        return forms()[self.programme]

    @property
    def values(self) -> dict[str, Any]:
        """What the visit itself found, by item: what was filled in from the record counts once it was looked at."""
        return {key: one.value for key, one in self.items.items()}

    @property
    def done(self) -> Done | None:
        """As the rules look back at it; None for one that is not confirmed."""
        if self.state != CONFIRMED:
            return None
        values = self.values
        return Done(
            self.on, Mode(values["mode"]), Class(values["class"]), bool(values.get("referral-reason")), self.is_check_up
        )


def prepare(database: Database, visit: Visit, stamp: Stamp) -> Visit:
    """The form, stored with what is known."""
    return put(database, replace(visit, id=secrets.token_urlsafe(12), state=PREPARED, version=0), stamp)


def judged(visit: Visit, age: int | None, own: Sequence[Goal], earlier: Iterable[Visit]) -> Visit:
    """The form with what the rules propose and which clinical goals are met. ``own``: goals that a doctor has set."""
    values = visit.values
    before = [one for one in done(earlier) if one.on < visit.on]
    found = followup.propose(visit.form.judged_by, values, visit.signs, before, (visit.on, age))
    proposal = {
        "class": found.outcome,
        "referral_reasons": [*found.reasons],
        "is_urgent": found.is_urgent,
        "next_on": found.next_on.isoformat(),
        "dangers": list(found.dangers),
    }
    by_item = {one.item: one for one in (*goals.goals(visit.form.judged_by, age), *own)}
    target = [asdict(one) | {"is_met": goals.is_met(one, values)} for one in by_item.values()]
    return replace(visit, proposal=proposal, target=target)


def accepted(visit: Visit) -> Visit:
    """The form with what was proposed where the doctor has said nothing else."""
    said, items = visit.proposal, dict(visit.items)
    offered = {"class": said["class"], "referral-reason": said["referral_reasons"] or None, "next-on": said["next_on"]}
    for key, value in offered.items():
        if key not in items and value is not None:
            items[key] = Filled(value, "proposed")
    return replace(visit, items=items)


def put(database: Database, visit: Visit, stamp: Stamp) -> Visit:
    """The form saying this now, ``visit.version`` being the version it replaces. Raises VersionConflict."""
    found_by = {
        "plan": visit.plan,
        "state": visit.state,
        "organisation": visit.organisation,
        "on": visit.on.isoformat(),
        "is_sent": visit.sent is not None,
        "to_finish": visit.state == CONFIRMED,
        "to_panel": True,
    }
    new = New(person=visit.person, name=visit.id, by=stamp.by, at_ms=stamp.at_ms, body=_body(visit), found_by=found_by)
    return _visit(versions.put(database, COLLECTION, new, visit.version))


def confirmed(visit: Visit, doctor: str) -> Visit:
    """The form as its doctor stands by it. Raises InputInvalid with a pointer to what is missing or contradicts."""
    values = visit.values
    for key in ("mode", "class", "next-on"):
        if values.get(key) is None:
            raise InputInvalid(f"{visit.form.items[key].zh}: say it before the form is confirmed", f"/items/{key}")
    needed = ("systolic", "diastolic") if visit.form.judged_by == "pressure" else ("fasting-glucose",)
    if Class(values["class"]) is Class.CONTROLLED and any(values.get(key) is None for key in needed):
        raise InputInvalid("controlled: by which values of this visit", f"/items/{needed[0]}")
    if date.fromisoformat(values["next-on"]) <= visit.on:
        raise InputInvalid("the next visit is after this one", "/items/next-on")
    if values.get("referral-reason") and not values.get("referral-to"):
        raise InputInvalid("referred to whom", "/items/referral-to")
    return replace(visit, state=CONFIRMED, doctor=doctor)


def find(database: Database, person: str, visit: str) -> Visit:
    """Raises NotFound."""
    found = versions.find(database, COLLECTION, person, visit)
    if found is None:
        raise NotFound("no such visit")
    return _visit(found)


def of_plan(database: Database, plan: Plan) -> list[Visit]:
    """All of a plan's, in order of their days."""
    rows = database[COLLECTION].find({"person": plan.person, "plan": plan.id}, {"earlier": False})
    found = (_visit(versions.opened(database, COLLECTION, row)) for row in rows)
    return sorted(found, key=lambda one: (one.on, one.id))


def of_organisation(database: Database, organisation: str, between: tuple[date, date], most: int) -> list[Visit]:
    """Confirmed ones with first <= day <= last, in order of their days."""
    wanted = {"organisation": organisation, "state": CONFIRMED}
    days = {"on": {"$gte": between[0].isoformat(), "$lte": between[1].isoformat()}}
    rows = database[COLLECTION].find(wanted | days, {"earlier": False}, sort=[("on", 1), ("_id", 1)], limit=most)
    return [_visit(one) for one in versions.opened_all(database, COLLECTION, rows)]


def done(found: Iterable[Visit]) -> list[Done]:
    return [one.done for one in found if one.done is not None]


def unfinished(database: Database, now_ms: int) -> Visit | None:
    """One that was confirmed a while ago while what follows from it was not done; see phr.plans.finishing."""
    wanted = {"to_finish": True, "at_ms": {"$lte": now_ms - PATIENCE_MS}}
    rows = database[COLLECTION].find(wanted, {"earlier": False}, limit=10)
    return next((_visit(one) for one in versions.opened_all(database, COLLECTION, rows)), None)


def set_finished(database: Database, visit: Visit) -> None:
    """What follows from it is done, unless it has changed since."""
    wanted = {"_id": f"{visit.person}:{visit.id}", "v": visit.version}
    database[COLLECTION].update_one(wanted, {"$set": {"to_finish": False}})


def due(database: Database, plan: Plan, today: date) -> Due | None:
    """When the next visit of a plan is due; None for a programme without a form, and for a plan that has ended.

    A day that the doctor has written into the plan, or into the last form, counts where it is sooner than the rules'.
    """
    if plan.programme not in forms() or plan.state != "active":
        return None
    confirmed_ones = [one for one in of_plan(database, plan) if one.state == CONFIRMED and one.on <= today]
    agreed = [plan.next_on] if plan.next_on else []
    agreed += [date.fromisoformat(one.values["next-on"]) for one in confirmed_ones[-1:]]
    last_on = confirmed_ones[-1].on if confirmed_ones else date.min
    ahead = min((day for day in agreed if day > last_on), default=None)
    return followup.due(plan.starts_on, done(confirmed_ones), today, ahead)


def due_on(database: Database, plan: Plan, today: date) -> date | None:
    """The day alone; of a programme without a form the one that was agreed."""
    found = due(database, plan, today)
    return found.on if found else plan.next_on if plan.state == "active" else None


def ensure_indexes(database: Database) -> None:
    visits = database[COLLECTION]
    visits.create_index([("person", 1), ("plan", 1)], name="plan")
    unfinished = {"to_finish": True}
    visits.create_index("to_finish", name="to_finish", partialFilterExpression=unfinished)
    visits.create_index([("organisation", 1), ("state", 1), ("on", 1)], name="organisation")


def _body(visit: Visit) -> dict[str, Any]:
    return {
        "plan": visit.plan,
        "programme": visit.programme,
        "organisation": visit.organisation,
        "state": visit.state,
        "on": visit.on.isoformat(),
        "items": {
            key: [one.value, one.how, dict(one.basis) if one.basis else None] for key, one in visit.items.items()
        },
        "home": dict(visit.home) if visit.home else None,
        "signs": list(visit.signs),
        "is_check_up": visit.is_check_up,
        "target": [dict(one) for one in visit.target],
        "proposal": dict(visit.proposal),
        "categories": list(visit.categories),
        "doctor": visit.doctor,
        "sent": dict(visit.sent) if visit.sent else None,
    }


def _visit(found: Version) -> Visit:
    body = dict(found.body)
    body |= {
        "on": date.fromisoformat(body["on"]),
        "items": {key: Filled(*told) for key, told in body["items"].items()},
        "signs": tuple(body["signs"]),
        "categories": tuple(body["categories"]),
    }
    return Visit(person=found.person, id=found.name, by=found.by, at_ms=found.at_ms, version=found.version, **body)
