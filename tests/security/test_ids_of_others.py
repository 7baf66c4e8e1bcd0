"""A stranger's id in any place of any path is answered in the words of one that was never given to anybody."""

from __future__ import annotations

import base64
from datetime import date
from typing import Any

import pytest
from flask import Flask

from phr.api.deciding import VIEW_AS
from phr.database import Database, Document
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people.emergencies import Case
from phr.plans import plans, tasks, visits
from phr.plans.plans import Plan, Stamp
from phr.plans.tasks import Task
from phr.plans.visits import Visit
from tests.cast import T0, Cast, cast
from tests.erasure.lives import lived
from tests.security.every_route import Caller, Route, a_caller, routes

__all__ = ["cast"]

# Words of the house, nobody's: each with one that there is.
NAMES = {
    "slug": "low-sugar",
    "lesson": "low-sugar",
    "course": "first-steps-diabetes",
    "topic": "store",
    "metric": "weight",
    "organisation": "clinic",
    "protocol": "home-blood-pressure",
    "rule": "glucose-low",
    "target": "metric.weight",
    "at": "2026-11-23T08:00",
    "vendor_slug": "acme",
}
# The certificate of an erasure opens by its receipt alone; who has that has it from whom it was given to.
CAPABILITIES = {"receipt"}
# What its caller may call as they like: a stranger's name for their own thing is free here, and stays the caller's.
OWN_NAMES = {"PUT /v1/people/<person>/entries/<entry>/file", "PUT /v1/vendor/mappings/<name>"}
TEXT = {"version": 1, "language": "zh"}
SEEN = {"text": TEXT, "how": "sms-reply", "evidence": "x"}
# What gets past the shape of those that take a body.
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/people/<person>/plans/<plan>/visits": {"on": "2026-01-01"},
    "POST /v1/people/<person>/tasks/<task>/close": {"outcome": "x"},
    "POST /v1/people/<person>/visits/<visit>/sent": {"to": "x"},
    "POST /v1/emergencies/<case>/special": {"reason": "unconscious"},
    "POST /v1/organisation/emergencies/<case>/close": {"is_justified": True},
    "POST /v1/organisation/requests/<grant>": {"answer": "accept", "text": TEXT},
    "POST /v1/people/<person>/contracts/<contract>/consent": SEEN,
    "POST /v1/people/<person>/contracts/<contract>/death": {"died_on": "2026-01-01"},
    "POST /v1/people/<person>/contracts/<contract>/proxies/<grant>/consent": SEEN,
    "POST /v1/people/<person>/devices/<vendor_slug>/<device>/slots": {"slot": "B", "person": "a" * 20},
    "PATCH /v1/people/<person>/entries/<entry>": {"text": "x"},
    "POST /v1/people/<person>/entries/<entry>/restore": {"version": 1},
    "POST /v1/people/<person>/grants/<grant>/accept": {"text": TEXT},
    "POST /v1/people/<person>/held/<held_id>/correct": {"unit": "mm[Hg]"},
    "POST /v1/people/<person>/held/<held_id>/restamp": {"shift_s": 60},
    "POST /v1/people/<person>/imports/<one>/take-back": {"reason": "x"},
    "POST /v1/people/<person>/inbox/<question>": {"answer": "mine"},
    "POST /v1/people/<person>/notice-addresses/<address>/proof": {"code": "123456"},
    "POST /v1/people/<person>/alerts/<alert>/snooze": {"minutes": 5},
    "POST /v1/people/<person>/alerts/<alert>/symptoms": {"has_any": True},
    "PATCH /v1/people/<person>/reminders/<reminder>": {"times": ["09:00"]},
    "POST /v1/people/<person>/referrals/<grant>/answer": {"answer": "x"},
    "POST /v1/people/<person>/slot-proposals/<proposal>": {"answer": "accept"},
    "POST /v1/vendor/devices/<device>/commands": {"code": "sync-now"},
    "PATCH /v1/vendor/models/<model>": {"name": {"zh": "x", "en": "x"}},
}
QUERIES = {"PUT /v1/people/<person>/imports/<one>/content": {"from": "0"}}
WATCHED = (
    "grants",
    "contracts",
    "devices",
    "entries",
    "exports",
    "imports",
    "held",
    "links",
    "slot_proposals",
    "consent_papers",
)
WATCHED += (
    "alerts",
    "alert_snoozes",
    "reminders",
    "reminder_occurrences",
    "emergencies",
    "plans",
    "visits",
    "care_tasks",
    "models",
    "mappings",
    "commands",
    "certificates",
    "logins",
    "known_devices",
)


