"""Plans as JSON, in and out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NotRequired, TypedDict

from marshmallow import Schema, fields, validate

from phr.api.grant_shapes import DATES
from phr.api.shapes import At, Clock, On, Words
from phr.care.followup import Due
from phr.clock import rfc3339
from phr.education.progress import Progress
from phr.plans.plans import LONGEST_NOTE, MOST, Plan, Taking, Teaching, programme_of
from phr.plans.rhythm import MOST_TIMES, Measuring, Rhythm
from phr.timeline.coding import whole
from phr.vocabulary.sight import is_within

MEDICATIONS = ("medications",)


class RhythmBody(Schema):
    every_days = whole(1, 366)
    weekdays = fields.List(whole(1, 7), load_default=(), validate=validate.Length(0, 7))
    times = fields.List(
        fields.String(validate=validate.Length(1, 5)), required=True, validate=validate.Length(1, MOST_TIMES)
    )


class MeasuringBody(RhythmBody):
    metric = fields.String(required=True, validate=validate.Length(1, 64))


class TakingBody(RhythmBody):
    entry = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,64}\Z"))


class LessonBody(Schema):
    """``starts_on``: when to remind of it first; today, where it is not said."""

    lesson = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,100}\Z"))
    starts_on = fields.Date(load_default=None, allow_none=True, validate=validate.Range(*DATES))


def _lessons() -> fields.List[dict[str, Any]]:
    return fields.List(fields.Nested(LessonBody), validate=validate.Length(0, MOST))


def _measurements() -> fields.List[dict[str, Any]]:
    return fields.List(fields.Nested(MeasuringBody), validate=validate.Length(0, MOST))


def _medications() -> fields.List[dict[str, Any]]:
    return fields.List(fields.Nested(TakingBody), validate=validate.Length(0, MOST))


class PlanBody(Schema):
    """Without measurements the plan has those of its programme."""

    programme = fields.String(required=True, validate=validate.Length(1, 64))
    starts_on = fields.Date(required=True, validate=validate.Range(*DATES))
    ends_on = fields.Date(allow_none=True, load_default=None, validate=validate.Range(*DATES))
    measurements = _measurements()
    medications = _medications()
    lessons = _lessons()
    next_on = fields.Date(allow_none=True, load_default=None, validate=validate.Range(*DATES))
    note = fields.String(load_default="", validate=validate.Length(0, LONGEST_NOTE))


class PlanPatch(Schema):
    ends_on = fields.Date(allow_none=True, validate=validate.Range(*DATES))
    measurements = _measurements()
    medications = _medications()
    lessons = _lessons()
    next_on = fields.Date(allow_none=True, validate=validate.Range(*DATES))
    note = fields.String(validate=validate.Length(0, LONGEST_NOTE))


class RhythmTold(TypedDict):
    every_days: int | None
    weekdays: list[int]
    times: list[Clock]


class MeasuringTold(RhythmTold):
    metric: str


class TakingTold(RhythmTold):
    entry: str


class LessonTold(TypedDict):
    lesson: str
    title: Words
    starts_on: On
    read_at: NotRequired[At | None]
    answered_at: NotRequired[At | None]
    finished_at: NotRequired[At | None]


class DueTold(TypedDict):
    due_on: On
    why: str
    must_be_face_to_face: bool
    check_up_on: On
    face_to_face_this_year: int


class PlanTold(TypedDict):
    """``medications``: None for who may not see any; ``visits``: when the next is due, None without a form."""

    id: str
    programme: str
    zh: str
    en: str
    limits: Words | None
    organisation: str
    state: str
    starts_on: On
    ends_on: On | None
    measurements: list[MeasuringTold]
    medications: list[TakingTold] | None
    lessons: list[LessonTold]
    visits: DueTold | None
    next_on: On | None
    note: str
    by: str
    at: At
    version: int


def said_by(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a plan that a body names."""
    found: dict[str, Any] = {name: body[name] for name in ("ends_on", "next_on", "note") if name in body}
    if "measurements" in body:
        found["measuring"] = tuple(Measuring(one["metric"], _rhythm(one)) for one in body["measurements"])
    if "medications" in body:
        found["taking"] = tuple(Taking(one["entry"], _rhythm(one)) for one in body["medications"])
    return found


def plan_json(
    plan: Plan, due: Due | None, sight: Collection[str], begun: Mapping[str, Progress] | None = None
) -> PlanTold:
    """Medicines for those alone who may see medications; None stands for "not for you". Lessons likewise, one by one.

    ``begun``: how the person gets on with lessons; None, of an earlier version, leaves that out.
    """
    programme = programme_of(plan.programme)
    limits_zh, limits_en = programme.said_of_limits
    return {
        "id": plan.id,
        "programme": programme.id,
        "zh": programme.zh,
        "en": programme.en,
        "limits": {"zh": limits_zh, "en": limits_en} if limits_zh else None,
        "organisation": plan.organisation,
        "state": plan.state,
        "starts_on": plan.starts_on.isoformat(),
        "ends_on": _text(plan.ends_on),
        "measurements": [{"metric": one.metric, **_rhythm_json(one.rhythm)} for one in plan.measuring],
        "medications": [{"entry": one.entry, **_rhythm_json(one.rhythm)} for one in plan.taking]
        if is_within(MEDICATIONS, sight)
        else None,
        "lessons": [_lesson_json(one, begun) for one in plan.teaching if is_within(one.categories, sight)],
        "visits": _due_json(due),
        "next_on": _text(plan.next_on),
        "note": plan.note,
        "by": plan.by,
        "at": rfc3339(plan.at_ms),
        "version": plan.version,
    }


def _lesson_json(one: Teaching, begun: Mapping[str, Progress] | None) -> LessonTold:
    """When it was first read, last answered and first finished, which may have been before it was prescribed."""
    title: Words = {"zh": one.zh, "en": one.en}
    told: LessonTold = {"lesson": one.lesson, "title": title, "starts_on": one.starts_on.isoformat()}
    if begun is None:
        return told
    done = begun.get(one.lesson, Progress(one.lesson))
    told["read_at"], told["answered_at"] = _moment(done.read_ms), _moment(done.answered_ms)
    told["finished_at"] = _moment(done.finished_ms)
    return told


def _due_json(due: Due | None) -> DueTold | None:
    """None for a programme without a form."""
    if due is None:
        return None
    return {
        "due_on": due.on.isoformat(),
        "why": due.why,
        "must_be_face_to_face": due.must_be_face_to_face,
        "check_up_on": due.check_up_on.isoformat(),
        "face_to_face_this_year": due.face_to_face_this_year,
    }


def _rhythm(body: Mapping[str, Any]) -> Rhythm:
    return Rhythm(body.get("every_days"), tuple(body["weekdays"]), tuple(body["times"]))


def _rhythm_json(rhythm: Rhythm) -> RhythmTold:
    return {"every_days": rhythm.every_days, "weekdays": list(rhythm.weekdays), "times": list(rhythm.times)}


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
