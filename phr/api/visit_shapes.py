"""Follow-up visits as JSON, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, fields, validate

from phr.api.grant_shapes import DATES
from phr.care.protocols.home_blood_pressure import Report as PressureReport
from phr.clock import rfc3339
from phr.plans import preparing
from phr.plans.tasks import LONGEST, Task
from phr.plans.visits import LONGEST_TO, Filled, Visit
from phr.vocabulary.sight import is_within

MOST_CODES = 20
FORMATS = ("json", "xlsx", "html")


class ValueField(fields.Field[Any]):
    """A number, words, or a list of codes; which of them an item wants its form says."""

    openapi: ClassVar[dict[str, Any]] = {"type": ["number", "string", "array", "null"], "items": {"type": "string"}}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:  # noqa: ARG002
        is_list = isinstance(value, list) and len(value) <= MOST_CODES and all(isinstance(one, str) for one in value)
        if not is_list and type(value) not in (int, float, str):
            raise ValidationError("a number, words, or a list of codes")
        return value


class VisitBody(Schema):
    on = fields.Date(required=True, validate=validate.Range(*DATES))


class VisitPatch(Schema):
    """``items``: by key of the form, null takes a value away. ``adopt``: items that take the average from home."""

    on = fields.Date(validate=validate.Range(*DATES))
    items = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z0-9-]{1,40}\Z")),
        values=ValueField(allow_none=True),
        validate=validate.Length(0, 60),
    )
    adopt = fields.List(fields.String(), load_default=(), validate=validate.Length(0, 5))
    signs = fields.List(fields.String(), validate=validate.Length(0, 20))
    is_check_up = fields.Boolean()


class ConfirmBody(Schema):
    accept_proposal = fields.Boolean(load_default=False)


class SentBody(Schema):
    to = fields.String(required=True, validate=validate.Length(1, LONGEST_TO))
    number = fields.String(load_default=None, validate=validate.Length(1, LONGEST_TO))


class FormQuery(Schema):
    format = fields.String(load_default="json", validate=validate.OneOf(FORMATS))


class CloseBody(Schema):
    outcome = fields.String(required=True, validate=validate.Length(1, LONGEST))


def visit_json(visit: Visit) -> dict[str, Any]:
    form = visit.form
    return {
        "id": visit.id,
        "plan": visit.plan,
        "form": {"zh": form.zh, "en": form.en, "source": form.source},
        "organisation": visit.organisation,
        "state": visit.state,
        "on": visit.on.isoformat(),
        "items": [_item_json(item, visit.items.get(key)) for key, item in form.items.items()],
        "missing": preparing.missing(form, visit.items.keys()),
        "home": visit.home,
        "signs": list(visit.signs),
        "signs_to_ask": list(form.danger),
        "is_check_up": visit.is_check_up,
        "target": list(visit.target),
        "proposal": visit.proposal,
        "doctor": visit.doctor,
        "sent": visit.sent,
        "by": visit.by,
        "at": rfc3339(visit.at_ms),
        "version": visit.version,
    }


def task_json(task: Task) -> dict[str, Any]:
    told = asdict(task)
    told |= {"due_on": task.due_on.isoformat(), "at": rfc3339(task.at_ms)}
    return {name: value for name, value in told.items() if name not in ("at_ms", "categories", "person")}


def pressure_at_home(report: PressureReport) -> dict[str, Any]:
    """The home average as it stands beside a form."""
    average = report.average
    judged = {None: None, True: "达到或高于 135/85 mmHg", False: "低于 135/85 mmHg"}[report.is_high]
    return {
        "zh": "家庭血压（7 天）",
        "en": "Home blood pressure (7 days)",
        "told": {"收缩压": average.systolic, "舒张压": average.diastolic},
        "values": {"systolic": average.systolic, "diastolic": average.diastolic},
        "n": report.basis.n,
        "days": report.basis.days,
        "coverage": report.basis.coverage,
        "is_enough": bool(report.basis.is_enough),
        "limit": dict(report.limit),
        "is_high": report.is_high,
        "judged_zh": judged,
    }


def glucose_at_home(report: Any) -> dict[str, Any]:
    """The average of a meter before meals as it stands beside a form: of fasting values and others, so none to adopt.

    No source says how much is enough to judge.
    """
    group = report.before
    return {
        "zh": "家庭空腹和餐前血糖（14 天）",
        "en": "Fasting and pre-meal glucose at home (14 days)",
        "told": {"平均": group.mean, "最低": group.least, "最高": group.greatest},
        "values": {},
        "n": group.n,
        "days": group.days,
        "coverage": None,
        "is_enough": False,
        "limit": {"from": 4.4, "to": 7.0},
        "is_high": None,
        "judged_zh": None,
    }


def may_see(visit: Visit | Task, sight: Any) -> bool:
    return is_within(visit.categories, sight.periods)


def _item_json(item: Any, filled: Filled | None) -> Mapping[str, Any]:
    return {
        "key": item.key,
        "zh": item.zh,
        "en": item.en,
        "unit": item.unit,
        "codes": dict(item.codes) or None,
        "value": filled.value if filled else None,
        "how": filled.how if filled else None,
        "basis": filled.basis if filled else None,
    }