@pytest.fixture
def caller(cast: Cast) -> Caller:
    return a_caller(cast)


@pytest.fixture
def theirs(cast: Cast, caller: Caller) -> dict[str, str]:
    """An id of the owner's, or of another vendor's, for each name of a place; "exports one" where a name is shared."""
    lived(cast)
    database = cast.database
    devices.create_vendor(database, "other", T0)
    devices.create_device(database, NewDevice(vendor="other", name="theirs-1", bindings=()), T0)
    for name in ("models", "mappings"):
        database[name].insert_one({"_id": "other/theirs", "vendor": "other", "slug": "theirs", "name": "theirs"})
    elsewhere = {name: None for name in Case.__slots__ if name != "id"} | {
        "organisation": "other",
        "doctor": cast.doctor,
    }
    database["emergencies"].update_one({"_id": "e1"}, {"$set": elsewhere | {"person": cast.owner}})
    database["held"].update_many({"person": cast.owner}, {"$set": {"ask": "a" * 24}})
    database["logins"].update_many({"person": cast.owner}, {"$set": {"joined": {"at_ms": 2**52}}})
    held = one_of(database, "held", person=cast.owner)["_id"]
    return {
        "grant": one_of(database, "grants", grantee=cast.relative)["_id"],
        "address": "a1",
        "contract": "k1",
        "paper": one_of(database, "consent_papers", person=cast.owner)["_id"],
        "case": "e1",
        "entry": "n1",
        "alert": one_of(database, "alerts", person=cast.owner)["_id"],
        "reminder": one_of(database, "reminders", person=cast.owner)["_id"],
        "exports one": "x1",
        "imports one": one_of(database, "imports", person=cast.owner)["_id"],
        "held_id": base64.urlsafe_b64encode(held.encode()).decode().rstrip("="),
        "question": "a" * 24,
        "link": one_of(database, "links", person=cast.owner)["_id"],
        "browser": one_of(database, "known_devices", person=cast.owner)["_id"],
        "login": one_of(database, "logins", person=cast.owner)["_id"].hex(),
        "proposal": "s1",
        "people device": "cuff-1",
        "vendor device": "theirs-1",
        "model": "theirs",
        "plan": the_plan(cast),
        "visit": the_visit(cast),
        "task": the_task(cast),
        "name": "theirs",
    }


def the_plan(cast: Cast) -> str:
    """A plan of the owner's."""
    draft = Plan(
        person=cast.owner,
        id="",
        programme="hypertension",
        organisation="clinic",
        state="active",
        starts_on=date(2026, 1, 1),
        ends_on=None,
        measuring=(),
        taking=(),
        next_on=None,
        note="",
        by="",
        at_ms=0,
        version=0,
    )
    return plans.enrol(cast.database, draft, Stamp(cast.doctor, "clinic", T0), None).id


def the_visit(cast: Cast) -> str:
    """The form of a visit of the owner's."""
    draft = Visit(
        person=cast.owner,
        id="",
        plan="p",
        programme="hypertension",
        organisation="clinic",
        state="prepared",
        on=date(2026, 1, 1),
        items={},
        home=None,
        categories=("care",),
    )
    return visits.prepare(cast.database, draft, Stamp(cast.doctor, "clinic", T0)).id


