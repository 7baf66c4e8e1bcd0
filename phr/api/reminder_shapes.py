"""Reminders as JSON, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

from marshmallow import Schema, fields, validate

from phr.api.shapes import At, Clock, MomentField, On, Words
from phr.clock import MINUTE_MS, rfc3339
from phr.reminders.adherence import Adherence, Share
from phr.reminders.ledger import Seen
from phr.reminders.moments import Pattern, clock_text, slot_text
from phr.reminders.reminder import Reminder
from phr.reminders.schedule import FIRST_DAY, KINDS, LAST_DAY, LONGEST_TEXT, MOST_TIMES, Schedule
from phr.timeline.coding import Quantity, printed

DAY = validate.Range(FIRST_DAY, LAST_DAY)
CLOCK = validate.Length(1, 10)
OPTIONAL = ("text", "text_en", "about", "ends_on", "zone", "window_min", "quiet")
ALREADY = {
    ("medication", "done"): ("这次已经服过药了", "already taken"),
    ("medication", "skipped"): ("这次已记为不服", "already left out"),
}
ALREADY_OTHER = {"done": ("已经完成了", "already done"), "skipped": ("已记为跳过", "already left out")}


class QuietBody(Schema):
    from_ = fields.String(required=True, data_key="from", validate=CLOCK)
    until = fields.String(required=True, validate=CLOCK)


class ReminderPatch(Schema):
    rrule = fields.String(validate=validate.Length(1, 200))
    starts_on = fields.Date(validate=DAY)
    times = fields.List(fields.String(validate=CLOCK), validate=validate.Length(1, MOST_TIMES))
    text = fields.String(allow_none=True, validate=validate.Length(0, LONGEST_TEXT))
    text_en = fields.String(allow_none=True, validate=validate.Length(0, LONGEST_TEXT))
    about = fields.String(allow_none=True, validate=validate.Length(1, 100))
    ends_on = fields.Date(allow_none=True, validate=DAY)
    zone = fields.String(allow_none=True, validate=validate.Length(1, 64))
    window_min = fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, 100_000))
    quiet = fields.Nested(QuietBody, allow_none=True)


class ReminderBody(ReminderPatch):
    kind = fields.String(required=True, validate=validate.OneOf(list(KINDS)))
    rrule = fields.String(required=True, validate=validate.Length(1, 200))
    starts_on = fields.Date(required=True, validate=DAY)
    times = fields.List(fields.String(validate=CLOCK), required=True, validate=validate.Length(1, MOST_TIMES))


class SpanQuery(Schema):
    start = MomentField(data_key="from", load_default=None)
    end = MomentField(data_key="to", load_default=None)


class DaysQuery(Schema):
    from_on = fields.Date(required=True, data_key="from", validate=DAY)
    to_on = fields.Date(required=True, data_key="to", validate=DAY)


class IntakeBody(Schema):
    """What the entry of the intake says besides what the reminder says."""

    text = printed(required=False)
    dose = fields.Nested(Quantity)
    reason = printed(required=False)


class WordBody(Schema):
    at = MomentField(load_default=None)
    intake = fields.Nested(IntakeBody, load_default=None)


QuietTold = TypedDict("QuietTold", {"from": Clock, "until": Clock})


class ReminderTold(TypedDict):
    id: str
    kind: str
    text: str
    text_en: NotRequired[str]
    about: str | None
    rrule: str
    starts_on: On
    ends_on: On | None
    times: list[Clock]
    zone: str | None
    window_min: int | None
    quiet: QuietTold | None
    categories: list[str]
    source: str
    next_at: At | None
    version: int
    created_at: At
    changed_at: At


class OccurrenceTold(TypedDict):
    """``at``: the local time that it was planned for, its name in paths; ``planned_at``: the instant."""

    reminder: str
    at: str
    kind: str
    about: str | None
    planned_at: At
    until: At
    state: str
    settled_at: NotRequired[At]
    by: NotRequired[str | None]


class WordTold(TypedDict):
    """``already``: it was settled before; ``message`` says how."""

    occurrence: OccurrenceTold
    already: bool
    message: NotRequired[Words]


class ShareTold(TypedDict):
    asked: int
    done: int
    skipped: int
    missed: int
    open: int
    done_percent: float | None


class DayShareTold(ShareTold):
    day: On


class WeekShareTold(ShareTold):
    monday: On


class AdherenceTold(TypedDict):
    total: ShareTold
    by_kind: dict[str, ShareTold]
    by_reminder: dict[str, ShareTold]
    days: list[DayShareTold]
    weeks: list[WeekShareTold]


def schedule_from(key: str, person: str, body: Mapping[str, Any]) -> Schedule:
    """What a body says; a field that is None is as if it were not there."""
    return changed(Schedule(key=key, person=person, rrule="", starts_on=FIRST_DAY, times=(), kind=body["kind"]), body)


def changed(schedule: Schedule, body: Mapping[str, Any]) -> Schedule:
    """The schedule with what a body says."""
    said = {name: value for name, value in body.items() if name != "kind"}
    if "times" in said:
        said["times"] = tuple(said["times"])
    if said.get("quiet"):
        said["quiet"] = (said["quiet"]["from_"], said["quiet"]["until"])
    for name in ("text", "text_en"):
        if name in said:
            said[name] = said[name] or ""
    return replace(schedule, **said)


def reminder_json(one: Reminder, words: Mapping[str, str]) -> ReminderTold:
    pattern = one.pattern
    told: ReminderTold = {
        "id": one.id,
        "kind": one.kind,
        "text": words["text"],
        "about": one.about,
        "rrule": one.rrule,
        "starts_on": pattern.days.starts_on.isoformat(),
        "ends_on": pattern.days.ends_on.isoformat() if pattern.days.ends_on else None,
        "times": list(map(clock_text, pattern.times)),
        "zone": one.zone,
        "window_min": pattern.window_min,
        "quiet": _quiet(pattern),
        "categories": list(one.categories),
        "source": one.source,
        "next_at": None if one.next_ms is None else rfc3339(one.next_ms),
        "version": one.version,
        "created_at": rfc3339(one.created_at_ms),
        "changed_at": rfc3339(one.changed_at_ms),
    }
    if words["text_en"]:
        told["text_en"] = words["text_en"]
    return told


def _quiet(pattern: Pattern) -> QuietTold | None:
    if not pattern.quiet:
        return None
    begins, ends = pattern.quiet
    return {"from": clock_text(begins), "until": clock_text(ends)}


def occurrence_json(one: Seen) -> OccurrenceTold:
    offset_min = one.slot - one.planned_ms // MINUTE_MS
    told: OccurrenceTold = {
        "reminder": one.reminder,
        "at": slot_text(one.slot),
        "kind": one.kind,
        "about": one.about,
        "planned_at": rfc3339(one.planned_ms, offset_min if abs(offset_min) < 24 * 60 else None),
        "until": rfc3339(one.closes_ms),
        "state": one.state,
    }
    if one.settled_ms is not None:
        told["settled_at"], told["by"] = rfc3339(one.settled_ms), one.by
    return told


def word_json(one: Seen, *, is_late: bool) -> WordTold:
    zh, en = ALREADY.get((one.kind, one.state), ALREADY_OTHER.get(one.state, ("已不再需要", "not asked for any more")))
    told: WordTold = {"occurrence": occurrence_json(one), "already": is_late}
    if is_late:
        told["message"] = {"zh": zh, "en": en}
    return told


def adherence_json(found: Adherence) -> AdherenceTold:
    return {
        "total": share_json(found.total),
        "by_kind": {name: share_json(one) for name, one in found.by_kind.items()},
        "by_reminder": {name: share_json(one) for name, one in found.by_reminder.items()},
        "days": [{"day": day.isoformat(), **share_json(one)} for day, one in found.days.items()],
        "weeks": [{"monday": day.isoformat(), **share_json(one)} for day, one in found.weeks.items()],
    }


def share_json(one: Share) -> ShareTold:
    return {
        "asked": one.asked,
        "done": one.done,
        "skipped": one.skipped,
        "missed": one.missed,
        "open": one.open,
        "done_percent": one.done_percent,
    }
