"""What rules know of a person, and what of it is entered by hand: so that nobody is judged by what they can't see."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, takes
from phr.api.grant_shapes import DATES
from phr.api.installation import database
from phr.care.observation import PREGNANCY
from phr.clock import On, now_ms, to_datetime
from phr.people import people
from phr.plans import known
from phr.plans.facts import facts_of
from phr.plans.known import Known
from phr.timeline.coding import Number
from phr.vocabulary.sight import Sight, is_within

blueprint = Blueprint("care_facts", __name__)

ENTERED = ("care",)
OF_PREGNANCY = ("care", "reproductive")


class FactsBody(Schema):
    lives_high = fields.Boolean(allow_none=True, load_default=None)
    pregnant_until = fields.Date(allow_none=True, load_default=None, validate=validate.Range(*DATES))
    best = fields.Dict(keys=fields.String(), values=Number(), load_default=dict, validate=validate.Length(0, 20))


class EnteredTold(TypedDict):
    """``best``: personal bests by metric, in its canonical unit."""

    person: str
    lives_high: bool | None
    pregnant_until: On | None
    best: dict[str, float]


class FactsTold(EnteredTold):
    """With words of diagnoses and medicines that rules know; None: not known, or not for the caller."""

    diagnoses: list[str]
    medications: list[str]
    is_pregnant: bool | None
    height_cm: float | None


@blueprint.get("/v1/people/<person>/care-facts")
@access_by_category("read")
@returns()
def show_care_facts(person: str, sight: Sight) -> Answer[FactsTold]:
    """What the caller may see of it: words of diagnoses and medicines, pregnancy, height, and what was entered here."""
    people.require(database(), person)
    return _shown(person, sight)


@blueprint.put("/v1/people/<person>/care-facts")
@access_by_category("write")
@takes(FactsBody)
@returns()
def put_care_facts(person: str, sight: Sight, body: dict[str, Any]) -> Answer[EnteredTold]:  # noqa: ARG001
    """As a whole, by the owner or who may write of care. ``best``: personal bests by metric, in its canonical unit."""
    whose, before = people.require(database(), person), known.of_person(database(), person)
    until = body["pregnant_until"]
    says_pregnancy = until is not None or before.pregnant_until_ms is not None
    permit(OF_PREGNANCY if says_pregnancy else ENTERED)
    version = expected_version(before.version) if before.version else 0
    until_ms = whose.midnight_ms(until) if until else None
    best = {key: float(value) for key, value in body["best"].items()}
    new = Known(body["lives_high"], until_ms, best, version)
    entered = known.enter(database(), person, new, caller().subject, now_ms())
    told: EnteredTold = {
        "person": person,
        "lives_high": body["lives_high"],
        "pregnant_until": until.isoformat() if until else None,
        "best": body["best"],
    }
    return Answer(told, entered.version)


def _shown(person: str, sight: Sight) -> Answer[FactsTold]:
    facts, entered = facts_of(database(), [person], now_ms())[person], known.of_person(database(), person)
    words = {word for word, categories in facts.categories.items() if is_within(categories, sight.periods)}
    may_see_care = is_within(ENTERED, sight.periods)
    body: FactsTold = {
        "person": person,
        "diagnoses": sorted(words & (facts.diagnoses or set())),
        "medications": sorted(words & (facts.medications or set())),
        "is_pregnant": facts.is_pregnant if PREGNANCY in words else None,
        "height_cm": facts.height_cm if is_within(("readings",), sight.periods) else None,
        "lives_high": facts.lives_high if may_see_care else None,
        "pregnant_until": _date(person, entered) if is_within(OF_PREGNANCY, sight.periods) else None,
        "best": dict(facts.best) if may_see_care else {},
    }
    return Answer(body, version=entered.version)


def _date(person: str, entered: Known) -> str | None:
    until_ms = entered.pregnant_until_ms
    if until_ms is None:
        return None
    whose = people.require(database(), person)
    return to_datetime(until_ms, whose.offset_min_at(until_ms)).date().isoformat()