def the_task(cast: Cast) -> str:
    """A referral of the owner's."""
    draft = Task(
        person=cast.owner,
        id="referral-x",
        organisation="clinic",
        plan=None,
        visit=None,
        reasons=("1",),
        is_urgent=False,
        is_ordered=True,
        to=None,
        due_on=date(2026, 1, 1),
        categories=("care",),
    )
    return tasks.open_one(cast.database, draft, cast.doctor, T0).id


def one_of(database: Database, collection: str, **wanted: str) -> Document:
    found = database[collection].find_one(wanted)
    assert found is not None, collection
    return found


def value(route: Route, place: str, known: dict[str, str]) -> str:
    if place in NAMES:
        return NAMES[place]
    kinds = [name for name in known if name == place or (name.endswith(f" {place}") and name.split()[0] in route.rule)]
    assert kinds, f"{route}: say in `theirs` what a stranger's {place} is, or in NAMES that it is a word of the house"
    return known[kinds[-1]]


def never_given(id_: str) -> str:
    """As long, and as readable for what decodes it."""
    return "Y" * len(id_) if len(id_) % 4 != 1 else "Y" * (len(id_) - 1)


def told(caller: Caller, route: Route, places: dict[str, str], changed: str) -> tuple[int, str]:
    request: dict[str, Any] = {"query_string": QUERIES.get(str(route), {}), "headers": {"If-Match": '"1"'}}
    if "json" in route.told:
        request["json"] = BODIES.get(str(route), {})
    answer = caller.ask(route, route.path(**places), **request)
    return answer.status_code, answer.text.replace(changed, "ID")


def test_an_id_of_somebody_else_is_no_id(caller: Caller, theirs: dict[str, str], application: Flask) -> None:
    def stored() -> dict[str, list[Document]]:
        return {name: list(caller.cast.database[name].find({"person": {"$ne": caller.person}})) for name in WATCHED}

    before, tried, faults = stored(), 0, []
    for route in routes(application):
        if str(route) in OWN_NAMES:
            continue
        for place in set(route.places) - set(NAMES) - CAPABILITIES:
            places = {name: value(route, name, theirs) for name in route.places}
            foreign = told(caller, route, places, places[place])
            nobodys = never_given(places[place])
            unknown = told(caller, route, places | {place: nobodys}, nobodys)
            if foreign != unknown or foreign[0] not in (403, 404):
                faults.append((str(route), place, foreign, unknown))
            tried += 1
    assert faults == []
    assert tried > 40
    assert stored() == before


def test_a_name_of_ones_own_that_another_has_too_changes_only_ones_own(caller: Caller, theirs: dict[str, str]) -> None:
    before = caller.cast.database["entries"].find_one({"_id": f"{caller.cast.owner}:n1"})
    for route in routes(caller.cast.http.application):
        if str(route) in OWN_NAMES:
            places = {name: value(route, name, theirs) for name in route.places}
            assert caller.ask(route, route.path(**places), data=b"x").status_code < 500
    assert caller.cast.database["entries"].find_one({"_id": f"{caller.cast.owner}:n1"}) == before
    assert caller.cast.database["mappings"].find_one({"_id": "other/theirs"})["vendor"] == "other"  # type: ignore[index]


def test_nobody_looks_with_the_eyes_of_a_grant_in_another_record(caller: Caller, theirs: dict[str, str]) -> None:
    for route in routes(caller.cast.http.application):
        if route.method == "GET" and route.of == "person" and not route.rule.endswith("/stream"):
            places = {name: value(route, name, theirs) for name in route.places}
            answers = [
                caller.ask(route, route.path(**places), headers={VIEW_AS: grant})
                for grant in (theirs["grant"], never_given(theirs["grant"]))
            ]
            assert {one.status_code for one in answers} <= {400, 403, 404}, (
                f"{route} {answers}"
            )  # 400 where the query or the caller asks for too little
            assert answers[0].data == answers[1].data, str(route)
