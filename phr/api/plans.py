"""Plans of care: a professional enrols a person in a programme, changes what it asks for, and ends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any, TypedDict

from flask import Blueprint

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, takes
from phr.api.installation import database
from phr.api.plan_shapes import MEDICATIONS, PlanBody, PlanPatch, PlanTold, plan_json, said_by
from phr.api.targets import hold_to_professionals
from phr.clock import now_ms, to_datetime
from phr.education import progress
from phr.education.article import LANGUAGES
from phr.education.authoring import shelf
from phr.education.progress import Progress
from phr.errors import InputInvalid, NotFound
from phr.people import organisations, people
from phr.plans import asking, plans, visits, whose
from phr.plans.plans import ACTIVE, ENDED, Plan, Stamp, Teaching
from phr.timeline import entries
from phr.timeline.entries import is_seen
from phr.vocabulary.sight import Sight, is_within

blueprint = Blueprint("plans", __name__)


class PlansTold(TypedDict):
    plans: list[PlanTold]


class PlanVersionsTold(TypedDict):
    versions: list[PlanTold]


@blueprint.post("/v1/people/<person>/plans")
@access_by_category("write")
@takes(PlanBody)
@returns(status=201)
def enrol_person(person: str, sight: Sight, body: dict[str, Any]) -> Answer[PlanTold]:
    """By a professional, for their organisation; without measurements as the programme says."""
    programme = plans.programme_of(body["programme"])
    permit(whose.of_programme(programme))
    stamp = stamped()
    draft = Plan(
        person=person,
        id="",
        programme=programme.id,
        organisation=stamp.organisation,
        state=ACTIVE,
        starts_on=body["starts_on"],
        by=stamp.by,
        at_ms=stamp.at_ms,
        version=0,
        **{"measuring": (), "taking": ()} | said_by(body),
        teaching=_prescribed(person, body.get("lessons", ()), (), sight),
    )
    _hold_to_medicines(draft, sight)
    made = plans.enrol(database(), draft, stamp, None)
    return _settled(made, sight, location=True)


@blueprint.get("/v1/people/<person>/plans")
@access_by_category("read")
@returns()
def list_plans(person: str, sight: Sight) -> PlansTold:
    """Those that the caller may see, ended ones too, with when the next visit is due and why."""
    found = [one for one in plans.of_person(database(), person) if is_within(one.categories, sight.periods)]
    today = today_of(person)
    begun = _begun(person)
    return {"plans": [plan_json(one, visits.due(database(), one, today), sight.periods, begun) for one in found]}


@blueprint.get("/v1/people/<person>/plans/<plan>")
@access_by_category("read")
@returns()
def show_plan(person: str, sight: Sight, plan: str) -> Answer[PlanTold]:
    found = seen(person, plan, sight)
    due = visits.due(database(), found, today_of(person))
    return Answer(plan_json(found, due, sight.periods, _begun(person)), version=found.version)


@blueprint.get("/v1/people/<person>/plans/<plan>/history")
@access_by_category("read")
@returns()
def show_plan_history(person: str, sight: Sight, plan: str) -> PlanVersionsTold:
    """Every version, newest first."""
    seen(person, plan, sight)
    found = plans.history(database(), person, plan)
    return {"versions": [plan_json(one, None, sight.periods) for one in found]}


@blueprint.patch("/v1/people/<person>/plans/<plan>")
@access_by_category("write")
@takes(PlanPatch)
@returns()
def change_plan(person: str, sight: Sight, plan: str, body: dict[str, Any]) -> Answer[PlanTold]:
    """What the body names is replaced as a whole; reminders follow."""
    found = _changeable(person, plan, sight)
    changed = replace(found, **said_by(body))
    if "lessons" in body:
        changed = replace(changed, teaching=_prescribed(person, body["lessons"], found.teaching, sight))
    if changed.taking != found.taking:
        _hold_to_medicines(changed, sight)
    return _settled(plans.put(database(), changed, stamped(), _due_on(changed)), sight)


@blueprint.delete("/v1/people/<person>/plans/<plan>")
@access_by_category("write")
@returns()
def end_plan(person: str, sight: Sight, plan: str) -> Answer[PlanTold]:
    """It asks for nothing any more; what it was stays in the record, with its visits."""
    found = _changeable(person, plan, sight)
    ended = replace(found, state=ENDED, ends_on=max(found.starts_on, today_of(person)))
    return _settled(plans.put(database(), ended, stamped(), None), sight)


def seen(person: str, plan: str, sight: Sight) -> Plan:
    """Raises NotFound for a plan that the caller has no part in: not even that it exists is told."""
    found = plans.find(database(), person, plan)
    if not is_within(found.categories, sight.periods):
        raise NotFound("no such plan")
    return found


def stamped() -> Stamp:
    """Who writes now, for which organisation. Raises AccessDenied for who is no professional."""
    name, now = hold_to_professionals(), now_ms()
    member = organisations.membership(database(), caller().subject, now)
    return Stamp(caller().subject, member.organisation if member else name, now)


def today_of(person: str) -> date:
    """The day that it is where the person is."""
    whose_, now = people.require(database(), person), now_ms()
    return to_datetime(now, whose_.offset_min_at(now)).date()


def settle(plan: Plan) -> date | None:
    """Brings what hangs on a plan in line with it; when its next visit is due."""
    due_on = _due_on(plan)
    plans.set_due(database(), plan.person, plan.id, due_on)
    asking.settle(database(), plan, due_on, now_ms())
    return due_on


def _settled(plan: Plan, sight: Sight, *, location: bool = False) -> Answer[PlanTold]:
    settle(plan)
    due = visits.due(database(), plan, today_of(plan.person))
    headers = {"Location": f"/v1/people/{plan.person}/plans/{plan.id}"} if location else {}
    shown = plan_json(plan, due, sight.periods, _begun(plan.person))
    return Answer(shown, version=plan.version, headers=headers)


def _changeable(person: str, plan: str, sight: Sight) -> Plan:
    found = seen(person, plan, sight)
    permit(found.categories)
    hold_to_professionals()
    expected_version(found.version)
    if found.state != ACTIVE:
        raise InputInvalid("this plan has ended; enrol again")
    return found


def _due_on(plan: Plan) -> date | None:
    return visits.due_on(database(), plan, today_of(plan.person))


def _begun(person: str) -> dict[str, Progress]:
    return {one.slug: one for one in progress.of_person(database(), person)}


def _prescribed(
    person: str, wanted: Iterable[dict[str, Any]], before: Iterable[Teaching], sight: Sight
) -> tuple[Teaching, ...]:
    """The lessons of a body, and those of before that the caller may not see: nobody takes away what they can't see.

    Raises AccessDenied; InputInvalid where there is no such lesson, or one that nobody could be seen to finish.
    """
    today = today_of(person)
    kept = [one for one in before if not is_within(one.categories, sight.periods)]
    hidden = {one.lesson for one in kept}
    known = {one.lesson: one for one in before}
    found = []
    for number, one in enumerate(wanted):
        slug = one["lesson"]
        try:
            chinese, english = (shelf(database()).find(language, slug, today) for language in LANGUAGES)
        except NotFound as error:
            raise InputInvalid("no such lesson, or it is out of date", f"/lessons/{number}/lesson") from error
        if not chinese.quiz:
            raise InputInvalid("it asks nothing, so nobody sees it finished", f"/lessons/{number}/lesson")
        categories = whose.of_words(chinese.conditions)
        permit(categories)
        starts_on = one["starts_on"] or (known[slug].starts_on if slug in known else today)
        if slug not in hidden:
            found.append(Teaching(slug, starts_on, chinese.title, english.title, categories))
    return (*kept, *found)


def _hold_to_medicines(plan: Plan, sight: Sight) -> None:
    """Raises AccessDenied, or InputInvalid where a medicine is none of the record that the caller may see."""
    if not plan.taking:
        return
    permit(MEDICATIONS)
    for number, one in enumerate(plan.taking):
        try:
            found = entries.find(database(), plan.person, one.entry)
        except NotFound:
            found = None
        if found is None or found.kind != "medication" or not is_seen(found, sight):
            raise InputInvalid("no medicine of the timeline", f"/medications/{number}/entry")
