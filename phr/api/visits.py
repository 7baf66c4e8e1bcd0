"""Follow-up visits: a form comes prepared, is filled in and confirmed by its doctor, and goes out as it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response

from phr.api.deciding import Answer, access_by_category, caller, expected_version, permit, returns, speaks, takes
from phr.api.installation import database
from phr.api.plans import seen, stamped, today_of
from phr.api.reports import report_of
from phr.api.visit_files import PROFILE, answered, whose_of
from phr.api.visit_shapes import (
    ConfirmBody,
    FormQuery,
    SentBody,
    VisitBody,
    VisitPatch,
    VisitsTold,
    VisitTold,
    glucose_at_home,
    may_see,
    pressure_at_home,
    visit_json,
)
from phr.care.form import forms
from phr.care.goals import Goal
from phr.care.protocol import Days
from phr.care.protocols import protocols
from phr.clock import age_on, now_ms, rfc3339
from phr.errors import AccessDenied, InputInvalid, NotFound
from phr.people import access, organisations, people
from phr.people.access import Ask
from phr.people.organisations import DEPUTY, DOCTOR, VILLAGE_DOCTOR
from phr.plans import finishing, plans, preparing, targets, visits
from phr.plans.plans import ACTIVE, Plan
from phr.plans.preparing import Known
from phr.plans.visits import CONFIRMED, PREPARED, Filled, Visit
from phr.readings.summaries import to_day
from phr.timeline.categories import READINGS
from phr.vocabulary.sight import ALL, Sight, is_within

blueprint = Blueprint("visits", __name__)

SIGNERS = (DOCTOR, VILLAGE_DOCTOR, DEPUTY)
ENCOUNTERS = ("encounters",)
HOME_DAYS = {"pressure": 7, "glucose": 14}
_GOALS = {
    ("blood-pressure", "systolic"): "systolic",
    ("blood-pressure", "diastolic"): "diastolic",
    ("glucose-fasting-plasma", ""): "fasting-glucose",
    ("hba1c", ""): "hba1c",
}


@blueprint.post("/v1/people/<person>/plans/<plan>/visits")
@access_by_category("write")
@takes(VisitBody)
@returns(status=201)
def prepare_visit(person: str, sight: Sight, plan: str, body: dict[str, Any]) -> Answer[VisitTold]:
    """The form with what the record knows; what must be measured or asked stays empty, with home averages beside it."""
    found = seen(person, plan, sight)
    stamp = stamped()
    if found.programme not in forms() or found.state != ACTIVE:
        raise InputInvalid("this plan has no visits by a form, or has ended")
    if body["on"] > today_of(person):
        raise InputInvalid("a form is of a visit that takes place; the plan has the next date", "/on")
    draft = _prepared(found, sight, body)
    permit(draft.categories)
    made = visits.prepare(database(), _judged(draft, found), stamp)
    location = f"/v1/people/{person}/visits/{made.id}"
    return Answer(visit_json(made), version=made.version, headers={"Location": location})


@blueprint.get("/v1/people/<person>/plans/<plan>/visits")
@access_by_category("read")
@returns()
def list_visits(person: str, sight: Sight, plan: str) -> VisitsTold:
    found = visits.of_plan(database(), seen(person, plan, sight))
    return {"visits": [visit_json(one) for one in found if may_see(one, sight)]}


@blueprint.get("/v1/people/<person>/visits/<visit>")
@access_by_category("read")
@returns()
def show_visit(person: str, sight: Sight, visit: str) -> Answer[VisitTold]:
    found = _seen(person, visit, sight)
    return Answer(visit_json(found), version=found.version)


@blueprint.patch("/v1/people/<person>/visits/<visit>")
@access_by_category("write")
@takes(VisitPatch)
@returns()
def fill_visit_in(person: str, sight: Sight, visit: str, body: dict[str, Any]) -> Answer[VisitTold]:
    """Values of the visit, signs of danger, what is adopted from home; what follows is proposed anew each time."""
    found = _changeable(person, visit, sight)
    if found.state != PREPARED:
        raise InputInvalid("the form is confirmed; reopen it to change it")
    if unknown := set(body.get("signs", ())) - set(found.form.danger):
        raise InputInvalid(f"of {', '.join(found.form.danger)}, not {sorted(unknown)[0]}", "/signs")
    if body.get("on", found.on) > today_of(person):
        raise InputInvalid("a form is of a visit that takes place", "/on")
    said: dict[str, Any] = {name: body[name] for name in ("on", "is_check_up") if name in body}
    said |= {"signs": tuple(sorted(set(body["signs"])))} if "signs" in body else {}
    changed = replace(found, items=_items(found, body), **said)
    return _stored(_judged(changed, plans.find(database(), person, found.plan)))


@blueprint.post("/v1/people/<person>/visits/<visit>/confirm")
@access_by_category("write")
@takes(ConfirmBody)
@returns()
def confirm_visit(person: str, sight: Sight, visit: str, body: dict[str, Any]) -> Answer[VisitTold]:
    """By a doctor, who stands by it. ``accept_proposal``: class, referral, next date as proposed where none is said."""
    found = _changeable(person, visit, sight)
    permit(ENCOUNTERS)
    member = organisations.membership(database(), caller().subject, now_ms())
    if member is None or member.role not in SIGNERS:
        raise AccessDenied("a form is confirmed by a doctor")
    ready = visits.accepted(found) if body["accept_proposal"] else found
    stored = visits.put(database(), visits.confirmed(ready, caller().subject), stamped())
    finishing.finish(database(), stored, now_ms())
    return Answer(visit_json(stored), version=stored.version)


@blueprint.post("/v1/people/<person>/visits/<visit>/reopen")
@access_by_category("write")
@returns()
def reopen_visit(person: str, sight: Sight, visit: str) -> Answer[VisitTold]:
    """To correct it; what was confirmed stays in its history, and it has to be confirmed and sent on again."""
    found = _changeable(person, visit, sight)
    if found.state != CONFIRMED:
        raise InputInvalid("the form is not confirmed")
    return _stored(replace(found, state=PREPARED, doctor=None, sent=None))


@blueprint.post("/v1/people/<person>/visits/<visit>/sent")
@access_by_category("write")
@takes(SentBody)
@returns()
def mark_visit_sent(person: str, sight: Sight, visit: str, body: dict[str, Any]) -> Answer[VisitTold]:
    """That the form was typed into, or taken over by, the regional system, under which number."""
    found = _changeable(person, visit, sight)
    if found.state != CONFIRMED:
        raise InputInvalid("only a confirmed form is sent on")
    sent = body | {"at": rfc3339(now_ms()), "by": caller().subject}
    return _stored(replace(found, sent=sent))


@blueprint.get("/v1/people/<person>/visits/<visit>/form")
@access_by_category("read")
@takes(FormQuery, location="query")
@speaks(gives="*/*")
def get_form(person: str, sight: Sight, visit: str, query: dict[str, Any]) -> Response:
    """With the official names and codes: JSON, a spreadsheet, or a page to print."""
    found = _seen(person, visit, sight)
    seen = access.visible(database(), caller(), Ask(person, "read", PROFILE, "", True), now_ms())
    return answered([(found, whose_of(found, is_seen=is_within(PROFILE, seen.periods)))], query["format"])


def _prepared(plan: Plan, sight: Sight, body: Mapping[str, Any]) -> Visit:
    """Made of what the caller may both write of and read."""
    whose, form, now = people.require(database(), plan.person), forms()[plan.programme], now_ms()
    readable = access.visible(database(), caller(), Ask(plan.person, "read", tuple(sight.periods), "", True), now)
    known = Known(whose, Sight.of(set(sight.periods) & set(readable.periods)), now)
    items, used = preparing.filled(database(), form, known)
    home = None
    if known.may(READINGS):
        last = to_day(body["on"])
        days = Days(last - HOME_DAYS[form.judged_by] + 1, last)
        pressure = protocols()["home-blood-pressure"]
        home = {"pressure": pressure_at_home(report_of(whose, pressure, Days(last - 6, last), ALL))}
        if form.judged_by == "glucose":
            home["glucose"] = glucose_at_home(report_of(whose, protocols()["paired-glucose"], days, ALL))
        used = tuple(sorted({*used, READINGS}))
    return Visit(
        person=plan.person,
        id="",
        plan=plan.id,
        programme=plan.programme,
        organisation=stamped().organisation,
        state=PREPARED,
        on=body["on"],
        items=items,
        home=home,
        categories=tuple(sorted({*plan.categories, *used})),
    )


def _judged(visit: Visit, plan: Plan) -> Visit:
    whose = people.require(database(), visit.person)
    age = age_on(whose.birth_on, visit.on) if whose.birth_on else None
    earlier = [one for one in visits.of_plan(database(), plan) if one.id != visit.id]
    return visits.judged(visit, age, _own_goals(visit.person), earlier)


def _own_goals(person: str) -> list[Goal]:
    """Goals of metrics that a doctor has set for the person, by item of the form."""
    found = targets.goals(targets.of_person(database(), person))
    return [
        Goal(
            _GOALS[key], one.limit, None, targets.unit_of(targets.subject(one.name)) or "", "personal", one.by, one.why
        )
        for key, one in found.items()
        if key in _GOALS and one.limit is not None
    ]


def _items(visit: Visit, body: Mapping[str, Any]) -> dict[str, Filled]:
    """Raises InputInvalid with a pointer."""
    items = dict(visit.items)
    for key, value in body.get("items", {}).items():
        item = visit.form.items.get(key)
        if item is None:
            raise InputInvalid("no item of this form", f"/items/{key}")
        items.pop(key, None)
        if value is not None:
            items[key] = Filled(item.checked(value), "said")
    for number, key in enumerate(body["adopt"]):
        items[key] = _adopted(visit, key, number)
    return items


def _adopted(visit: Visit, key: str, number: int) -> Filled:
    """The average from home as the visit's own value, because somebody has said so."""
    for one in (visit.home or {}).values():
        value = one["values"].get(key)
        if value is not None and one["is_enough"]:
            return Filled(float(value), "adopted", {"n": one["n"], "days": one["days"]})
    raise InputInvalid("there is no such average from home, or not enough for one", f"/adopt/{number}")


def _seen(person: str, visit: str, sight: Sight) -> Visit:
    found = visits.find(database(), person, visit)
    if not may_see(found, sight):
        raise NotFound("no such visit")
    return found


def _changeable(person: str, visit: str, sight: Sight) -> Visit:
    """By professionals of the organisation whose form it is."""
    found = _seen(person, visit, sight)
    permit(found.categories)
    if stamped().organisation != found.organisation:
        raise AccessDenied("a form is changed by its own organisation")
    expected_version(found.version)
    return found


def _stored(visit: Visit) -> Answer[VisitTold]:
    stored = visits.put(database(), visit, stamped())
    return Answer(visit_json(stored), version=stored.version)
