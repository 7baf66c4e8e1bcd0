"""The overview: the latest of each metric, what needs attention, what is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, NotRequired, TypedDict

from flask import Blueprint

from phr.api.deciding import access, caller, period, returns
from phr.api.installation import database, installation
from phr.api.plans import today_of
from phr.api.reminder_shapes import OccurrenceTold, occurrence_json
from phr.api.reminders import occurrences_of
from phr.api.shapes import At, On, Words
from phr.auth.scopes import by_category
from phr.care.meaning import meaning
from phr.care.observation import Observation, PersonFacts
from phr.clock import now_ms, rfc3339, to_ms
from phr.notices import outbox
from phr.notices.outbox import Notice
from phr.people.access import Ask, Caller, visible
from phr.plans import plans, visits
from phr.plans.facts import facts_of
from phr.readings.latest import Latest, latest
from phr.reminders.ledger import OPEN
from phr.timeline.categories import READINGS
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION
from phr.vocabulary.sight import Period, is_within
from phr.vocabulary.units import canonical

blueprint = Blueprint("overview", __name__)

LISTED_NOTICES = 50
BEFORE_MS = AHEAD_MS = 86_400_000  # of reminders
SOON = timedelta(days=7)  # of visits
ASKED_OF = ("conditions", "medications", "profile")


class NoticeTold(TypedDict):
    """As the overview and streams show it. ``metric``, ``measured_at``: of what a reading raised."""

    id: str
    rule: str
    severity: int
    metric: str | None
    measured_at: At | None
    raised_at: At
    message: Words
    source: str | None
    reviewed: bool


class MeaningTold(TypedDict):
    """What rules say of a value of this person; ``crossed``: the gravest whose limit it is beyond."""

    crossed: str | None
    words: Words
    source: str
    reviewed: bool


class LatestTold(Words):
    """``value``: in the canonical unit; of codes and waveforms what is told of them. ``end``: of what lasted."""

    metric: str
    t: At
    age_s: int
    unit: str | None
    flag: str | None
    quality: str | None
    device: str
    end: NotRequired[At]
    value: NotRequired[float | dict[str, Any] | None]
    components: NotRequired[dict[str, float]]
    meaning: NotRequired[MeaningTold | None]


class DueReminderTold(OccurrenceTold):
    of: Literal["reminder"]


class DueVisitTold(TypedDict):
    of: Literal["visit"]
    plan: str
    due_on: On
    words: Words


class OverviewTold(TypedDict):
    """``due``: now or within a day; visits within a week, and those that are late."""

    latest: list[LatestTold]
    attention: list[NoticeTold]
    due: list[DueReminderTold | DueVisitTold]


@blueprint.get("/v1/people/<person>/overview")
@access("overview.read", by_period=True)
@returns()
def show_overview(person: str) -> OverviewTold:
    now = now_ms()
    pending, seen = outbox.pending(database(), person, LISTED_NOTICES), period(READINGS)
    return {
        "latest": _latest(person, seen, now),
        "attention": [notice_json(one) for one in pending if _may_see(caller(), one)],
        "due": _due(person, now),
    }


def _latest(person: str, seen: Period, now: int) -> list[LatestTold]:
    """Each with its ``meaning``, for who may see what else rules ask of a person."""
    found = latest(database(), person, vocabulary().metrics, seen)
    sight = visible(database(), caller(), Ask(person, "read", ASKED_OF, "", is_partial=True), now)
    reaches = sight.sees(ASKED_OF, now) and {f"{one}.read" for one in ASKED_OF} <= caller().scopes
    facts = facts_of(database(), [person], now).get(person) if found and reaches else None
    told = [latest_json(one, now) for one in found]
    if facts:
        for shown, one in zip(told, found, strict=True):
            shown["meaning"] = _meaning(person, one, facts)
    return told


def _meaning(person: str, one: Latest, facts: PersonFacts) -> MeaningTold | None:
    values = {name: value for name, value in one.values.items() if name != DURATION}
    extra = {name: one.extra.get(name) for name in ("flag", "quality", "context")}
    observation = Observation(person, one.metric, one.device, 0, one.t_ms, values, None, **extra)
    said = meaning(installation().recorder().rules(now_ms()), observation, facts)
    if said is None:
        return None
    words: Words = {"zh": said.zh, "en": said.en}
    return {"crossed": said.crossed, "words": words, "source": said.source, "reviewed": said.reviewed}


def _due(person: str, now: int) -> list[DueReminderTold | DueVisitTold]:
    """What waits to be done now or comes within a day, and visits of the next week and those that are late.

    Made of more than readings: each is for who may see all that it is about, by a token that reaches to it.
    """
    opened = by_category("read")
    categories = tuple(sorted({one for scope in caller().scopes & opened.keys() for one in opened[scope]}))
    sight = visible(database(), caller(), Ask(person, "read", categories, "", is_partial=True), now)
    asked = [
        one
        for one in occurrences_of(person, sight, (now - BEFORE_MS, now + AHEAD_MS), now)
        if one.state in OPEN and one.closes_ms > now
    ]
    found: list[DueReminderTold | DueVisitTold] = [{"of": "reminder", **occurrence_json(one)} for one in asked]
    today = today_of(person)
    for plan in plans.of_person(database(), person):
        if is_within(plan.categories, sight.periods) and (due := visits.due(database(), plan, today)):
            programme = plans.programme_of(plan.programme)
            if due.on <= today + SOON:
                told: Words = {"zh": programme.zh, "en": programme.en}
                found.append({"of": "visit", "plan": plan.id, "due_on": due.on.isoformat(), "words": told})
    return found


def _may_see(who: Caller, notice: Notice) -> bool:
    """What no reading raised (who used the record) is the owner's alone; for what hangs on more one needs all of it."""
    if not notice.metric:
        return who.subject == notice.person and who.act is None
    if set(notice.categories) == {READINGS}:
        return period(READINGS).holds(to_ms(notice.measured_at))
    ask = Ask(notice.person, "read", notice.categories, "", by_period=True)
    return visible(database(), who, ask, now_ms()).sees(notice.categories, to_ms(notice.measured_at))


def latest_json(one: Latest, now: int) -> LatestTold:
    metric = one.metric
    shown: LatestTold = {
        "metric": metric.key,
        "zh": metric.zh,
        "en": metric.en,
        "t": rfc3339(one.t_ms, one.offset_min),
        "age_s": max(0, now - one.t_ms) // 1000,
        "unit": metric.unit.code if metric.unit else None,
        "flag": one.extra.get("flag"),
        "quality": one.extra.get("quality"),
        "device": one.device,
    }
    if DURATION in one.values:
        shown["end"] = rfc3339(one.t_ms + one.values[DURATION], one.offset_min)
    numbers = {name: canonical(metric, value) for name, value in one.values.items() if name != DURATION}
    if metric.components:
        shown["components"] = numbers
    else:
        shown["value"] = numbers[""] if "" in numbers else _without_samples(one.extra.get("value") or {})
    return shown


def _without_samples(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of a waveform its code."""
    return {name: part for name, part in value.items() if name != "values"} or None


def notice_json(one: Notice) -> NoticeTold:
    return {
        "id": one.key,
        "rule": one.rule,
        "severity": one.severity,
        "metric": one.metric or None,
        "measured_at": rfc3339(to_ms(one.measured_at)) if one.metric else None,
        "raised_at": rfc3339(to_ms(one.raised_at)),
        "message": {"zh": one.message_zh, "en": one.message_en},
        "source": one.source,
        "reviewed": one.reviewed,
    }
