"""What went with reading: how somebody measured, and what came of it, in the four weeks before and after."""

from __future__ import annotations

from typing import TypedDict

from flask import Blueprint

from phr.api.deciding import access_by_category, returns
from phr.api.installation import database
from phr.api.shapes import Words
from phr.clock import At, now_ms, rfc3339
from phr.education import effects, progress
from phr.education.authoring import shelf
from phr.education.effect import DAYS, NOTE, Span
from phr.education.effects import Change
from phr.education.progress import Progress
from phr.people import people
from phr.plans import whose
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight, is_within

blueprint = Blueprint("lesson_effect", __name__)

MADE_OF = ("care", "readings")
MOST = 20  # lessons, those that were read last


class MeanTold(TypedDict):
    """The means of four weeks by component, "" for a plain number; ``days``: those that have readings."""

    days: int
    readings: int
    values: dict[str, float]


class EffectTold(TypedDict):
    """``is_complete``: the four weeks after reading are over."""

    lesson: str
    metric: str
    unit: str | None
    read_at: At
    is_complete: bool
    before: MeanTold
    after: MeanTold


class EffectsTold(TypedDict):
    effects: list[EffectTold]
    days_before_and_after: int
    note: Words


@blueprint.get("/v1/people/<person>/lessons/effect")
@access_by_category("read")
@returns()
def show_effect(person: str, sight: Sight) -> EffectsTold:
    """For each lesson that was read and each metric it is about; for who may see lessons and readings, and what the
    lesson is about. An association: the note says what it is not.
    """
    found = people.require(database(), person)
    begun = progress.of_person(database(), person) if is_within(MADE_OF, sight.periods) else []
    seen = [one for one in begun if one.read_ms is not None and is_within(_categories(one), sight.periods)]
    seen.sort(key=lambda one: -(one.read_ms or 0))
    changes = effects.of_person(database(), found, seen[:MOST], now_ms())
    return {
        "effects": [_json(one) for one in changes],
        "days_before_and_after": DAYS,
        "note": {"zh": NOTE["zh"], "en": NOTE["en"]},
    }


def _categories(one: Progress) -> tuple[str, ...]:
    article = shelf(database()).articles.get(("zh", one.slug))
    return whose.of_words(article.conditions) if article else ()


def _json(one: Change) -> EffectTold:
    metric = vocabulary().metrics[one.metric]
    return {
        "lesson": one.slug,
        "metric": one.metric,
        "unit": metric.unit.code if metric.unit else None,
        "read_at": rfc3339(one.read_ms),
        "is_complete": one.is_complete,
        "before": _span(one.before, metric),
        "after": _span(one.after, metric),
    }


def _span(one: Span, metric: Metric) -> MeanTold:
    values = {name: round(value, metric.decimals) for name, value in one.values.items()}
    return {"days": one.days, "readings": one.readings, "values": values}
