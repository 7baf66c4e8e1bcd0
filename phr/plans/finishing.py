"""What follows from a confirmed visit: a referral to see to, the next date with its reminder, a line in the timeline.

Each step is keyed; a crash in between leaves the rest to the scheduler, which does all of it again.
"""

from __future__ import annotations

from datetime import date

from phr.care.followup import SOON
from phr.clock import to_datetime
from phr.database import Database
from phr.people import organisations, people
from phr.people.people import Person
from phr.plans import asking, plans, tasks, visits
from phr.plans.tasks import Task
from phr.plans.visits import Visit
from phr.timeline import effective, entries
from phr.timeline.effective import Effective
from phr.timeline.entries import Hand, NewEntry
from phr.timeline.entry import Author, Draft, said

CLIENT = "plans"
LONGEST = 10_000
_OF_ENCOUNTERS = "encounters"


def finish(database: Database, visit: Visit, now_ms: int) -> None:
    """Does what follows from a confirmed visit. Safe to repeat and to break off."""
    assert visit.doctor is not None
    whose = people.require(database, visit.person)
    _refer(database, visit, now_ms)
    plan = plans.find(database, visit.person, visit.plan)
    due_on = visits.due_on(database, plan, _today(whose, now_ms))
    plans.set_due(database, plan.person, plan.id, due_on)
    asking.settle(database, plan, due_on, now_ms)
    _enter(database, visit, whose, now_ms)
    visits.set_finished(database, visit)


def _refer(database: Database, visit: Visit, now_ms: int) -> None:
    """As the doctor has said; or as the rules propose where the doctor has not, so that somebody must say why not."""
    values = visit.values
    ordered, proposed = values.get("referral-reason") or (), visit.proposal.get("referral_reasons") or ()
    if not ordered and not proposed:
        return
    assert visit.doctor is not None
    task = Task(
        person=visit.person,
        id=f"referral-{visit.id}",
        organisation=visit.organisation,
        plan=visit.plan,
        visit=visit.id,
        reasons=tuple(ordered or proposed),
        is_urgent=bool(visit.proposal.get("is_urgent")),
        is_ordered=bool(ordered),
        to=values.get("referral-to"),
        due_on=visit.on + SOON,
        categories=visit.categories,
    )
    tasks.open_one(database, task, visit.doctor, now_ms)


def _enter(database: Database, visit: Visit, whose: Person, now_ms: int) -> None:
    """The visit in the timeline, as its organisation's, which must retain it; a form confirmed again changes it."""
    assert visit.doctor is not None
    form, author = visit.form, Author(visit.doctor, CLIENT, None)
    lines = [
        f"{item.zh}：{item.said(visit.items[key].value)}" for key, item in form.items.items() if key in visit.items
    ]
    organisation = organisations.name_of(database, visit.organisation)
    content = {"text": form.zh, "type": "follow-up", "outcome": "\n".join(lines)[:LONGEST], "status": "finished"}
    when = effective.placed(effective.Remembered(visit.on.isoformat(), visit.on, _after(visit.on)), whose.offset_min_at)
    draft = Draft(
        kind="encounter",
        content=content,
        effective=Effective(when),
        sensitive=tuple(one for one in visit.categories if one != _OF_ENCOUNTERS),
        provenance={"how": "professional", "organisation": organisation},
        retained_by=organisation,
    )
    name = f"visit-{visit.id}"
    row = database["entries"].find_one({"_id": f"{visit.person}:{name}"})
    if row is None:
        new = NewEntry(person=visit.person, draft=draft, author=author, id=name)
        entries.create(database, new, now_ms)
    elif not row["is_deleted"] and row["said_as"] != said(database, visit.person, name, draft)["said_as"]:
        entry = entries.find(database, visit.person, name)
        entries.change(database, entry, draft, Hand(author, now_ms))


def _today(whose: Person, now_ms: int) -> date:
    return to_datetime(now_ms, whose.offset_min_at(now_ms)).date()


def _after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)
