"""Brings a person's reminders in line with a plan: what to measure, to take and to read, when the next visit is.

A plan that was stored is marked until that is done, so that a crash in between leaves it to the scheduler.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date

from phr.care.programme import Programme
from phr.database import Database
from phr.errors import NotFound
from phr.people.keyring import KeyDestroyed
from phr.plans import plans, versions
from phr.plans.plans import ACTIVE, COLLECTION, MOST, Plan
from phr.reminders import schedules
from phr.reminders.reminder import id_of
from phr.reminders.schedule import Schedule
from phr.timeline import entries
from phr.vocabulary.metrics import vocabulary

# Our own choice: in the morning, since it is for the whole day.
VISIT_AT = ("09:00",)
LESSON_AT = ("19:00",)  # after supper
LESSON_WINDOW_MIN = 14 * 24 * 60  # what is finished within two weeks counts as done
PATIENCE_MS = 60_000  # who stored the plan is bringing them in line


def settle(database: Database, plan: Plan, due_on: date | None, now_ms: int) -> None:
    """Puts what the plan asks for and ends what it asked for before. Safe to repeat and to break off."""
    wanted = {one.key: one for one in _schedules(database, plan, due_on)} if plan.state == ACTIVE else {}
    for schedule in wanted.values():
        schedules.put(database, schedule, now_ms)
    mine = {id_of(key) for key in _keys(plan) if key not in wanted}
    for reminder, _ in schedules.of_person(database, plan.person):
        is_lesson = reminder.id == id_of(_key(plan, "lesson", reminder.about or ""))
        if reminder.id in mine or (is_lesson and not any(id_of(key) == reminder.id for key in wanted)):
            schedules.end_id(database, reminder.id, now_ms)
    asked = {"_id": f"{plan.person}:{plan.id}", "v": plan.version}
    database[COLLECTION].update_one(asked, {"$unset": {"to_ask": ""}})


def unsettled(database: Database, now_ms: int) -> Plan | None:
    """A plan that was stored a while ago while its reminders were not brought in line."""
    wanted = {"to_ask": True, "at_ms": {"$lte": now_ms - PATIENCE_MS}}
    for row in database[COLLECTION].find(wanted, {"earlier": False}, limit=10):
        with contextlib.suppress(KeyDestroyed):  # of somebody who is being erased
            return plans.plan_of(versions.opened(database, COLLECTION, row))
    return None


def _schedules(database: Database, plan: Plan, due_on: date | None) -> Iterator[Schedule]:
    programme = plans.programme_of(plan.programme)
    for number, one in enumerate(plan.measuring):
        metric = vocabulary().metrics[one.metric]
        yield Schedule(
            key=_key(plan, "measurement", number),
            person=plan.person,
            kind="measurement",
            rrule=one.rhythm.rrule,
            starts_on=plan.starts_on,
            ends_on=plan.ends_on,
            times=one.rhythm.times,
            about=one.metric,
            text=metric.zh,
            text_en=metric.en,
            categories=plan.categories,
        )
    for number, taking in enumerate(plan.taking):
        words = _words(database, plan.person, taking.entry)
        if words is not None:
            yield Schedule(
                key=_key(plan, "medication", number),
                person=plan.person,
                kind="medication",
                rrule=taking.rhythm.rrule,
                starts_on=plan.starts_on,
                ends_on=plan.ends_on,
                times=taking.rhythm.times,
                about=taking.entry,
                text=words,
                text_en=words,
                categories=plan.categories,
            )
    for lesson in plan.teaching:
        yield Schedule(
            key=_key(plan, "lesson", lesson.lesson),
            person=plan.person,
            kind="lesson",
            rrule="FREQ=DAILY;COUNT=1",
            starts_on=lesson.starts_on,
            times=LESSON_AT,
            window_min=LESSON_WINDOW_MIN,
            about=lesson.lesson,
            text=lesson.zh,
            text_en=lesson.en,
            categories=(*plan.categories, *lesson.categories),
        )
    if due_on is not None and (plan.ends_on is None or due_on <= plan.ends_on):
        yield _visit(plan, programme, due_on)


def _visit(plan: Plan, programme: Programme, due_on: date) -> Schedule:
    return Schedule(
        key=_key(plan, "visit", 0),
        person=plan.person,
        kind="visit",
        rrule="FREQ=DAILY;COUNT=1",
        starts_on=due_on,
        times=VISIT_AT,
        about=plan.id,
        text=f"{programme.zh}随访",
        text_en=f"{programme.en}: follow-up visit",
        categories=plan.categories,
    )


def _words(database: Database, person: str, entry: str) -> str | None:
    """How the medicine is called; None where it is not there any more."""
    try:
        return str(entries.find(database, person, entry).content["text"])
    except NotFound:
        return None


def _keys(plan: Plan) -> Iterator[str]:
    """All that a plan could have asked under, but lessons, which are known by what they are about."""
    for kind in ("measurement", "medication"):
        for number in range(MOST):
            yield _key(plan, kind, number)
    yield _key(plan, "visit", 0)


def _key(plan: Plan, kind: str, which: int | str) -> str:
    return f"plan:{plan.person}:{plan.id}:{kind}:{which}"
