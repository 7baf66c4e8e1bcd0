"""Alerts of a person: what is open, who has seen it, what becomes of it, and whom the person wants to be called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from flask import Blueprint, g
from marshmallow import Schema, fields, validate

from phr.alerts import carers, episode, escalating, store, telling
from phr.alerts.carers import FOR, MOST, Contacts
from phr.alerts.courses import courses
from phr.alerts.episode import CALL_120, Ending, Episode
from phr.api.deciding import (
    Answer,
    access,
    access_by_category,
    caller,
    expected_version,
    permit,
    permit_owner,
    returns,
    takes,
)
from phr.api.installation import database
from phr.api.shapes import At, Words
from phr.clock import MINUTE_MS, now_ms, rfc3339
from phr.errors import InputInvalid, NotFound
from phr.notices import outbox
from phr.people import grants
from phr.people.grants import FAMILY_DOCTOR, SPECIALIST
from phr.vocabulary.sight import Sight

blueprint = Blueprint("alerts", __name__)

LISTED = 200
_PROFESSIONALS = {FAMILY_DOCTOR, SPECIALIST}
LONGEST_SNOOZE_MIN = 30 * 24 * 60
NOBODY_WATCHES: Words = {
    "zh": "诊所只在工作时间看这些提醒，夜里没有人值守。情况紧急请拨打 120。",
    "en": "The clinic looks at alerts in its working hours; nobody watches at night. In an emergency call 120.",
}


class SaidTold(TypedDict):
    by: str
    at: At


class EndedTold(TypedDict):
    how: str
    by: str | None
    at: At


class AlertTold(TypedDict):
    """An episode without the values that raised it. ``called``: when each step of calling somebody was taken."""

    id: str
    rule: str
    metric: str
    severity: int
    level: int
    call_120: bool
    state: str
    opened_at: At
    measured_at: At
    received_at: At
    is_late: bool
    readings: int
    acknowledged: list[SaidTold]
    called: dict[str, At]
    snoozed_until: At | None
    question: Words | None
    has_symptoms: bool | None
    ended: EndedTold | None


class AlertWithWords(AlertTold):
    """``message``, ``source``, ``reviewed``: of the rule, as they were told."""

    message: Words | None
    source: str | None
    reviewed: bool | None
    nobody_watches: Words


class AlertsTold(TypedDict):
    alerts: list[AlertTold]
    nobody_watches: Words


class ContactTold(TypedDict):
    """``has_grant``: they hold a right that lets them see anything."""

    person: str
    has_grant: bool


class ContactsTold(TypedDict):
    emergency: list[ContactTold]
    low_glucose: list[ContactTold]
    crisis: list[ContactTold]


class AlertsQuery(Schema):
    state = fields.String(load_default="open", validate=validate.OneOf(("open", "ended", "all")))


class SnoozeBody(Schema):
    minutes = fields.Integer(required=True, strict=True, validate=validate.Range(1, LONGEST_SNOOZE_MIN))


class SymptomsBody(Schema):
    has_any = fields.Boolean(required=True, truthy={True}, falsy={False})


class ContactsBody(Schema):
    emergency = fields.List(fields.String(validate=validate.Length(1, 64)), validate=validate.Length(0, MOST))
    low_glucose = fields.List(fields.String(validate=validate.Length(1, 64)), validate=validate.Length(0, MOST))
    crisis = fields.List(fields.String(validate=validate.Length(1, 64)), validate=validate.Length(0, MOST))


@blueprint.get("/v1/people/<person>/alerts")
@access_by_category("read", by_period=True)
@takes(AlertsQuery, location="query")
@returns()
def list_alerts(person: str, sight: Sight, query: dict[str, Any]) -> AlertsTold:
    """Newest first, at most 200: those that are open, unless others are asked for."""
    wanted = {"open": True, "ended": False, "all": None}[query["state"]]
    found = store.of_person(database(), person, is_open=wanted, limit=LISTED)
    snoozed = carers.snoozed(database(), person, caller().subject, now_ms())
    shown = [alert_json(one, snoozed.get(one.rule)) for one in found if _is_seen(one, sight)]
    return {"alerts": shown, "nobody_watches": NOBODY_WATCHES}


@blueprint.get("/v1/people/<person>/alerts/<alert>")
@access_by_category("read", by_period=True)
@returns()
def show_alert(person: str, sight: Sight, alert: str) -> AlertWithWords:
    """With the words of the rule, as they were told."""
    return _shown(_seen(person, alert, sight))


@blueprint.post("/v1/people/<person>/alerts/<alert>/acknowledge")
@access_by_category("read", by_period=True)
@returns()
def acknowledge_alert(person: str, sight: Sight, alert: str) -> AlertWithWords:
    """The caller has seen it and sees to it: nobody else is called, unless it gets worse or is an emergency."""
    _seen(person, alert, sight)
    who, now = caller().subject, now_ms()
    seen = store.change(database(), person, alert, lambda one: episode.acknowledged(one, who, now))
    telling.stand_down(database(), seen, now, by_team=_is_professional())
    return _shown(seen)


@blueprint.post("/v1/people/<person>/alerts/<alert>/snooze")
@access_by_category("read", by_period=True)
@takes(SnoozeBody)
@returns()
def snooze_alert(person: str, sight: Sight, alert: str, body: dict[str, Any]) -> AlertWithWords:
    """The caller alone is told nothing more of this rule for so long; an emergency is told all the same."""
    found = _seen(person, alert, sight)
    until_ms = now_ms() + body["minutes"] * MINUTE_MS
    carers.snooze(database(), person, found.rule, caller().subject, until_ms)
    return _shown(found)


@blueprint.post("/v1/people/<person>/alerts/<alert>/resolve")
@access_by_category("read", by_period=True)
@returns()
def resolve_alert(person: str, sight: Sight, alert: str) -> AlertWithWords:
    """It has been seen to, says the person, who stands in for them, or a professional who looks after them.

    What the rule finds from now on is another alert.
    """
    _seen(person, alert, sight)
    if not _is_professional():
        permit_owner()
    over = _ended(person, alert, "resolved")
    telling.stand_down(database(), over, now_ms(), by_team=_is_professional())
    return _shown(over)


@blueprint.post("/v1/people/<person>/alerts/<alert>/symptoms")
@access_by_category("write")
@takes(SymptomsBody)
@returns()
def answer_symptoms(person: str, sight: Sight, alert: str, body: dict[str, Any]) -> AlertWithWords:
    """The answer to the alert's question. A yes is an emergency: who was chosen for one is called at once."""
    found = _seen(person, alert, sight)
    permit(found.categories)
    if courses().of(found.rule).question is None:
        raise InputInvalid("nothing is asked about this alert")
    if not found.is_open:
        raise InputInvalid("this alert has ended; in an emergency call 120")
    now = now_ms()
    one = store.change(
        database(), person, alert, lambda known: episode.with_symptoms(known, now, has_any=body["has_any"])
    )
    if body["has_any"]:
        telling.symptoms(database(), one, now)
        escalating.take_steps(database(), one, now)
    return _shown(store.find(database(), person, alert))


