"""Scores of a person's latest values: body mass index, kidney function, and cardiovascular risk with what one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, period, returns, takes
from phr.api.installation import database
from phr.api.shapes import CitedTold, Words, cited_json
from phr.care import scores
from phr.care.scores import Risk, Score, Sex
from phr.clock import At, age_on, now_ms, rfc3339, to_datetime
from phr.people import people
from phr.people.people import Person
from phr.readings.latest import Latest, latest
from phr.timeline.categories import READINGS
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import canonical

blueprint = Blueprint("scores", __name__)

OF_BODY = ("weight", "height", "creatinine")
OF_RISK = ("blood-pressure", "total-cholesterol", "hdl-c", "waist")
OF_THE_RECORD = "the blood pressure is the latest of the record; the study took the mean of three at an office"


class RiskBody(Schema):
    """What the record can't say for sure: an entry that is not there is no "no"."""

    is_treated = fields.Boolean(required=True)
    smokes = fields.Boolean(required=True)
    has_diabetes = fields.Boolean(required=True)
    is_north = fields.Boolean(required=True)
    is_urban = fields.Boolean(required=True)
    has_family_history = fields.Boolean(required=True)
    systolic = fields.Float(load_default=None, validate=validate.Range(60, 260))


class UsedTold(TypedDict):
    """A latest reading; of a blood pressure the systolic."""

    metric: str
    t: At
    value: float | None
    unit: str | None


class ScoreTold(Words):
    """``value``, ``category``: None where something is ``missing`` or the score is not for the person."""

    name: str
    unit: str
    value: float | None
    category: str | None
    missing: list[str]
    is_enough: bool
    notes: list[str]
    meant_for: str
    sources: list[CitedTold]
    reviewed_by: str | None


class ScoresTold(TypedDict):
    person: str
    made_of: list[UsedTold]
    scores: list[ScoreTold]


class ChinaParTold(TypedDict):
    person: str
    made_of: list[UsedTold]
    notes: list[str]
    score: ScoreTold


@blueprint.get("/v1/people/<person>/scores")
@access("scores.read", by_period=True)
@returns()
def show_scores(person: str) -> ScoresTold:
    """Body mass index and eGFR of the latest values, with what they are made of and what is missing."""
    whose, found = people.require(database(), person), _latest(person, OF_BODY)
    values, creatinine = _values(found), found.get("creatinine")
    measured_at = creatinine.t_ms if creatinine else now_ms()
    return {
        "person": person,
        "made_of": _made_of(found),
        "scores": [
            _told(scores.bmi(values.get("weight"), values.get("height"), _age(whose, now_ms()))),
            _told(scores.egfr(values.get("creatinine"), _age(whose, measured_at), _sex(whose))),
        ],
    }


@blueprint.post("/v1/people/<person>/scores/china-par")
@access("scores.read", by_period=True)
@takes(RiskBody)
@returns()
def show_china_par(person: str, body: dict[str, Any]) -> ChinaParTold:
    """The ten-year risk of the latest values and of what is told; nothing of it is kept. ``systolic``: mmHg."""
    whose, found = people.require(database(), person), _latest(person, OF_RISK)
    values, told = _values(found), body["systolic"]
    systolic = values.get("blood-pressure") if told is None else told
    risk = Risk(
        age=_age(whose, now_ms()),
        sex=_sex(whose),
        total_cholesterol=values.get("total-cholesterol"),
        hdl_cholesterol=values.get("hdl-c"),
        waist=values.get("waist"),
        **body | {"systolic": systolic},
    )
    notes = [OF_THE_RECORD] if told is None and systolic is not None else []
    return {"person": person, "made_of": _made_of(found), "notes": notes, "score": _told(scores.china_par(risk))}


def _told(score: Score) -> ScoreTold:
    return {
        "name": score.name,
        "zh": score.zh,
        "en": score.en,
        "unit": score.unit,
        "value": score.value,
        "category": score.category,
        "missing": list(score.missing),
        "is_enough": score.is_enough,
        "notes": list(score.notes),
        "meant_for": score.meant_for,
        "sources": [cited_json(one) for one in score.sources],
        "reviewed_by": score.reviewed_by,
    }


def _latest(person: str, keys: tuple[str, ...]) -> dict[str, Latest]:
    metrics = {key: vocabulary().metrics[key] for key in keys}
    return {one.metric.key: one for one in latest(database(), person, metrics, period(READINGS))}


def _values(found: Mapping[str, Latest]) -> dict[str, float]:
    """In the canonical unit; of a blood pressure the systolic."""
    named = ((key, one, "systolic" if one.metric.components else "") for key, one in found.items())
    return {key: canonical(one.metric, one.values[name]) for key, one, name in named if name in one.values}


def _made_of(found: Mapping[str, Latest]) -> list[UsedTold]:
    values = _values(found)
    return [
        {
            "metric": key,
            "t": rfc3339(one.t_ms, one.offset_min),
            "value": values.get(key),
            "unit": one.metric.unit.code if one.metric.unit else None,
        }
        for key, one in found.items()
    ]


def _age(person: Person, t_ms: int) -> int | None:
    """Whole years on the person's day of that instant."""
    if person.birth_on is None:
        return None
    return age_on(person.birth_on, to_datetime(t_ms, person.offset_min_at(t_ms)).date())


def _sex(person: Person) -> Sex | None:
    return person.sex if person.sex in ("female", "male") else None  # type: ignore[return-value]
