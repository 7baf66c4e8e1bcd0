"""Reminders: schedules of medicines, measurements, visits, lessons; what is planned, what was done, how much of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypedDict, TypeVar

from flask import Blueprint

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, shape_faults, takes
from phr.api.installation import database
from phr.api.reminder_shapes import (
    AdherenceTold,
    DaysQuery,
    OccurrenceTold,
    ReminderBody,
    ReminderPatch,
    ReminderTold,
    SpanQuery,
    WordBody,
    WordTold,
    adherence_json,
    changed,
    occurrence_json,
    reminder_json,
    schedule_from,
    word_json,
)
from phr.api.repeats import idempotency_key
from phr.clock import DAY_MS, now_ms
from phr.database import Document
from phr.errors import InputInvalid, NotFound
from phr.people import people
from phr.reminders import adherence, answering, ledger, schedules
from phr.reminders.answering import Word
from phr.reminders.categories import Asked, of_entries
from phr.reminders.ledger import DONE, SKIPPED, Seen
from phr.reminders.reminder import Reminder, from_row, schedule_of, words_of
from phr.reminders.schedule import KINDS, Schedule
from phr.timeline import entries
from phr.timeline.entry import Author, categories
from phr.vocabulary.sight import Sight, is_within

blueprint = Blueprint("reminders", __name__)

LONGEST_MS = 92 * DAY_MS
BEFORE_MS, AHEAD_MS = DAY_MS, 7 * DAY_MS
FARTHEST_MS = 2 * 366 * DAY_MS
LONGEST_DAYS = 400
Shown = TypeVar("Shown", Reminder, Seen)
MOST_SHOWN = 2_000


class RemindersTold(TypedDict):
    reminders: list[ReminderTold]


class OccurrencesTold(TypedDict):
    """``more``: there were too many to list."""

    occurrences: list[OccurrenceTold]
    more: bool


@blueprint.post("/v1/people/<person>/reminders")
@access_by_category("write")
@takes(ReminderBody)
@returns(status=201)
def create_reminder(person: str, sight: Sight, body: dict[str, Any]) -> Answer[ReminderTold]:
    """Of a medicine, ``about`` is its entry, whose categories it then has."""
    key = f"by:{caller().subject}:{person}:{idempotency_key() or secrets.token_urlsafe(12)}"
    schedule = _about(schedule_from(key, person, body), sight)
    permit(_categories(schedule))
    if len(schedules.of_person(database(), person)) >= schedules.MOST_OF_PERSON:
        raise InputInvalid(f"a person has at most {schedules.MOST_OF_PERSON} reminders; end some")
    made = schedules.create(database(), schedule, now_ms(), caller().subject)
    location = f"/v1/people/{person}/reminders/{made.id}"
    return Answer(_json(made), version=made.version, headers={"Location": location})


@blueprint.get("/v1/people/<person>/reminders")
@access_by_category("read")
@returns()
def list_reminders(person: str, sight: Sight) -> RemindersTold:
    found = schedules.of_person(database(), person)
    rows = {one.id: row for one, row in found}
    shown = _visible((one for one, _ in found), sight)
    return {"reminders": [reminder_json(one, words_of(database(), rows[one.id])) for one in shown]}


@blueprint.get("/v1/people/<person>/reminders/<reminder>")
@access_by_category("read")
@returns()
def show_reminder(person: str, sight: Sight, reminder: str) -> Answer[ReminderTold]:
    found = _seen(schedules.find(database(), person, reminder), sight)
    return Answer(_json(found), version=found.version)


@blueprint.patch("/v1/people/<person>/reminders/<reminder>")
@access_by_category("write")
@takes(ReminderPatch)
@returns()
def change_reminder(person: str, sight: Sight, reminder: str, body: dict[str, Any]) -> Answer[ReminderTold]:
    """From now on; what was asked before stays as it was."""
    found = _seen(schedules.find(database(), person, reminder), sight)
    expected_version(found.version)
    permit(found.categories)
    schedule = changed(schedule_of(database(), reminder, schedules.row_of(database(), reminder)), body)
    schedule = _about(schedule, sight) if "about" in body else schedule
    permit(_categories(schedule))
    return _answer(schedules.change(database(), found, schedule, now_ms()))


@blueprint.delete("/v1/people/<person>/reminders/<reminder>")
@access_by_category("write")
@returns(status=204)
def end_reminder(person: str, sight: Sight, reminder: str) -> None:
    """Nothing is asked any more; what became of it until now stays."""
    found = _seen(schedules.find(database(), person, reminder), sight)
    version = expected_version(found.version)
    permit(found.categories)
    schedules.end_id(database(), found.id, now_ms(), version)


@blueprint.get("/v1/people/<person>/reminders/occurrences")
@access_by_category("read")
@takes(SpanQuery, location="query")
@returns()
def list_occurrences(person: str, sight: Sight, query: dict[str, Any]) -> OccurrencesTold:
    """What was asked and what became of it, and what is planned; from yesterday to a week ahead by default."""
    now = now_ms()
    low = query["start"].t_ms if query["start"] else now - BEFORE_MS
    high = query["end"].t_ms if query["end"] else now + AHEAD_MS
    if not 0 < high - low <= LONGEST_MS or high > now + FARTHEST_MS:
        days = LONGEST_MS // DAY_MS
        raise InputInvalid(f"from before to, at most {days} days, at most {FARTHEST_MS // DAY_MS} days ahead", "/to")
    shown = occurrences_of(person, sight, (low, high), now)
    return {"occurrences": [occurrence_json(one) for one in shown[:MOST_SHOWN]], "more": len(shown) > MOST_SHOWN}


def occurrences_of(person: str, sight: Sight, span: tuple[int, int], now: int) -> list[Seen]:
    """What was asked and what is planned in [from, to), by its time: as much of it as may be seen."""
    low, high = span
    found = ledger.of_person(database(), person, low, high)
    kept = {one.id for one in found}
    ahead = (
        one
        for _, row in schedules.of_person(database(), person)
        for one in answering.upcoming(database(), row, max(low, now), high)
        if high > now and one.id not in kept
    )
    return sorted(_visible([*found, *ahead], sight), key=lambda one: (one.planned_ms, one.id))


@blueprint.get("/v1/people/<person>/reminders/adherence")
@access_by_category("read")
@takes(DaysQuery, location="query")
@returns()
def show_adherence(person: str, sight: Sight, query: dict[str, Any]) -> AdherenceTold:
    """By day and week, of the local days from ``from`` to ``to``, both of them; what may not be seen is not counted."""
    low, high = query["from_on"], query["to_on"]
    if not 0 <= (high - low).days < LONGEST_DAYS:
        raise InputInvalid(f"from not after to, at most {LONGEST_DAYS} days", "/to")
    whose = people.require(database(), person)
    from_ms, to_ms = whose.midnight_ms(low), whose.midnight_ms(high + timedelta(days=1))
    found = ledger.of_person(database(), person, from_ms, to_ms)
    return adherence_json(adherence.of(_visible(found, sight)))


@blueprint.post("/v1/people/<person>/reminders/<reminder>/occurrences/<at>/done")
@access_by_category("write")
@takes(WordBody)
@returns()
def set_done(person: str, sight: Sight, reminder: str, at: str, body: dict[str, Any]) -> WordTold:
    """Said again, it answers what it is already, "already taken". With ``intake`` the entry of it is written too."""
    return _said(_row(person, sight, reminder), answering.parsed_slot(at), DONE, body)


@blueprint.post("/v1/people/<person>/reminders/<reminder>/occurrences/<at>/skip")
@access_by_category("write")
@takes(WordBody)
@returns()
def set_skipped(person: str, sight: Sight, reminder: str, at: str, body: dict[str, Any]) -> WordTold:
    return _said(_row(person, sight, reminder), answering.parsed_slot(at), SKIPPED, body)


def _said(row: Document, slot: int, outcome: str, body: dict[str, Any]) -> WordTold:
    permit(row["categories"])
    now, who = now_ms(), caller()
    at_ms = body["at"].t_ms if body["at"] else now
    if at_ms > now:
        raise InputInvalid("nobody has done yet what they will do", "/at")
    word = Word(outcome, at_ms, Author(who.subject, who.client_id, who.act))
    seen = answering.occurrence(database(), row, slot)
    if body["intake"] is not None and not answering.is_settled(seen):
        with shape_faults():
            draft = answering.intake_of(database(), row, word, body["intake"])
        permit(categories(draft))
        answering.write_intake(database(), seen, draft, word, now)
    found, is_late = answering.say(database(), seen, word, now)
    return word_json(found, is_late=is_late)


def _row(person: str, sight: Sight, reminder: str) -> Document:
    """The reminder's row, one that has ended too. Raises NotFound."""
    row = schedules.row_of(database(), reminder)
    if row["person"] != person:
        raise NotFound("no such reminder")
    _seen(from_row(row), sight)
    return row


