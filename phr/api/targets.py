"""Personal targets that a doctor sets, with why; and what rules know of a person."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, takes
from phr.api.installation import database
from phr.api.professionals import speaks_for
from phr.api.shapes import At
from phr.clock import now_ms, rfc3339
from phr.errors import AccessDenied, NotFound
from phr.plans import targets, whose
from phr.plans.targets import LONGEST_WHY, Target
from phr.timeline.coding import Number
from phr.vocabulary.sight import Sight, is_within

blueprint = Blueprint("targets", __name__)


class TargetTold(TypedDict):
    target: str
    rule: str | None
    metric: str
    component: str | None
    limit: float | None
    unit: str | None
    why: str
    by: str
    at: At
    version: int


class TargetsTold(TypedDict):
    targets: list[TargetTold]


class TargetVersionsTold(TypedDict):
    versions: list[TargetTold]


class TargetBody(Schema):
    limit = Number(required=True, allow_none=True)
    why = fields.String(required=True, validate=validate.Length(1, LONGEST_WHY))


@blueprint.get("/v1/people/<person>/targets")
@access_by_category("read")
@returns()
def list_targets(person: str, sight: Sight) -> TargetsTold:
    """The limits that a doctor has set for this person, with who and why."""
    found = targets.of_person(database(), person)
    return {"targets": [target_json(one) for one in found if is_within(whose.of_target(one.name), sight.periods)]}


@blueprint.put("/v1/people/<person>/targets/<target>")
@access_by_category("write")
@takes(TargetBody)
@returns()
def put_target(person: str, sight: Sight, target: str, body: dict[str, Any]) -> Answer[TargetTold]:  # noqa: ARG001
    """By a professional; ``limit`` in the metric's canonical unit, null takes the target back. A change: If-Match."""
    targets.subject(target)
    permit(whose.of_target(target))
    hold_to_professionals()
    before = targets.find(database(), person, target)
    version = expected_version(before.version) if before else 0
    limit = None if body["limit"] is None else float(body["limit"])
    stamp: dict[str, Any] = {"by": caller().subject, "at_ms": now_ms(), "version": version}
    set_ = targets.put(database(), Target(person=person, name=target, limit=limit, why=body["why"], **stamp))
    return Answer(target_json(set_), version=set_.version)


@blueprint.get("/v1/people/<person>/targets/<target>/history")
@access_by_category("read")
@returns()
def show_target_history(person: str, sight: Sight, target: str) -> Answer[TargetVersionsTold]:
    """Every version, newest first."""
    found = targets.history(database(), person, target)
    if not found or not is_within(whose.of_target(target), sight.periods):
        raise NotFound("no such target")
    return Answer({"versions": [target_json(one) for one in found]}, version=found[0].version)


def hold_to_professionals() -> str:
    """The organisation that the caller speaks for. Raises AccessDenied for who is no professional."""
    organisation = speaks_for(caller())
    if organisation is None:
        raise AccessDenied("a doctor or nurse does this, by their own login")
    return organisation


def target_json(one: Target) -> TargetTold:
    about = targets.subject(one.name)
    unit = targets.unit_of(about)
    return {
        "target": one.name,
        "rule": about.rule.id if about.rule else None,
        "metric": about.metric.key,
        "component": about.component or None,
        "limit": one.limit,
        "unit": unit,
        "why": one.why,
        "by": one.by,
        "at": rfc3339(one.at_ms),
        "version": one.version,
    }
