"""Follow-up visits as JSON, in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NotRequired, TypedDict

from marshmallow import Schema, ValidationError, fields, validate

from phr.api.answer_schemas import ShapedAs
from phr.api.grant_shapes import DATES
from phr.api.shapes import Words, one_of
from phr.care.followup import Class, Reason
from phr.care.form import Item
from phr.care.protocols.home_blood_pressure import Report as PressureReport
from phr.clock import At, On, rfc3339
from phr.plans import preparing
from phr.plans.tasks import CLOSED, LONGEST, OPEN, Task
from phr.plans.visits import CONFIRMED, LONGEST_TO, PREPARED, Filled, Visit
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


class FormTold(Words):
    source: str


class MeasuredTold(TypedDict):
    """What a value rests on: a reading of the record."""

    measured_at: At
    days_ago: int


class EntryUsedTold(TypedDict):
    """An entry and its words."""

    entry: str
    text: str


class EntriesUsedTold(TypedDict):
    entries: list[str]


class AdherenceUsedTold(TypedDict):
    """Of the medicines of so many ``days``, and from how many percent on that counts as regular."""

    percent: int
    done: int
    settled: int
    days: int
    regular_from_percent: int
    evidence: str


class AveragedTold(TypedDict):
    """An average from home, that somebody adopted."""

    n: int
    days: int


_BASES = ShapedAs((MeasuredTold, EntryUsedTold, EntriesUsedTold, AdherenceUsedTold, AveragedTold))


class ItemTold(Words):
    """``codes``: their words; ``many``: a list of them. ``how``: of a value from the record that nobody looked at yet
    "record", "proposed" by rule, "said" at the visit, "adopted" from home; ``basis``: what a value rests on.
    """

    key: str
    unit: str | None
    kind: Annotated[str, one_of("codes", "number", "day", "words")]
    bounds: tuple[float, ...] | None
    codes: dict[str, str] | None
    many: bool
    value: float | str | list[str] | None
    how: Annotated[str, one_of("record", "said", "adopted", "proposed")] | None
    basis: Annotated[Mapping[str, Any], _BASES] | None


class AtHomeTold(Words):
    """``told``: by their words in Chinese, the same in mmHg or mmol/L; ``values``: by item, those that can be adopted.

    ``limit``: by component; of glucose from where to where.
    """

    told: dict[str, float | None]
    values: dict[str, float | None]
    n: int
    days: int
    coverage: float | None
    is_enough: bool
    limit: dict[str, float]
    is_high: bool | None
    judged_zh: str | None


class HomeTold(TypedDict):
    pressure: AtHomeTold
    glucose: NotRequired[AtHomeTold]


class TargetMetTold(TypedDict):
    """A clinical goal, below ``below`` and where there is a floor from ``from_`` on; ``by``: who set it for one."""

    item: str
    below: float
    from_: float | None
    unit: str
    source: str
    by: str | None
    why: str | None
    is_met: bool | None


_Class = TypedDict("_Class", {"class": Class | None})  # a word of the language


class ProposedTold(_Class):
    """What the rules propose; ``dangers``: values and signs that are dangerous, in words."""

    referral_reasons: list[Reason]
    is_urgent: bool
    next_on: On
    dangers: list[str]


class SentTold(TypedDict):
    """To which system, under which number."""

    to: str
    number: str | None
    at: At
    by: str


class VisitTold(TypedDict):
    """``missing``: items to be measured or asked; ``home``: averages that stand beside the form."""

    id: str
    plan: str
    form: FormTold
    organisation: str
    state: Annotated[str, one_of(PREPARED, CONFIRMED)]
    on: On
    items: list[ItemTold]
    missing: list[str]
    home: Annotated[Mapping[str, Any], ShapedAs((HomeTold,))] | None
    signs: list[str]
    signs_to_ask: list[str]
    is_check_up: bool
    target: list[Annotated[Mapping[str, Any], ShapedAs((TargetMetTold,))]]
    proposal: Annotated[Mapping[str, Any], ShapedAs((ProposedTold,))]
    doctor: str | None
    sent: Annotated[Mapping[str, Any], ShapedAs((SentTold,))] | None
    by: str
    at: At
    version: int


class VisitsTold(TypedDict):
    visits: list[VisitTold]


class TaskTold(TypedDict):
    """A referral to see to. ``due_on``: when what came of it is asked for; ``is_ordered``: by the doctor."""

    id: str
    organisation: str
    plan: str | None
    visit: str | None
    reasons: list[str]
    is_urgent: bool
    is_ordered: bool
    to: str | None
    due_on: On
    state: Annotated[str, one_of(OPEN, CLOSED)]
    outcome: str | None
    by: str
    at: At
    version: int


def visit_json(visit: Visit) -> VisitTold:
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


def task_json(task: Task) -> TaskTold:
    return {
        "id": task.id,
        "organisation": task.organisation,
        "plan": task.plan,
        "visit": task.visit,
        "reasons": list(task.reasons),
        "is_urgent": task.is_urgent,
        "is_ordered": task.is_ordered,
        "to": task.to,
        "due_on": task.due_on.isoformat(),
        "state": task.state,
        "outcome": task.outcome,
        "by": task.by,
        "at": rfc3339(task.at_ms),
        "version": task.version,
    }


def pressure_at_home(report: PressureReport) -> AtHomeTold:
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


def glucose_at_home(report: Any) -> AtHomeTold:
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


def _item_json(item: Item, filled: Filled | None) -> ItemTold:
    return {
        "key": item.key,
        "zh": item.zh,
        "en": item.en,
        "unit": item.unit,
        "kind": item.kind,
        "bounds": item.bounds,
        "codes": dict(item.codes) or None,
        "many": item.many,
        "value": filled.value if filled else None,
        "how": filled.how if filled else None,
        "basis": filled.basis if filled else None,
    }
