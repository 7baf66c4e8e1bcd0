"""What a team has to see to for a person: referrals, until somebody has said what came of them."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, takes
from phr.api.installation import database
from phr.api.targets import hold_to_professionals
from phr.api.visit_shapes import CloseBody, TaskTold, may_see, task_json
from phr.clock import now_ms
from phr.errors import NotFound
from phr.plans import tasks
from phr.vocabulary.sight import Sight

blueprint = Blueprint("tasks", __name__)


class TasksTold(TypedDict):
    tasks: list[TaskTold]


@blueprint.get("/v1/people/<person>/tasks")
@access_by_category("read")
@returns()
def list_tasks(person: str, sight: Sight) -> TasksTold:
    found = tasks.of_people(database(), [person])
    return {"tasks": [task_json(one) for one in found if may_see(one, sight)]}


@blueprint.post("/v1/people/<person>/tasks/<task>/close")
@access_by_category("write")
@takes(CloseBody)
@returns()
def close_task(person: str, sight: Sight, task: str, body: dict[str, Any]) -> Answer[TaskTold]:
    """By a professional, with what came of it; of a referral that was not ordered, why not."""
    found = tasks.find(database(), person, task)
    if not may_see(found, sight):
        raise NotFound("no such task")
    permit(found.categories)
    hold_to_professionals()
    expected_version(found.version)
    closed = tasks.close(database(), found, body["outcome"], (caller().subject, now_ms()))
    return Answer(task_json(closed), version=closed.version)