@blueprint.get("/v1/people/<person>/alert-contacts")
@access("grants.read")
@returns()
def show_contacts(person: str) -> Answer[ContactsTold]:
    """Whom the person has chosen to be called, and whether each has a right that lets them see anything."""
    return _contacts(person, carers.contacts(database(), person))


@blueprint.put("/v1/people/<person>/alert-contacts")
@access("grants.write")
@takes(ContactsBody)
@returns()
def choose_contacts(person: str, body: dict[str, Any]) -> Answer[ContactsTold]:
    """Instead of those before (If-Match, "0" where there were none). Each must hold a grant of the person's."""
    known = carers.contacts(database(), person)
    version = expected_version(known.version)
    chosen: dict[str, tuple[str, ...]] = {
        name: tuple(dict.fromkeys(body.get(name, getattr(known, name)))) for name in FOR
    }
    now = now_ms()
    for name, people in chosen.items():
        for number, one in enumerate(people):
            if one == person or not grants.live(database(), person, one, now):
                raise InputInvalid("nobody who holds a grant of this person", f"/{name}/{number}")
    return _contacts(
        person,
        carers.choose(
            database(), person, Contacts(chosen["emergency"], chosen["low_glucose"], chosen["crisis"]), version
        ),
    )


def alert_json(one: Episode, snoozed_until_ms: int | None = None) -> AlertTold:
    """An episode without the values that raised it."""
    question = courses().of(one.rule).question
    asks = question and one.is_open and one.has_symptoms is None
    return {
        "id": one.id,
        "rule": one.rule,
        "metric": one.metric,
        "severity": one.severity,
        "level": one.level,
        "call_120": one.level >= CALL_120,
        "state": "open" if one.is_open else "ended",
        "opened_at": rfc3339(one.opened_ms),
        "measured_at": rfc3339(one.measured_ms),
        "received_at": rfc3339(one.received_ms),
        "is_late": one.is_late,
        "readings": sum(not met.is_gone for met in one.readings),
        "acknowledged": [{"by": said.by, "at": rfc3339(said.at_ms)} for said in one.acknowledged],
        "called": {step: rfc3339(at_ms) for step, at_ms in one.taken.items()},
        "snoozed_until": None if snoozed_until_ms is None else rfc3339(snoozed_until_ms),
        "question": {"zh": question[0], "en": question[1]} if question and asks else None,
        "has_symptoms": one.has_symptoms,
        "ended": {"how": one.ended.how, "by": one.ended.by, "at": rfc3339(one.ended.at_ms)} if one.ended else None,
    }


def _shown(one: Episode) -> AlertWithWords:
    snoozed = carers.snoozed(database(), one.person, caller().subject, now_ms())
    told = outbox.found(database(), one.id)
    return {
        **alert_json(one, snoozed.get(one.rule)),
        "message": {"zh": told.notice.message_zh, "en": told.notice.message_en} if told else None,
        "source": told.notice.source if told else None,
        "reviewed": told.notice.reviewed if told else None,
        "nobody_watches": NOBODY_WATCHES,
    }


def _ended(person: str, alert: str, how: Ending) -> Episode:
    who, now = caller().subject, now_ms()
    return store.change(database(), person, alert, lambda one: episode.ended(one, how, now, who))


def _is_professional() -> bool:
    return bool(set(g.permission.line.role.split(",")) & _PROFESSIONALS)


def _is_seen(one: Episode, sight: Sight) -> bool:
    return sight.sees(one.categories, one.measured_ms)


def _seen(person: str, alert: str, sight: Sight) -> Episode:
    """Raises NotFound also for one that the caller may not see."""
    found = store.find(database(), person, alert)
    if not _is_seen(found, sight):
        raise NotFound("no such alert")
    return found


def _contacts(person: str, found: Contacts) -> Answer[ContactsTold]:
    now = now_ms()

    def told(chosen: Iterable[str]) -> list[ContactTold]:
        return [{"person": one, "has_grant": bool(grants.live(database(), person, one, now))} for one in chosen]

    body: ContactsTold = {
        "emergency": told(found.emergency),
        "low_glucose": told(found.low_glucose),
        "crisis": told(found.crisis),
    }
    return Answer(body, version=found.version)