def _about(schedule: Schedule, sight: Sight) -> Schedule:
    """With the categories, and where it has no words of its own the words, of the entry that a medicine's is about."""
    if schedule.kind != "medication" or schedule.about is None:
        return schedule
    try:
        entry = entries.find(database(), schedule.person, schedule.about)
    except NotFound:
        entry = None
    if entry is None or entry.kind != "medication" or not entries.is_seen(entry, sight):
        raise InputInvalid("no such medication entry", "/about")
    text = schedule.text or str(entry.content["text"])
    return replace(schedule, categories=(*schedule.categories, *entry.categories), text=text)


def _categories(schedule: Schedule) -> set[str]:
    return {*KINDS[schedule.kind].categories, *schedule.categories}


def _visible(found: Iterable[Shown], sight: Sight) -> list[Shown]:
    """Those that may be seen with all that they are about, as it is by now."""
    some = list(found)
    categories_of = _under(some)
    return [one for one in some if is_within(categories_of(one), sight.periods)]


def _under(some: Iterable[Reminder | Seen]) -> Callable[[Reminder | Seen], set[str]]:
    asked: list[Asked] = [(one.person, one.kind, one.about) for one in some]
    found = of_entries(database(), asked)
    return lambda one: {*one.categories, *found.get((one.person, one.kind, one.about), ())}


def _seen(reminder: Reminder, sight: Sight) -> Reminder:
    """Raises NotFound for one of categories that the caller has no part in."""
    if not _visible([reminder], sight):
        raise NotFound("no such reminder")
    return reminder


def _answer(reminder: Reminder) -> Answer[ReminderTold]:
    return Answer(_json(reminder), version=reminder.version)


def _json(reminder: Reminder) -> ReminderTold:
    return reminder_json(reminder, words_of(database(), schedules.row_of(database(), reminder.id)))
